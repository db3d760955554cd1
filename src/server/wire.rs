//! The only place that knows Envoy's messages: `CheckRequest` to [`Incoming`], [`Answer`] to `CheckResponse`.
//!
//! [`Incoming`]: crate::request::Incoming
//! [`Answer`]: crate::response::Answer

mod captured;
mod protobuf;
mod request;
mod response;
mod scan;

pub use captured::{NotCaptured, captured};
pub use request::{incoming, with_incoming};
pub use response::{Unavailable, encode};

#[cfg(test)]
mod tests;
