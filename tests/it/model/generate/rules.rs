//! Random rules and their matches.

use serde_json::{Map, Value, json};

use super::super::random::Random;
use super::{METHODS, SEGMENTS};

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
                (3, Some(name)) if self.random.chance(30) => format!("a{{{name}}}b"),
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

    /// A match, or a list of two, and what each of them captures.
    pub(super) fn matched(&mut self, in_fence: bool) -> (Value, Vec<String>) {
        let (one, mut captures) = self.one_match(in_fence);
        if !self.random.chance(12) {
            return (one, captures);
        }
        let (other, others) = self.one_match(in_fence);
        captures.retain(|name| others.contains(name));
        (json!([one, other]), captures)
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
            let hosts = if self.random.chance(20) { json!([host, "three.test"]) } else { json!([host]) };
            map.insert("hosts".into(), hosts);
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
            let grpc = [json!({ "service": "a", "method": "b" }), json!({ "service": "a" })];
            map.insert("grpc".into(), grpc[self.random.below(2)].clone());
            captures.clear();
        } else {
            map.insert("path".into(), path.into());
        }
        if self.random.chance(40) {
            let other = self.random.pick(&["x-b", "x-b", "referer"]);
            map.insert("headers".into(), self.texts("x-a", other, &captures));
        }
        if self.random.chance(15) {
            let other = self.random.pick(&["r", "r", "r[a]", "r[]"]);
            map.insert("query".into(), self.texts("q", other, &captures));
        }
        if in_fence && self.random.chance(30) {
            map.insert("token".into(), self.random.pick(&["present", "absent", "valid"]).into());
        }
        (map.into(), captures)
    }

    /// Conditions on one or both of two names whose values are texts.
    pub(super) fn texts(&mut self, one: &str, other: &str, captures: &[String]) -> Value {
        let names = self.random.some(&[one, other], 2);
        let mut matcher = || match (self.random.below(14), captures.first()) {
            (10 | 11, Some(name)) => json!(format!("{{{name}}}")),
            (12, Some(name)) => json!({ "one_of": [format!("{{{name}}}"), "2"] }),
            (dice, _) => text_matcher(dice, self.random),
        };
        names.into_iter().map(|name| (name, matcher())).collect::<Map<_, _>>().into()
    }

    pub(super) fn forbid(&mut self, index: usize) -> Value {
        let (matched, captures) = self.matched(true);
        let mut rule = json!({ "name": format!("f{index}"), "match": matched });
        self.captures = captures;
        let members = rule.as_object_mut().expect("a map");
        if self.random.chance(70) {
            let with_guards = self.random.chance(50);
            members.insert("unless".into(), self.requirement(0, with_guards));
        }
        if self.random.chance(25) {
            let path = format!("/{}/{}", self.random.pick(&SEGMENTS), self.random.pick(&SEGMENTS));
            let except = match self.random.below(5) {
                0 => json!({ "path": "/**", "headers": self.texts("x-a", "x-b", &[]) }),
                1 => json!({ "path": path, "query": self.texts("q", "r", &[]) }),
                2 => json!([path, "GET /a/**"]),
                _ => json!(path),
            };
            members.insert("except".into(), except);
        }
        if self.random.chance(20) {
            members.insert("mode".into(), "shadow".into());
        }
        rule
    }

    pub(super) fn route(&mut self, index: usize) -> Value {
        let (matched, captures) = self.matched(false);
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
                let with_guards = self.random.chance(if on_route { 20 } else { 40 });
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
            let paths = [json!({ "encoded_slashes": "segment" }), json!({ "scripts": "literal" })];
            members.insert("paths".into(), paths[self.random.below(2)].clone());
        } else if self.random.chance(10) {
            members.insert("paths".into(), json!({ "semicolons": "literal" }));
        }
        route
    }
}

/// A matcher for a text without captures.
fn text_matcher(dice: usize, random: &mut Random) -> Value {
    match dice {
        0 => json!({ "present": random.chance(50) }),
        1 => json!(["1", "2"]),
        2 => json!({ "prefix": "1" }),
        3 => json!({ "one_of": ["1", "X"], "ignore_case": random.chance(50) }),
        4 => json!({ "suffix": "2" }),
        5 => json!({ "matches": "[12].*" }),
        6 => json!({ "contains": "2" }),
        7 => json!({ "contains_all": ["1", "2"] }),
        8 => json!({ "contains_any": ["2", "x"] }),
        9 => json!({ "equals": "1" }),
        _ => json!("1"),
    }
}
