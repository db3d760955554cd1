//! Path templates that take all that lies below them: what happens when a rule is made too wide.

use crate::policy::document::{Match, MatchMap, PathMatch, Text};

use super::{Change, Operator};

/// The match with a wider path; `None` where it is as wide as it can be, or a regular expression.
pub(super) fn widened(written: &Match) -> Option<(Match, Change)> {
    match written {
        Match::Text(text) => {
            let (wider, change) = text_widened(text)?;
            Some((Match::Text(wider), change))
        }
        Match::Map(map) => {
            let (wider, change) = map_widened(map)?;
            Some((Match::Map(Box::new(wider)), change))
        }
    }
}

fn map_widened(map: &MatchMap) -> Option<(MatchMap, Change)> {
    if let Some(PathMatch::Template(text)) = &map.path {
        let (wider, change) = text_widened(text)?;
        return Some((MatchMap { path: Some(PathMatch::Template(wider)), ..map.clone() }, change));
    }
    let grpc = map.grpc.as_ref()?;
    let method = grpc.method.as_ref()?;
    let service = &grpc.service.value;
    let change = Change {
        operator: Operator::WidenTemplate,
        at: method.at,
        before: format!("grpc: {{ service: {service}, method: {} }}", method.value),
        after: Some(format!("grpc: {{ service: {service} }}")),
    };
    let wider = crate::policy::document::GrpcMatch { method: None, ..grpc.clone() };
    Some((MatchMap { grpc: Some(wider), ..map.clone() }, change))
}

fn text_widened(text: &Text) -> Option<(Text, Change)> {
    let written = text.value.trim();
    let is_widest = written.ends_with("/**") || written.ends_with("=**}");
    if is_widest || !written.contains('/') {
        return None;
    }
    let wider = format!("{}/**", written.strip_suffix('/').unwrap_or(written));
    let change = Change {
        operator: Operator::WidenTemplate,
        at: text.at,
        before: written.to_owned(),
        after: Some(wider.clone()),
    };
    Some((Text { value: wider.into(), at: text.at }, change))
}
