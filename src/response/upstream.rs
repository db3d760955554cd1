//! What the upstream is told of an allowed request, and what is kept from it.

mod render;

use std::borrow::Cow;

use crate::decision::{Allowed, Grant};
use crate::policy::upstream::{Removals, field};
use crate::policy::{Judgement, Policy, Route};
use crate::request::{Incoming, Overrides};
use crate::token::settings::Place;

use super::credential::{Cookies, Removal, lower, spellings, without_cookies};
use super::{Answer, Field, Metadata};
use render::{Facts, Rendered};

pub(super) fn allow<'a>(
    policy: &'a Policy,
    incoming: &'a Incoming<'_>,
    judgement: &'a Judgement<'_>,
    grant: &Grant,
    metadata: Metadata<'a>,
) -> Answer<'a> {
    let mut edits = Edits { incoming, set: Vec::new(), remove: Vec::new() };
    let mut dropped = Vec::new();
    let route = policy.route(grant.route);
    if let Some(route) = route {
        let facts = Facts { policy, judgement, route: &route.meta.name };
        // A preflight has no caller and no rights; it only loses what it pretends.
        let templates = match grant.reason {
            Allowed::Met => route.upstream.headers(),
            Allowed::Preflight => &[],
        };
        for (name, template) in templates {
            match facts.render(template) {
                Rendered::Text(value) => edits.set.push((Cow::Borrowed(name), value)),
                Rendered::Missing => {}
                Rendered::Unfit => dropped.push(name.as_ref()),
            }
        }
    }
    let mut remove_query = match policy.reading.overrides {
        Overrides::Remove => spellings(incoming.target, Overrides::is_method_parameter),
        Overrides::Reject | Overrides::Pass => Vec::new(),
    };
    remove_query.extend(remove_tokens(policy, judgement, route, &mut edits));
    if policy.reading.overrides == Overrides::Remove {
        edits.remove.extend(Overrides::misleading(incoming, policy.reading.names_hosts).map(lower));
    }
    let of_route = route.map(|route| route.upstream.remove());
    let (set, remove) = edits.finish(&policy.removals, of_route);
    Answer::Allow { set, remove, remove_query, dropped, metadata }
}

/// Changes to the headers of a request.
struct Edits<'a> {
    incoming: &'a Incoming<'a>,
    set: Vec<Field<'a>>,
    remove: Vec<Cow<'a, str>>,
}

impl<'a> Edits<'a> {
    /// Whether the upstream sees the request's own `Cookie`.
    fn keeps_cookies(&self, policy: &Policy, route: Option<&Route>) -> bool {
        let is_removed = |removals: &Removals| removals.forms().any(|name| name == "cookie");
        self.set.iter().all(|(name, _)| name != "cookie")
            && self.remove.iter().all(|name| name != "cookie")
            && !is_removed(&policy.removals)
            && !route.is_some_and(|route| is_removed(route.upstream.remove()))
    }

    /// With what no client may send at all, and what this route keeps back.
    fn finish(
        mut self,
        everywhere: &'a Removals,
        of_route: Option<&'a Removals>,
    ) -> (Vec<Field<'a>>, Vec<Cow<'a, str>>) {
        let set = std::mem::take(&mut self.set);
        // Mostly that one list, sorted already; anything beside it is sorted in.
        let mut is_sorted = self.remove.is_empty();
        self.remove.reserve(everywhere.forms().len());
        self.remove.extend(everywhere.forms().map(Cow::Borrowed));
        if let Some(of_route) = of_route.filter(|of_route| !of_route.is_empty()) {
            self.remove.extend(of_route.forms().map(Cow::Borrowed));
            is_sorted = false;
        }
        // What cannot be written as a name cannot have come by HTTP, nor go on.
        for present in self.incoming.headers.unusual_names().filter(|name| field::is_name(name)) {
            if everywhere.covers(present) || of_route.is_some_and(|of_route| of_route.covers(present)) {
                self.remove.push(lower(present));
                is_sorted = false;
            }
        }
        if !is_sorted {
            self.remove.sort_unstable();
            self.remove.dedup();
        }
        if !set.is_empty() {
            self.remove.retain(|name| set.iter().all(|(present, _)| present != name));
        }
        (set, self.remove)
    }
}

/// Takes out the credential where the policy says so, and tokens in other places wherever one was judged:
/// the upstream must not find another caller than we did.
fn remove_tokens<'a>(
    policy: &'a Policy,
    judgement: &Judgement<'_>,
    route: Option<&Route>,
    edits: &mut Edits<'a>,
) -> Vec<Cow<'a, str>> {
    let mut removal = Removal::default();
    let remove_token = route.is_some_and(|route| route.upstream.remove_token());
    let judged: &[Place] = match (judgement.credential, &judgement.caller) {
        (Some(place), _) => std::slice::from_ref(place),
        (None, Some(caller)) => {
            policy.issuers.get(usize::from(caller.issuer.0)).map_or(&[], |issuer| &issuer.places)
        }
        (None, None) => &[],
    };
    let was_judged = judgement.caller.is_some();
    if remove_token || was_judged {
        for place in policy.issuers.iter().flat_map(|issuer| &issuer.places) {
            let is_the_credential = judged.iter().any(|judged| same_field(judged, place));
            if remove_token || !is_the_credential {
                removal.take(place, edits.incoming);
            } else {
                removal.take_look_alikes(place, edits.incoming);
            }
        }
    }
    edits.remove.append(&mut removal.headers);
    if !removal.cookies.is_empty() && edits.keeps_cookies(policy, route) {
        match without_cookies(edits.incoming, &removal.cookies) {
            Cookies::Unchanged => {}
            Cookies::Left(left) => edits.set.push((Cow::Borrowed("cookie"), left.into())),
            Cookies::Removed => edits.remove.push(Cow::Borrowed("cookie")),
        }
    }
    removal.query
}

/// Whether two places are one field of the request; a header under two schemes is.
fn same_field(left: &Place, right: &Place) -> bool {
    match (left, right) {
        (Place::Header { name: left, .. }, Place::Header { name: right, .. })
        | (Place::Cookie(left), Place::Cookie(right))
        | (Place::Query(left), Place::Query(right)) => left == right,
        (Place::Header { .. } | Place::Cookie(_) | Place::Query(_), _) => false,
    }
}
