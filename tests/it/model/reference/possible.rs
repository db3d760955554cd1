//! What can become of a requirement whoever comes.

use serde_json::Value;

use super::super::value::{No, Yes};
use super::{Ground, Set};

impl Set {
    /// Whether it can be yes, and whether it can be no, without a caller.
    pub(super) fn without_caller(&self, requirement: &Value) -> (bool, bool) {
        let (mut yes, mut no) = (true, false);
        for (key, value) in self.resolve(requirement).into_iter().flatten() {
            let branches =
                || value.as_array().expect("a list").iter().map(|branch| self.without_caller(branch));
            let (can, cannot) = match key.as_str() {
                "any" => (branches().any(|(yes, _)| yes), branches().all(|(_, no)| no)),
                "all" => (branches().all(|(yes, _)| yes), branches().any(|(_, no)| no)),
                "not" => {
                    let (yes, no) = self.without_caller(value);
                    (no, yes)
                }
                "use" => self.without_caller(value),
                key if self.key_needs_caller(key, value) => match value.get("cidrs") {
                    // Of a source its networks still can be told.
                    Some(_) => (false, true),
                    None => (false, false),
                },
                _ => (true, true),
            };
            yes &= can;
            no |= cannot;
        }
        (yes, no)
    }

    /// Whether it can be yes, and whether it can be no, for this very request and whoever may send it.
    pub(super) fn could_hold(&self, requirement: &Value, ground: Ground<'_>) -> (bool, bool) {
        let (mut yes, mut no) = (true, false);
        for (key, value) in self.resolve(requirement).into_iter().flatten() {
            let branches =
                || value.as_array().expect("a list").iter().map(|branch| self.could_hold(branch, ground));
            let (can, cannot) = match key.as_str() {
                "any" => (branches().any(|(yes, _)| yes), branches().all(|(_, no)| no)),
                "all" => (branches().all(|(yes, _)| yes), branches().any(|(_, no)| no)),
                "not" => {
                    let (yes, no) = self.could_hold(value, ground);
                    (no, yes)
                }
                "use" => self.could_hold(value, ground),
                // Headers that are not there yet may be there then.
                "headers" => {
                    let of_each = value.as_object().expect("a map").iter().map(|(name, matcher)| {
                        let holds =
                            self.judge_key("headers", &serde_json::json!({ name: matcher }), ground).0;
                        let is_open = ground.sent.alike(name).is_empty();
                        (is_open || holds == Yes, is_open || holds == No)
                    });
                    of_each.fold((true, false), |(yes, no), (can, cannot)| (yes && can, no || cannot))
                }
                key if self.key_needs_caller(key, value) => match value.get("cidrs") {
                    Some(cidrs) => {
                        let holds = self.source(&serde_json::json!({ "cidrs": cidrs }), ground).0;
                        (holds == Yes, true)
                    }
                    None => (true, true),
                },
                key => {
                    let holds = self.judge_key(key, value, ground).0;
                    (holds == Yes, holds == No)
                }
            };
            yes &= can;
            no |= cannot;
        }
        (yes, no)
    }
}
