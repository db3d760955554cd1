//! The reference: a set of policies and one request, decided by a plain scan, as the language says it. Nothing is
//! compiled, indexed or remembered; everything is read anew from the document.

use std::collections::BTreeMap;
use std::net::IpAddr;

use serde_json::{Map, Value};

use super::target::{Captures, Pattern, Sent, Strictness, View, look_alike, patterns};
use super::token::{Caller, Keys, Person, kind_allowed, listen, something_stands};
use super::value::{No, Tri, Unknown, Yes, all, any, filled, holds, not, texts_hold, tri};

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

    fn option(&self, section: &str, key: &str) -> Option<&str> {
        self.singles.get(section)?.get(key)?.as_str()
    }

    fn strictness(&self) -> Strictness {
        let of_routes = |key: &str, word: &str| {
            let enforced = self.routes.iter().filter(|route| !is_shadow(route));
            enforced.filter_map(|route| route.get("paths")?.get(key)?.as_str()).any(|found| found == word)
        };
        Strictness {
            any_case: self.option("paths", "case") == Some("insensitive"),
            merge: self.option("paths", "empty_segments") == Some("merge"),
            slashes: self.option("paths", "encoded_slashes") == Some("segment")
                || of_routes("encoded_slashes", "segment"),
            semicolons: self.option("paths", "semicolons") == Some("literal")
                || of_routes("semicolons", "literal"),
            overrides: self.singles.get("overrides").and_then(Value::as_str).unwrap_or("reject").to_owned(),
        }
    }

    /// The most specific route that matches, and what its path captures. Two of equal rank are a defect.
    fn winner(&self, sent: &Sent, view: &View, shadow: bool) -> Option<(&Value, Captures)> {
        let any_case = self.strictness().any_case;
        let mut candidates = Vec::new();
        for route in self.routes.iter().filter(|route| is_shadow(route) == shadow) {
            for pattern in patterns(route.get("match")) {
                if let Some(captures) = self.route_matches(&pattern, sent, view, any_case) {
                    candidates.push((pattern.rank(), pattern.names_head(), route, captures));
                }
            }
        }
        let best = candidates.iter().map(|(rank, ..)| rank.clone()).min()?;
        candidates.retain(|(rank, ..)| *rank == best);
        if view.method == "HEAD" && candidates.iter().any(|(_, names_head, ..)| *names_head) {
            candidates.retain(|(_, names_head, ..)| *names_head);
        }
        let (_, _, route, captures) = candidates.first()?;
        for (_, _, other, _) in &candidates {
            assert_eq!(other["name"], route["name"], "two routes of equal rank match one request");
        }
        Some((route, captures.clone()))
    }

    fn route_matches(&self, pattern: &Pattern, sent: &Sent, view: &View, any_case: bool) -> Option<Captures> {
        if !pattern.takes_method(&view.method) || !pattern.takes_host(&view.host) {
            return None;
        }
        let captures = pattern.take_path(view, any_case, false)?;
        let headers = pattern
            .headers
            .iter()
            .map(|(name, matcher)| texts_hold(matcher, &sent.values(name), false, &captures));
        let query = pattern
            .query
            .iter()
            .map(|(name, matcher)| texts_hold(matcher, &view.parameter(name), false, &captures));
        (all(headers.chain(query)) == Yes).then_some(captures)
    }

    /// Every way in which a fence matches: its token condition and its captures.
    fn ways(&self, rule: &Value, sent: &Sent, view: &View) -> Vec<(Option<String>, Captures)> {
        let any_case = self.strictness().any_case;
        let mut ways = Vec::new();
        for reading in view.readings() {
            let holes = patterns(rule.get("except"));
            if holes.iter().any(|hole| self.route_matches(hole, sent, &reading, any_case).is_some()) {
                continue;
            }
            for pattern in patterns(rule.get("match")) {
                if !pattern.takes_method(&reading.method) || !pattern.takes_host(&reading.host) {
                    continue;
                }
                let Some(captures) = pattern.take_path(&reading, any_case, true) else { continue };
                let values = |name: &str, matcher: &Value| -> Vec<String> {
                    let exactly = matcher.get("present") == Some(&Value::Bool(false));
                    let is_meant = |known: &str| {
                        if exactly { known.eq_ignore_ascii_case(name) } else { look_alike(known, name) }
                    };
                    sent.headers
                        .iter()
                        .filter(|(known, _)| is_meant(known))
                        .map(|(_, value)| value.clone())
                        .collect()
                };
                let headers = pattern
                    .headers
                    .iter()
                    .map(|(name, matcher)| texts_hold(matcher, &values(name, matcher), true, &captures));
                let query = pattern
                    .query
                    .iter()
                    .map(|(name, matcher)| texts_hold(matcher, &reading.parameter(name), true, &captures));
                if all(headers.chain(query)) != No {
                    ways.push((pattern.token.clone(), captures));
                }
            }
        }
        ways
    }

    fn token_condition(
        &self,
        condition: Option<&str>,
        sent: &Sent,
        view: &View,
        keys: &Keys,
        now: i64,
    ) -> bool {
        let stands = || something_stands(&self.issuers, sent, view);
        match condition {
            None => true,
            Some("present") => stands(),
            Some("absent") => !stands(),
            Some(_) => match listen(&self.issuers, &self.every_issuer(), keys, sent, view, now) {
                Caller::Known(_) | Caller::Unjudged => true,
                Caller::Refused(reason) => precedence(reason).0 == 0,
                Caller::Nobody => false,
            },
        }
    }

    fn every_issuer(&self) -> Vec<String> {
        self.issuers.iter().map(|(name, _)| name.clone()).collect()
    }

    // Guards.

    fn guard_issuers(&self, guard: &str) -> Vec<String> {
        if guard == "any" {
            return self.every_issuer();
        }
        match self.guards.iter().find(|(name, _)| name == guard) {
            None => vec![guard.to_owned()],
            Some((_, written)) => texts(&written["issuer"]),
        }
    }

    fn belongs(&self, person: &Person, guard: &str) -> Tri {
        if guard == "any" {
            return Yes;
        }
        if !self.guard_issuers(guard).contains(&person.issuer) {
            return No;
        }
        let Some((_, written)) = self.guards.iter().find(|(name, _)| name == guard) else { return Yes };
        let has_audience = written
            .get("audiences")
            .is_none_or(|wanted| texts(wanted).iter().any(|one| person.audiences.contains(one)));
        let has_kind = kind_allowed(written.get("types"), person.kind.as_deref()).unwrap_or(true);
        let claims = written.get("claims").and_then(Value::as_object).into_iter().flatten();
        let claims = claims.map(|(path, matcher)| holds(matcher, person.claims.get(path), &Captures::new()));
        all([tri(has_audience), tri(has_kind)].into_iter().chain(claims))
    }

    fn belongs_to_one(&self, person: &Person, guards: &[String]) -> Tri {
        any(guards.iter().map(|guard| self.belongs(person, guard)))
    }

    /// The guards of rules that name none.
    fn default_guards(&self) -> Vec<String> {
        match self.singles.get("defaults").and_then(|defaults| defaults.get("guard")) {
            Some(guard) => texts(guard),
            None => vec!["any".to_owned()],
        }
    }

    /// The guards that a requirement names, in their order; those under `not` are not asked for.
    fn named(&self, requirement: &Value, found: &mut Vec<String>) {
        let Some(map) = self.resolve(requirement) else { return };
        for (key, value) in map {
            match key.as_str() {
                "guard" => found.extend(texts(value)),
                "any" | "all" => {
                    value.as_array().expect("a list").iter().for_each(|branch| self.named(branch, found))
                }
                "use" => self.named(value, found),
                _ => {}
            }
        }
    }

    fn resolve<'v>(&'v self, requirement: &'v Value) -> Option<&'v Map<String, Value>> {
        match requirement {
            Value::String(name) => self.resolve(&self.requirements[name]),
            map => map.as_object(),
        }
    }

    fn needs_caller(&self, requirement: &Value) -> bool {
        self.resolve(requirement).into_iter().flatten().any(|(key, value)| self.key_needs_caller(key, value))
    }

    fn key_needs_caller(&self, key: &str, value: &Value) -> bool {
        match key {
            "headers" | "query" => false,
            "source" => value.get("principals").is_some_and(|list| list.to_string().contains("{claims")),
            "when" => {
                let source = value.as_str().expect("a text");
                ["claims", "subject", "scopes", "roles", "groups", "permissions", "issuer", "guards"]
                    .iter()
                    .any(|name| source.contains(name))
            }
            "any" | "all" => value.as_array().expect("a list").iter().any(|branch| self.needs_caller(branch)),
            "not" | "use" => self.needs_caller(value),
            _ => true,
        }
    }

    /// Whether it can be yes, and whether it can be no, without a caller.
    fn without_caller(&self, requirement: &Value) -> (bool, bool) {
        let (mut yes, mut no) = (true, false);
        for (key, value) in self.resolve(requirement).into_iter().flatten() {
            let branches =
                || value.as_array().expect("a list").iter().map(|branch| self.without_caller(branch));
            let (can, cannot) = match key.as_str() {
                "any" => (branches().any(|(yes, _)| yes), branches().all(|(_, no)| no)),
                "all" => (branches().all(|(yes, _)| yes), branches().any(|(_, no)| no)),
                "not" => {
                    let (yes, no) = self.without_caller(value);
                    (no, yes)
                }
                "use" => self.without_caller(value),
                key if self.key_needs_caller(key, value) => match value.get("cidrs") {
                    // Of a source its networks still can be told.
                    Some(_) => (false, true),
                    None => (false, false),
                },
                _ => (true, true),
            };
            yes &= can;
            no |= cannot;
        }
        (yes, no)
    }

    // Requirements.

    fn judge(&self, requirement: &Value, ground: Ground<'_>) -> Verdict {
        let map = self.resolve(requirement).expect("a requirement");
        let mut verdicts = Vec::new();
        let asks_itself = map.iter().any(|(key, value)| {
            !matches!(key.as_str(), "any" | "all" | "use") && self.key_needs_caller(key, value)
        });
        if asks_itself && !ground.default.is_empty() {
            verdicts.push(self.of_caller(ground, |person| {
                verdict(self.belongs_to_one(person, ground.default), "guard_mismatch")
            }));
        }
        for (key, value) in map {
            verdicts.push(self.judge_key(key, value, ground));
        }
        together(verdicts)
    }

    fn of_caller(&self, ground: Ground<'_>, judge: impl FnOnce(&Person) -> Verdict) -> Verdict {
        match ground.caller {
            Caller::Known(person) => judge(person),
            Caller::Nobody => (Unknown, "missing_token"),
            Caller::Unjudged | Caller::Refused(_) => (Unknown, "keys_unavailable"),
        }
    }

    fn judge_key(&self, key: &str, value: &Value, ground: Ground<'_>) -> Verdict {
        let has = |kind: &str, all_of: bool| {
            let reason = match kind {
                "scope" => "missing_scope",
                "role" => "missing_role",
                "group" => "missing_group",
                _ => "missing_permission",
            };
            self.of_caller(ground, |person| {
                let granted = match kind {
                    "scope" => &person.scopes,
                    "role" => &person.roles,
                    "group" => &person.groups,
                    _ => &person.permissions,
                };
                let is_there = |name: &String| match filled(name, ground.captures) {
                    None => false,
                    Some(name) => granted.contains(&name) || (kind == "scope" && person.every_scope),
                };
                let names = texts(value);
                let holds = if all_of { names.iter().all(is_there) } else { names.iter().any(is_there) };
                verdict(tri(holds), reason)
            })
        };
        let entries = || value.as_object().expect("a map").iter();
        match key {
            "scopes" => has("scope", true),
            "roles" => has("role", true),
            "groups" => has("group", true),
            "permissions" => has("permission", true),
            "any_scope" => has("scope", false),
            "any_role" => has("role", false),
            "any_group" => has("group", false),
            "any_permission" => has("permission", false),
            "guard" => self.of_caller(ground, |person| {
                verdict(self.belongs_to_one(person, &texts(value)), "guard_mismatch")
            }),
            "subject" => self.of_caller(ground, |person| {
                let subject = person.subject.clone().map(Value::from);
                verdict(holds(value, subject.as_ref(), ground.captures), "claim_mismatch")
            }),
            "claims" => self.of_caller(ground, |person| {
                let judged =
                    entries().map(|(path, matcher)| holds(matcher, person.claims.get(path), ground.captures));
                verdict(all(judged), "claim_mismatch")
            }),
            "headers" => {
                let judged = entries().map(|(name, matcher)| {
                    texts_hold(matcher, &ground.sent.values(name), false, ground.captures)
                });
                verdict(all(judged), "header_mismatch")
            }
            "query" => {
                let judged = entries().map(|(name, matcher)| {
                    texts_hold(matcher, &ground.view.parameter(name), false, ground.captures)
                });
                verdict(all(judged), "header_mismatch")
            }
            "source" => self.source(value, ground),
            "when" => {
                let source = value.as_str().expect("a text");
                let needs = self.key_needs_caller(key, value);
                match ground.caller {
                    Caller::Nobody if needs => (Unknown, "missing_token"),
                    Caller::Unjudged if needs => (Unknown, "keys_unavailable"),
                    _ => verdict(self.condition(source, ground), "condition_false"),
                }
            }
            "any" => {
                let verdicts: Vec<Verdict> = value
                    .as_array()
                    .expect("a list")
                    .iter()
                    .map(|branch| self.judge(branch, ground))
                    .collect();
                let holds = any(verdicts.iter().map(|(holds, _)| *holds));
                let hangs: Vec<&str> = verdicts.iter().filter_map(hangs_on).collect();
                let reason = match hangs.as_slice() {
                    several if holds == Unknown && several.contains(&"keys_unavailable") => {
                        "keys_unavailable"
                    }
                    [_, ..] if holds == Unknown => "missing_token",
                    _ => "requirement_unmet",
                };
                verdict(holds, reason)
            }
            "all" => together(
                value.as_array().expect("a list").iter().map(|branch| self.judge(branch, ground)).collect(),
            ),
            "not" => {
                let inner = self.judge(value, Ground { default: &[], ..ground });
                verdict(not(inner.0), hangs_on(&inner).unwrap_or("requirement_unmet"))
            }
            "use" => self.judge(value, ground),
            other => panic!("key {other}"),
        }
    }

    fn source(&self, value: &Value, ground: Ground<'_>) -> Verdict {
        let mut verdicts = Vec::new();
        if let Some(cidrs) = value.get("cidrs") {
            let address = self.address(ground.sent);
            let holds =
                address.map_or(Unknown, |address| tri(texts(cidrs).iter().any(|cidr| inside(cidr, address))));
            verdicts.push(verdict(holds, "source_mismatch"));
        }
        if let Some(principals) = value.get("principals") {
            verdicts.push(self.principal(&texts(principals), ground));
        }
        together(verdicts)
    }

    fn principal(&self, principals: &[String], ground: Ground<'_>) -> Verdict {
        let sent = ground.sent.principal.as_str();
        if sent.is_empty() {
            return (Unknown, "source_mismatch");
        }
        let mut hangs = None;
        let judged: Vec<Tri> = principals
            .iter()
            .map(|one| match (one.split_once("{claims."), one.strip_suffix('*')) {
                (Some((before, after)), _) => match ground.caller {
                    Caller::Known(person) => {
                        let (claim, after) = after.split_once('}').expect("a claim");
                        let claim = person
                            .claims
                            .get(claim)
                            .and_then(Value::as_str)
                            .filter(|claim| !claim.is_empty());
                        tri(claim.is_some_and(|claim| sent == format!("{before}{claim}{after}")))
                    }
                    Caller::Nobody => {
                        hangs = Some("missing_token");
                        Unknown
                    }
                    Caller::Unjudged | Caller::Refused(_) => {
                        hangs = Some("keys_unavailable");
                        Unknown
                    }
                },
                (None, Some(start)) => tri(sent.starts_with(start)),
                (None, None) => tri(sent == one),
            })
            .collect();
        let holds = any(judged);
        verdict(holds, hangs.filter(|_| holds == Unknown).unwrap_or("source_mismatch"))
    }

    fn address(&self, sent: &Sent) -> Option<IpAddr> {
        let Some(written) = self.singles.get("client_address") else {
            return sent.address.map(|address| address.to_canonical());
        };
        let values = sent.values(written["header"].as_str().expect("a header"));
        let parse = |text: &str| text.trim().parse::<IpAddr>().ok().map(|address| address.to_canonical());
        match written.get("trusted_hops").and_then(Value::as_u64) {
            None if values.len() == 1 => parse(&values[0]),
            None => None,
            Some(hops) => {
                let joined = values.join(",");
                let list: Vec<&str> = joined.split(',').collect();
                let index = list.len().checked_sub(usize::try_from(hops).expect("few"))?;
                parse(list[index])
            }
        }
    }

    /// The expressions that random policies use, each as one would read it.
    fn condition(&self, source: &str, ground: Ground<'_>) -> Tri {
        let person = match ground.caller {
            Caller::Known(person) => Some(person),
            _ => None,
        };
        let level = || person.and_then(|person| person.claims.get("level")).and_then(Value::as_i64);
        let high = || level().map_or(Unknown, |level| tri(level >= 3));
        let role =
            |name: &str| person.map_or(Unknown, |person| tri(person.roles.iter().any(|role| role == name)));
        match source {
            "request.method == \"GET\"" => tri(ground.view.method == "GET"),
            "request.path == \"/a/7\"" => tri(ground.view.joined() == "/a/7"),
            "request.host == \"one.test\"" => tri(ground.view.host == "one.test"),
            "request.headers[\"x-a\"] == \"1\"" => {
                let values = ground.sent.values("x-a");
                if values.is_empty() { Unknown } else { tri(values.join(",") == "1") }
            }
            "source.address == \"10.0.0.1\"" => {
                self.address(ground.sent).map_or(Unknown, |address| tri(address.to_string() == "10.0.0.1"))
            }
            "\"s1\" in scopes" => {
                person.map_or(Unknown, |person| tri(person.scopes.iter().any(|scope| scope == "s1")))
            }
            "claims.level >= 3" => high(),
            "!(claims.level >= 3)" => not(high()),
            "claims.level >= 3 || \"r1\" in roles" => any([high(), role("r1")]),
            "size(roles) > 0" => person.map_or(Unknown, |person| tri(!person.roles.is_empty())),
            "request.time < 1790000300" => tri(ground.now < 1_790_000_300),
            "request.time >= 1790000005 && \"r1\" in roles" => {
                all([tri(ground.now >= 1_790_000_005), role("r1")])
            }
            "issuer == \"i0\"" => person.map_or(Unknown, |person| tri(person.issuer == "i0")),
            "guards.exists(g, g == \"g0\")" => {
                // Where one guard cannot be told, none is: what is left out would be taken for not held.
                person.map_or(Unknown, |person| {
                    let open = self.guards.iter().any(|(name, _)| self.belongs(person, name) == Unknown);
                    if open { Unknown } else { tri(self.belongs(person, "g0") == Yes) }
                })
            }
            "subject == params.x" => {
                let subject = person.and_then(|person| person.subject.clone());
                subject.map_or(Unknown, |subject| tri(ground.captures.get("x") == Some(&subject)))
            }
            other => panic!("condition {other}"),
        }
    }

    // The walk.

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
        let winner = self.winner(sent, view, false);
        let name = winner.as_ref().map(|(route, _)| rule_name(route));
        let base = Answer { route: name.clone(), ..nothing };
        if let Some((route, _)) = &winner
            && self.unadmitted(route, view)
        {
            return Answer { reason: "bad_path", rule: format!("route {}", rule_name(route)), ..base };
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
        let asks = winner.as_ref().map(|(route, _)| self.route_asks(route));
        look_in.extend(asks.iter().flat_map(|asks| asks.look_in.clone()));
        let caller = if look_in.is_empty() {
            Caller::Nobody
        } else {
            listen(&self.issuers, &look_in, keys, sent, view, now)
        };
        if let Caller::Refused(reason) = caller {
            let fence = fences.iter().find(|(rule, _)| !self.fence_looks_in(rule).is_empty());
            let rule = match (fence, &name) {
                (Some((rule, _)), _) => format!("forbid {}", rule_name(rule)),
                (None, Some(name)) => format!("route {name}"),
                (None, None) => String::new(),
            };
            return Answer { reason, rule, ..base };
        }
        let decided = self.fences_hold(&fences, sent, view, &caller, now).map_or_else(
            || match &winner {
                None => ("no_route", String::new()),
                Some((route, captures)) => (
                    self.judge_route(route, captures, sent, view, &caller, now),
                    format!("route {}", rule_name(route)),
                ),
            },
            |(reason, rule)| (reason, format!("forbid {rule}")),
        );
        let is_ignored = asks.as_ref().is_some_and(|asks| asks.token == "ignored") && decided.0 == "allowed";
        let mut answer = Answer { reason: decided.0, rule: decided.1, ..base };
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

    fn applying(&self, rule: &Value, sent: &Sent, view: &View, keys: &Keys, now: i64) -> Vec<Captures> {
        self.ways(rule, sent, view)
            .into_iter()
            .filter(|(token, _)| self.token_condition(token.as_deref(), sent, view, keys, now))
            .map(|(_, captures)| captures)
            .collect()
    }

    fn fence_guards(&self, rule: &Value) -> (Vec<String>, bool) {
        match rule.get("unless") {
            Some(unless) if self.needs_caller(unless) => self.asked(unless, None, true),
            _ => (Vec::new(), false),
        }
    }

    fn fence_looks_in(&self, rule: &Value) -> Vec<String> {
        self.fence_guards(rule).0.iter().flat_map(|guard| self.guard_issuers(guard)).collect()
    }

    fn fences_hold(
        &self,
        fences: &[(&Value, Vec<Captures>)],
        sent: &Sent,
        view: &View,
        caller: &Caller,
        now: i64,
    ) -> Option<(&'static str, String)> {
        let held = fences.iter().filter_map(|(rule, ways)| {
            Some((self.fence_holds(rule, ways, sent, view, caller, now)?, rule_name(rule)))
        });
        held.min_by_key(|(reason, name)| (precedence(reason), name.clone()))
    }

    fn fence_holds(
        &self,
        rule: &Value,
        ways: &[Captures],
        sent: &Sent,
        view: &View,
        caller: &Caller,
        now: i64,
    ) -> Option<&'static str> {
        let Some(unless) = rule.get("unless") else { return Some("forbidden") };
        let (guards, names_none) = self.fence_guards(rule);
        let takes_all = guards.iter().any(|guard| guard == "any");
        let default = if names_none && !takes_all { guards.clone() } else { Vec::new() };
        for captures in ways {
            let ground = Ground { sent, view, captures, caller, now, default: &default };
            let (holds, reason) = self.judge(unless, ground);
            if holds != Yes {
                let is_stranger = match caller {
                    Caller::Known(person) => {
                        !guards.is_empty() && self.belongs_to_one(person, &guards) != Yes
                    }
                    _ => false,
                };
                return Some(if is_stranger { "guard_mismatch" } else { reason });
            }
        }
        None
    }

    fn unadmitted(&self, route: &Value, view: &View) -> bool {
        let admits = |key: &str, word: &str| {
            let of_route = route.get("paths").and_then(|paths| paths.get(key)).and_then(Value::as_str);
            of_route == Some(word) || self.option("paths", key) == Some(word)
        };
        (view.escaped_slash && !admits("encoded_slashes", "segment"))
            || (view.semicolon && !admits("semicolons", "literal"))
    }

    fn route_asks(&self, route: &Value) -> Asks {
        let guard = route.get("guard");
        let closed = Asks { token: "ignored", guards: Vec::new(), default: Vec::new(), look_in: Vec::new() };
        let (token, guards, default) =
            match (route.get("allow").and_then(Value::as_str), route.get("require")) {
                (Some("authenticated"), _) => {
                    let guards = guard.map_or_else(|| self.default_guards(), texts);
                    ("required", guards, Vec::new())
                }
                (Some(_), _) => return closed,
                (None, Some(requirement)) => {
                    let needs = guard.is_some() || self.needs_caller(requirement);
                    let written = route.get("token").and_then(Value::as_str);
                    if written == Some("ignored") || (!needs && written.is_none()) {
                        return closed;
                    }
                    let (guards, names_none) = self.asked(requirement, guard, true);
                    let can_do_without = guard.is_none() && self.without_caller(requirement).0;
                    let token = match written {
                        Some("required") => "required",
                        Some("optional") => "optional",
                        _ if can_do_without => "optional",
                        _ => "required",
                    };
                    let default = if names_none && needs { guards.clone() } else { Vec::new() };
                    (token, guards, default)
                }
                (None, None) => panic!("a route asks something"),
            };
        let look_in = guards.iter().flat_map(|guard| self.guard_issuers(guard)).collect();
        let default = if default.iter().any(|guard| guard == "any") { Vec::new() } else { default };
        Asks { token, guards, default, look_in }
    }

    fn judge_route(
        &self,
        route: &Value,
        captures: &Captures,
        sent: &Sent,
        view: &View,
        caller: &Caller,
        now: i64,
    ) -> &'static str {
        match route.get("allow").and_then(Value::as_str) {
            Some("anyone") => return "allowed",
            Some("nobody") => return "nobody",
            _ => {}
        }
        let asks = self.route_asks(route);
        let caller = if asks.token == "ignored" { &Caller::Nobody } else { caller };
        match (asks.token, caller) {
            ("required", Caller::Nobody) => return "missing_token",
            ("required", Caller::Unjudged) => return "keys_unavailable",
            _ => {}
        }
        if let Caller::Known(person) = caller
            && !asks.guards.is_empty()
            && self.belongs_to_one(person, &asks.guards) != Yes
        {
            return "guard_mismatch";
        }
        let ground = Ground { sent, view, captures, caller, now, default: &asks.default };
        let mut verdicts = Vec::new();
        if let Some(guard) = route.get("guard") {
            verdicts.push(self.judge_key("guard", guard, ground));
        }
        if let Some(requirement) = route.get("require") {
            verdicts.push(self.judge(requirement, ground));
        }
        let (holds, reason) = together(verdicts);
        if holds == Yes { "allowed" } else { reason }
    }

    fn preflight(&self, sent: &Sent, view: &View, now: i64) -> Option<String> {
        let allows = self.singles.get("preflight").and_then(Value::as_str) == Some("allow");
        let asked = sent.values("access-control-request-method");
        let [method] = asked.as_slice() else { return None };
        let is_method = method.chars().all(|letter| letter.is_ascii_uppercase());
        if !allows || view.method != "OPTIONS" || sent.values("origin").is_empty() || !is_method {
            return None;
        }
        let other = View { method: method.clone(), ..view.clone() };
        let (route, _) = self.winner(sent, &other, false)?;
        if self.unadmitted(route, view) {
            return None;
        }
        for rule in self.forbid.iter().filter(|rule| !is_shadow(rule)) {
            let unless = rule.get("unless");
            if unless.is_some_and(|unless| self.needs_caller(unless)) {
                continue;
            }
            let mut ways = self.ways(rule, sent, view);
            ways.extend(self.ways(rule, sent, &other));
            for (token, captures) in ways {
                let stands = something_stands(&self.issuers, sent, view);
                let applies = match token.as_deref() {
                    None => true,
                    Some("absent") => !stands,
                    Some(_) => stands,
                };
                let ground =
                    Ground { sent, view, captures: &captures, caller: &Caller::Nobody, now, default: &[] };
                let lifted = unless.is_some_and(|unless| self.judge(unless, ground).0 == Yes);
                if applies && !lifted {
                    return None;
                }
            }
        }
        Some(rule_name(route))
    }

    fn shadows(&self, sent: &Sent, view: &View, keys: &Keys, now: i64) -> Vec<String> {
        let mut found = Vec::new();
        let hear = |look_in: &[String]| {
            if look_in.is_empty() {
                Caller::Nobody
            } else {
                listen(&self.issuers, look_in, keys, sent, view, now)
            }
        };
        for rule in self.forbid.iter().filter(|rule| is_shadow(rule)) {
            let ways = self.applying(rule, sent, view, keys, now);
            if ways.is_empty() {
                continue;
            }
            let caller = hear(&self.fence_looks_in(rule));
            let reason = match caller {
                Caller::Refused(reason) => Some(reason),
                _ => self.fence_holds(rule, &ways, sent, view, &caller, now),
            };
            found.extend(reason.map(|reason| format!("forbid {}: {reason}", rule_name(rule))));
        }
        if let Some((route, captures)) = self.winner(sent, view, true) {
            let caller = hear(&self.route_asks(route).look_in);
            let reason = match caller {
                _ if self.unadmitted(route, view) => "bad_path",
                Caller::Refused(reason) => reason,
                _ => self.judge_route(route, &captures, sent, view, &caller, now),
            };
            found.push(format!("route {}: {reason}", rule_name(route)));
        }
        found
    }

    /// Routes that match a request, with their ranks as text: for looking at what is said to overlap.
    pub fn routes_of_equal_rank(&self, sent: &Sent) -> usize {
        let Ok(view) = sent.view(&self.strictness()) else { return 0 };
        let any_case = self.strictness().any_case;
        let mut ranks = Vec::new();
        for route in &self.routes {
            for pattern in patterns(route.get("match")) {
                if self.route_matches(&pattern, sent, &view, any_case).is_some() {
                    ranks.push((is_shadow(route), pattern.rank()));
                }
            }
        }
        let most = ranks.iter().map(|rank| ranks.iter().filter(|other| *other == rank).count()).max();
        most.unwrap_or(0)
    }
}

struct Asks {
    token: &'static str,
    guards: Vec<String>,
    default: Vec<String>,
    look_in: Vec<String>,
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

fn inside(cidr: &str, address: IpAddr) -> bool {
    let (network, length) = cidr.split_once('/').unwrap_or((cidr, "32"));
    match (network.parse().expect("an address"), address) {
        (IpAddr::V4(network), IpAddr::V4(address)) => {
            let shift = 32 - length.parse::<u32>().expect("a length");
            network.to_bits().checked_shr(shift).unwrap_or(0)
                == address.to_bits().checked_shr(shift).unwrap_or(0)
        }
        _ => false,
    }
}
