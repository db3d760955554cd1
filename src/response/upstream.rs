//! What the upstream is told of an allowed request, and what is kept from it.

mod render;

use crate::decision::{Allowed, Grant};
use crate::policy::{Judgement, Policy};
use crate::request::{Incoming, Overrides, looks_like};
use crate::token::settings::Place;

use super::credential::{Cookies, Removal, spellings, without_cookies};
use super::{Answer, Metadata};
use render::{Facts, Rendered};

pub(super) fn allow(
    policy: &Policy,
    incoming: &Incoming<'_>,
    judgement: &Judgement<'_>,
    grant: &Grant,
    metadata: Metadata,
) -> Answer {
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
                Rendered::Text(value) => edits.set.push((name.to_string(), value)),
                Rendered::Missing => {}
                Rendered::Unfit => dropped.push(name.to_string()),
            }
        }
        for name in route.upstream.remove() {
            edits.remove_all_forms(name);
        }
        // Also in the policy's list; here so that a plan is safe by itself.
        for name in route.upstream.header_names() {
            edits.remove_all_forms(name);
        }
    }
    for name in &policy.identity_headers {
        edits.remove_all_forms(name);
    }
    let mut remove_query = remove_overrides(policy.reading.overrides, &mut edits);
    let remove_token = route.is_some_and(|route| route.upstream.remove_token());
    remove_query.extend(remove_tokens(policy, judgement, remove_token, &mut edits));
    let (set, remove) = edits.finish();
    Answer::Allow { set, remove, remove_query, dropped, metadata }
}

/// Changes to the headers of a request.
struct Edits<'r> {
    incoming: &'r Incoming<'r>,
    set: Vec<(String, String)>,
    remove: Vec<String>,
}

impl Edits<'_> {
    /// Removes a header, whatever of the request looks like it, and the two forms that servers fold and
    /// that the proxy may not have shown us.
    fn remove_all_forms(&mut self, name: &str) {
        self.remove.push(name.to_owned());
        self.remove.push(name.replace(['-', '.'], "_"));
        self.remove.push(name.replace(['-', '_'], "."));
        for (present, _) in self.incoming.headers.iter() {
            if looks_like(present, name) {
                self.remove.push(present.to_ascii_lowercase());
            }
        }
    }

    fn is_set(&self, name: &str) -> bool {
        self.set.iter().any(|(present, _)| present == name)
    }

    fn finish(mut self) -> (Vec<(String, String)>, Vec<String>) {
        self.remove.sort_unstable();
        self.remove.dedup();
        let set = std::mem::take(&mut self.set);
        self.remove.retain(|name| set.iter().all(|(present, _)| present != name));
        (set, self.remove)
    }
}

fn remove_overrides(overrides: Overrides, edits: &mut Edits<'_>) -> Vec<String> {
    if overrides == Overrides::Pass {
        return Vec::new();
    }
    // With `reject` a method override that we were shown is refused at the door; one that the proxy
    // keeps from us (`allowed_headers`) must not get through either.
    for name in Overrides::TARGET_HEADERS.into_iter().chain(Overrides::METHOD_HEADERS) {
        edits.remove_all_forms(name);
    }
    match overrides {
        Overrides::Remove => spellings(edits.incoming.target, Overrides::is_method_parameter),
        Overrides::Reject | Overrides::Pass => Vec::new(),
    }
}

/// Takes out the credential where the policy says so, and tokens in other places wherever one was judged:
/// the upstream must not find another caller than we did.
fn remove_tokens(
    policy: &Policy,
    judgement: &Judgement<'_>,
    remove_token: bool,
    edits: &mut Edits<'_>,
) -> Vec<String> {
    let mut removal = Removal::default();
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
            }
        }
    }
    edits.remove.append(&mut removal.headers);
    let is_kept = !edits.is_set("cookie") && edits.remove.iter().all(|name| name != "cookie");
    if is_kept && !removal.cookies.is_empty() {
        match without_cookies(edits.incoming, &removal.cookies) {
            Cookies::Unchanged => {}
            Cookies::Left(left) => edits.set.push(("cookie".to_owned(), left)),
            Cookies::Removed => edits.remove.push("cookie".to_owned()),
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
