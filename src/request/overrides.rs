//! Headers and parameters by which a client asks an application to see another method or target.

mod hosts;

use super::headers::looks_like;
use super::query::{Query, parameter_looks_like};
use super::{Incoming, Reading};

/// The `overrides` of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overrides {
    /// A request with a method override is refused, and one with a header that names another path or host;
    /// target overrides are removed.
    Reject,
    /// All are removed on the way to the upstream.
    Remove,
    /// All pass.
    Pass,
}

impl Overrides {
    /// Headers that change the method (Laravel and Symfony, Rails, Express honour them).
    pub const METHOD_HEADERS: [&'static str; 3] =
        ["x-http-method-override", "x-http-method", "x-method-override"];
    /// These, and those that change the target (IIS and Symfony honour them).
    pub const HEADERS: [&'static str; 5] =
        ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"];
    /// By these gunicorn and other WSGI servers take another path from whom they trust (`forwarder_headers`).
    const PATH_HEADERS: [&'static str; 2] = ["script-name", "path-info"];
    /// The query parameter by which a POST becomes another method.
    pub const METHOD_PARAMETER: &'static str = "_method";

    /// Headers to keep from the upstream. With `reject` a method override that we were shown is refused at the
    /// door; one that the proxy keeps from us (`allowed_headers`) must not get through either. Those that name another path
    /// or host are removed where we see them.
    #[must_use]
    pub fn headers_to_remove(self) -> &'static [&'static str] {
        if self == Self::Pass { &[] } else { &Self::HEADERS }
    }

    /// Headers of a request that tell the application another path than the one that is judged, or, where the policy
    /// `names_hosts`, another host.
    pub fn misleading<'a>(incoming: &Incoming<'a>, names_hosts: bool) -> impl Iterator<Item = &'a str> {
        let of_path = incoming.headers.iter().map(|(name, _)| name).filter(|name| names_path(name));
        let of_host = names_hosts.then(|| hosts::of_another_host(incoming)).into_iter().flatten();
        of_path.chain(of_host).collect::<Vec<_>>().into_iter()
    }

    /// Whether an application may take a decoded query name for [`Self::METHOD_PARAMETER`].
    #[must_use]
    pub fn is_method_parameter(name: &str) -> bool {
        parameter_looks_like(name, Self::METHOD_PARAMETER)
    }
}

/// Refuses a request that asks for another method, where the policy says so.
pub(super) fn judge(
    incoming: &Incoming<'_>,
    method: &str,
    query: Query<'_>,
    reading: &Reading,
) -> Result<(), &'static str> {
    if reading.overrides != Overrides::Reject {
        return Ok(());
    }
    for (present, _) in incoming.headers.iter() {
        if Overrides::METHOD_HEADERS.iter().any(|name| looks_like(present, name)) {
            return Err("a header asks for another method");
        }
        if names_path(present) {
            return Err("a header tells the application another path");
        }
    }
    if method == "POST" && !query.is_empty() {
        if query.alike(Overrides::METHOD_PARAMETER).next().is_some() {
            return Err("`_method` in the query asks for another method");
        }
        if query.is_untold(&[Overrides::METHOD_PARAMETER]) {
            return Err("a broken escape in the query, or too many parameters, may hide `_method`");
        }
    }
    if reading.names_hosts && hosts::of_another_host(incoming).next().is_some() {
        return Err("a header tells the application another host");
    }
    Ok(())
}

fn names_path(present: &str) -> bool {
    Overrides::PATH_HEADERS.iter().any(|name| looks_like(present, name))
}
