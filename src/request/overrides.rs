//! Headers and parameters by which a client asks an application to see another method or target.

use super::headers::{Headers, looks_like};
use super::query::{Query, parameter_looks_like};

/// The `overrides` of a policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Overrides {
    /// A request with a method override is refused; target overrides are removed.
    Reject,
    /// Both are removed on the way to the upstream.
    Remove,
    /// Both pass.
    Pass,
}

impl Overrides {
    /// Headers that change the method (Laravel and Symfony, Rails, Express honour them).
    pub const METHOD_HEADERS: [&'static str; 3] =
        ["x-http-method-override", "x-http-method", "x-method-override"];
    /// These, and those that change the target (IIS and Symfony honour them).
    pub const HEADERS: [&'static str; 5] =
        ["x-http-method-override", "x-http-method", "x-method-override", "x-original-url", "x-rewrite-url"];
    /// The query parameter by which a POST becomes another method.
    pub const METHOD_PARAMETER: &'static str = "_method";

    /// Headers to keep from the upstream. With `reject` a method override that we were shown is refused at the
    /// door; one that the proxy keeps from us (`allowed_headers`) must not get through either.
    #[must_use]
    pub fn headers_to_remove(self) -> &'static [&'static str] {
        if self == Self::Pass { &[] } else { &Self::HEADERS }
    }

    /// Whether an application may take a decoded query name for [`Self::METHOD_PARAMETER`].
    #[must_use]
    pub fn is_method_parameter(name: &str) -> bool {
        parameter_looks_like(name, Self::METHOD_PARAMETER)
    }
}

/// Refuses a request that asks for another method, where the policy says so.
pub(super) fn judge(
    overrides: Overrides,
    method: &str,
    headers: &Headers<'_>,
    query: Query<'_>,
) -> Result<(), &'static str> {
    if overrides != Overrides::Reject {
        return Ok(());
    }
    let has_header =
        |(present, _): (&str, &[u8])| Overrides::METHOD_HEADERS.iter().any(|name| looks_like(present, name));
    if headers.iter().any(has_header) {
        return Err("a header asks for another method");
    }
    if method == "POST" && query.alike(Overrides::METHOD_PARAMETER).next().is_some() {
        return Err("`_method` in the query asks for another method");
    }
    Ok(())
}
