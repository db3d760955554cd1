//! The fuzz targets (`make fuzz`) as tests: every file of their corpora, and what lies near it.

#[path = "../../fuzz/src/targets.rs"]
mod targets;

use std::collections::BTreeSet;
use std::fs;
use std::panic::catch_unwind;
use std::path::{Path, PathBuf};

use crate::model::random::Random;
use crate::tables;
use targets::TARGETS;

pub fn corpora() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus")
}

fn corpus(target: &str) -> Vec<(String, Vec<u8>)> {
    let directory = corpora().join(target);
    let entries =
        fs::read_dir(&directory).unwrap_or_else(|problem| panic!("{}: {problem}", directory.display()));
    let file = |path: PathBuf| (path.display().to_string(), fs::read(&path).expect("a file of a corpus"));
    let mut files: Vec<_> = entries.map(|entry| file(entry.expect("an entry").path())).collect();
    files.sort();
    files
}

/// A few bytes changed, taken out, doubled or put in.
fn near(bytes: &[u8], random: &mut Random) -> Vec<u8> {
    const TELLING: &[u8] = b"/.%;\\\"'{}[]:,*\n\t \0\xff#?=&-_~2eE0";
    let mut near = bytes.to_vec();
    for _ in 0..=random.below(3) {
        let at = random.below(near.len() + 1);
        match random.below(4) {
            0 => near.insert(at, TELLING[random.below(TELLING.len())]),
            1 if at < near.len() => near[at] ^= 1 << random.below(8),
            2 if at < near.len() => {
                near.remove(at);
            }
            _ => {
                let end = (at + random.below(16)).min(near.len());
                let piece = near[at..end].to_vec();
                near.splice(at..at, piece);
            }
        }
    }
    near
}

fn keeps_its_promises(target: &str) {
    let (_, run) = TARGETS.iter().find(|(name, _)| *name == target).expect("a target");
    let seed = crate::model::seed();
    let mut random = Random::new(seed);
    let files = corpus(target);
    assert!(files.len() > 5, "{} files for {target}", files.len());
    for (name, bytes) in files {
        assert!(catch_unwind(|| run(&bytes)).is_ok(), "{name}");
        for _ in 0..10 {
            let near = near(&bytes, &mut random);
            let kept = catch_unwind(|| run(&near)).is_ok();
            assert!(kept, "near {name}, by PORTCULLIS_SEED={seed}: {}", near.escape_ascii());
        }
    }
}

/// One test for each target, so that they run beside each other.
macro_rules! targets {
    ($($target:ident)*) => {
        $(#[test]
        fn $target() {
            keeps_its_promises(stringify!($target));
        })*

        #[test]
        fn every_target_is_a_test_and_has_a_corpus() {
            let tested = BTreeSet::from([$(stringify!($target)),*]);
            let known: BTreeSet<&str> = TARGETS.iter().map(|(name, _)| *name).collect();
            assert_eq!(tested, known);
            let entries = fs::read_dir(corpora()).expect("the corpora");
            let names: BTreeSet<String> =
                entries.map(|entry| entry.expect("an entry").file_name().to_string_lossy().into_owned()).collect();
            assert_eq!(names, known.into_iter().map(str::to_owned).collect());
        }
    };
}

targets! { check_request path host authorization jwt jwks policy condition differential }

/// Paths that somebody may read otherwise: slashes, parameters, and dots that only folding shows.
const READ_OTHERWISE: [&str; 12] = [
    "/yard;v=1/x",
    "/open%2fvault",
    "/open;a%2fb/vault%3b",
    "/;x%2fyard/",
    "/a%2f%2fb;/c",
    "/YARD%2Fx;",
    "/open/%ef%bc%8e%ef%bc%8e%2fyard",
    "/%e2%80%a5%2fyard/%e2%80%a6",
    "/x;%2f%ef%bc%8e.;y%2fyard",
    "/a%ef%bc%8fb;c/%e2%84%80",
    "/yard%ef%bc%9bx/%ef%bc%852e",
    "/caf%c3%a9%2fk%e2%84%aa;%c5%bf",
];

/// Key sets of which the first key is to be left out: private, a secret, small, for encryption, unknown.
fn sets_with_a_bad_key(good: &serde_json::Value) -> Vec<String> {
    let changes = [
        ("d", serde_json::json!("AQAB")),
        ("kty", serde_json::json!("oct")),
        ("n", serde_json::json!("wAAB")),
        ("use", serde_json::json!("enc")),
        ("crv", serde_json::json!("X25519")),
        ("key_ops", serde_json::json!(["sign"])),
    ];
    let set = |(member, value): (&str, serde_json::Value)| {
        let mut bad = good.clone();
        bad["kid"] = "bad".into();
        bad[member] = value;
        serde_json::json!({ "keys": [bad, good] }).to_string()
    };
    changes.map(set).to_vec()
}

/// What the corpora begin with. Whatever a fuzzer finds is put beside it.
fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();
    let mut texts = |target, texts: Vec<String>| {
        for (index, text) in texts.into_iter().enumerate() {
            seeds.push((target, format!("seed-{index:02}"), text.into_bytes()));
        }
    };
    let places = tables::PLACES.iter().map(|place| place.replace('@', "%2e"));
    texts("path", places.chain(READ_OTHERWISE.map(str::to_owned)).collect());
    let hosts =
        "a.example A.EXAMPLE. a.example:443 [::1]:80 [2001:DB8::1] a_b.c:0 1.2.3.4 a..b @a a,b a:1:2 xn--a";
    texts("host", hosts.split(' ').map(str::to_owned).collect());
    let lasting = targets::lasting();
    texts(
        "authorization",
        [
            "Bearer @",
            "bearer  @",
            "Bearer",
            "Bearer ",
            " Bearer @",
            "Bearer @, Bearer @",
            "Basic dTpw",
            "Bearer\t@",
        ]
        .iter()
        .map(|text| text.replace('@', &lasting))
        .collect(),
    );
    let good = targets::good_tokens();
    let (unsigned, _) = good[0].rsplit_once('.').expect("a token");
    let none = format!("eyJhbGciOiJub25lIn0.{}.", unsigned.split('.').nth(1).expect("claims"));
    let mut tokens = good.clone();
    tokens.extend([none, lasting, format!("{unsigned}."), format!("{unsigned}.AA.BB.CC"), "..".to_owned()]);
    texts("jwt", tokens);
    let conditions = [
        "request.method == \"GET\"",
        "claims.sub == params.id",
        "\"keeper\" in roles && subject == params.id",
        "request.time < 1790000600",
        "request.query[\"q\"].exists(v, v == \"1\")",
        "size(scopes) > 0 ? issuer == \"auth\" : false",
        "request.headers[\"x-a\"].matches(\"[0-9]+\")",
        "!has(claims.realm_access) || claims.realm_access.roles.all(r, r != \"\")",
        "claims.exp - request.time > 60.0",
        "guards == [\"auth\"] && source.address.startsWith(\"10.\")",
    ];
    texts("condition", conditions.iter().map(|text| (*text).to_owned()).collect());
    let public: serde_json::Value =
        serde_json::from_slice(&fs::read(data("tokens/keys/public.json")).expect("keys")).expect("keys");
    let one = |key: &serde_json::Value| serde_json::json!({ "keys": [key] }).to_string();
    let mut sets: Vec<String> = public.as_object().expect("keys").values().map(one).collect();
    let all: Vec<&serde_json::Value> = public.as_object().expect("keys").values().collect();
    sets.extend([serde_json::json!({ "keys": all }).to_string(), "{\"keys\":[]}".to_owned()]);
    for name in ["rsa-a", "p256-a"] {
        sets.extend(sets_with_a_bad_key(&public[name]));
    }
    texts("jwks", sets);
    for entry in fs::read_dir(crate::policy::root().join("broken")).expect("broken policies") {
        let path = entry.expect("an entry").path();
        let name = path.file_stem().expect("a name").to_string_lossy().into_owned();
        seeds.push(("policy", format!("broken-{name}"), fs::read(path).expect("a policy")));
    }
    for set in
        ["captures", "conditions", "forbid", "guards", "matchers", "preflight", "requirements", "source"]
    {
        let policy = fs::read(crate::policy::root().join(set).join("policy.yaml")).expect("a policy");
        seeds.push(("policy", format!("case-{set}"), policy));
    }
    for (index, message) in crate::wire::some_messages().into_iter().enumerate() {
        seeds.push(("check_request", format!("captured-{index:02}"), message));
    }
    let mut random = Random::new(7);
    for index in 0..12 {
        let choices = (0..64).map(|_| u8::try_from(random.below(256)).expect("a byte")).collect();
        seeds.push(("differential", format!("seed-{index:02}"), choices));
    }
    seeds
}

fn data(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(path)
}

/// Otherwise the targets would look at much and hold nothing against it.
#[test]
fn the_stored_policies_and_key_sets_put_the_promises_to_the_proof() {
    let text = |(_, bytes): (String, Vec<u8>)| String::from_utf8(bytes).ok();
    let of_policy = |text: String| targets::strangers_kept_out(&text);
    let kept_out: Vec<usize> = corpus("policy").into_iter().filter_map(text).map(of_policy).collect();
    let policies = kept_out.iter().filter(|count| **count > 0).count();
    let requests: usize = kept_out.iter().sum();
    assert!(policies > 5 && requests > 40, "{requests} requests by {policies} policies");
    let mut unsound = 0;
    for set in corpus("jwks").into_iter().filter_map(text) {
        let Ok(set) = serde_json::from_str::<serde_json::Value>(&set) else { continue };
        let all = set["keys"].as_array().map_or(0, Vec::len);
        unsound += all - targets::sound_ids(&set).len();
    }
    assert!(unsound > 5, "{unsound} keys that have to be left out");
}

#[test]
fn the_corpora_begin_with_what_the_tests_know() {
    for (target, name, bytes) in seeds() {
        let path = corpora().join(target).join(&name);
        if std::env::var_os("BLESS").is_some() {
            fs::create_dir_all(corpora().join(target)).expect("a directory");
            fs::write(&path, &bytes).expect("a seed");
        }
        let committed = fs::read(&path).unwrap_or_default();
        assert!(committed == bytes, "{} is old: run this test with BLESS=1", path.display());
    }
}
