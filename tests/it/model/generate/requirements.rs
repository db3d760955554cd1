//! Random requirements.

use serde_json::{Map, Value, json};

use super::rules::Writer;
use super::{ROLES, SCOPES, claim_matcher};

impl Writer<'_> {
    /// A requirement that names no guard and no other requirement.
    pub(super) fn plain(&mut self) -> Value {
        let mut map = Map::new();
        for _ in 0..1 + self.random.below(2) {
            let (key, value) = self.leaf();
            map.insert(key.into(), value);
        }
        map.into()
    }

    pub(super) fn leaf(&mut self) -> (&'static str, Value) {
        let capture = self.captures.first().cloned();
        match self.random.below(16) {
            0 | 1 => ("scopes", json!(self.random.some(&SCOPES, 2))),
            2 => ("any_scope", json!(self.random.some(&SCOPES, 2))),
            3 => ("roles", json!(self.random.some(&ROLES, 2))),
            4 => match capture {
                Some(name) => ("any_role", json!([format!("r{{{name}}}"), "r1"])),
                None => ("any_role", json!(self.random.some(&ROLES, 2))),
            },
            5 => (self.random.pick(&["groups", "any_group"]), json!(["g1"])),
            6 => (self.random.pick(&["permissions", "any_permission"]), json!(["p1"])),
            7 => match capture {
                Some(name) => ("subject", json!(format!("{{{name}}}"))),
                None => ("subject", json!(["7", "x"])),
            },
            8 | 9 => {
                let captures = self.captures.clone();
                let names = self.random.some(&["tenant", "level", "kind", "flag"], 2);
                let matchers = names.into_iter().map(|name| {
                    let matcher = claim_matcher(&name, &captures, self.random);
                    (name, matcher)
                });
                ("claims", matchers.collect::<Map<_, _>>().into())
            }
            10 | 11 => ("source", self.source()),
            12 => ("headers", self.texts("x-a", "referer", &self.captures.clone())),
            13 => ("query", self.texts("q", "r", &self.captures.clone())),
            _ => ("when", self.condition().into()),
        }
    }

    pub(super) fn source(&mut self) -> Value {
        let mut map = Map::new();
        if self.random.chance(70) {
            let cidrs = [json!(["10.0.0.0/8"]), json!(["192.0.2.1", "10.0.0.0/31"])];
            map.insert("cidrs".into(), cidrs[self.random.below(2)].clone());
        }
        if map.is_empty() || self.random.chance(30) {
            let principals =
                [json!(["spiffe://t/x"]), json!(["spiffe://t/*"]), json!(["spiffe://t/{claims.tenant}"])];
            map.insert("principals".into(), principals[self.random.below(3)].clone());
        }
        map.into()
    }

    pub(super) fn condition(&mut self) -> &'static str {
        if self.captures.iter().any(|name| name == "x") && self.random.chance(30) {
            return "subject == params.x";
        }
        let mut known = vec![
            "request.method == \"GET\"",
            "request.path == \"/a/7\"",
            "request.host == \"one.test\"",
            "request.headers[\"x-a\"] == \"1\"",
            "!(\"x-b\" in request.headers)",
            "!(\"q\" in request.query)",
            "source.address == \"10.0.0.1\"",
            "\"s1\" in scopes",
            "claims.level >= 3",
            "!(claims.level >= 3)",
            "claims.level >= 3 || \"r1\" in roles",
            "size(roles) > 0",
            "issuer == \"i0\"",
            "request.time < 1790000300",
            "request.time >= 1790000005 && \"r1\" in roles",
        ];
        if self.guards.iter().any(|guard| guard == "g0") {
            known.push("guards.exists(g, g == \"g0\")");
        }
        self.random.pick(&known)
    }

    /// A requirement; where it names guards, every branch that needs a caller has one.
    pub(super) fn requirement(&mut self, depth: usize, with_guards: bool) -> Value {
        if let Some(name) =
            self.requirements.first().cloned().filter(|_| !with_guards && self.random.chance(10))
        {
            return name.into();
        }
        let mut map = Map::new();
        if with_guards {
            map.insert("guard".into(), self.guard());
        }
        for _ in 0..1 + self.random.below(2) {
            match self.random.below(8) {
                0 if depth < 2 => {
                    map.insert("any".into(), self.branches(depth, with_guards));
                }
                1 if depth < 2 => {
                    map.insert("all".into(), self.branches(depth, with_guards));
                }
                2 if depth < 2 => {
                    map.insert("not".into(), self.requirement(depth + 1, false));
                }
                3 if !self.requirements.is_empty() => {
                    let names: Vec<&str> = self.requirements.iter().map(String::as_str).collect();
                    map.insert("use".into(), self.random.pick(&names).into());
                }
                _ => {
                    let (key, value) = self.leaf();
                    map.insert(key.into(), value);
                }
            }
        }
        map.into()
    }

    pub(super) fn branches(&mut self, depth: usize, with_guards: bool) -> Value {
        (0..1 + self.random.below(3)).map(|_| self.requirement(depth + 1, with_guards)).collect()
    }
}
