//! Section 6: what is asked, and section 8 as far as random conditions go.

use std::net::IpAddr;

use serde_json::Value;

use super::super::target::Sent;
use super::super::token::{Caller, Person};
use super::super::value::{Tri, Unknown, Use, Yes, all, any, filled, holds, is_one_of, not, tri};
use super::{Ground, Set, Verdict, hangs_on, header_holds, parameter_holds, texts, together, verdict};

impl Set {
    pub(super) fn judge(&self, requirement: &Value, ground: Ground<'_>) -> Verdict {
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

    pub(super) fn of_caller(&self, ground: Ground<'_>, judge: impl FnOnce(&Person) -> Verdict) -> Verdict {
        match ground.caller {
            Caller::Known(person) => judge(person),
            Caller::Nobody => (Unknown, "missing_token"),
            Caller::Unjudged | Caller::Refused(_) => (Unknown, "keys_unavailable"),
        }
    }

    pub(super) fn judge_key(&self, key: &str, value: &Value, ground: Ground<'_>) -> Verdict {
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
                let has_all = kind == "scope" && person.every_scope;
                let is_there = |name: &String| match filled(name, ground.captures) {
                    Some((_, is_ambiguous)) if has_all => {
                        if is_ambiguous {
                            Unknown
                        } else {
                            Yes
                        }
                    }
                    _ => is_one_of(name, granted, ground.captures, false),
                };
                let names = texts(value);
                let each = names.iter().map(is_there);
                verdict(if all_of { all(each) } else { any(each) }, reason)
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
                    header_holds(name, matcher, ground.sent, Use::Opening, ground.captures)
                });
                verdict(all(judged), "header_mismatch")
            }
            "query" => {
                let judged = entries().map(|(name, matcher)| {
                    parameter_holds(name, matcher, ground.view, Use::Opening, ground.captures)
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

    pub(super) fn source(&self, value: &Value, ground: Ground<'_>) -> Verdict {
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

    pub(super) fn principal(&self, principals: &[String], ground: Ground<'_>) -> Verdict {
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

    pub(super) fn address(&self, sent: &Sent) -> Option<IpAddr> {
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
    pub(super) fn condition(&self, source: &str, ground: Ground<'_>) -> Tri {
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
            "request.path == \"/a/7\"" => {
                let path = ground.view.joined();
                spelt(&path, ground, |path| path == "/a/7")
            }
            "request.host == \"one.test\"" => tri(ground.view.host == "one.test"),
            "request.headers[\"x-a\"] == \"1\"" => {
                let values = ground.sent.values("x-a");
                // What looks like it could make it otherwise.
                if values.is_empty() || values != ground.sent.alike("x-a") {
                    Unknown
                } else {
                    // One may look at the first of several, another at the last.
                    let elements: Vec<String> =
                        values.join(",").split(',').map(|one| one.trim().to_owned()).collect();
                    let holds = values.join(",") == "1";
                    let mut ends = [elements.first(), elements.last(), values.first(), values.last()]
                        .into_iter()
                        .flatten();
                    let is_sure = elements.len() == 1 || ends.all(|end| (end == "1") == holds);
                    if is_sure { tri(holds) } else { Unknown }
                }
            }
            "!(\"x-b\" in request.headers)" => {
                let values = ground.sent.values("x-b");
                if values == ground.sent.alike("x-b") { tri(values.is_empty()) } else { Unknown }
            }
            "!(\"q\" in request.query)" => {
                let values = ground.view.parameter("q");
                if ground.view.untold("q") {
                    Unknown
                } else if values == ground.view.parameter_alike("q") {
                    tri(values.is_empty())
                } else {
                    Unknown
                }
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
                let x = ground.captures.texts.get("x").expect("a known capture");
                subject.map_or(Unknown, |subject| spelt(x, ground, |x| x == subject))
            }
            other => panic!("condition {other}"),
        }
    }
}

/// What is said of the path has to be so in lower case, too, where the application ignores the case.
fn spelt(text: &str, ground: Ground<'_>, judge: impl Fn(&str) -> bool) -> Tri {
    let as_sent = judge(text);
    let is_sure = !ground.captures.any_case || judge(&text.to_ascii_lowercase()) == as_sent;
    if is_sure { tri(as_sent) } else { Unknown }
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
