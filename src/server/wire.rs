//! The only place that knows Envoy's messages: `CheckRequest` to [`Incoming`], [`Answer`] to `CheckResponse`.
//!
//! [`Incoming`]: crate::request::Incoming
//! [`Answer`]: crate::response::Answer

mod request;
mod response;

pub use request::{incoming, read};
pub use response::{Unavailable, check_response, encode};

#[cfg(test)]
mod tests;
