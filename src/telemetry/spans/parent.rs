//! `traceparent` and `tracestate` (W3C Trace Context, sections 3.2 and 3.3): the trace that a request belongs to.

use http::{HeaderMap, HeaderValue};
use opentelemetry::trace::{SpanContext, SpanId, TraceFlags, TraceId, TraceState};

use crate::request::Incoming;

/// Longest `tracestate` that is carried on, as much as the standard asks for: strangers write them, and spans wait
/// in memory.
const MOST_STATE: usize = 512;

/// Where in which trace a request stands, and what those who trace it told each other.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TraceParent {
    trace: TraceId,
    span: SpanId,
    flags: TraceFlags,
    state: TraceState,
}

impl TraceParent {
    /// Reads the value of a `traceparent`. What is no such value says nothing.
    #[must_use]
    pub fn parse(value: &str) -> Option<Self> {
        let mut parts = value.split('-');
        let version = hexadecimal(parts.next()?, 2)?;
        let trace = hexadecimal(parts.next()?, 32)?;
        let span = hexadecimal(parts.next()?, 16)?;
        let flags = hexadecimal(parts.next()?, 2)?;
        // Later versions may add parts; this one has none, and 255 is no version.
        if version == "ff" || version == "00" && parts.next().is_some() {
            return None;
        }
        let parent = Self {
            trace: TraceId::from_hex(trace).ok()?,
            span: SpanId::from_hex(span).ok()?,
            flags: TraceFlags::new(u8::from_str_radix(flags, 16).ok()?) & TraceFlags::SAMPLED,
            state: TraceState::NONE,
        };
        (parent.trace != TraceId::INVALID && parent.span != SpanId::INVALID).then_some(parent)
    }

    /// With the fields of `tracestate`, which are one list. What is no such list, or too long, says nothing.
    #[must_use]
    pub fn with_state<'v>(mut self, values: impl Iterator<Item = &'v [u8]>) -> Self {
        let list = values.collect::<Vec<_>>().join(&b',');
        let is_plain =
            list.len() <= MOST_STATE && list.iter().all(|byte| matches!(byte, b' '..=b'~' | b'\t'));
        let list = if is_plain { str::from_utf8(&list).unwrap_or_default() } else { "" };
        self.state = list.parse().unwrap_or_default();
        self
    }

    /// What the judged request itself carries.
    pub(in crate::telemetry) fn of_request(incoming: &Incoming<'_>) -> Option<Self> {
        let parent = Self::parse(incoming.headers.text("traceparent")?)?;
        Some(parent.with_state(incoming.headers.all("tracestate")))
    }

    /// What the headers of a call carry.
    pub(in crate::telemetry) fn of_call(headers: &HeaderMap) -> Option<Self> {
        let parent = Self::parse(headers.get("traceparent")?.to_str().ok()?)?;
        Some(parent.with_state(headers.get_all("tracestate").iter().map(HeaderValue::as_bytes)))
    }

    /// The id of the trace.
    pub(in crate::telemetry) fn trace(&self) -> TraceId {
        self.trace
    }

    pub(super) fn context(self) -> SpanContext {
        SpanContext::new(self.trace, self.span, self.flags, true, self.state)
    }
}

/// Lower case only, as the standard wants it.
fn hexadecimal(text: &str, length: usize) -> Option<&str> {
    let is_digit = |byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f');
    (text.len() == length && text.bytes().all(is_digit)).then_some(text)
}
