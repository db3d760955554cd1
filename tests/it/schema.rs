//! The JSON Schemas say what the reader takes: no more, no less, as far as a schema can see.

use std::collections::{BTreeMap, BTreeSet};
use std::env;
use std::fs;
use std::path::{Path, PathBuf};

use jsonschema::Validator;
use portcullis::cases;
use portcullis::cases::mutate::Operator;
use portcullis::policy::diagnostic::{Diagnostics, SourceFile, codes};
use portcullis::policy::schema;
use portcullis::policy::yaml::{self, Kind, Node};
use serde_json::{Map, Value};

use super::diagnostics::{documented, said};
use super::policy::{files, root};

/// Codes of mistakes that a schema sees, too.
const SEEN: [&str; 8] = [
    codes::UNKNOWN_VERSION,
    codes::UNKNOWN_KEY,
    codes::WRONG_TYPE,
    codes::QUOTE_IT,
    codes::EMPTY,
    codes::MISSING_KEY,
    codes::UNKNOWN_WORD,
    codes::TWICE_IN_LIST,
];

/// What a schema cannot see: the spelling of a number, and an empty file, which is no value.
const UNSEEN: [&str; 3] = ["leading-zeros.yaml", "version-number-for-a-text.yaml", "unknown-matcher.yaml"];

fn validator(schema: &Value) -> Validator {
    jsonschema::draft7::new(schema).expect("a JSON Schema of draft 7")
}

fn json(node: &Node) -> Value {
    match &node.kind {
        Kind::Null => Value::Null,
        Kind::Bool(truth) => (*truth).into(),
        Kind::Integer(number) => (*number).into(),
        Kind::Float(number) => (*number).into(),
        Kind::Text { value, .. } => (&**value).into(),
        Kind::Sequence(items) => items.iter().map(json).collect(),
        Kind::Mapping(entries) => {
            Value::Object(entries.iter().map(|(key, value)| (name(key), json(value))).collect())
        }
    }
}

fn name(key: &Node) -> String {
    match &key.kind {
        Kind::Text { value, .. } => value.to_string(),
        Kind::Null
        | Kind::Bool(_)
        | Kind::Integer(_)
        | Kind::Float(_)
        | Kind::Sequence(_)
        | Kind::Mapping(_) => json(key).to_string(),
    }
}

fn read(file: &SourceFile) -> Option<Value> {
    yaml::parse(file, 0, &mut Diagnostics::default()).map(|node| json(&node))
}

fn directories() -> Vec<PathBuf> {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies");
    let below = |path: &Path| {
        let entries = fs::read_dir(path).expect("a directory").map(|entry| entry.expect("an entry").path());
        entries.filter(|path| path.is_dir() && !path.ends_with("broken")).collect::<Vec<_>>()
    };
    [below(&examples), below(&root())].concat()
}

#[test]
fn what_is_committed_is_what_the_program_says() {
    for (file, schema) in [("policy.schema.json", schema::policies()), ("tests.schema.json", schema::tests())]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("policies").join(file);
        let text = schema::text(&schema);
        if env::var_os("BLESS").is_some() {
            fs::write(&path, &text).expect("the schema can be written");
        }
        let committed = fs::read_to_string(&path).unwrap_or_default();
        assert!(committed == text, "policies/{file} is old: run this test with BLESS=1");
    }
}

#[test]
fn every_good_policy_and_test_is_good_to_the_schema() {
    let (policies, tests) = (validator(&schema::policies()), validator(&schema::tests()));
    let check = |validator: &Validator, file: &SourceFile| {
        let value = read(file).unwrap_or_else(|| panic!("{}", file.name));
        let problems: Vec<String> = validator
            .iter_errors(&value)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(problems.is_empty(), "{}: {}", file.name, problems.join("\n"));
    };
    for directory in directories() {
        let (policy_files, test_files) = files(&directory);
        for file in &policy_files {
            check(&policies, file);
        }
        for file in &test_files {
            check(&tests, file);
        }
    }
    for (_, kind, example) in documented() {
        let file = SourceFile { name: example.as_str().into(), text: example.as_str().into() };
        match kind.as_str() {
            "good" if !example.contains("# file:") => check(&policies, &file),
            "good tests" => check(&tests, &file),
            _ => {}
        }
    }
}

#[test]
fn every_mistake_of_shape_is_one_to_the_schema() {
    let (policies, tests) = (validator(&schema::policies()), validator(&schema::tests()));
    let mut count = 0;
    let mut unseen = Vec::new();
    for entry in fs::read_dir(root().join("broken")).expect("broken") {
        let path = entry.expect("an entry").path();
        let name = path.file_name().expect("a name").to_string_lossy().into_owned();
        let file = SourceFile {
            name: name.as_str().into(),
            text: fs::read_to_string(&path).expect("a policy").into(),
        };
        let found = said(std::slice::from_ref(&file));
        let Some(value) = read(&file) else { continue };
        if !UNSEEN.contains(&name.as_str()) && found.iter().any(|problem| SEEN.contains(&problem.code)) {
            count += 1;
            unseen.extend(policies.is_valid(&value).then_some(name));
        }
    }
    for (code, kind, example) in documented() {
        let file = SourceFile { name: example.as_str().into(), text: example.as_str().into() };
        let Some(value) = read(&file).filter(|_| SEEN.contains(&code.as_str())) else { continue };
        let is_valid = match kind.as_str() {
            "bad" => policies.is_valid(&value),
            "bad tests" => tests.is_valid(&value),
            _ => continue,
        };
        count += 1;
        unseen.extend(is_valid.then_some(format!("{code} {kind}")));
    }
    assert!(unseen.is_empty(), "{unseen:?}");
    assert!(count > 25, "{count} mistakes of shape");
}

/// A place for each map of the schema, with a key that nobody knows.
const PLACES: [(&str, &str); 19] = [
    ("", "zzzzzzzzzzzz: 1"),
    ("issuer", "issuers: { a: { zzzzzzzzzzzz: 1 } }"),
    ("keys", "issuers: { a: { keys: { zzzzzzzzzzzz: 1 } } }"),
    ("place", "issuers: { a: { token: { zzzzzzzzzzzz: 1 } } }"),
    ("read", "issuers: { a: { read: { zzzzzzzzzzzz: 1 } } }"),
    ("refresh", "issuers: { a: { refresh: { zzzzzzzzzzzz: 1 } } }"),
    ("guard", "guards: { a: { zzzzzzzzzzzz: 1 } }"),
    ("requirementMap", "requirements: { a: { zzzzzzzzzzzz: 1 } }"),
    ("matcherMap", "requirements: { a: { subject: { zzzzzzzzzzzz: 1 } } }"),
    ("source", "requirements: { a: { source: { zzzzzzzzzzzz: 1 } } }"),
    ("forbid", "forbid: [{ zzzzzzzzzzzz: 1 }]"),
    ("route", "routes: [{ zzzzzzzzzzzz: 1 }]"),
    ("matchMap", "routes: [{ match: { zzzzzzzzzzzz: 1 } }]"),
    ("pathExpression", "routes: [{ match: { path: { zzzzzzzzzzzz: 1 } } }]"),
    ("grpc", "routes: [{ match: { grpc: { zzzzzzzzzzzz: 1 } } }]"),
    ("defaults", "defaults: { zzzzzzzzzzzz: 1 }"),
    ("upstream", "defaults: { upstream: { zzzzzzzzzzzz: 1 } }"),
    ("clientAddress", "client_address: { zzzzzzzzzzzz: 1 }"),
    ("responses", "responses: { zzzzzzzzzzzz: 1 }"),
];

const MORE_PLACES: [(&str, &str); 4] = [
    ("paths", "paths: { zzzzzzzzzzzz: 1 }"),
    ("pathsOfRoute", "routes: [{ paths: { zzzzzzzzzzzz: 1 } }]"),
    ("block", "responses: { forbidden: { zzzzzzzzzzzz: 1 } }"),
    ("blocks", "routes: [{ on_deny: { forbidden: { status: 404 }, zzzzzzzzzzzz: 1 } }]"),
];

const TEST_PLACES: [(&str, &str); 9] = [
    ("", "zzzzzzzzzzzz: 1"),
    ("token", "tokens: { a: { zzzzzzzzzzzz: 1 } }"),
    ("test", "tests: [{ zzzzzzzzzzzz: 1 }]"),
    ("requestMap", "tests: [{ request: { zzzzzzzzzzzz: 1 } }]"),
    ("source", "tests: [{ request: { source: { zzzzzzzzzzzz: 1 } } }]"),
    ("carried", "tests: [{ tokens: [{ zzzzzzzzzzzz: 1 }] }]"),
    ("place", "tests: [{ tokens: [{ place: { zzzzzzzzzzzz: 1 } }] }]"),
    ("expectMap", "tests: [{ expect: { zzzzzzzzzzzz: 1 } }]"),
    ("acceptedMutant", "accepted_mutants: [{ zzzzzzzzzzzz: 1 }]"),
];

/// The keys that the reader knows where it found one that it does not.
fn known_keys(problems: &[portcullis::policy::diagnostic::Diagnostic]) -> BTreeSet<String> {
    let hint = problems
        .iter()
        .find(|problem| problem.code == codes::UNKNOWN_KEY && problem.message.contains("zzzzzzzzzzzz"))
        .and_then(|problem| problem.hint.clone())
        .unwrap_or_default();
    let list = hint.strip_prefix("known here: ").or(hint.strip_prefix("one of ")).unwrap_or_default();
    list.split(", ").map(str::to_owned).collect()
}

fn maps_of(schema: &Value) -> BTreeMap<String, BTreeSet<String>> {
    let keys = |shape: &Value| {
        let properties = shape.get("properties")?.as_object()?;
        Some(properties.keys().cloned().collect::<BTreeSet<String>>())
    };
    let empty = Map::new();
    let definitions = schema.get("definitions").and_then(Value::as_object).unwrap_or(&empty);
    let mut found: BTreeMap<String, BTreeSet<String>> =
        definitions.iter().filter_map(|(name, shape)| Some((name.clone(), keys(shape)?))).collect();
    found.insert(String::new(), keys(schema).expect("the root is a map"));
    found
}

#[test]
fn the_schema_of_policies_has_the_keys_of_the_reader() {
    let mut maps = maps_of(&schema::policies());
    for (definition, text) in PLACES.iter().chain(&MORE_PLACES) {
        let text = format!("version: 1\n{text}\n");
        let mut known =
            known_keys(&said(&[SourceFile { name: "a.yaml".into(), text: text.as_str().into() }]));
        if *definition == "matcherMap" {
            known.insert("ignore_case".to_owned());
        }
        if *definition == "pathsOfRoute" {
            // Known, and refused with words of their own.
            known.retain(|key| key != "case" && key != "empty_segments");
        }
        assert_eq!(maps.remove(*definition), Some(known), "{definition}: {text}");
    }
    assert!(maps.is_empty(), "maps of the schema that nobody compared: {:?}", maps.keys());
}

#[test]
fn the_schema_of_tests_has_the_keys_of_the_reader() {
    let mut maps = maps_of(&schema::tests());
    for (definition, text) in TEST_PLACES {
        let mut problems = Diagnostics::default();
        cases::read(&SourceFile { name: "a_test.yaml".into(), text: text.into() }, 0, &mut problems);
        let known = known_keys(&problems.problems);
        assert_eq!(maps.remove(definition), Some(known), "{definition}");
    }
    assert!(maps.is_empty(), "maps of the schema that nobody compared: {:?}", maps.keys());
}

/// A place for each word that is one of a list.
const WORDS: [(&str, &str); 15] = [
    ("/properties/preflight", "preflight: zzzzzzzzzzzz"),
    ("/properties/overrides", "overrides: zzzzzzzzzzzz"),
    ("/definitions/paths/properties/case", "paths: { case: zzzzzzzzzzzz }"),
    ("/definitions/paths/properties/empty_segments", "paths: { empty_segments: zzzzzzzzzzzz }"),
    ("/definitions/paths/properties/encoded_slashes", "paths: { encoded_slashes: zzzzzzzzzzzz }"),
    ("/definitions/pathsOfRoute/properties/semicolons", "paths: { semicolons: zzzzzzzzzzzz }"),
    ("/definitions/route/properties/allow", "routes: [{ allow: zzzzzzzzzzzz }]"),
    ("/definitions/route/properties/token", "routes: [{ token: zzzzzzzzzzzz }]"),
    ("/definitions/route/properties/mode", "routes: [{ mode: zzzzzzzzzzzz }]"),
    ("/definitions/forbid/properties/mode", "forbid: [{ mode: zzzzzzzzzzzz }]"),
    ("/definitions/matchMap/properties/token", "forbid: [{ match: { token: zzzzzzzzzzzz } }]"),
    ("/definitions/keys/properties/encoding", "issuers: { a: { keys: { encoding: zzzzzzzzzzzz } } }"),
    ("/definitions/responses/properties/disclose", "responses: { disclose: zzzzzzzzzzzz }"),
    ("/definitions/responses/properties/format", "responses: { format: zzzzzzzzzzzz }"),
    (
        "/definitions/read/properties/preset",
        "issuers: { a: { issuer: x, audiences: any, keys: { pem: x }, read: { preset: zzzzzzzzzzzz } } }",
    ),
];

#[test]
fn the_schema_has_the_words_of_the_reader() {
    let schema = schema::policies();
    for (pointer, text) in WORDS {
        let text = format!("version: 1\n{text}\n");
        let problems = said(&[SourceFile { name: "a.yaml".into(), text: text.as_str().into() }]);
        let hint = problems
            .iter()
            .find(|problem| problem.message.contains("zzzzzzzzzzzz"))
            .and_then(|problem| problem.hint.as_deref())
            .unwrap_or_default();
        let listed = hint.split(": ").next().unwrap_or_default();
        let known: Vec<&str> = listed.strip_prefix("one of ").unwrap_or_default().split(", ").collect();
        let words: Vec<&str> = schema
            .pointer(pointer)
            .and_then(|shape| shape.get("enum"))
            .and_then(Value::as_array)
            .map(|words| words.iter().filter_map(Value::as_str).collect())
            .unwrap_or_default();
        assert_eq!(words, known, "{pointer}");
    }
}

#[test]
fn the_schema_has_every_way_to_change_a_policy() {
    let schema = schema::tests();
    let words = schema.pointer("/definitions/acceptedMutant/properties/operator/enum").expect("words");
    assert_eq!(*words, serde_json::json!(Operator::ALL.map(Operator::word)));
}

#[test]
fn everything_in_a_schema_is_explained() {
    for schema in [schema::policies(), schema::tests()] {
        let mut maps = vec![&schema];
        maps.extend(schema.get("definitions").and_then(Value::as_object).expect("definitions").values());
        for map in maps {
            for (name, shape) in map.get("properties").and_then(Value::as_object).into_iter().flatten() {
                let words = shape.get("description").and_then(Value::as_str).unwrap_or_default();
                assert!(words.len() > 3, "{name} is not explained");
            }
        }
    }
}
