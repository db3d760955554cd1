//! The reference: a set of policies and one request, decided by a plain scan, as the language says it. Nothing is
//! compiled, indexed or remembered; everything is read anew from the document.

mod beside;
mod fence;
mod guards;
mod possible;
mod requirement;
mod route;

use std::collections::BTreeMap;

use serde_json::{Map, Value};

use super::target::{Captures, Pattern, Place, Sent, Strictness, View, patterns};
use super::token::{Caller, Keys, Person, listen};
use super::value::{No, Tri, Unknown, Use, Values, Yes, all, texts_hold, without_ends};

/// Section 12, in its order.
pub const REASONS: [&str; 32] = [
    "bad_request",
    "bad_path",
    "too_large",
    "ambiguous_token",
    "missing_token",
    "malformed_token",
    "unknown_issuer",
    "unknown_key",
    "disallowed_algorithm",
    "bad_signature",
    "expired",
    "not_yet_valid",
    "wrong_audience",
    "wrong_type",
    "invalid_claims",
    "guard_mismatch",
    "no_route",
    "nobody",
    "forbidden",
    "missing_scope",
    "missing_role",
    "missing_group",
    "missing_permission",
    "claim_mismatch",
    "source_mismatch",
    "header_mismatch",
    "condition_false",
    "requirement_unmet",
    "keys_unavailable",
    "policy_unavailable",
    "overloaded",
    "internal_error",
];

/// 503 before 401 before 403, then the order of the list.
fn precedence(reason: &str) -> (usize, usize) {
    let index = REASONS.iter().position(|known| *known == reason).expect("a known reason");
    let block = match index {
        0..=3 => 0,
        28.. => 1,
        4..=15 => 2,
        _ => 3,
    };
    (block, index)
}

/// What is decided.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    pub reason: &'static str,
    pub route: Option<String>,
    /// `route x`, `forbid x`, or nothing.
    pub rule: String,
    pub guard: String,
    pub subject: Option<String>,
    pub shadows: Vec<String>,
}

/// A set of files, merged.
#[derive(Debug, Clone, Default)]
pub struct Set {
    pub issuers: Vec<(String, Value)>,
    guards: Vec<(String, Value)>,
    requirements: BTreeMap<String, Value>,
    forbid: Vec<Value>,
    routes: Vec<Value>,
    singles: Map<String, Value>,
}

#[derive(Clone, Copy)]
struct Ground<'s> {
    sent: &'s Sent,
    view: &'s View,
    captures: &'s Captures,
    caller: &'s Caller,
    now: i64,
    /// Guards that stand where a rule names none.
    default: &'s [String],
}

/// A judgement and, unless it is yes, the reason.
type Verdict = (Tri, &'static str);

fn verdict(holds: Tri, reason: &'static str) -> Verdict {
    (holds, if holds == Yes { "" } else { reason })
}

/// All must hold: the reason that comes first is reported.
fn together(verdicts: Vec<Verdict>) -> Verdict {
    let reason = verdicts
        .iter()
        .filter(|(holds, _)| *holds != Yes)
        .map(|(_, reason)| *reason)
        .min_by_key(|reason| precedence(reason));
    (all(verdicts.iter().map(|(holds, _)| *holds)), reason.unwrap_or(""))
}

/// What a verdict hangs on, if on a caller who is not there or cannot be judged.
fn hangs_on(one: &Verdict) -> Option<&'static str> {
    (one.0 == Unknown && matches!(one.1, "missing_token" | "keys_unavailable")).then_some(one.1)
}

impl Set {
    pub fn read(texts: &[String]) -> Self {
        let mut set = Self::default();
        for text in texts {
            let file: Value = serde_saphyr::from_str(text).expect("YAML");
            for (key, value) in file.as_object().expect("a map") {
                let entries = || value.as_object().expect("a map").clone().into_iter();
                match key.as_str() {
                    "version" => assert_eq!(value, 1),
                    "issuers" => set.issuers.extend(entries()),
                    "guards" => set.guards.extend(entries()),
                    "requirements" => set.requirements.extend(entries()),
                    "forbid" => set.forbid.extend(value.as_array().expect("a list").clone()),
                    "routes" => set.routes.extend(value.as_array().expect("a list").clone()),
                    single => {
                        set.singles.insert(single.to_owned(), value.clone());
                    }
                }
            }
        }
        let name = |rule: &Value| rule["name"].as_str().expect("a name").to_owned();
        set.forbid.sort_by_key(name);
        set.routes.sort_by_key(name);
        set
    }

    fn sees_host(&self, requirement: &Value) -> bool {
        self.resolve(requirement).into_iter().flatten().any(|(key, value)| match key.as_str() {
            "when" => value.as_str().expect("a text").contains("request.host"),
            "any" | "all" => value.as_array().expect("a list").iter().any(|one| self.sees_host(one)),
            "not" | "use" => self.sees_host(value),
            _ => false,
        })
    }

    fn option(&self, section: &str, key: &str) -> Option<&str> {
        self.singles.get(section)?.get(key)?.as_str()
    }

    fn strictness(&self) -> Strictness {
        let of_routes = |key: &str, word: &str| {
            let enforced = self.routes.iter().filter(|route| !is_shadow(route));
            enforced.filter_map(|route| route.get("paths")?.get(key)?.as_str()).any(|found| found == word)
        };
        let enforced: Vec<Pattern> = self
            .routes
            .iter()
            .filter(|route| !is_shadow(route))
            .flat_map(|route| patterns(route.get("match")))
            .collect();
        let fences = self.forbid.iter().filter(|rule| !is_shadow(rule));
        let fenced: Vec<Pattern> =
            fences.flat_map(|rule| [rule.get("match"), rule.get("except")]).flat_map(patterns).collect();
        Strictness {
            any_case: self.option("paths", "case") == Some("insensitive"),
            merge: self.option("paths", "empty_segments") == Some("merge"),
            slashes: self.option("paths", "encoded_slashes") == Some("segment")
                || of_routes("encoded_slashes", "segment"),
            semicolons: self.option("paths", "semicolons") == Some("literal")
                || of_routes("semicolons", "literal"),
            scripts: self.option("paths", "scripts") == Some("literal") || of_routes("scripts", "literal"),
            names_hosts: enforced.iter().chain(&fenced).any(|pattern| pattern.host.is_some())
                || self
                    .routes
                    .iter()
                    .chain(&self.forbid)
                    .filter(|rule| !is_shadow(rule))
                    .any(|rule| self.sees_host(&rule["require"]) || self.sees_host(&rule["unless"])),
            overrides: self.singles.get("overrides").and_then(Value::as_str).unwrap_or("reject").to_owned(),
        }
    }

    /// The routes that have to let a request through, with what their paths capture: the most specific one that
    /// surely matches last, and before it, most specific first, those above it of which it cannot be told. Two sure
    /// ones of equal rank are a defect.
    fn meant(&self, sent: &Sent, view: &View, shadow: bool) -> Vec<Meant<'_>> {
        let (winner, others) = self.matching(sent, view, shadow);
        winner.map(|winner| others.into_iter().chain([winner]).collect()).unwrap_or_default()
    }

    /// The one that surely matches, if one does, and those of which it cannot be told.
    fn matching(&self, sent: &Sent, view: &View, shadow: bool) -> (Option<Meant<'_>>, Vec<Meant<'_>>) {
        let any_case = self.strictness().any_case;
        let mut sure = Vec::new();
        let mut unsure = Vec::new();
        for route in self.routes.iter().filter(|route| is_shadow(route) == shadow) {
            for pattern in patterns(route.get("match")) {
                let Some((holds, captures)) = pattern_matches(&pattern, sent, view, any_case) else {
                    continue;
                };
                let rank = (pattern.rank(), !(view.method == "HEAD" && pattern.names_head()));
                let list = if holds == Yes { &mut sure } else { &mut unsure };
                list.push((rank, Meant { route, pattern, captures }));
            }
        }
        unsure.sort_by_key(|(rank, _)| rank.clone());
        let Some(best) = sure.iter().map(|(rank, _)| rank.clone()).min() else {
            return (None, unsure.into_iter().map(|(_, one)| one).collect());
        };
        sure.retain(|(rank, _)| *rank == best);
        let (_, winner) = sure.swap_remove(0);
        for (_, other) in &sure {
            assert_eq!(
                other.route["name"], winner.route["name"],
                "two routes of equal rank match one request"
            );
        }
        let asks_the_same = |other: &Meant<'_>| {
            other.route["name"] == winner.route["name"] && other.captures.texts == winner.captures.texts
        };
        unsure.retain(|(rank, other)| *rank <= best && !asks_the_same(other));
        (Some(winner), unsure.into_iter().map(|(_, one)| one).collect())
    }

    fn fence_matches(
        &self,
        pattern: &Pattern,
        sent: &Sent,
        view: &View,
        any_case: bool,
        purpose: Use,
    ) -> Option<Captures> {
        if !pattern.takes_method(&view.method) || !pattern.takes_host(&view.host) {
            return None;
        }
        let captures = pattern.take_path(view, any_case, purpose == Use::Fence)?;
        let holds = conditions_hold(pattern, sent, view, purpose, &captures);
        let applies = if purpose == Use::Fence { holds != No } else { holds == Yes };
        applies.then_some(captures)
    }

    fn every_issuer(&self) -> Vec<String> {
        self.issuers.iter().map(|(name, _)| name.clone()).collect()
    }

    /// What a rule with a requirement asks: guards, and whether a caller is looked for.
    fn asked(&self, requirement: &Value, route_guard: Option<&Value>, looks: bool) -> (Vec<String>, bool) {
        let mut guards: Vec<String> = route_guard.map(texts).unwrap_or_default();
        self.named(requirement, &mut guards);
        let names_none = guards.is_empty();
        if names_none && looks {
            guards = self.default_guards();
        }
        (guards, names_none)
    }

    /// Decides one request.
    pub fn decide(&self, sent: &Sent, keys: &Keys, now: i64) -> Answer {
        let nothing = Answer {
            reason: "",
            route: None,
            rule: String::new(),
            guard: String::new(),
            subject: None,
            shadows: Vec::new(),
        };
        let view = match sent.view(&self.strictness()) {
            Ok(view) => view,
            Err(reason) => return Answer { reason, ..nothing },
        };
        let mut answer = self.enforce(sent, &view, keys, now, nothing);
        answer.shadows = self.shadows(sent, &view, keys, now);
        answer
    }

    fn enforce(&self, sent: &Sent, view: &View, keys: &Keys, now: i64, nothing: Answer) -> Answer {
        if let Some(route) = self.preflight(sent, view, now) {
            return Answer {
                reason: "preflight",
                rule: format!("route {route}"),
                route: Some(route),
                ..nothing
            };
        }
        let meant = self.meant(sent, view, false);
        let of_route = |route: &Value| Answer {
            route: Some(rule_name(route)),
            rule: format!("route {}", rule_name(route)),
            ..nothing.clone()
        };
        if let Some(one) = meant.iter().find(|one| self.unadmitted(one.route, view)) {
            return Answer { reason: "bad_path", ..of_route(one.route) };
        }
        let fences: Vec<(&Value, Vec<Captures>)> = self
            .forbid
            .iter()
            .filter(|rule| !is_shadow(rule))
            .map(|rule| (rule, self.applying(rule, sent, view, keys, now)))
            .filter(|(_, ways)| !ways.is_empty())
            .collect();
        let mut look_in: Vec<String> =
            fences.iter().flat_map(|(rule, _)| self.fence_looks_in(rule)).collect();
        look_in.extend(meant.iter().flat_map(|one| self.route_asks(one.route).look_in));
        let caller = if look_in.is_empty() {
            Caller::Nobody
        } else {
            listen(&self.issuers, &look_in, keys, sent, view, now)
        };
        let of_fence = |name: &str| Answer {
            rule: format!("forbid {name}"),
            route: meant.last().map(|one| rule_name(one.route)),
            ..nothing.clone()
        };
        if let Caller::Refused(reason) = caller {
            if let Some((rule, _)) = fences.iter().find(|(rule, _)| !self.fence_looks_in(rule).is_empty()) {
                return Answer { reason, ..of_fence(&rule_name(rule)) };
            }
            let looks = |one: &&Meant<'_>| !self.route_asks(one.route).look_in.is_empty();
            let one = meant.iter().find(looks).expect("somebody looked");
            return Answer { reason, ..of_route(one.route) };
        }
        let (mut answer, route) =
            if let Some((reason, rule)) = self.fences_hold(&fences, sent, view, &caller, now) {
                (Answer { reason, ..of_fence(&rule) }, meant.last().map(|one| one.route))
            } else {
                let judged =
                    |one: &Meant<'_>| self.judge_route(one.route, &one.captures, sent, view, &caller, now);
                match meant.iter().find(|one| judged(one) != "allowed").or(meant.last()) {
                    None => (Answer { reason: "no_route", ..nothing.clone() }, None),
                    Some(one) => (Answer { reason: judged(one), ..of_route(one.route) }, Some(one.route)),
                }
            };
        let asks = route.map(|route| self.route_asks(route));
        let is_ignored =
            asks.as_ref().is_some_and(|asks| asks.token == "ignored") && answer.reason == "allowed";
        if let Caller::Known(person) = &caller
            && !is_ignored
        {
            answer.guard =
                self.reported(asks.as_ref().map(|asks| asks.guards.as_slice()).unwrap_or_default(), person);
            answer.subject.clone_from(&person.subject);
        }
        answer
    }

    fn reported(&self, guards: &[String], person: &Person) -> String {
        let is_named = |guard: &&String| *guard != "any";
        let named: Vec<String> = if guards.iter().any(|guard| guard != "any") {
            guards.to_vec()
        } else if self.singles.get("defaults").and_then(|defaults| defaults.get("guard")).is_some() {
            self.default_guards()
        } else {
            Vec::new()
        };
        if !named.iter().any(|guard| guard != "any") {
            return person.issuer.clone();
        }
        named
            .iter()
            .filter(is_named)
            .find(|guard| self.belongs(person, guard) == Yes)
            .cloned()
            .unwrap_or_default()
    }

    fn unadmitted(&self, route: &Value, view: &View) -> bool {
        let admits = |key: &str, word: &str| {
            let of_route = route.get("paths").and_then(|paths| paths.get(key)).and_then(Value::as_str);
            of_route == Some(word) || self.option("paths", key) == Some(word)
        };
        (view.escaped_slash && !admits("encoded_slashes", "segment"))
            || (view.semicolon && !admits("semicolons", "literal"))
            || (view.script() && !admits("scripts", "literal"))
    }

    /// Routes that match a request, with their ranks as text: for looking at what is said to overlap.
    pub fn routes_of_equal_rank(&self, sent: &Sent) -> usize {
        let Ok(view) = sent.view(&self.strictness()) else { return 0 };
        let any_case = self.strictness().any_case;
        let mut ranks = Vec::new();
        for route in &self.routes {
            for pattern in patterns(route.get("match")) {
                if pattern_matches(&pattern, sent, &view, any_case).is_some_and(|(holds, _)| holds == Yes) {
                    ranks.push((is_shadow(route), pattern.rank()));
                }
            }
        }
        let most = ranks.iter().map(|rank| ranks.iter().filter(|other| *other == rank).count()).max();
        most.unwrap_or(0)
    }
}

/// A route that has to let a request through.
struct Meant<'s> {
    route: &'s Value,
    pattern: Pattern,
    captures: Captures,
}

/// Whether a route's match is a request: surely, or for one who reads a second value or a look-alike.
fn pattern_matches(pattern: &Pattern, sent: &Sent, view: &View, any_case: bool) -> Option<(Tri, Captures)> {
    if !pattern.takes_method(&view.method) || !pattern.takes_host(&view.host) {
        return None;
    }
    let captures = pattern.take_path(view, any_case, view.escaped_slash)?;
    // An expression sees no escaped slash, so that it cannot be told whether it is meant.
    let is_sure = !(view.escaped_slash && matches!(pattern.path, Place::Regex(_)));
    if is_sure && conditions_hold(pattern, sent, view, Use::Opening, &captures) == Yes {
        return Some((Yes, captures));
    }
    (conditions_hold(pattern, sent, view, Use::Fence, &captures) != No).then_some((Unknown, captures))
}

fn conditions_hold(pattern: &Pattern, sent: &Sent, view: &View, purpose: Use, captures: &Captures) -> Tri {
    let header = |(name, matcher): &(String, Value)| header_holds(name, matcher, sent, purpose, captures);
    let parameter =
        |(name, matcher): &(String, Value)| parameter_holds(name, matcher, view, purpose, captures);
    all(pattern.headers.iter().map(header).chain(pattern.query.iter().map(parameter)))
}

fn header_holds(name: &str, matcher: &Value, sent: &Sent, purpose: Use, captures: &Captures) -> Tri {
    let header = Some(name.to_owned());
    let values = Values { own: sent.values(name), alike: sent.alike(name), cut_off: false, header };
    texts_hold(matcher, &values, purpose, captures)
}

fn parameter_holds(name: &str, matcher: &Value, view: &View, purpose: Use, captures: &Captures) -> Tri {
    let (mut own, alike) = (view.sure_parameter(name), view.parameter_alike(name));
    // To some an empty value is none.
    if purpose == Use::Fence && matcher.get("present") == Some(&Value::Bool(false)) {
        own.retain(|value| !without_ends(value).is_empty());
    }
    let values = Values { own, alike, cut_off: view.untold(name), header: None };
    texts_hold(matcher, &values, purpose, captures)
}

fn is_shadow(rule: &Value) -> bool {
    rule.get("mode").and_then(Value::as_str) == Some("shadow")
}

fn rule_name(rule: &Value) -> String {
    rule["name"].as_str().expect("a name").to_owned()
}

fn texts(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Array(items) => items.iter().map(|item| item.as_str().expect("a text").to_owned()).collect(),
        other => panic!("texts {other}"),
    }
}
