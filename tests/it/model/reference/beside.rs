//! Preflights and shadows: what is decided beside the walk.

use serde_json::Value;

use super::super::target::{Pattern, Sent, View, patterns};
use super::super::token::{Caller, Keys, listen, something_stands};
use super::{Ground, Meant, Set, is_shadow, rule_name};

impl Set {
    pub(super) fn preflight(&self, sent: &Sent, view: &View, now: i64) -> Option<String> {
        let allows = self.singles.get("preflight").and_then(Value::as_str) == Some("allow");
        let asked = sent.values("access-control-request-method");
        let [method] = asked.as_slice() else { return None };
        let is_method = method.chars().all(|letter| letter.is_ascii_uppercase());
        if !allows || view.method != "OPTIONS" || sent.values("origin").is_empty() || !is_method {
            return None;
        }
        if self.rules_options_itself(sent, view) {
            return None;
        }
        let other = View { method: method.clone(), ..view.clone() };
        let meant = self.meant(sent, &other, false);
        if meant.iter().any(|one| is_closed(one.route) || self.unadmitted(one.route, view)) {
            return None;
        }
        let route = meant.last()?.route;
        for rule in self.forbid.iter().filter(|rule| !is_shadow(rule)) {
            let mut ways = self.announced_ways(rule, sent, view);
            ways.extend(self.announced_ways(rule, sent, &other));
            for (token, captures) in ways {
                let applies = match token.as_deref() {
                    None => true,
                    Some(_) => something_stands(&self.issuers, sent, view, true),
                };
                let ground =
                    Ground { sent, view, captures: &captures, caller: &Caller::Nobody, now, default: &[] };
                let somebody_could =
                    rule.get("unless").is_some_and(|unless| self.could_hold(unless, ground).0);
                if applies && !somebody_could {
                    return None;
                }
            }
        }
        Some(rule_name(route))
    }

    /// A route for OPTIONS and nothing else decides, and one for nobody that names OPTIONS.
    fn rules_options_itself(&self, sent: &Sent, view: &View) -> bool {
        let is_own = |one: &Pattern| one.methods.as_deref() == Some(&["OPTIONS".to_owned()]);
        let (sure, others) = self.matching(sent, view, false);
        sure.iter().chain(&others).any(|one| {
            one.pattern.methods.is_some()
                && (is_closed(one.route) || patterns(one.route.get("match")).iter().all(is_own))
        })
    }

    pub(super) fn shadows(&self, sent: &Sent, view: &View, keys: &Keys, now: i64) -> Vec<String> {
        let mut found = Vec::new();
        let hear = |look_in: &[String]| {
            if look_in.is_empty() {
                Caller::Nobody
            } else {
                listen(&self.issuers, look_in, keys, sent, view, now)
            }
        };
        for rule in self.forbid.iter().filter(|rule| is_shadow(rule)) {
            let ways = self.applying(rule, sent, view, keys, now);
            if ways.is_empty() {
                continue;
            }
            let caller = hear(&self.fence_looks_in(rule));
            let reason = match caller {
                Caller::Refused(reason) => Some(reason),
                _ => self.fence_holds(rule, &ways, sent, view, &caller, now),
            };
            found.extend(reason.map(|reason| format!("forbid {}: {reason}", rule_name(rule))));
        }
        let meant = self.meant(sent, view, true);
        if let Some(one) = meant.iter().find(|one| self.unadmitted(one.route, view)) {
            found.push(format!("route {}: bad_path", rule_name(one.route)));
            return found;
        }
        let look_in: Vec<String> = meant.iter().flat_map(|one| self.route_asks(one.route).look_in).collect();
        let caller = hear(&look_in);
        let judged = |one: &Meant<'_>| match &caller {
            Caller::Refused(_) if self.route_asks(one.route).look_in.is_empty() => "allowed",
            Caller::Refused(reason) => reason,
            _ => self.judge_route(one.route, &one.captures, sent, view, &caller, now),
        };
        if let Some(one) = meant.iter().find(|one| judged(one) != "allowed").or(meant.last()) {
            found.push(format!("route {}: {}", rule_name(one.route), judged(one)));
        }
        found
    }
}

fn is_closed(route: &Value) -> bool {
    route.get("allow").and_then(Value::as_str) == Some("nobody")
}
