//! Forward authentication over HTTP: Envoy's HTTP service, nginx `auth_request`, Traefik, Caddy.
//!
//! Which headers name the original request is a setting. The others are a client's word and are ignored;
//! what is missing, doubled or malformed in the trusted ones is refused.

mod answer;
mod target;

pub use answer::{expressible, response};
pub use target::incoming;

pub use crate::settings::Target;

#[cfg(test)]
mod tests;
