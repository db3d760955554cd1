//! Random policies, tokens and requests, from few words, so that they meet often.

use std::collections::BTreeMap;
use std::net::IpAddr;

use aws_lc_rs::hmac;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Map, Value, json};

use super::random::Random;
use super::target::{Place, Sent, patterns};
use super::token::{Held, Key, Keys};

pub const NOW: i64 = 1_790_000_000;

/// An issuer with what signs its tokens.
pub struct Signer {
    pub name: String,
    iss: Option<String>,
    secret: Option<Vec<u8>>,
    pair: Option<(String, Ed25519KeyPair)>,
    algorithm: &'static str,
    audience: String,
    place: Value,
}

/// A policy as written, with everything that goes with it.
pub struct World {
    /// `issuers`, `guards`, …: the whole set as one document.
    pub set: Value,
    pub signers: Vec<Signer>,
    /// States of the keys; the first is that all are there.
    pub keys: Vec<Keys>,
    /// Tokens, each with the place where it usually stands.
    pub tokens: Vec<(String, Value)>,
}

const SEGMENTS: [&str; 6] = ["a", "b", "ab", "7", "x", "admin"];
const HOSTS: [&str; 3] = ["one.test", "x.one.test", "two.test"];
const METHODS: [&str; 6] = ["GET", "POST", "DELETE", "HEAD", "PUT", "OPTIONS"];
const ROLES: [&str; 3] = ["r1", "r2", "r3"];
const SCOPES: [&str; 3] = ["s1", "s2", "s3"];

impl World {
    pub fn new(random: &mut Random) -> Self {
        let signers: Vec<Signer> = (0..1 + random.below(3)).map(|index| signer(index, random)).collect();
        let mut set = Map::new();
        let mut issuers = Map::new();
        for signer in &signers {
            issuers.insert(signer.name.clone(), issuer(signer, random));
        }
        let mut guards = Map::new();
        for index in 0..random.below(4) {
            guards.insert(format!("g{index}"), guard(&signers, random));
        }
        let mut names: Vec<String> = signers.iter().map(|signer| signer.name.clone()).collect();
        names.extend(guards.keys().cloned());
        let asks_default = signers.len() + guards.len() > 1;
        let mut writer = Writer { random, guards: names, requirements: Vec::new(), captures: Vec::new() };
        let mut requirements = Map::new();
        for index in 0..writer.random.below(3) {
            let requirement = writer.plain();
            requirements.insert(format!("q{index}"), requirement);
        }
        writer.requirements = requirements.keys().cloned().collect();
        let forbid: Vec<Value> = (0..writer.random.below(4)).map(|index| writer.forbid(index)).collect();
        let mut routes: Vec<Value> =
            (0..3 + writer.random.below(8)).map(|index| writer.route(index)).collect();
        heads(&mut routes, writer.random);
        let default = writer.guard();
        set.insert("issuers".into(), issuers.into());
        for (name, section) in [("guards", guards), ("requirements", requirements)] {
            if !section.is_empty() {
                set.insert(name.into(), section.into());
            }
        }
        if !forbid.is_empty() {
            set.insert("forbid".into(), forbid.into());
        }
        set.insert("routes".into(), routes.into());
        if asks_default || random.chance(30) {
            set.insert("defaults".into(), json!({ "guard": default }));
        }
        options(&mut set, random);
        let keys = keys(&signers, random);
        let tokens = tokens(&signers, random);
        Self { set: set.into(), signers, keys, tokens }
    }

    /// The files of the set: its sections and rules spread over a few, in any order.
    pub fn files(&self, random: &mut Random) -> Vec<String> {
        let mut files = vec![Map::new(), Map::new(), Map::new()];
        for (name, section) in self.set.as_object().expect("a map") {
            match section {
                Value::Array(rules) => {
                    let mut rules = rules.clone();
                    random.shuffle(&mut rules);
                    for rule in rules {
                        let file = random.below(3);
                        let list = files[file].entry(name.clone()).or_insert_with(|| json!([]));
                        list.as_array_mut().expect("a list").push(rule);
                    }
                }
                whole => {
                    let file = random.below(3);
                    files[file].insert(name.clone(), whole.clone());
                }
            }
        }
        files.retain(|file| !file.is_empty());
        random.shuffle(&mut files);
        files
            .into_iter()
            .map(|mut file| {
                file.insert("version".into(), 1.into());
                Value::Object(file).to_string()
            })
            .collect()
    }
}

/// Beside some routes for GET another for HEAD, and nothing else: only its being named tells who wins.
fn heads(routes: &mut Vec<Value>, random: &mut Random) {
    let head_of = |route: &Value| {
        let (methods, place) = route["match"].as_str()?.split_once(' ')?;
        let is_read = methods.split(',').any(|method| method == "GET") && !methods.contains("HEAD");
        is_read.then(|| {
            let name = format!("{}-head", route["name"].as_str().expect("a name"));
            let word = if route["allow"] == "anyone" { "nobody" } else { "anyone" };
            json!({ "name": name, "match": format!("HEAD {place}"), "allow": word })
        })
    };
    let found: Vec<Value> = routes.iter().filter_map(head_of).collect();
    routes.extend(found.into_iter().filter(|_| random.chance(30)));
}

fn signer(index: usize, random: &mut Random) -> Signer {
    let places = [
        json!([{ "header": "authorization", "scheme": "Bearer" }]),
        json!([{ "header": "authorization", "scheme": "Bearer" }, { "cookie": "c" }]),
        json!([{ "header": "x-token" }]),
        json!([{ "query": "t" }]),
    ];
    let by_secret = random.chance(50);
    let is_nameless = index == 2 && random.chance(50);
    Signer {
        name: format!("i{index}"),
        iss: (!is_nameless).then(|| format!("https://i{index}.test")),
        secret: by_secret.then(|| vec![u8::try_from(index).expect("few") + 1; 64]),
        pair: (!by_secret).then(|| {
            let pair = Ed25519KeyPair::from_seed_unchecked(&[u8::try_from(index).expect("few") + 7; 32])
                .expect("a seed");
            ("k1".to_owned(), pair)
        }),
        algorithm: if by_secret { "HS256" } else { "EdDSA" },
        audience: format!("aud{index}"),
        place: if random.chance(60) { Value::Null } else { places[random.below(4)].clone() },
    }
}

fn issuer(signer: &Signer, random: &mut Random) -> Value {
    let mut issuer = json!({
        "issuer": signer.iss.as_deref().unwrap_or("none"),
        "algorithms": [signer.algorithm],
        "audiences": [signer.audience, "shared"],
        "keys": if signer.secret.is_some() { json!({ "secret_env": "S" }) } else { json!({ "jwks_url": "https://i.test/jwks" }) },
    });
    let members = issuer.as_object_mut().expect("a map");
    if random.chance(10) {
        members.insert("audiences".into(), "any".into());
    }
    if !signer.place.is_null() {
        members.insert("token".into(), signer.place.clone());
    }
    if random.chance(20) {
        members.insert("leeway".into(), "0s".into());
    }
    if random.chance(20) {
        members.insert("max_age".into(), "2h".into());
    }
    if random.chance(20) {
        members.insert("require_expiry".into(), false.into());
    }
    if random.chance(15) {
        members.insert("scope_wildcard".into(), "*".into());
    }
    if random.chance(15) {
        members.insert("read".into(), json!({ "roles": "kind" }));
    }
    issuer
}

fn guard(signers: &[Signer], random: &mut Random) -> Value {
    let names: Vec<&str> = signers.iter().map(|signer| signer.name.as_str()).collect();
    let mut guard = json!({ "issuer": random.some(&names, 2) });
    let members = guard.as_object_mut().expect("a map");
    if random.chance(60) {
        members.insert("claims".into(), claims(random, false));
    }
    if random.chance(15) {
        members.insert("audiences".into(), json!(["shared"]));
    }
    if random.chance(10) {
        members.insert("types".into(), json!(["at+jwt"]));
    }
    guard
}

fn options(set: &mut Map<String, Value>, random: &mut Random) {
    if random.chance(30) {
        let mut paths = json!({});
        let members = paths.as_object_mut().expect("a map");
        for (key, word) in [
            ("case", "insensitive"),
            ("empty_segments", "merge"),
            ("encoded_slashes", "segment"),
            ("semicolons", "literal"),
        ] {
            if random.chance(40) {
                members.insert(key.into(), word.into());
            }
        }
        if !members.is_empty() {
            set.insert("paths".into(), paths);
        }
    }
    if random.chance(30) {
        set.insert("preflight".into(), "allow".into());
    }
    if random.chance(20) {
        set.insert("overrides".into(), random.pick(&["remove", "pass"]).into());
    }
    if random.chance(20) {
        let address =
            [json!({ "header": "x-client" }), json!({ "header": "x-forwarded-for", "trusted_hops": 2 })];
        set.insert("client_address".into(), address[random.below(2)].clone());
    }
}

/// A matcher for a claim; with `captures` it may hold one.
fn claim_matcher(name: &str, captures: &[String], random: &mut Random) -> Value {
    if let Some(capture) = captures.first().filter(|_| random.chance(30)) {
        return json!(format!("{{{capture}}}"));
    }
    match name {
        "level" => match random.below(4) {
            0 => json!({ "at_least": 1 + random.below(4) }),
            1 => json!({ "at_most": 2 + random.below(4) }),
            2 => json!(1 + random.below(4)),
            _ => json!([1, 2, 3]),
        },
        "flag" => json!(random.chance(70)),
        _ => match random.below(12) {
            0 => json!({ "equals": "x" }),
            1 => json!({ "one_of": ["x", "7"] }),
            2 => json!({ "contains": "x" }),
            3 => json!({ "contains_all": ["x", "7"] }),
            4 => json!({ "contains_any": ["y", "7"] }),
            5 => json!({ "prefix": "x" }),
            6 => json!({ "suffix": "Y", "ignore_case": random.chance(50) }),
            7 => json!({ "matches": "x|[0-9]+" }),
            8 => json!({ "present": random.chance(70) }),
            9 => json!({ "equals": ["x", "7"] }),
            10 => json!(["x", "y"]),
            _ => json!("x"),
        },
    }
}

fn claims(random: &mut Random, many: bool) -> Value {
    let most = if many { 2 } else { 1 };
    let names = random.some(&["tenant", "level", "kind", "flag"], most);
    names
        .into_iter()
        .map(|name| (name.clone(), claim_matcher(&name, &[], random)))
        .collect::<Map<_, _>>()
        .into()
}

/// Writes rules. What it captures and which guards there are it knows.
struct Writer<'r> {
    random: &'r mut Random,
    guards: Vec<String>,
    requirements: Vec<String>,
    captures: Vec<String>,
}

impl Writer<'_> {
    fn guard(&mut self) -> Value {
        if self.random.chance(30) {
            return "any".into();
        }
        let names: Vec<&str> = self.guards.iter().map(String::as_str).collect();
        match self.random.some(&names, 2).as_slice() {
            [one] if self.random.chance(50) => one.as_str().into(),
            several => json!(several),
        }
    }

    fn template(&mut self) -> (String, Vec<String>) {
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

    fn host(&mut self) -> Option<&'static str> {
        self.random.chance(30).then(|| self.random.pick(&["one.test", "*.one.test", "*.test", "two.test"]))
    }

    /// A match and what it captures.
    fn one_match(&mut self, in_fence: bool) -> (Value, Vec<String>) {
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
            let regex = self.random.pick(&["/a(/.*)?", "/[a-b]/7", "/.*x", "/7/.+"]);
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
            map.insert("headers".into(), self.texts("x-a", "x-b"));
        }
        if self.random.chance(15) {
            map.insert("query".into(), self.texts("q", "r"));
        }
        if in_fence && self.random.chance(30) {
            map.insert("token".into(), self.random.pick(&["present", "absent", "valid"]).into());
        }
        (map.into(), captures)
    }

    /// Conditions on one or both of two names whose values are texts.
    fn texts(&mut self, one: &str, other: &str) -> Value {
        let names = self.random.some(&[one, other], 2);
        let mut matcher = || match self.random.below(6) {
            0 => json!({ "present": self.random.chance(50) }),
            1 => json!(["1", "2"]),
            2 => json!({ "prefix": "1" }),
            3 => json!({ "one_of": ["1", "x"] }),
            _ => json!("1"),
        };
        names.into_iter().map(|name| (name, matcher())).collect::<Map<_, _>>().into()
    }

    /// A requirement that names no guard and no other requirement.
    fn plain(&mut self) -> Value {
        let mut map = Map::new();
        for _ in 0..1 + self.random.below(2) {
            let (key, value) = self.leaf();
            map.insert(key.into(), value);
        }
        map.into()
    }

    fn leaf(&mut self) -> (&'static str, Value) {
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
            12 => ("headers", self.texts("x-a", "x-b")),
            13 => ("query", self.texts("q", "r")),
            _ => ("when", self.condition().into()),
        }
    }

    fn source(&mut self) -> Value {
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

    fn condition(&mut self) -> &'static str {
        if self.captures.iter().any(|name| name == "x") && self.random.chance(30) {
            return "subject == params.x";
        }
        let mut known = vec![
            "request.method == \"GET\"",
            "request.path == \"/a/7\"",
            "request.host == \"one.test\"",
            "request.headers[\"x-a\"] == \"1\"",
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
    fn requirement(&mut self, depth: usize, with_guards: bool) -> Value {
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

    fn branches(&mut self, depth: usize, with_guards: bool) -> Value {
        (0..1 + self.random.below(3)).map(|_| self.requirement(depth + 1, with_guards)).collect()
    }

    fn forbid(&mut self, index: usize) -> Value {
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

    fn route(&mut self, index: usize) -> Value {
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

fn keys(signers: &[Signer], random: &mut Random) -> Vec<Keys> {
    let state = |chances: [usize; 3], random: &mut Random| -> Keys {
        let of = |signer: &Signer| {
            let key = match (&signer.secret, &signer.pair) {
                (Some(secret), _) => Key::Secret(secret.clone()),
                (None, Some((kid, pair))) => {
                    Key::Ed25519 { kid: kid.clone(), public: pair.public_key().as_ref().to_vec() }
                }
                (None, None) => panic!("an issuer without keys"),
            };
            let dice = random.below(100);
            let held = match (dice, &key) {
                (dice, _) if dice < chances[0] => Held::Never,
                (_, Key::Secret(_)) => Held::Local,
                (dice, _) if dice < chances[1] => Held::Fetched(NOW - 3 * 86_400),
                (dice, _) if dice < chances[2] => Held::Fetched(NOW - 3600),
                _ => Held::Fetched(NOW),
            };
            (signer.name.clone(), (vec![key], held))
        };
        signers.iter().map(of).collect::<BTreeMap<_, _>>()
    };
    vec![state([0, 0, 0], random), state([0, 0, 60], random), state([40, 70, 80], random)]
}

/// Tokens of every issuer, good ones and ones with a single flaw.
fn tokens(signers: &[Signer], random: &mut Random) -> Vec<(String, Value)> {
    let mut tokens = Vec::new();
    for signer in signers {
        for _ in 0..8 {
            tokens.push((token(signer, None, random), signer.place.clone()));
        }
        for flaw in FLAWS {
            tokens.push((token(signer, Some(flaw), random), signer.place.clone()));
        }
    }
    tokens
}

const FLAWS: [&str; 13] = [
    "expired",
    "early",
    "old",
    "audience",
    "type",
    "no-expiry",
    "subject",
    "signature",
    "algorithm",
    "key",
    "issuer",
    "junk",
    "large",
];

fn token(signer: &Signer, flaw: Option<&str>, random: &mut Random) -> String {
    let mut claims = json!({ "exp": NOW + 600, "iat": NOW - 60, "aud": signer.audience });
    let members = claims.as_object_mut().expect("a map");
    if let Some(iss) = &signer.iss {
        members.insert("iss".into(), iss.as_str().into());
    }
    if random.chance(40) {
        members.insert("aud".into(), json!([signer.audience, "shared"]));
    }
    for (name, values) in [
        ("sub", vec![json!("7"), json!(7), json!("x"), json!("rest")]),
        ("scope", vec![json!("s1"), json!("s1 s2"), json!(["s2", "s3"]), json!("*")]),
        (
            "roles",
            vec![
                json!(["r1"]),
                json!(["r1", "r2", "r7", "rx"]),
                json!("r2"),
                json!({ "r3": true, "r1": false }),
            ],
        ),
        ("groups", vec![json!(["g1"]), json!([])]),
        ("permissions", vec![json!(["p1", "p2"]), json!("p1")]),
        ("tenant", vec![json!("x"), json!("y"), json!(["x", "7"]), json!("7"), json!({ "x": 1 }), json!(7)]),
        ("level", vec![json!(1), json!(3), json!(4), json!("3")]),
        ("kind", vec![json!("x"), json!("r1"), json!("Xy")]),
        ("flag", vec![json!(true), json!(false)]),
    ] {
        if random.chance(65) {
            members.insert(name.into(), values[random.below(values.len())].clone());
        }
    }
    let mut header = json!({ "alg": signer.algorithm });
    let head = header.as_object_mut().expect("a map");
    if random.chance(40) {
        head.insert("typ".into(), random.pick(&["JWT", "at+jwt", "application/at+jwt"]).into());
    }
    if signer.pair.is_some() && random.chance(70) {
        head.insert("kid".into(), "k1".into());
    }
    match flaw {
        Some("expired") => members.insert("exp".into(), (NOW - 300).into()),
        Some("early") => members.insert("nbf".into(), (NOW + 300).into()),
        Some("old") => members.insert("iat".into(), (NOW - 10_000).into()),
        Some("audience") => members.insert("aud".into(), "other".into()),
        Some("type") => head.insert("typ".into(), "dpop+jwt".into()),
        Some("no-expiry") => members.remove("exp"),
        Some("subject") => members.insert("sub".into(), json!(["7"])),
        Some("algorithm") => head.insert("alg".into(), "HS384".into()),
        Some("key") => head.insert("kid".into(), "k9".into()),
        Some("issuer") => members.insert("iss".into(), "https://elsewhere.test".into()),
        Some("junk") => return random.pick(&["junk", "a.b", "a.b.c.d.e", "e30.e30"]).to_owned(),
        Some("large") => members.insert("pad".into(), "p".repeat(17 * 1024).into()),
        _ => None,
    };
    let encode = |part: &Value| URL_SAFE_NO_PAD.encode(part.to_string());
    let text = format!("{}.{}", encode(&header), encode(&claims));
    let mut mark = match (&signer.secret, &signer.pair) {
        (Some(secret), _) => {
            let kind = if flaw == Some("algorithm") { hmac::HMAC_SHA384 } else { hmac::HMAC_SHA256 };
            hmac::sign(&hmac::Key::new(kind, secret), text.as_bytes()).as_ref().to_vec()
        }
        (None, Some((_, pair))) => pair.sign(text.as_bytes()).as_ref().to_vec(),
        (None, None) => panic!("an issuer without keys"),
    };
    if flaw == Some("signature") {
        mark[3] ^= 1;
    }
    format!("{text}.{}", URL_SAFE_NO_PAD.encode(mark))
}

/// A moment: mostly about now, otherwise a border of what tokens and keys say, or one a second beside it.
pub fn moment(random: &mut Random) -> i64 {
    // Of `iat`, `exp`, `nbf` and `max_age` with and without leeway; of `cooldown` and `max_stale`.
    const BORDERS: [i64; 12] = [-390, -330, -300, -90, -60, 270, 300, 600, 630, 7140, 7170, 86_400];
    let aside = if random.chance(80) {
        i64::try_from(random.below(13)).expect("few")
    } else {
        BORDERS[random.below(BORDERS.len())] + i64::try_from(random.below(3)).expect("few") - 1
    };
    NOW + aside
}

/// What a request is made of before it is varied.
struct Draft {
    method: String,
    host: String,
    segments: Vec<String>,
    headers: Vec<(String, String)>,
    query: Vec<String>,
}

impl Draft {
    fn any(random: &mut Random) -> Self {
        Self {
            method: random.pick(&METHODS).to_owned(),
            host: random.pick(&HOSTS).to_owned(),
            segments: (0..random.below(4)).map(|_| random.pick(&SEGMENTS).to_owned()).collect(),
            headers: Vec::new(),
            query: Vec::new(),
        }
    }

    /// One that satisfies a match of some rule, most often.
    fn of_a_rule(world: &World, random: &mut Random) -> Self {
        let section =
            if world.set.get("forbid").is_some() && random.chance(15) { "forbid" } else { "routes" };
        let rules = world.set.get(section).and_then(Value::as_array).map(Vec::as_slice).unwrap_or_default();
        if rules.is_empty() {
            return Self::any(random);
        }
        let rule = &rules[random.below(rules.len())];
        let patterns = patterns(rule.get("match"));
        let pattern = &patterns[random.below(patterns.len())];
        let segments = match &pattern.path {
            Place::Regex(_) => vec!["a".to_owned(), "7".to_owned()],
            Place::Template(pieces) => pieces.iter().flat_map(|piece| concrete(piece, random)).collect(),
        };
        let value = |(name, matcher): &(String, Value)| {
            (matcher.get("present") != Some(&Value::Bool(false))).then(|| (name.clone(), "1".to_owned()))
        };
        let method = match &pattern.methods {
            None => random.pick(&METHODS).to_owned(),
            Some(methods) => methods[random.below(methods.len())].clone(),
        };
        let host = match pattern.host.as_deref() {
            None => random.pick(&HOSTS).to_owned(),
            Some("*.one.test") => "x.one.test".to_owned(),
            Some("*.test") => random.pick(&["one.test", "x.one.test"]).to_owned(),
            Some(host) => host.to_owned(),
        };
        let query =
            pattern.query.iter().filter_map(value).map(|(name, value)| format!("{name}={value}")).collect();
        Self { method, host, segments, headers: pattern.headers.iter().filter_map(value).collect(), query }
    }
}

/// Segments that a piece of a template matches.
fn concrete(piece: &str, random: &mut Random) -> Vec<String> {
    if piece == "**" || piece.ends_with("=**}") {
        return (0..random.below(3)).map(|_| random.pick(&SEGMENTS).to_owned()).collect();
    }
    let value = random.pick(&["7", "x", "a", "rest"]);
    match piece.split_once('{') {
        None if piece == "*" => vec![value.to_owned()],
        None => vec![piece.to_owned()],
        Some((before, after)) => {
            let (_, after) = after.split_once('}').expect("a capture");
            vec![format!("{before}{value}{after}")]
        }
    }
}

/// A request, and perhaps a token or two in it.
pub fn request(world: &World, random: &mut Random) -> Sent {
    let draft = if random.chance(93) { Draft::of_a_rule(world, random) } else { Draft::any(random) };
    let mut target = String::new();
    for segment in &draft.segments {
        let spelt = match random.below(60) {
            0 | 1 => segment.replace('a', "%61"),
            2 => segment.to_ascii_uppercase(),
            3 => format!("{segment};v=1"),
            4 => format!("{segment}%2F{}", random.pick(&SEGMENTS)),
            5 => format!("a{segment}b"),
            _ => segment.clone(),
        };
        target = format!("{target}/{spelt}");
    }
    match random.below(100) {
        0 => target = format!("/{target}"),
        1 => target.push_str("/../a"),
        2 => target.push_str("/%2e%2e"),
        3 => target.push_str("/a%00"),
        4 => target.push_str("/%252e"),
        5 => target.push_str("/a%5c"),
        6 => target.push_str("/%ef%bc%8e%ef%bc%8e"),
        7 => target.push_str("/;x"),
        8 => target.push_str("//b"),
        9..=12 => target.push('/'),
        _ => {}
    }
    if target.is_empty() {
        target.push('/');
    }
    let mut query = draft.query;
    for name in ["q", "r"] {
        for _ in 0..random.below(5).saturating_sub(3) + usize::from(random.chance(10)) {
            query.push(format!("{name}={}", random.pick(&["1", "2", "x", "%31", "1+2"])));
        }
    }
    let mut headers = draft.headers;
    for name in ["x-a", "x-b", "X-A", "x_a", "x.b"] {
        if random.chance(if name.starts_with("x-") { 15 } else { 6 }) {
            headers
                .push((name.to_owned(), random.pick(&["1", "1", "2", "x", "12", "1,2", "2, 1"]).to_owned()));
        }
    }
    if random.chance(10) {
        headers.push(("x-client".to_owned(), random.pick(&["10.0.0.1", "192.0.2.1", "junk"]).to_owned()));
    }
    if random.chance(10) {
        headers.push((
            "x-forwarded-for".to_owned(),
            random.pick(&["10.0.0.1, 192.0.2.1", "192.0.2.1", "9.9.9.9,10.0.0.1,1.1.1.1"]).to_owned(),
        ));
    }
    let mut method = draft.method;
    match random.below(150) {
        0 => method = "get".to_owned(),
        1 => headers.push(("x-http-method-override".to_owned(), "DELETE".to_owned())),
        2 => {
            method = "POST".to_owned();
            query.push("_method=PUT".to_owned());
        }
        3 => headers.push(("x-pad".to_owned(), "p".repeat(130 * 1024))),
        4 => headers.push(("authorization".to_owned(), "Basic dTpw".to_owned())),
        5 => headers.push(("authorization".to_owned(), "Bearer".to_owned())),
        6..=12 => {
            method = "OPTIONS".to_owned();
            headers.push(("origin".to_owned(), "https://app.test".to_owned()));
            headers.push(("access-control-request-method".to_owned(), random.pick(&METHODS).to_owned()));
        }
        _ => {}
    }
    let mut sent = Sent {
        method,
        host: host(draft.host, random),
        target,
        headers,
        address: [None, Some([10, 0, 0, 1].into()), Some([192, 0, 2, 1].into())][random.below(3)]
            .map(|octets: [u8; 4]| IpAddr::from(octets)),
        principal: random.pick(&["", "", "spiffe://t/x", "spiffe://t/y", "spiffe://u/x"]).to_owned(),
    };
    let tokens = match random.below(20) {
        0..=3 => 0,
        4 => 2,
        _ => 1,
    };
    for _ in 0..tokens {
        let good = random.chance(80);
        let per_issuer = 8 + FLAWS.len();
        let issuer = random.below(world.signers.len());
        let index = if good { random.below(8) } else { 8 + random.below(FLAWS.len()) };
        let (token, place) = &world.tokens[issuer * per_issuer + index];
        carry(&mut sent, &mut query, token, place, random);
    }
    if !query.is_empty() {
        sent.target = format!("{}?{}", sent.target, query.join("&"));
    }
    sent
}

fn host(host: String, random: &mut Random) -> String {
    match random.below(50) {
        0 => format!("{host}:8443"),
        1 => host.to_ascii_uppercase(),
        2 => format!("{host}."),
        3 => random.pick(&["", "a b", "u@one.test", "one.test:1:2", "one..test"]).to_owned(),
        _ => host,
    }
}

fn carry(sent: &mut Sent, query: &mut Vec<String>, token: &str, place: &Value, random: &mut Random) {
    let usual = json!([{ "header": "authorization", "scheme": "Bearer" }]);
    let places = if place.is_null() { &usual } else { place };
    let places = places.as_array().expect("a list");
    let place = &places[random.below(places.len())];
    let word = |key: &str| place.get(key).and_then(Value::as_str).map(str::to_owned);
    match (word("header"), word("cookie"), word("query")) {
        (Some(header), _, _) => {
            let value = word("scheme").map_or_else(|| token.to_owned(), |scheme| format!("{scheme} {token}"));
            sent.headers.push((header, value));
        }
        (_, Some(cookie), _) => sent.headers.push(("cookie".to_owned(), format!("z=1; {cookie}={token}"))),
        (_, _, name) => query.push(format!("{}={token}", name.expect("a place"))),
    }
}
