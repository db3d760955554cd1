//! The first look, held against a whole reader of JSON: what it finds is there, and what it does not find is
//! written with escapes or stands in no JSON at all.

use std::borrow::Cow;

use proptest::prelude::*;
use serde::de::{MapAccess, Visitor};
use serde::{Deserialize, Deserializer};
use serde_json::Value;

use super::{Glimpse, Name, is_object};

const NAMES: [&str; 5] = ["iss", "alg", "kid", "crit", "b64"];

fn name(plain: &str) -> Name {
    Name::new(match plain {
        "iss" => "\"iss\"",
        "alg" => "\"alg\"",
        "kid" => "\"kid\"",
        "crit" => "\"crit\"",
        _ => "\"b64\"",
    })
}

/// A text, borrowed where it is written without escapes.
#[derive(Deserialize)]
struct Text<'b>(#[serde(borrow)] Cow<'b, str>);

/// The members of the outermost object as `serde_json` finds them.
struct Members<'b>(Vec<(Cow<'b, str>, Value)>);

impl<'de> Deserialize<'de> for Members<'de> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct All;
        impl<'de> Visitor<'de> for All {
            type Value = Members<'de>;

            fn expecting(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                formatter.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Self::Value, A::Error> {
                let mut found = Vec::new();
                while let Some(Text(name)) = members.next_key()? {
                    found.push((name, members.next_value()?));
                }
                Ok(Members(found))
            }
        }
        deserializer.deserialize_map(All)
    }
}

/// Holds the two readers against each other; says whether it was a JSON object.
fn compare(json: &[u8]) -> Result<bool, TestCaseError> {
    let seen: Vec<Vec<Option<String>>> = NAMES
        .iter()
        .map(|plain| {
            let text = |glimpse: Glimpse<'_>| glimpse.text().map(String::from);
            name(plain).values(json).map(text).collect()
        })
        .collect();
    let Ok(Members(members)) = serde_json::from_slice(json) else {
        // A list or a scalar: whoever asks is told so.
        let is_other_json = serde_json::from_slice::<Value>(json).is_ok();
        prop_assert!(!(is_other_json && is_object(json)), "{}", String::from_utf8_lossy(json));
        return Ok(false);
    };
    prop_assert!(is_object(json));
    for (plain, seen) in NAMES.iter().zip(seen) {
        // A name that is written with escapes is left to the strict reader.
        let is_plain = |name: &Cow<'_, str>| matches!(name, Cow::Borrowed(name) if name == plain);
        let there = members.iter().filter(|(name, _)| is_plain(name));
        let there: Vec<Option<String>> = there.map(|(_, value)| value.as_str().map(str::to_owned)).collect();
        prop_assert_eq!(seen, there, "`{}` in {}", plain, String::from_utf8_lossy(json));
    }
    Ok(true)
}

/// Texts that look like what is looked for, and what could lead a scanner astray.
fn text() -> impl Strategy<Value = String> {
    let bait = proptest::sample::select(vec![
        "iss",
        "alg",
        "kid",
        "\\\"iss\\\":\\\"evil\\\"",
        "\\\\",
        "\\\\\\\"",
        "\\u0069ss",
        "\\u0022iss\\u0022:1",
        "{",
        "}",
        "[",
        "]",
        ":",
        ",",
        "\\n",
        "é",
        "\u{1F511}",
        "\\ud83d\\udd11",
        "",
        " ",
    ]);
    proptest::collection::vec(prop_oneof![bait.prop_map(str::to_owned), "[a-z ]{0,70}"], 0..4)
        .prop_map(|parts| parts.concat())
}

fn member_name() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => proptest::sample::select(NAMES.to_vec()).prop_map(str::to_owned),
        1 => proptest::sample::select(vec!["\\u0069ss", "a\\u006cg", "is", "isss", "ISS", "iss\\\\", "\\\"iss"]).prop_map(str::to_owned),
        1 => text(),
    ]
}

fn blank() -> impl Strategy<Value = &'static str> {
    proptest::sample::select(vec!["", "", " ", "\n", "\t\r\n  "])
}

fn object(value: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    let member = (blank(), member_name(), blank(), blank(), value, blank());
    let member = member.prop_map(|(a, name, b, c, value, d)| format!("{a}\"{name}\"{b}:{c}{value}{d}"));
    proptest::collection::vec(member, 0..6).prop_map(|members| format!("{{{}}}", members.join(",")))
}

fn value() -> impl Strategy<Value = String> {
    let leaf = prop_oneof![
        3 => text().prop_map(|text| format!("\"{text}\"")),
        1 => proptest::sample::select(vec!["null", "true", "-1.5e3", "0", "\"\"", "[]", "{}"]).prop_map(str::to_owned),
    ];
    leaf.prop_recursive(4, 24, 4, |inner| {
        prop_oneof![
            proptest::collection::vec(inner.clone(), 0..4).prop_map(|items| format!("[{}]", items.join(","))),
            object(inner),
        ]
    })
}

/// A well-formed object at any distance from the border of a block of 64 bytes.
fn document() -> impl Strategy<Value = String> {
    (0_usize..70, object(value()), blank())
        .prop_map(|(before, object, after)| format!("{}{object}{after}", " ".repeat(before)))
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 2000, ..ProptestConfig::default() })]

    #[test]
    fn it_finds_what_a_whole_reader_finds(json in document()) {
        prop_assert!(compare(json.as_bytes())?, "{} is no JSON", json);
    }

    /// A byte changed, taken out or cut off: mostly no JSON any more, and now and then other JSON.
    #[test]
    fn it_finds_the_same_in_json_with_another_byte(
        json in document(),
        changes in proptest::collection::vec((any::<prop::sample::Index>(), 0_u8..3, proptest::sample::select(b"\"\\{}[]:, ais\x00\x7f\xff".to_vec())), 1..4),
    ) {
        let mut json = json.into_bytes();
        for (at, change, byte) in changes {
            if json.is_empty() {
                break;
            }
            let at = at.index(json.len());
            match change {
                0 => json[at] = byte,
                1 => json.insert(at, byte),
                _ => { json.remove(at); }
            }
        }
        compare(&json)?;
    }

    #[test]
    fn no_bytes_make_it_panic(json in any::<Vec<u8>>()) {
        compare(&json)?;
    }
}
