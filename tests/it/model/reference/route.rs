//! What a route asks, and of whom.

use serde_json::Value;

use super::super::target::{Captures, Sent, View};
use super::super::token::Caller;
use super::super::value::Yes;
use super::{Ground, Set, texts, together};

impl Set {
    pub(super) fn route_asks(&self, route: &Value) -> Asks {
        let guard = route.get("guard");
        let closed = Asks { token: "ignored", guards: Vec::new(), default: Vec::new(), look_in: Vec::new() };
        let (token, guards, default) =
            match (route.get("allow").and_then(Value::as_str), route.get("require")) {
                (Some("authenticated"), _) => {
                    let guards = guard.map_or_else(|| self.default_guards(), texts);
                    ("required", guards, Vec::new())
                }
                (Some(_), _) => return closed,
                (None, Some(requirement)) => {
                    let needs = guard.is_some() || self.needs_caller(requirement);
                    let written = route.get("token").and_then(Value::as_str);
                    if written == Some("ignored") || (!needs && written.is_none()) {
                        return closed;
                    }
                    let (guards, names_none) = self.asked(requirement, guard, true);
                    let can_do_without = guard.is_none() && self.without_caller(requirement).0;
                    let token = match written {
                        Some("required") => "required",
                        Some("optional") => "optional",
                        _ if can_do_without => "optional",
                        _ => "required",
                    };
                    let default = if names_none && needs { guards.clone() } else { Vec::new() };
                    (token, guards, default)
                }
                (None, None) => panic!("a route asks something"),
            };
        let look_in = guards.iter().flat_map(|guard| self.guard_issuers(guard)).collect();
        let default = if default.iter().any(|guard| guard == "any") { Vec::new() } else { default };
        Asks { token, guards, default, look_in }
    }

    pub(super) fn judge_route(
        &self,
        route: &Value,
        captures: &Captures,
        sent: &Sent,
        view: &View,
        caller: &Caller,
        now: i64,
    ) -> &'static str {
        match route.get("allow").and_then(Value::as_str) {
            Some("anyone") => return "allowed",
            Some("nobody") => return "nobody",
            _ => {}
        }
        let asks = self.route_asks(route);
        let caller = if asks.token == "ignored" { &Caller::Nobody } else { caller };
        match (asks.token, caller) {
            ("required", Caller::Nobody) => return "missing_token",
            ("required", Caller::Unjudged) => return "keys_unavailable",
            _ => {}
        }
        if let Caller::Known(person) = caller
            && !asks.guards.is_empty()
            && self.belongs_to_one(person, &asks.guards) != Yes
        {
            return "guard_mismatch";
        }
        let ground = Ground { sent, view, captures, caller, now, default: &asks.default };
        let mut verdicts = Vec::new();
        if let Some(guard) = route.get("guard") {
            verdicts.push(self.judge_key("guard", guard, ground));
        }
        if let Some(requirement) = route.get("require") {
            verdicts.push(self.judge(requirement, ground));
        }
        let (holds, reason) = together(verdicts);
        if holds == Yes { "allowed" } else { reason }
    }
}

pub(super) struct Asks {
    pub token: &'static str,
    pub guards: Vec<String>,
    pub default: Vec<String>,
    pub look_in: Vec<String>,
}
