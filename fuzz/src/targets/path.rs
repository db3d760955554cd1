//! Any text as a path, under everything that a policy may opt out of.

use std::collections::BTreeSet;
use std::sync::{Arc, OnceLock};

use portcullis::decision::Decision;
use portcullis::engine::{self, Snapshot};
use portcullis::policy::compile;
use portcullis::policy::diagnostic::SourceFile;
use portcullis::request::{Path, Reading, Request};
use portcullis::token::Attempt;
use portcullis::token::cache::{CacheSettings, TokenCache};
use portcullis::token::trust::Trust;
use unicode_normalization::UnicodeNormalization;

use super::{NOW, incoming};
use crate::model::target::{Sent, Strictness};

/// A path as somebody reads it.
type Way = Vec<String>;

/// What is taken can be read in no other ways than those that were opted in to, none of which leads behind a fence.
pub fn path(bytes: &[u8]) {
    static SNAPSHOTS: OnceLock<Vec<Snapshot>> = OnceLock::new();
    let Ok(target) = std::str::from_utf8(bytes) else { return };
    let target_path = target.split('?').next().unwrap_or_default();
    for snapshot in SNAPSHOTS.get_or_init(|| (0..16).map(fenced).collect()) {
        let reading = &snapshot.policy.reading;
        let incoming = incoming("GET", "a.example", target);
        let read = Request::read(&incoming, reading);
        agrees(target, read.as_ref().ok().map(|request| &request.path), reading);
        let Ok(request) = read else { continue };
        assert!(
            target_path.starts_with('/') && !target_path.contains('\\') && !target.contains('#'),
            "{target}"
        );
        let ways = ways(target_path);
        for way in &ways {
            is_plain(way, reading).unwrap_or_else(|problem| panic!("{target} by {reading:?}: {problem}"));
        }
        let to_fences = request.path.other_readings();
        let to_fences: BTreeSet<Way> = to_fences.iter().chain([&request.path]).map(segments).collect();
        let mut ways: BTreeSet<Way> = ways.into_iter().map(without_gaps).collect();
        let written = segments(&request.path);
        let directories: Vec<Way> =
            ways.iter().filter(|way| **way != written).filter_map(directory).collect();
        ways.extend(directories);
        assert_eq!(to_fences, ways, "{target} by {reading:?}");
        let judgement = engine::authorize(snapshot, &request, NOW, Attempt::Final).expect("final");
        ways.extend(directory(&written));
        let is_fenced = ways.iter().any(|way| is_behind_the_fence(way, reading.case_insensitive));
        let is_allowed = matches!(judgement.decision, Decision::Allow(_));
        assert_eq!(is_allowed, !is_fenced, "{target} by {reading:?}: {ways:?}");
        is_the_same_again(target_path, &request.path, reading);
    }
}

/// Open, but for a fence; each bit opts out of something.
fn fenced(bits: u8) -> Snapshot {
    let word = |bit: u8, strict, lenient| if bits >> bit & 1 == 1 { lenient } else { strict };
    let policy = format!(
        "version: 1\npaths: {{ case: {}, empty_segments: {}, encoded_slashes: {}, semicolons: {} }}\n\
         forbid: [{{ name: yard, match: [/yard/**, '/*/vault'] }}]\nroutes: [{{ match: /**, allow: anyone }}]\n",
        word(0, "sensitive", "insensitive"),
        word(1, "reject", "merge"),
        word(2, "reject", "segment"),
        word(3, "reject", "literal"),
    );
    let policy = compile(&[SourceFile { name: "policy.yaml".into(), text: policy.into() }]);
    let cache = Arc::new(TokenCache::new(CacheSettings::default()));
    Snapshot { policy: Arc::new(policy.expect("a policy")), trust: Trust::new(Vec::new(), Vec::new(), cache) }
}

/// What a front controller at the end takes the requests of.
fn directory(way: &Way) -> Option<Way> {
    let (last, before) = way.split_last()?;
    let is_front = ["index.php", "app.php"].iter().any(|name| last.eq_ignore_ascii_case(name));
    is_front.then(|| before.to_vec())
}

fn is_behind_the_fence(way: &[String], any_case: bool) -> bool {
    let is = |segment: &str, name| segment == name || (any_case && segment.eq_ignore_ascii_case(name));
    match way {
        [first, ..] if is(first, "yard") => true,
        [_, second] => is(second, "vault"),
        _ => false,
    }
}

/// As written; split at escaped slashes; parameters cut; and both in either order. Everything unescaped once, and
/// without the slash behind it.
fn ways(written: &str) -> [Way; 5] {
    let mut literal: Way = written.split('/').skip(1).map(unescaped).collect();
    literal.pop_if(|last| last.is_empty());
    let split =
        |way: &Way| -> Way { way.iter().flat_map(|segment| segment.split('/')).map(str::to_owned).collect() };
    let cut = |way: &Way| -> Way { way.iter().map(|segment| before_semicolon(segment).to_owned()).collect() };
    [split(&literal), cut(&literal), cut(&split(&literal)), split(&cut(&literal)), literal]
}

fn unescaped(segment: &str) -> String {
    let mut pieces = segment.split('%');
    let mut bytes = pieces.next().unwrap_or_default().as_bytes().to_vec();
    for piece in pieces {
        let (digits, rest) = piece.split_at_checked(2).expect("two digits behind a %");
        bytes.push(u8::from_str_radix(digits, 16).expect("hexadecimal digits"));
        bytes.extend_from_slice(rest.as_bytes());
    }
    String::from_utf8(bytes).expect("UTF-8")
}

fn before_semicolon(segment: &str) -> &str {
    segment.split(';').next().unwrap_or_default()
}

/// Section 10 of one way, also to somebody who folds compatibility forms.
fn is_plain(way: &[String], reading: &Reading) -> Result<(), String> {
    let last = way.len().saturating_sub(1);
    for (index, segment) in way.iter().enumerate() {
        let wrong = |what: &str| Err(format!("{segment:?} {what}"));
        if segment.is_empty() && index != last && !reading.merge_empty_segments {
            return wrong("is a gap");
        }
        let folded: String = segment.nfkc().collect();
        for text in [segment.as_str(), &folded, before_semicolon(&folded)] {
            if text == "." || text == ".." {
                return wrong("is a dot segment");
            }
            if text.bytes().any(|byte| byte < 0x20 || byte == 0x7f || byte == b'\\') {
                return wrong("holds a control byte or a backslash");
            }
            let mut after_percent = text.split('%').skip(1).filter_map(|rest| rest.as_bytes().get(..2));
            if after_percent.any(|two| two.iter().all(u8::is_ascii_hexdigit)) {
                return wrong("holds an escape");
            }
        }
        if (segment.contains('/') && !reading.admit_encoded_slashes)
            || (segment.contains(';') && !reading.admit_semicolons)
            || folded.matches('/').count() != segment.matches('/').count()
        {
            return wrong("holds what separates");
        }
    }
    Ok(())
}

fn without_gaps(way: Way) -> Way {
    way.into_iter().filter(|segment| !segment.is_empty()).collect()
}

fn segments(path: &Path<'_>) -> Way {
    path.segments().iter().map(|segment| segment.clone().into_owned()).collect()
}

/// The reference takes and refuses the same, and knows the same readings.
fn agrees(target: &str, path: Option<&Path<'_>>, reading: &Reading) {
    let strict = Strictness {
        any_case: reading.case_insensitive,
        merge: reading.merge_empty_segments,
        slashes: reading.admit_encoded_slashes,
        semicolons: reading.admit_semicolons,
        scripts: reading.admit_scripts,
        names_hosts: false,
        overrides: "reject".to_owned(),
    };
    let sent = Sent {
        method: "GET".to_owned(),
        host: "a.example".to_owned(),
        target: target.to_owned(),
        headers: Vec::new(),
        address: None,
        principal: String::new(),
    };
    let known = sent.view(&strict).ok().map(|view| (view.segments, view.escaped_slash, view.semicolon));
    let read = path.map(|path| (segments(path), path.holds_encoded_slash(), path.holds_semicolon()));
    assert_eq!(read, known, "{target} by {reading:?}");
}

/// Written out again, every byte escaped, it is the same path; and a slash behind it makes no difference.
fn is_the_same_again(written: &str, path: &Path<'_>, reading: &Reading) {
    let escaped =
        |segment: &str| segment.bytes().fold("/".to_owned(), |text, byte| format!("{text}%{byte:02X}"));
    let mut same: Vec<String> = vec![path.segments().iter().map(|segment| escaped(segment)).collect()];
    if path.segments().is_empty() {
        same[0].push('/');
    }
    if !written.ends_with('/') {
        same.push(format!("{written}/"));
    }
    for target in same {
        let incoming = incoming("GET", "a.example", &target);
        let again = Request::read(&incoming, reading).unwrap_or_else(|_| panic!("{written} as {target}"));
        assert_eq!(again.path.segments(), path.segments(), "{written} as {target}");
    }
}
