//! Every character that Unicode folds to a sign of paths, at every kind of place in a path, under every opt-out.

use super::section10::{decoded_once, has_escape};
use super::{BOTH_FORMS, HOST};
use crate::handler::{Handler, message};

/// What each character is folded to.
const TABLE: &str = include_str!("../../data/folding.txt");

/// Kinds of places in a path. `@` is where the character stands, escaped.
const PLACES: [&str; 38] = [
    "/@",
    "/@@",
    "/.@",
    "/@.",
    "/@/yard",
    "/open/@/yard",
    "/open/@@/yard",
    "/a@b",
    "/@yard",
    "/yard/@",
    "/yard@",
    "/@2e",
    "/@2fyard",
    "/%25@2e",
    "/a%@",
    "/@%2fyard",
    "/@@%2fyard",
    "/.@%2fyard",
    "/%2e@%2Fyard",
    "/open%2f@",
    "/open%2f@%2fyard",
    "/open%2f@@%2fyard",
    "/open%2f@b%2fyard",
    "/yard%2f@",
    "/YARD%2f@",
    "/open%2f%2f@",
    "/@;x/yard",
    "/@@;x/yard",
    "/x;@/yard",
    "/x;@@;y/yard",
    "/yard;@",
    "/Yard;@",
    "/;@/yard",
    "/x;%2f@;y%2fyard",
    "/x;%2f@@;y%2fyard",
    "/x%2f.@%3by%2fyard",
    "/yard%3b%2f@",
    "/open?@",
];

/// What a policy opts out of.
#[derive(Debug, Clone, Copy)]
struct Admits {
    slashes: bool,
    semicolons: bool,
    any_case: bool,
}

impl Admits {
    /// Open, but for a fence.
    fn policy(self) -> String {
        let word = |is_out, strict, lenient| if is_out { lenient } else { strict };
        format!(
            "version: 1\npaths: {{ encoded_slashes: {}, semicolons: {}, case: {} }}\n\
             forbid: [{{ name: fence, match: /yard/** }}]\nroutes: [{{ match: /**, allow: anyone }}]\n",
            word(self.slashes, "reject", "segment"),
            word(self.semicolons, "reject", "literal"),
            word(self.any_case, "sensitive", "insensitive"),
        )
    }

    /// Section 10: refused if any reading is ambiguous, fenced in if any leads into the yard.
    fn expected(self, path: &str, folded: &dyn Fn(&str) -> String) -> (i32, &'static str) {
        const REFUSED: (i32, &str) = (400, "bad_path");
        let path = path.split('?').next().expect("a path");
        let decode = |piece: &str| String::from_utf8(decoded_once(piece.as_bytes())?).ok();
        let segments: Option<Vec<String>> = path.split('/').skip(1).map(decode).collect();
        let Some(literal) = segments else { return REFUSED };
        let holds = |sign| literal.iter().any(|segment| segment.contains(sign));
        if (holds('/') && !self.slashes) || (holds(';') && !self.semicolons) || holds('\\') {
            return REFUSED;
        }
        let cut_then_split = split(&cut(&literal));
        let readings = [cut(&literal), split(&literal), cut(&split(&literal)), cut_then_split, literal];
        if readings.iter().any(|reading| is_ambiguous(reading, folded)) {
            return REFUSED;
        }
        let leads_in = |reading: &Vec<String>| {
            let first = reading.iter().find(|segment| !segment.is_empty());
            first
                .is_some_and(|first| first == "yard" || (self.any_case && first.eq_ignore_ascii_case("yard")))
        };
        if readings.iter().any(leads_in) { (403, "forbidden") } else { (200, "allowed") }
    }
}

fn cut(segments: &[String]) -> Vec<String> {
    segments.iter().map(|segment| segment.split(';').next().expect("a part").to_owned()).collect()
}

fn split(segments: &[String]) -> Vec<String> {
    segments.iter().flat_map(|segment| segment.split('/')).map(str::to_owned).collect()
}

/// A dot segment, a gap or an escape; or what is one, or separates, to somebody who folds.
fn is_ambiguous(reading: &[String], folded: &dyn Fn(&str) -> String) -> bool {
    reading.iter().enumerate().any(|(index, segment)| {
        let folded = folded(segment);
        let name = folded.split(';').next().expect("a part");
        let separators = |text: &str| text.matches(['/', '\\']).count();
        (segment.is_empty() && index + 1 < reading.len())
            || [segment.as_str(), name].iter().any(|text| matches!(*text, "." | ".."))
            || has_escape(segment.as_bytes())
            || has_escape(folded.as_bytes())
            || separators(&folded) > separators(segment)
    })
}

#[test]
fn every_character_that_folds_to_a_sign_is_taken_or_refused_as_the_page_says() {
    let entry = |line: &'static str| -> (char, &'static str) {
        let (code, form) = line.split_once(' ').expect("a code point and a form");
        let code = u32::from_str_radix(code, 16).expect("hexadecimal");
        (char::from_u32(code).expect("a character"), form)
    };
    let table: Vec<(char, &str)> = TABLE.lines().filter(|line| !line.starts_with('#')).map(entry).collect();
    assert!(table.len() > 50, "{} characters", table.len());
    let form = |letter: char| table.iter().find(|(known, _)| *known == letter).map(|(_, form)| *form);
    let folded = |text: &str| -> String {
        text.chars().map(|letter| form(letter).map_or_else(|| letter.to_string(), str::to_owned)).collect()
    };
    let (mut wrong, mut seen) = (Vec::new(), [0_usize; 3]);
    for bits in 0..8 {
        let admits = Admits { slashes: bits & 1 > 0, semicolons: bits & 2 > 0, any_case: bits & 4 > 0 };
        let handler = Handler::new(&admits.policy());
        for (letter, _) in &table {
            let bytes = letter.to_string().into_bytes();
            let escaped = bytes.iter().fold(String::new(), |text, byte| format!("{text}%{byte:02x}"));
            for place in PLACES {
                let path = place.replace('@', &escaped);
                let expected = admits.expected(&path, &folded);
                seen[match expected.0 {
                    200 => 0,
                    400 => 1,
                    _ => 2,
                }] += 1;
                let told = handler.ask(&message(b"GET", HOST, path.as_bytes(), &[], BOTH_FORMS[bits % 2]));
                if (told.status, told.reason.as_str()) != expected {
                    wrong.push(format!("{path} by {admits:?}: {told:?}, not {expected:?}"));
                }
            }
        }
    }
    assert!(wrong.is_empty(), "{} differ:\n{}", wrong.len(), wrong.join("\n"));
    assert!(seen.iter().all(|count| *count > 500), "allowed, refused, fenced in: {seen:?}");
}
