//! Random policies, tokens and requests, from few words, so that they meet often.

mod requests;
mod requirements;
mod rules;
mod tokens;

use aws_lc_rs::signature::Ed25519KeyPair;
use serde_json::{Map, Value, json};

use super::random::Random;
use super::token::Keys;
use rules::Writer;
use tokens::{FLAWS, keys, tokens};

pub use requests::request;

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
            let requirement =
                if writer.random.chance(50) { writer.plain() } else { writer.requirement(1, false) };
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
            ("scripts", "literal"),
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
