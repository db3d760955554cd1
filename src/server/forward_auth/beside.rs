//! Tokens beside the caller's: a service that reads one of them would see another caller than we did.

use crate::decision::{Decision, Denial, Denied};
use crate::policy::{Judgement, Policy};
use crate::request::Headers;
use crate::response::Answer;
use crate::token::settings::Place;

/// Whether the proxy, which cannot be told by an answer what to remove, passes on no token that an answer removes
/// but the caller's own. What the policy removes by name, its configuration has a line for.
///
/// # Errors
/// `bad_request`, to be answered instead.
pub(super) fn none_stays(
    answer: &Answer<'_>,
    headers: &Headers<'_>,
    policy: &Policy,
    judgement: &Judgement<'_>,
) -> Result<(), Denial> {
    let (Answer::Allow { set, remove, .. }, Decision::Allow(grant), Some(_)) =
        (answer, &judgement.decision, &judgement.caller)
    else {
        return Ok(());
    };
    let of_route = policy.route(grant.route).map(|route| route.upstream.remove());
    let has_a_line =
        |name: &str| policy.removals.covers(name) || of_route.is_some_and(|removals| removals.covers(name));
    let changes =
        |name: &str| remove.iter().chain(set.iter().map(|(name, _)| name)).any(|known| known == name);
    let stays = |place: &Place| match place {
        Place::Header { name, .. } => headers.has(name) && changes(name) && !has_a_line(name),
        Place::Cookie(name) => has_cookie(headers, name) && changes("cookie") && !has_a_line("cookie"),
        // To remove one is refused, whosever it is.
        Place::Query(_) => false,
    };
    let mut others = policy
        .issuers
        .iter()
        .flat_map(|issuer| &issuer.places)
        .filter(|place| judgement.credential.is_none_or(|own| !is_one_field(own, place)));
    if others.any(stays) {
        return Err(Denial::because(
            Denied::BadRequest,
            "a token beside the caller's would have to be removed, which this proxy cannot be told",
        ));
    }
    Ok(())
}

/// A header under two schemes is one.
fn is_one_field(one: &Place, other: &Place) -> bool {
    match (one, other) {
        (Place::Header { name: one, .. }, Place::Header { name: other, .. }) => one == other,
        (one, other) => one == other,
    }
}

fn has_cookie(headers: &Headers<'_>, wanted: &str) -> bool {
    headers.all("cookie").any(|value| {
        let pieces = value.split(|byte| matches!(byte, b';' | b','));
        let mut names = pieces.filter_map(|piece| piece.split(|byte| *byte == b'=').next());
        names.any(|name| name.trim_ascii() == wanted.as_bytes())
    })
}
