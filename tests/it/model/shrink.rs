//! The smallest set and request for which engine and reference still differ.

use std::panic::catch_unwind;
use std::sync::Arc;

use portcullis::engine::Snapshot;
use portcullis::policy::compile;
use portcullis::token::cache::{CacheSettings, TokenCache};
use serde_json::{Value, json};

use super::compare::{decided, sources, trust};
use super::generate::World;
use super::reference::{Answer, Set};
use super::target::Sent;
use super::token::Keys;

/// Where in a set something may be left out: its rules, and whatever stands in them.
fn places(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(members) => {
            for (name, inner) in members {
                let place = format!("{path}/{}", name.replace('~', "~0").replace('/', "~1"));
                found.push(place.clone());
                places(inner, &place, found);
            }
        }
        Value::Array(items) => {
            for (index, inner) in items.iter().enumerate() {
                let place = format!("{path}/{index}");
                found.push(place.clone());
                places(inner, &place, found);
            }
        }
        _ => {}
    }
}

/// A set without one of its places.
fn without(set: &Value, place: &str) -> Value {
    let mut less = set.clone();
    let (parent, last) = place.rsplit_once('/').expect("a place");
    match less.pointer_mut(parent).expect("a parent") {
        Value::Object(members) => {
            members.remove(&last.replace("~1", "/").replace("~0", "~"));
        }
        Value::Array(items) => {
            items.remove(last.parse().expect("an index"));
        }
        other => panic!("nothing is in {other}"),
    }
    less
}

/// The smallest set, and the smallest request, for which the two still differ.
pub fn smallest(world: &World, keys: &Keys, sent: &Sent, now: i64) -> (String, Sent, Answer, Answer) {
    let judge = |set: &Value, sent: &Sent| -> Option<(Answer, Answer)> {
        let mut set = set.clone();
        set.as_object_mut()?.insert("version".into(), 1.into());
        let files = vec![set.to_string()];
        let policy = Arc::new(compile(&sources(&files)).ok()?);
        let cache = Arc::new(TokenCache::new(CacheSettings::default()));
        let snapshot = Snapshot { trust: trust(&policy, keys, &cache), policy };
        // What is left may be something that the reference was not written for.
        let wanted = catch_unwind(|| Set::read(&files).decide(sent, keys, now)).ok()?;
        let found = decided(&snapshot, sent, now);
        (found != wanted).then_some((found, wanted))
    };
    let (mut set, mut sent) = (world.set.clone(), sent.clone());
    let mut is_smaller = true;
    while is_smaller {
        is_smaller = false;
        let mut all = Vec::new();
        places(&set, "", &mut all);
        // Large things first: what stands in them goes with them.
        for place in all {
            if set.pointer(&place).is_none() {
                continue;
            }
            let less = without(&set, &place);
            if judge(&less, &sent).is_some() {
                set = less;
                is_smaller = true;
            }
        }
        for index in (0..sent.headers.len()).rev() {
            let mut less = sent.clone();
            less.headers.remove(index);
            if judge(&set, &less).is_some() {
                sent = less;
                is_smaller = true;
            }
        }
    }
    let (found, wanted) = judge(&set, &sent).unwrap_or_else(|| {
        let nothing =
            Set::read(&[json!({ "version": 1, "routes": [] }).to_string()]).decide(&sent, keys, now);
        (nothing.clone(), nothing)
    });
    (format!("{set:#}"), sent, found, wanted)
}
