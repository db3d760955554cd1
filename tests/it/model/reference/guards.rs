//! Section 4: whose tokens are meant, and where a caller is needed.

use serde_json::{Map, Value};

use super::super::target::Captures;
use super::super::token::{Person, kind_allowed};
use super::super::value::{No, Tri, Yes, all, any, holds, tri};
use super::{Set, texts};

impl Set {
    pub(super) fn guard_issuers(&self, guard: &str) -> Vec<String> {
        if guard == "any" {
            return self.every_issuer();
        }
        match self.guards.iter().find(|(name, _)| name == guard) {
            None => vec![guard.to_owned()],
            Some((_, written)) => texts(&written["issuer"]),
        }
    }

    pub(super) fn belongs(&self, person: &Person, guard: &str) -> Tri {
        if guard == "any" {
            return Yes;
        }
        if !self.guard_issuers(guard).contains(&person.issuer) {
            return No;
        }
        let Some((_, written)) = self.guards.iter().find(|(name, _)| name == guard) else { return Yes };
        let has_audience = written
            .get("audiences")
            .is_none_or(|wanted| texts(wanted).iter().any(|one| person.audiences.contains(one)));
        let has_kind = kind_allowed(written.get("types"), person.kind.as_deref()).unwrap_or(true);
        let claims = written.get("claims").and_then(Value::as_object).into_iter().flatten();
        let claims =
            claims.map(|(path, matcher)| holds(matcher, person.claims.get(path), &Captures::default()));
        all([tri(has_audience), tri(has_kind)].into_iter().chain(claims))
    }

    pub(super) fn belongs_to_one(&self, person: &Person, guards: &[String]) -> Tri {
        any(guards.iter().map(|guard| self.belongs(person, guard)))
    }

    /// The guards of rules that name none.
    pub(super) fn default_guards(&self) -> Vec<String> {
        match self.singles.get("defaults").and_then(|defaults| defaults.get("guard")) {
            Some(guard) => texts(guard),
            None => vec!["any".to_owned()],
        }
    }

    /// The guards that a requirement names, in their order; those under `not` are not asked for.
    pub(super) fn named(&self, requirement: &Value, found: &mut Vec<String>) {
        let Some(map) = self.resolve(requirement) else { return };
        for (key, value) in map {
            match key.as_str() {
                "guard" => found.extend(texts(value)),
                "any" | "all" => {
                    value.as_array().expect("a list").iter().for_each(|branch| self.named(branch, found))
                }
                "use" => self.named(value, found),
                _ => {}
            }
        }
    }

    pub(super) fn resolve<'v>(&'v self, requirement: &'v Value) -> Option<&'v Map<String, Value>> {
        match requirement {
            Value::String(name) => self.resolve(&self.requirements[name]),
            map => map.as_object(),
        }
    }

    pub(super) fn needs_caller(&self, requirement: &Value) -> bool {
        self.resolve(requirement).into_iter().flatten().any(|(key, value)| self.key_needs_caller(key, value))
    }

    pub(super) fn key_needs_caller(&self, key: &str, value: &Value) -> bool {
        match key {
            "headers" | "query" => false,
            "source" => value.get("principals").is_some_and(|list| list.to_string().contains("{claims")),
            "when" => {
                let source = value.as_str().expect("a text");
                ["claims", "subject", "scopes", "roles", "groups", "permissions", "issuer", "guards"]
                    .iter()
                    .any(|name| source.contains(name))
            }
            "any" | "all" => value.as_array().expect("a list").iter().any(|branch| self.needs_caller(branch)),
            "not" | "use" => self.needs_caller(value),
            _ => true,
        }
    }
}
