//! The answer to a client that is turned away.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;
use smallvec::SmallVec;

use crate::decision::{self, Denial};
use crate::policy::Policy;
use crate::policy::answer::{Answers, Block, Disclose, Format, Word};
use crate::request::Headers;
use crate::token::Identity;

use super::challenge::challenge;
use super::phrase::{phrase, sentence};
use super::{Answer, Metadata};

/// Before there is a policy.
static BUILT_IN: Answers = Answers::BUILT_IN;

pub(super) fn deny<'a>(
    policy: Option<&'a Policy>,
    headers: &Headers<'_>,
    denial: &Denial,
    caller: Option<&Identity>,
    metadata: Metadata<'a>,
) -> Answer<'a> {
    let answers: &'a Answers = policy.map_or(&BUILT_IN, |policy| &policy.answers);
    let block = denial.reason.block();
    // The most specific first.
    let mut layers: SmallVec<[&'a Block; 3]> = SmallVec::new();
    if let Some(rule) = policy.and_then(|policy| policy.rule_answers(denial.rule)) {
        layers.extend(rule.blocks(denial.reason));
    }
    layers.push(answers.block(block));

    let status = layers.iter().find_map(|layer| layer.status).unwrap_or(block.default_status());
    let rule = policy.and_then(|policy| policy.rule(denial.rule)).map_or("", |meta| meta.name.as_ref());
    let telling = Telling { answers, denial, rule, decision_id: metadata.decision_id };
    let is_grpc = headers.is_grpc();
    let (status, content) = if is_grpc {
        // Envoy makes the body the message of the gRPC status, and the status from ours.
        (
            grpc_status(status, block),
            Content { kind: None, body: telling.text(status), layer: 0, is_own: false },
        )
    } else {
        (status, telling.content(&layers, status))
    };

    let mut fields: BTreeMap<&'a str, Cow<'a, str>> = BTreeMap::new();
    fields.insert("cache-control", Cow::Borrowed("no-store"));
    if let Some(kind) = content.kind {
        fields.insert("content-type", Cow::Borrowed(kind));
    }
    // INVARIANT: other statuses carry no challenge, so that a hidden area cannot be told by it.
    if matches!(status, 401 | 403) {
        fields.insert("www-authenticate", challenge(answers, denial, caller.is_some()).into());
    }
    if let Some(name) = &answers.decision_id_header {
        fields.insert(name, Cow::Borrowed(metadata.decision_id));
    }
    for (index, layer) in layers.iter().enumerate().rev() {
        for (name, value) in &layer.headers {
            let is_for_another_body = name.as_ref() == "content-type"
                && (is_grpc || content.body.is_empty() || !content.is_typed_by(index));
            if !is_for_another_body {
                fields.insert(name, Cow::Borrowed(value));
            }
        }
    }
    let headers = fields.into_iter().map(|(name, value)| (Cow::Borrowed(name), value)).collect();
    Answer::Deny { block, status, headers, body: content.body, metadata }
}

/// The status from which Envoy makes `UNAUTHENTICATED`, `PERMISSION_DENIED` or `UNAVAILABLE`; a 404 or 400
/// would reach a gRPC client as UNIMPLEMENTED or INTERNAL.
const fn grpc_status(status: u16, block: decision::Block) -> u16 {
    match (status, block) {
        (401 | 403 | 503, _) => status,
        (_, decision::Block::Unauthenticated) => 401,
        (_, decision::Block::BadRequest | decision::Block::Forbidden) => 403,
        (_, decision::Block::Unavailable) => 503,
    }
}

struct Content<'a> {
    kind: Option<&'a str>,
    body: Cow<'a, str>,
    /// Index of the block that decided the body; past all of them where none did.
    layer: usize,
    /// Whether the policy wrote it: its placeholders are escaped for the type it has there.
    is_own: bool,
}

impl Content<'_> {
    /// Whether a layer may name its type: of what the policy wrote, that layer alone, for values of the request
    /// that are escaped as text would be read as markup.
    const fn is_typed_by(&self, index: usize) -> bool {
        index == self.layer || (index < self.layer && !self.is_own)
    }
}

/// What is told, of a denial that is only looked at.
struct Telling<'a, 'd> {
    answers: &'a Answers,
    denial: &'d Denial,
    rule: &'a str,
    decision_id: &'a str,
}

impl<'a> Telling<'a, '_> {
    fn content(&self, layers: &[&'a Block], status: u16) -> Content<'a> {
        // The status has no content (RFC 9110 section 15.4.5).
        if status == 304 {
            return Content { kind: None, body: Cow::Borrowed(""), layer: 0, is_own: false };
        }
        for (layer, block) in layers.iter().enumerate() {
            if let Some(body) = &block.body {
                let missing = self.denial.missing.join(" ");
                let text = body.render(|word| match word {
                    Word::Reason => self.denial.reason.label(),
                    Word::DecisionId => self.decision_id,
                    Word::Route => self.rule,
                    Word::Missing => &missing,
                    Word::Realm => self.answers.realm(),
                });
                let kind = Some(body.content_type()).filter(|_| !text.is_empty());
                return Content { kind, body: text.into(), layer, is_own: true };
            }
            if let Some(format) = block.format {
                return self.built_in(format, status, layer);
            }
        }
        self.built_in(self.answers.format, status, layers.len())
    }

    fn built_in(&self, format: Format, status: u16, layer: usize) -> Content<'a> {
        let (kind, body) = match format {
            Format::Problem => ("application/problem+json", self.problem(status).into()),
            Format::Message => ("application/json", self.message(status).into()),
            Format::Text => ("text/plain; charset=utf-8", self.text(status)),
            Format::Empty => return Content { kind: None, body: Cow::Borrowed(""), layer, is_own: false },
        };
        Content { kind: Some(kind), body, layer, is_own: false }
    }

    fn discloses_reason(&self) -> bool {
        self.answers.disclose == Disclose::Reason
    }

    /// RFC 9457. `about:blank` says that the status tells all there is to tell.
    fn problem(&self, status: u16) -> String {
        let title = json(phrase(status));
        let mut body = format!(r#"{{"type":"about:blank","title":{title},"status":{status}"#);
        if self.discloses_reason() {
            body.push_str(r#","detail":"#);
            body.push_str(&json(sentence(self.denial.reason)));
            self.push_reason(&mut body);
        }
        body.push('}');
        body
    }

    fn message(&self, status: u16) -> String {
        let message = if status == 401 { "Unauthenticated" } else { phrase(status) };
        let mut body = format!(r#"{{"message":{}"#, json(message));
        if self.discloses_reason() {
            self.push_reason(&mut body);
        }
        body.push('}');
        body
    }

    fn push_reason(&self, body: &mut String) {
        body.push_str(r#","reason":"#);
        body.push_str(&json(self.denial.reason.label()));
        if !self.rule.is_empty() {
            body.push_str(r#","rule":"#);
            body.push_str(&json(self.rule));
        }
    }

    fn text(&self, status: u16) -> Cow<'a, str> {
        let phrase = phrase(status);
        match (self.discloses_reason(), self.rule) {
            (false, _) => Cow::Borrowed(phrase),
            (true, "") => format!("{phrase}: {}", self.denial.reason.label()).into(),
            (true, rule) => format!("{phrase}: {} ({rule})", self.denial.reason.label()).into(),
        }
    }
}

fn json(text: &str) -> String {
    Value::from(text).to_string()
}
