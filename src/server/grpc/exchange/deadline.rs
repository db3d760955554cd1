//! `grpc-timeout` (gRPC over HTTP/2, "Requests"): at most eight digits and a unit.

use std::time::Duration;

use http::header::HeaderMap;

/// How long the peer waits; `None` where it does not say, or not so that one could understand it.
pub(super) fn of(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get("grpc-timeout")?.to_str().ok()?;
    let (digits, unit) = text.split_at_checked(text.len().checked_sub(1)?)?;
    if digits.is_empty() || digits.len() > 8 || !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    let count: u64 = digits.parse().ok()?;
    Some(match unit {
        "H" => Duration::from_secs(count * 3600),
        "M" => Duration::from_secs(count * 60),
        "S" => Duration::from_secs(count),
        "m" => Duration::from_millis(count),
        "u" => Duration::from_micros(count),
        "n" => Duration::from_nanos(count),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_timeout_is_digits_and_a_unit() {
        let told = |text: &str| {
            let mut headers = HeaderMap::new();
            headers.insert("grpc-timeout", text.parse().expect("a header value"));
            of(&headers)
        };
        assert_eq!(told("250m"), Some(Duration::from_millis(250)));
        assert_eq!(told("99999999H"), Some(Duration::from_hours(99_999_999)));
        assert_eq!(told("0n"), Some(Duration::ZERO));
        for wrong in ["", "m", "250", "250x", "-1m", "123456789m", "1 m", "+1m"] {
            assert_eq!(told(wrong), None, "{wrong}");
        }
        assert_eq!(of(&HeaderMap::new()), None);
    }
}
