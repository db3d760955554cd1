//! What the upstream is told of an allowed request: header templates, removals, the token.

pub(crate) mod field;
mod removal;
mod template;

use std::collections::{BTreeMap, BTreeSet};

use super::diagnostic::{At, Diagnostics, closest, codes};
use super::document;
use crate::request::looks_like;

use field::Use;
pub use removal::Removals;
use template::Problem;
pub use template::{Part, Placeholder, Template};

/// Headers to set and to remove for one route.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UpstreamPlan {
    headers: Vec<(Box<str>, Template)>,
    dropped: Vec<Box<str>>,
    remove: Removals,
    remove_token: bool,
}

impl UpstreamPlan {
    /// Headers to set, names in lower case and in order.
    #[must_use]
    pub fn headers(&self) -> &[(Box<str>, Template)] {
        &self.headers
    }

    /// Headers to remove on this route.
    #[must_use]
    pub fn remove(&self) -> &Removals {
        &self.remove
    }

    /// Whether the credential is kept from the upstream.
    #[must_use]
    pub const fn remove_token(&self) -> bool {
        self.remove_token
    }

    /// Names of all headers that the plan, or a default it drops, sets for the upstream. The upstream
    /// trusts them on every route, so no client may send one on any.
    pub fn header_names(&self) -> impl Iterator<Item = &str> {
        self.headers.iter().map(|(name, _)| name).chain(&self.dropped).map(AsRef::as_ref)
    }
}

/// One `upstream` as written, its names checked.
#[derive(Default)]
struct Layer {
    headers: BTreeMap<Box<str>, (At, Option<Template>)>,
    remove: BTreeMap<Box<str>, At>,
}

/// Merges the defaults and what a route says, the route over the defaults. `captures` are those that
/// every match of the route has.
pub fn compile(
    defaults: Option<&document::Upstream>,
    route: Option<&document::Upstream>,
    captures: &[Box<str>],
    problems: &mut Diagnostics,
) -> UpstreamPlan {
    let mut report = Report { problems };
    let defaults_layer = defaults.map(|written| read(written, captures, &mut report)).unwrap_or_default();
    for (name, (at, template)) in &defaults_layer.headers {
        if template.is_none() {
            let message = format!("`{name}` is null in the defaults themselves");
            report.error(codes::DROPS_NOTHING, *at, message, "null drops a default; it stands on a route");
        }
    }
    let route_layer = route.map(|written| read(written, captures, &mut report)).unwrap_or_default();
    for (name, (at, template)) in &route_layer.headers {
        if template.is_none() && !defaults_layer.headers.contains_key(name) {
            let message = format!("there is no default `{name}` to drop");
            let meant = closest(name, defaults_layer.headers.keys().map(AsRef::as_ref));
            report.error(
                codes::DROPS_NOTHING,
                *at,
                message,
                meant.map_or_else(
                    || "`defaults.upstream.headers` sets none of this name: leave it out here".to_owned(),
                    |meant| format!("did you mean `{meant}`?"),
                ),
            );
        }
    }
    let names: BTreeSet<Box<str>> =
        defaults_layer.headers.keys().chain(route_layer.headers.keys()).cloned().collect();
    let mut headers = defaults_layer.headers;
    headers.extend(route_layer.headers);
    let mut remove = defaults_layer.remove;
    remove.extend(route_layer.remove);

    refuse_contradictions(&headers, &remove, &mut report);
    for (at, template) in headers.values() {
        for capture in template.iter().flat_map(Template::captures) {
            check_capture(capture, *at, captures, &mut report);
        }
    }

    let headers: Vec<_> = headers
        .into_iter()
        .filter_map(|(name, (_, template))| template.map(|template| (name, template)))
        .collect();
    let dropped =
        names.into_iter().filter(|name| headers.iter().all(|(present, _)| present != name)).collect();
    let remove_token = [route, defaults].into_iter().flatten().find_map(|layer| layer.remove_token.as_ref());
    UpstreamPlan {
        headers,
        dropped,
        remove: Removals::of(remove.keys().map(AsRef::as_ref)),
        remove_token: remove_token.is_some_and(|remove| remove.value),
    }
}

fn read(written: &document::Upstream, captures: &[Box<str>], report: &mut Report<'_>) -> Layer {
    let mut layer = Layer::default();
    for (name, value) in written.headers.iter().flatten() {
        let Some(lower) = checked_name(name, Use::Set, report) else { continue };
        let template = match value {
            None => None,
            Some(text) => match Template::parse(&text.value, captures) {
                Ok(template) => Some(template),
                Err(found) => {
                    for problem in found {
                        report.template(&lower, text.at, problem);
                    }
                    // The name stays known, so that a broken value causes no second message.
                    Some(Template::broken())
                }
            },
        };
        if layer.headers.contains_key(&lower) {
            report.error(codes::SET_TWICE, name.at, format!("`{lower}` is set twice"), CASE);
        }
        layer.headers.insert(lower, (name.at, template));
    }
    for name in written.remove.iter().flatten() {
        if let Some(lower) = checked_name(name, Use::Remove, report) {
            layer.remove.insert(lower, name.at);
        }
    }
    layer
}

const CASE: &str = "header names are compared without regard to case";

fn checked_name(name: &document::Text, usage: Use, report: &mut Report<'_>) -> Option<Box<str>> {
    let written = &name.value;
    if !field::is_name(written) {
        let is_pseudo = written.starts_with(':');
        let hint = if is_pseudo {
            "pseudo headers cannot be changed"
        } else {
            "letters, digits and hyphens: `x-user-id`"
        };
        report.error(codes::UPSTREAM_NAME, name.at, format!("`{written}` is no header name"), hint);
        return None;
    }
    if let Some(cause) = field::forbidden(written, usage) {
        let verb = if usage == Use::Remove { "removed" } else { "set" };
        report.error(codes::UPSTREAM_HEADER, name.at, format!("`{written}` cannot be {verb}"), cause);
        return None;
    }
    Some(written.to_ascii_lowercase().into())
}

fn refuse_contradictions(
    headers: &BTreeMap<Box<str>, (At, Option<Template>)>,
    remove: &BTreeMap<Box<str>, At>,
    report: &mut Report<'_>,
) {
    let set: Vec<(&str, At)> = headers
        .iter()
        .filter(|(_, (_, template))| template.is_some())
        .map(|(name, (at, _))| (name.as_ref(), *at))
        .collect();
    for (index, (name, at)) in set.iter().enumerate() {
        if remove.contains_key(*name) {
            let hint = "a header that is set is overwritten; it need not be removed";
            report.error(codes::SET_AND_REMOVED, *at, format!("`{name}` is both set and removed"), hint);
        }
        let twin = set.iter().take(index).find(|(other, _)| looks_like(other, name));
        if let Some((other, _)) = twin {
            let hint = "an upstream may read `_` and `.` as `-` and take one for the other";
            report.error(codes::SET_TWICE, *at, format!("`{name}` looks like `{other}`"), hint);
        }
    }
}

fn check_capture(name: &str, at: At, captures: &[Box<str>], report: &mut Report<'_>) {
    if captures.iter().any(|capture| capture.as_ref() == name) {
        return;
    }
    let hint = match closest(name, captures.iter().map(AsRef::as_ref)) {
        Some(meant) => format!("did you mean `{{params.{meant}}}`?"),
        None if captures.is_empty() => "the route captures nothing".to_owned(),
        None => format!("the route captures `{}`", captures.join("`, `")),
    };
    report.error(codes::UPSTREAM_CAPTURE, at, format!("`{{params.{name}}}`: no such capture"), hint);
}

/// Adds problems, each once: the defaults are read anew for every route.
struct Report<'p> {
    problems: &'p mut Diagnostics,
}

impl Report<'_> {
    fn error(&mut self, code: &'static str, at: At, message: String, hint: impl Into<String>) {
        let known = self
            .problems
            .problems
            .iter()
            .any(|problem| problem.code == code && problem.at == Some(at) && problem.message == message);
        if known {
            return;
        }
        self.problems.error(code, at, message).hint(hint);
    }

    fn template(&mut self, name: &str, at: At, problem: Problem) {
        let (code, message, hint) = match problem {
            Problem::Unclosed => (
                codes::UPSTREAM_VALUE,
                format!("the value of `{name}` has a `{{` without `}}`"),
                "`{{` is a literal brace".to_owned(),
            ),
            Problem::Empty => (
                codes::UPSTREAM_VALUE,
                format!("the value of `{name}` is empty"),
                "null drops a default; `remove` removes a header".to_owned(),
            ),
            Problem::Unprintable => (
                codes::UPSTREAM_VALUE,
                format!("the value of `{name}` cannot stand in a header"),
                "printable ASCII with single inner spaces can".to_owned(),
            ),
            Problem::Unknown { written, meant } => (
                codes::UPSTREAM_PLACEHOLDER,
                format!("`{{{written}}}`: no such placeholder"),
                meant.map_or_else(
                    || "there are `{subject}`, `{scopes}`, `{roles}`, `{groups}`, `{permissions}`, `{issuer}`, `{guard}`, `{route}`, `{claims.PATH}` and `{params.NAME}`".to_owned(),
                    |meant| format!("did you mean `{{{meant}}}`?"),
                ),
            ),
            Problem::ClaimPath { written, cause } => {
                (codes::UPSTREAM_CLAIM, format!("`{{{written}}}` names no claim"), cause.to_owned())
            }
        };
        self.error(code, at, message, hint);
    }
}

#[cfg(test)]
mod tests;
