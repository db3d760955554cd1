//! From `responses` and `on_deny` as written to answers that cannot fail.

use crate::policy::diagnostic::{At, Diagnostics, Spanned, closest, codes};
use crate::policy::document;
use crate::policy::upstream::field::{self, Use};

use super::{Answers, Block, Body, Disclose, Format, RuleAnswers};

const FORMATS: [(&str, Format); 4] = [
    ("problem", Format::Problem),
    ("message", Format::Message),
    ("text", Format::Text),
    ("empty", Format::Empty),
];

const DISCLOSES: [(&str, Disclose); 3] =
    [("none", Disclose::None), ("challenge", Disclose::Challenge), ("reason", Disclose::Reason)];

/// Compiles `responses`.
pub fn compile(responses: Option<&document::Responses>, problems: &mut Diagnostics) -> Answers {
    let Some(written) = responses else { return Answers::default() };
    let format = word("format", written.format.as_ref(), &FORMATS, problems).unwrap_or_default();
    let disclose = word("disclose", written.disclose.as_ref(), &DISCLOSES, problems).unwrap_or_default();
    let mut block = |written: &Option<document::Block>| {
        written.as_ref().map(|written| compile_block(written, problems)).unwrap_or_default()
    };
    let bad_request = block(&written.bad_request);
    let unauthenticated = block(&written.unauthenticated);
    let forbidden = block(&written.forbidden);
    let unavailable = block(&written.unavailable);
    Answers {
        format,
        realm: realm(written.realm.as_ref(), problems),
        disclose,
        resource_metadata: resource_metadata(written.resource_metadata.as_ref(), problems),
        decision_id_header: decision_id_header(written.decision_id_header.as_ref(), problems),
        bad_request,
        unauthenticated,
        forbidden,
        unavailable,
    }
}

/// Compiles the `on_deny` of a route or forbid rule. Few have one, and there may be many rules.
pub fn compile_rule(
    on_deny: Option<&document::OnDeny>,
    problems: &mut Diagnostics,
) -> Option<Box<RuleAnswers>> {
    let answers = match on_deny? {
        document::OnDeny::Every(written) => {
            let block = compile_block(written, problems);
            RuleAnswers {
                bad_request: block.clone(),
                unauthenticated: block.clone(),
                guard_mismatch: Block::default(),
                forbidden: block.clone(),
                unavailable: block,
            }
        }
        document::OnDeny::ByKind {
            at: _,
            bad_request,
            unauthenticated,
            guard_mismatch,
            forbidden,
            unavailable,
        } => {
            let mut block = |written: &Option<document::Block>| {
                written.as_ref().map(|written| compile_block(written, problems)).unwrap_or_default()
            };
            RuleAnswers {
                bad_request: block(bad_request),
                unauthenticated: block(unauthenticated),
                guard_mismatch: block(guard_mismatch),
                forbidden: block(forbidden),
                unavailable: block(unavailable),
            }
        }
    };
    Some(Box::new(answers))
}

fn compile_block(written: &document::Block, problems: &mut Diagnostics) -> Block {
    let format = word("format", written.format.as_ref(), &FORMATS, problems);
    let headers = headers(written.headers.as_deref().unwrap_or_default(), problems);
    let status = written.status.as_ref().and_then(|status| self::status(status, problems));
    let content_type =
        headers.iter().find(|(name, _)| name.as_ref() == "content-type").map(|(_, value)| value.as_ref());
    let content_type = content_type.or(match format {
        Some(Format::Problem) => Some("application/problem+json"),
        Some(Format::Message) => Some("application/json"),
        Some(Format::Text) => Some("text/plain; charset=utf-8"),
        Some(Format::Empty) | None => None,
    });
    let body = written.body.as_ref().and_then(|text| {
        if format == Some(Format::Empty) {
            problems.error(codes::BODY_BESIDE_EMPTY, text.at, "a body is written beside `format: empty`").hint("drop one of the two");
        }
        match Body::parse(&text.value, content_type) {
            Ok(body) => Some(body),
            Err(unknown) => {
                for word in unknown {
                    let message = format!("`{{{}}}`: no such placeholder in a body", word.written);
                    let hint = match word.meant {
                        Some(meant) => format!("did you mean `{{{meant}}}`?"),
                        None => "there are `{reason}`, `{decision_id}`, `{route}`, `{missing}` and `{realm}`; `{{` is a literal brace".to_owned(),
                    };
                    problems.error(codes::ANSWER_PLACEHOLDER, text.at, message).hint(hint);
                }
                None
            }
        }
    });
    Block { status, headers, body, format }
}

fn status(written: &Spanned<i64>, problems: &mut Diagnostics) -> Option<u16> {
    let status = u16::try_from(written.value).ok().filter(|status| (300..=599).contains(status));
    if status.is_none() {
        problems
            .error(codes::STATUS, written.at, format!("`{}` is no status of a denial", written.value))
            .hint("300 to 599; a denial with 200 would be taken for an answer of the upstream");
    }
    status
}

fn headers(
    written: &[(document::Text, document::Text)],
    problems: &mut Diagnostics,
) -> Vec<(Box<str>, Box<str>)> {
    let mut headers: Vec<(Box<str>, Box<str>)> = Vec::new();
    for (name, value) in written {
        let Some(lower) = header_name(name, problems) else { continue };
        if !field::is_value(&value.value) {
            problems
                .error(
                    codes::ANSWER_VALUE,
                    value.at,
                    format!("the value of `{lower}` cannot stand in a header"),
                )
                .hint("it is printable ASCII, not empty, without spaces at its ends");
            continue;
        }
        if headers.iter().any(|(present, _)| *present == lower) {
            problems
                .error(codes::ANSWER_TWICE, name.at, format!("`{lower}` is given twice"))
                .hint("header names are compared without regard to case");
        }
        headers.push((lower, value.value.clone()));
    }
    headers
}

fn header_name(name: &document::Text, problems: &mut Diagnostics) -> Option<Box<str>> {
    let written = &name.value;
    if !field::is_name(written) {
        problems
            .error(codes::ANSWER_NAME, name.at, format!("`{written}` is no header name"))
            .hint("letters, digits and hyphens: `x-request-id`");
        return None;
    }
    if let Some(cause) = field::forbidden(written, Use::Answer) {
        problems
            .error(codes::ANSWER_HEADER, name.at, format!("`{written}` cannot be part of an answer"))
            .hint(cause);
        return None;
    }
    Some(written.to_ascii_lowercase().into())
}

fn word<T: Copy>(
    key: &str,
    written: Option<&document::Text>,
    known: &[(&'static str, T)],
    problems: &mut Diagnostics,
) -> Option<T> {
    let written = written?;
    let found = known.iter().find(|(word, _)| *word == written.value.as_ref());
    if found.is_none() {
        let words = || known.iter().map(|(word, _)| *word);
        let hint = match closest(&written.value, words()) {
            Some(meant) => format!("did you mean `{meant}`?"),
            None => format!("one of `{}`", words().collect::<Vec<_>>().join("`, `")),
        };
        problems
            .error(codes::UNKNOWN_WORD, written.at, format!("`{}` is no `{key}`", written.value))
            .hint(hint);
    }
    found.map(|(_, value)| *value)
}

fn realm(written: Option<&document::Text>, problems: &mut Diagnostics) -> Option<Box<str>> {
    let written = written?;
    if !field::is_value(&written.value) {
        refuse_parameter(
            written.at,
            "realm",
            "printable ASCII, not empty, without spaces at its ends",
            problems,
        );
        return None;
    }
    Some(written.value.clone())
}

fn resource_metadata(written: Option<&document::Text>, problems: &mut Diagnostics) -> Option<Box<str>> {
    let written = written?;
    let is_url = ["https://", "http://"]
        .iter()
        .any(|scheme| written.value.strip_prefix(scheme).is_some_and(|rest| !rest.is_empty()))
        && written.value.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'"' | b'\\'));
    if !is_url {
        refuse_parameter(written.at, "resource_metadata", "an absolute https URL (RFC 9728)", problems);
        return None;
    }
    Some(written.value.clone())
}

fn refuse_parameter(at: At, key: &str, wanted: &str, problems: &mut Diagnostics) {
    problems.error(codes::CHALLENGE, at, format!("`{key}` cannot stand in a challenge")).hint(wanted);
}

/// The program writes these itself; the id must not take their place.
const TAKEN: [&str; 4] = ["cache-control", "content-type", "location", "www-authenticate"];

fn decision_id_header(written: Option<&document::Text>, problems: &mut Diagnostics) -> Option<Box<str>> {
    let written = written?;
    let name = header_name(written, problems)?;
    if TAKEN.contains(&name.as_ref()) {
        problems
            .error(codes::DECISION_ID_HEADER, written.at, format!("`{name}` has another meaning"))
            .hint("a name of its own, such as `x-decision-id`");
        return None;
    }
    Some(name)
}
