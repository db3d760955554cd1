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

/// What the corpora begin with. Whatever a fuzzer finds is put beside it.
fn seeds() -> Vec<(&'static str, String, Vec<u8>)> {
    let mut seeds = Vec::new();
    let mut texts = |target, texts: Vec<String>| {
        for (index, text) in texts.into_iter().enumerate() {
            seeds.push((target, format!("seed-{index:02}"), text.into_bytes()));
        }
    };
    texts("path", tables::PLACES.iter().map(|place| place.replace('@', "%2e")).collect());
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
