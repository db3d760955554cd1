//! Random rules: matches, requirements, conditions.

use serde_json::{Map, Value, json};

use super::super::random::Random;
use super::{METHODS, ROLES, SCOPES, SEGMENTS, claim_matcher};

/// Writes rules. What it captures and which guards there are it knows.
pub(super) struct Writer<'r> {
    pub random: &'r mut Random,
    pub guards: Vec<String>,
    pub requirements: Vec<String>,
    pub captures: Vec<String>,
}

impl Writer<'_> {
    pub(super) fn guard(&mut self) -> Value {
        if self.random.chance(30) {
            return "any".into();
        }
        let names: Vec<&str> = self.guards.iter().map(String::as_str).collect();
        match self.random.some(&names, 2).as_slice() {
            [one] if self.random.chance(50) => one.as_str().into(),
            several => json!(several),
        }
    }

    pub(super) fn template(&mut self) -> (String, Vec<String>) {
        let mut path = String::new();
        let mut captures = Vec::new();
        let mut names = vec!["x", "y"];
        for _ in 0..self.random.below(4) {
            let name = names.first().copied();
            let piece = match (self.random.below(10), name) {
                (0 | 1, Some(name)) => format!("{{{name}}}"),
                (2, Some(name)) => format!("a{{{name}}}"),
                (3, Some(name)) => format!("{{{name}}}b"),
                (4, _) => "*".to_owned(),
                _ => self.random.pick(&SEGMENTS).to_owned(),
            };
            if piece.contains('{') {
                captures.push(names.remove(0).to_owned());
            }
            path = format!("{path}/{piece}");
        }
        match self.random.below(10) {
            0 | 1 => path.push_str("/**"),
            2 => {
                path.push_str("/{rest=**}");
                captures.push("rest".to_owned());
            }
            _ if path.is_empty() => path.push('/'),
            _ => {}
        }
        (path, captures)
    }

    pub(super) fn host(&mut self) -> Option<&'static str> {
        self.random.chance(30).then(|| self.random.pick(&["one.test", "*.one.test", "*.test", "two.test"]))
    }

    /// A match and what it captures.
    pub(super) fn one_match(&mut self, in_fence: bool) -> (Value, Vec<String>) {
        let (path, captures) = self.template();
        let methods = self.random.chance(60).then(|| self.random.some(&METHODS, 2));
        let host = self.host();
        if self.random.chance(60) {
            let methods = methods.map_or(String::new(), |methods| format!("{} ", methods.join(",")));
            return (format!("{methods}{}{path}", host.unwrap_or_default()).into(), captures);
        }
        let mut map = Map::new();
        if let Some(host) = host {
            map.insert("hosts".into(), json!([host]));
        }
        if let Some(methods) = methods {
            map.insert("methods".into(), json!(methods));
        }
        let mut captures = captures;
        if self.random.chance(15) {
            let regex = self.random.pick(&["/a(/.*)?", "/[a-b]/7", "/.*x", "/7/.+", "/a/.*", "/.+"]);
            map.insert("path".into(), json!({ "regex": regex }));
            captures.clear();
        } else if self.random.chance(5) {
            map.remove("methods");
            map.insert("grpc".into(), json!({ "service": "a", "method": "b" }));
            captures.clear();
        } else {
            map.insert("path".into(), path.into());
        }
        if self.random.chance(40) {
            let other = self.random.pick(&["x-b", "x-b", "referer"]);
            map.insert("headers".into(), self.texts("x-a", other));
        }
        if self.random.chance(15) {
            let other = self.random.pick(&["r", "r", "r[a]", "r[]"]);
            map.insert("query".into(), self.texts("q", other));
        }
        if in_fence && self.random.chance(30) {
            map.insert("token".into(), self.random.pick(&["present", "absent", "valid"]).into());
        }
        (map.into(), captures)
    }

    /// Conditions on one or both of two names whose values are texts.
    pub(super) fn texts(&mut self, one: &str, other: &str) -> Value {
        let names = self.random.some(&[one, other], 2);
        let mut matcher = || match self.random.below(10) {
            0 => json!({ "present": self.random.chance(50) }),
            1 => json!(["1", "2"]),
            2 => json!({ "prefix": "1" }),
            3 => json!({ "one_of": ["1", "x"] }),
            4 => json!({ "suffix": "2" }),
            5 => json!({ "matches": "[12].*" }),
            6 => json!({ "contains": "2" }),
            7 => json!({ "contains_all": ["1", "2"] }),
            _ => json!("1"),
        };
        names.into_iter().map(|name| (name, matcher())).collect::<Map<_, _>>().into()
    }

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
            12 => ("headers", self.texts("x-a", "referer")),
            13 => ("query", self.texts("q", "r")),
            _ => ("when", self.condition().into()),
        }
    }

    pub(super) fn source(&mut self) -> Value {
        let mut map = Map::new();
        if self.random.chance(70) {
            map.insert("cidrs".into(), json!(["10.0.0.0/8"]));
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

    pub(super) fn forbid(&mut self, index: usize) -> Value {
        let (matched, captures) = self.one_match(true);
        let mut rule = json!({ "name": format!("f{index}"), "match": matched });
        self.captures = captures;
        let members = rule.as_object_mut().expect("a map");
        if self.random.chance(70) {
            let with_guards = self.random.chance(50);
            members.insert("unless".into(), self.requirement(0, with_guards));
        }
        if self.random.chance(25) {
            let path = format!("/{}/{}", self.random.pick(&SEGMENTS), self.random.pick(&SEGMENTS));
            members.insert("except".into(), path.into());
        }
        if self.random.chance(20) {
            members.insert("mode".into(), "shadow".into());
        }
        rule
    }

    pub(super) fn route(&mut self, index: usize) -> Value {
        let (matched, captures) = self.one_match(false);
        let mut route = json!({ "name": format!("n{index}"), "match": matched });
        self.captures = captures;
        let members = route.as_object_mut().expect("a map");
        match self.random.below(20) {
            0..=6 => {
                members.insert("allow".into(), "anyone".into());
            }
            7 => {
                members.insert("allow".into(), "nobody".into());
            }
            8..=10 => {
                members.insert("allow".into(), "authenticated".into());
                if self.random.chance(60) {
                    members.insert("guard".into(), self.guard());
                }
            }
            _ => {
                let on_route = self.random.chance(40);
                if on_route {
                    members.insert("guard".into(), self.guard());
                }
                let with_guards = !on_route && self.random.chance(40);
                members.insert("require".into(), self.requirement(0, with_guards));
                if self.random.chance(20) {
                    members.insert("token".into(), self.random.pick(&["required", "optional"]).into());
                }
            }
        }
        if self.random.chance(12) {
            members.insert("mode".into(), "shadow".into());
        }
        if self.random.chance(10) {
            members.insert("paths".into(), json!({ "encoded_slashes": "segment" }));
        } else if self.random.chance(10) {
            members.insert("paths".into(), json!({ "semicolons": "literal" }));
        }
        route
    }
}
