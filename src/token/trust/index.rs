//! What is looked up at every token: issuers by `iss`, places by issuer.

use std::collections::HashMap;
use std::sync::Arc;

use smallvec::SmallVec;

use crate::token::IssuerId;
use crate::token::extract::PlaceId;
use crate::token::settings::{IssuerSettings, Place};
use crate::token::unverified::Names;

/// Built once for a list of issuers.
#[derive(Debug)]
pub(super) struct Index {
    by_iss: HashMap<Box<str>, IssuerId>,
    /// The distinct places of all issuers.
    places: Vec<Place>,
    /// Per issuer.
    places_of: Vec<Vec<PlaceId>>,
    /// The issuers of tokens without `iss`.
    nameless: Vec<IssuerId>,
    /// The same per place.
    nameless_at: Vec<Vec<IssuerId>>,
    names: Names,
}

impl Index {
    pub fn new(issuers: &[Arc<IssuerSettings>]) -> Self {
        let mut index = Self {
            by_iss: HashMap::new(),
            places: Vec::new(),
            places_of: Vec::new(),
            nameless: Vec::new(),
            nameless_at: Vec::new(),
            names: Names::new(),
        };
        for (position, settings) in issuers.iter().enumerate() {
            let issuer = IssuerId(u16::try_from(position).unwrap_or(u16::MAX));
            for iss in &settings.iss {
                index.by_iss.entry(iss.clone()).or_insert(issuer);
            }
            let places: Vec<PlaceId> = settings.places.iter().map(|place| index.number(place)).collect();
            if settings.iss.is_empty() {
                index.nameless.push(issuer);
                for place in &places {
                    index
                        .nameless_at
                        .get_mut(usize::from(place.0))
                        .into_iter()
                        .for_each(|at| at.push(issuer));
                }
            }
            index.places_of.push(places);
        }
        index
    }

    fn number(&mut self, place: &Place) -> PlaceId {
        let known = self.places.iter().position(|known| known == place);
        let position = known.unwrap_or_else(|| {
            self.places.push(place.clone());
            self.nameless_at.push(Vec::new());
            self.places.len() - 1
        });
        PlaceId(u16::try_from(position).unwrap_or(u16::MAX))
    }

    /// The issuer whose `iss` this is.
    pub fn by_iss(&self, iss: &str) -> Option<IssuerId> {
        self.by_iss.get(iss).copied()
    }

    /// Names that are looked for in every token.
    pub fn names(&self) -> &Names {
        &self.names
    }

    /// A place.
    pub fn place(&self, id: PlaceId) -> Option<&Place> {
        self.places.get(usize::from(id.0))
    }

    /// The places of some issuers, each once.
    pub fn places_of<'s>(&'s self, issuers: &'s [IssuerId]) -> impl Iterator<Item = (PlaceId, &'s Place)> {
        let mut seen: SmallVec<[PlaceId; 8]> = SmallVec::new();
        let all = issuers.iter().filter_map(|issuer| self.places_of.get(usize::from(issuer.0))).flatten();
        all.filter_map(move |id| {
            if seen.contains(id) {
                return None;
            }
            seen.push(*id);
            Some((*id, self.place(*id)?))
        })
    }

    /// Whether an issuer's tokens may stand in a place.
    pub fn stands_at(&self, issuer: IssuerId, place: PlaceId) -> bool {
        self.places_of.get(usize::from(issuer.0)).is_some_and(|places| places.contains(&place))
    }

    /// Issuers of tokens without `iss` that look in a place.
    pub fn nameless_at(&self, place: PlaceId) -> &[IssuerId] {
        self.nameless_at.get(usize::from(place.0)).map(Vec::as_slice).unwrap_or_default()
    }

    /// All issuers of tokens without `iss`.
    pub fn nameless(&self) -> &[IssuerId] {
        &self.nameless
    }
}
