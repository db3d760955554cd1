//! Fences of section 5: when they match, and when they hold.

use serde_json::Value;

use super::super::target::{Captures, Pattern, Sent, View, patterns};
use super::super::token::{Caller, Keys, could_be_unwrapped, listen, something_stands};
use super::super::value::{Use, Yes};
use super::{Ground, Set, precedence, rule_name};

impl Set {
    /// Every way in which a fence matches: its token condition and its captures.
    pub(super) fn ways(&self, rule: &Value, sent: &Sent, view: &View) -> Vec<(Option<String>, Captures)> {
        self.ways_but(rule, sent, view, |_| false)
    }

    /// The same for what a preflight announces: a header that is not there may be there then.
    pub(super) fn announced_ways(
        &self,
        rule: &Value,
        sent: &Sent,
        view: &View,
    ) -> Vec<(Option<String>, Captures)> {
        let mut ways = self.ways_but(rule, sent, view, |name| sent.alike(name).is_empty());
        ways.retain(|(token, _)| token.as_deref() != Some("absent"));
        ways
    }

    fn ways_but(
        &self,
        rule: &Value,
        sent: &Sent,
        view: &View,
        is_open: impl Fn(&str) -> bool,
    ) -> Vec<(Option<String>, Captures)> {
        let any_case = self.strictness().any_case;
        let mut ways = Vec::new();
        let readings = view.readings().into_iter().map(|reading| (reading, false));
        for (reading, is_directory) in readings.chain(view.directory().map(|directory| (directory, true))) {
            let matches = |pattern: &Pattern, purpose: Use| {
                self.fence_matches(pattern, sent, &reading, any_case, purpose)
            };
            let mut holes = patterns(rule.get("except"));
            for hole in &mut holes {
                hole.headers.retain(|(name, _)| !is_open(name));
            }
            let opens = |view: &View| {
                let matches = |hole: &Pattern| self.fence_matches(hole, sent, view, any_case, Use::Opening);
                patterns(rule.get("except")).iter().any(|hole| matches(hole).is_some())
            };
            let is_opened_as_written = is_directory && opens(view);
            if is_opened_as_written || holes.iter().any(|hole| matches(hole, Use::Opening).is_some()) {
                continue;
            }
            let cannot_be_told = |pattern: &Pattern| {
                let absence = serde_json::json!({ "present": false });
                pattern.headers.iter().any(|(name, matcher)| is_open(name) && *matcher == absence)
            };
            for pattern in patterns(rule.get("match")) {
                if cannot_be_told(&pattern) {
                    continue;
                }
                ways.extend(matches(&pattern, Use::Fence).map(|captures| (pattern.token.clone(), captures)));
            }
        }
        ways
    }

    pub(super) fn token_condition(
        &self,
        condition: Option<&str>,
        sent: &Sent,
        view: &View,
        keys: &Keys,
        now: i64,
    ) -> bool {
        match condition {
            None => true,
            Some("present") => something_stands(&self.issuers, sent, view, true),
            Some("absent") => !something_stands(&self.issuers, sent, view, false),
            Some(_) => match listen(&self.issuers, &self.every_issuer(), keys, sent, view, now) {
                Caller::Known(_) | Caller::Unjudged => true,
                Caller::Refused(reason) => {
                    precedence(reason).0 == 0 || could_be_unwrapped(&self.issuers, sent, view)
                }
                // A tab after the scheme is no token to `listen`.
                Caller::Nobody => could_be_unwrapped(&self.issuers, sent, view),
            },
        }
    }

    pub(super) fn applying(
        &self,
        rule: &Value,
        sent: &Sent,
        view: &View,
        keys: &Keys,
        now: i64,
    ) -> Vec<Captures> {
        self.ways(rule, sent, view)
            .into_iter()
            .filter(|(token, _)| self.token_condition(token.as_deref(), sent, view, keys, now))
            .map(|(_, captures)| captures)
            .collect()
    }

    pub(super) fn fence_guards(&self, rule: &Value) -> (Vec<String>, bool) {
        match rule.get("unless") {
            Some(unless) if self.needs_caller(unless) => self.asked(unless, None, true),
            _ => (Vec::new(), false),
        }
    }

    pub(super) fn fence_looks_in(&self, rule: &Value) -> Vec<String> {
        self.fence_guards(rule).0.iter().flat_map(|guard| self.guard_issuers(guard)).collect()
    }

    pub(super) fn fences_hold(
        &self,
        fences: &[(&Value, Vec<Captures>)],
        sent: &Sent,
        view: &View,
        caller: &Caller,
        now: i64,
    ) -> Option<(&'static str, String)> {
        let held = fences.iter().filter_map(|(rule, ways)| {
            Some((self.fence_holds(rule, ways, sent, view, caller, now)?, rule_name(rule)))
        });
        held.min_by_key(|(reason, name)| (precedence(reason), name.clone()))
    }

    pub(super) fn fence_holds(
        &self,
        rule: &Value,
        ways: &[Captures],
        sent: &Sent,
        view: &View,
        caller: &Caller,
        now: i64,
    ) -> Option<&'static str> {
        let Some(unless) = rule.get("unless") else { return Some("forbidden") };
        let (guards, names_none) = self.fence_guards(rule);
        let takes_all = guards.iter().any(|guard| guard == "any");
        let default = if names_none && !takes_all { guards.clone() } else { Vec::new() };
        for captures in ways {
            let ground = Ground { sent, view, captures, caller, now, default: &default };
            let (holds, reason) = self.judge(unless, ground);
            if holds != Yes {
                let is_stranger = match caller {
                    Caller::Known(person) => {
                        !guards.is_empty() && self.belongs_to_one(person, &guards) != Yes
                    }
                    _ => false,
                };
                return Some(if is_stranger { "guard_mismatch" } else { reason });
            }
        }
        None
    }
}
