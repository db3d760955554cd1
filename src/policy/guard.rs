//! Guards: named families of tokens. A guard only narrows what its issuers already ask.

use std::sync::Arc;

use crate::token::claims::ClaimPath;
use crate::token::settings::IssuerSettings;
use crate::token::{Identity, IssuerId};

use super::Captures;
use super::matcher::value::ValueMatcher;
use super::tri::Tri;

/// Index of a guard in its policy. Every issuer is a guard of the same name; these come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GuardId(pub u16);

/// A guard as a rule names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GuardName {
    /// `guard: any`: every token that verifies.
    Any,
    /// One guard.
    One(GuardId),
}

/// A guard, compiled.
#[derive(Debug, Clone)]
pub struct Guard {
    /// Its name.
    pub name: Box<str>,
    /// Whose tokens it may hold. Never empty.
    pub issuers: Vec<IssuerId>,
    /// At least one must be in the token; absent: not asked.
    pub audiences: Option<Vec<Box<str>>>,
    /// Allowed `typ` values (`None` stands for an absent one); absent: not asked.
    pub types: Option<Vec<Option<Box<str>>>>,
    /// Claims that must hold.
    pub claims: Vec<(ClaimPath, ValueMatcher)>,
}

/// All guards of a policy.
#[derive(Debug, Clone, Default)]
pub struct Guards {
    guards: Vec<Guard>,
    issuers: Vec<Arc<IssuerSettings>>,
}

impl Guards {
    /// Takes issuers and declared guards; every issuer becomes a guard of its own.
    #[must_use]
    pub fn new(issuers: Vec<Arc<IssuerSettings>>, declared: Vec<Guard>) -> Self {
        let of_issuer = |(index, issuer): (usize, &Arc<IssuerSettings>)| Guard {
            name: issuer.name.clone(),
            issuers: vec![IssuerId(u16::try_from(index).unwrap_or(u16::MAX))],
            audiences: None,
            types: None,
            claims: Vec::new(),
        };
        let mut guards: Vec<Guard> = issuers.iter().enumerate().map(of_issuer).collect();
        guards.extend(declared);
        Self { guards, issuers }
    }

    /// A guard by its id.
    #[must_use]
    pub fn get(&self, id: GuardId) -> Option<&Guard> {
        self.guards.get(usize::from(id.0))
    }

    /// Finds a guard, or an issuer as one, by name.
    #[must_use]
    pub fn find(&self, name: &str) -> Option<GuardId> {
        let index = self.guards.iter().position(|guard| &*guard.name == name)?;
        u16::try_from(index).ok().map(GuardId)
    }

    /// All names, issuers first.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.guards.iter().map(|guard| &*guard.name)
    }

    /// The name of an issuer.
    #[must_use]
    pub fn issuer_name(&self, id: IssuerId) -> &str {
        self.issuers.get(usize::from(id.0)).map_or("", |issuer| &issuer.name)
    }

    /// All issuers.
    #[must_use]
    pub fn issuers(&self) -> &[Arc<IssuerSettings>] {
        &self.issuers
    }

    /// Whether a caller belongs to one of the guards named.
    #[must_use]
    pub fn belongs(&self, identity: &Identity, names: &[GuardName]) -> Tri {
        Tri::any(names.iter().map(|name| self.belongs_to(identity, *name)))
    }

    /// Whether a caller belongs to one guard.
    #[must_use]
    pub fn belongs_to(&self, identity: &Identity, name: GuardName) -> Tri {
        match name {
            GuardName::Any => Tri::Yes,
            GuardName::One(id) => self.get(id).map_or(Tri::No, |guard| guard.holds(identity)),
        }
    }

    /// Every guard that a caller belongs to.
    #[must_use]
    pub fn all_of(&self, identity: &Identity) -> Vec<&str> {
        self.guards
            .iter()
            .filter(|guard| guard.holds(identity) == Tri::Yes)
            .map(|guard| &*guard.name)
            .collect()
    }

    /// The same where it can be told of every guard; nothing where a claim of a type that no rule can read leaves one
    /// open.
    #[must_use]
    pub fn certain_of(&self, identity: &Identity) -> Option<Vec<&str>> {
        let is_open = self.guards.iter().any(|guard| guard.holds(identity) == Tri::Unknown);
        (!is_open).then(|| self.all_of(identity))
    }

    /// The issuers in whose places a rule that names these guards looks for a token.
    #[must_use]
    pub fn issuers_of(&self, names: &[GuardName]) -> Vec<IssuerId> {
        let mut found = Vec::new();
        for name in names {
            match name {
                GuardName::Any => {
                    let all = 0..u16::try_from(self.issuers.len()).unwrap_or(u16::MAX);
                    found.extend(all.map(IssuerId));
                }
                GuardName::One(id) => {
                    found.extend(self.get(*id).into_iter().flat_map(|guard| &guard.issuers));
                }
            }
        }
        found.sort_unstable();
        found.dedup();
        found
    }
}

impl Guard {
    /// Whether a verified token belongs to this guard.
    #[must_use]
    pub fn holds(&self, identity: &Identity) -> Tri {
        if !self.issuers.contains(&identity.issuer) {
            return Tri::No;
        }
        if self
            .audiences
            .as_ref()
            .is_some_and(|asked| !asked.iter().any(|one| identity.audiences.contains(one)))
        {
            return Tri::No;
        }
        if self.types.as_ref().is_some_and(|asked| !asked.contains(&identity.token_type)) {
            return Tri::No;
        }
        let none = Captures::new();
        Tri::all(self.claims.iter().map(|(path, matcher)| matcher.matches_at(path, &identity.claims, &none)))
    }
}
