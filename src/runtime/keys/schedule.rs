//! When a source is fetched next.

use std::time::{Duration, SystemTime};

use http::HeaderMap;
use http::header::{AGE, CACHE_CONTROL, HeaderName, RETRY_AFTER};

use crate::runtime::Pace;

/// After a good fetch: the interval of the policy, no longer than the answer says that it is fresh, no shorter
/// than the pace allows. `luck` (0 to 1) spreads the fetches of many processes over a tenth of that.
pub(super) fn after_success(interval: Duration, fresh: Option<Duration>, pace: &Pace, luck: f64) -> Duration {
    let longest = fresh.map_or(interval, |fresh| fresh.min(interval));
    longest.mul_f64(1.0 - 0.1 * luck).max(pace.least_interval)
}

/// After failures in a row (from 1): twice as long each time, less up to half of it. An issuer that says when
/// to come again is obeyed within bounds.
pub(super) fn after_failure(
    failures: u32,
    retry_after: Option<Duration>,
    pace: &Pace,
    luck: f64,
) -> Duration {
    let doublings = failures.saturating_sub(1).min(16);
    let longest = pace.least_back_off.saturating_mul(1 << doublings).min(pace.most_back_off);
    let asked = retry_after.unwrap_or_default().min(pace.most_retry_after);
    longest.mul_f64(1.0 - 0.5 * luck).max(asked)
}

/// How long an answer says that it is fresh (RFC 9111, sections 4.2 and 5.1). An answer that is not to be
/// stored is fresh for no time at all; one that says nothing leaves it to us.
pub(super) fn fresh(headers: &HeaderMap) -> Option<Duration> {
    let mut longest: Option<u64> = None;
    for directive in texts(headers, &CACHE_CONTROL).flat_map(|value| value.split(',')) {
        let (name, value) = directive.split_once('=').unwrap_or((directive, ""));
        let seconds = match name.trim().to_ascii_lowercase().as_str() {
            "no-store" | "no-cache" => Some(0),
            // What cannot be read is not fresh (section 4.2.1).
            "max-age" => Some(value.trim().trim_matches('"').parse().unwrap_or(0)),
            _ => None,
        };
        longest = longest.into_iter().chain(seconds).min();
    }
    let age = texts(headers, &AGE).next().and_then(|age| age.trim().parse::<u64>().ok()).unwrap_or(0);
    longest.map(|longest| Duration::from_secs(longest.saturating_sub(age)))
}

/// When an issuer wants to be asked again (RFC 9110, section 10.2.3): seconds, or a date.
pub(super) fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let text = texts(headers, &RETRY_AFTER).next()?.trim();
    if let Ok(seconds) = text.parse() {
        return Some(Duration::from_secs(seconds));
    }
    httpdate::parse_http_date(text).ok()?.duration_since(now).ok()
}

fn texts<'h>(headers: &'h HeaderMap, name: &'h HeaderName) -> impl Iterator<Item = &'h str> {
    headers.get_all(name).iter().filter_map(|value| value.to_str().ok())
}

/// Between 0 and 1.
pub(super) fn luck() -> f64 {
    let mut byte = [128; 1];
    // Without randomness everybody comes at once, which is no reason not to come.
    let _ = aws_lc_rs::rand::fill(&mut byte);
    f64::from(byte[0]) / 256.0
}

#[cfg(test)]
mod tests;
