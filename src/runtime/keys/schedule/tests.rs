use std::time::{Duration, SystemTime, UNIX_EPOCH};

use http::{HeaderMap, HeaderName, HeaderValue};

use super::{after_failure, after_success, fresh, luck, retry_after};
use crate::runtime::Pace;

const SECOND: Duration = Duration::from_secs(1);
const MINUTE: Duration = Duration::from_mins(1);

fn headers(lines: &[(&'static str, &'static str)]) -> HeaderMap {
    let line = |(name, value): &(&'static str, &'static str)| {
        (HeaderName::from_static(name), HeaderValue::from_static(value))
    };
    lines.iter().map(line).collect()
}

#[test]
fn the_next_fetch_is_no_later_than_the_answer_says_and_no_sooner_than_ten_seconds() {
    let pace = Pace::default();
    let table = [
        // (interval, fresh, without luck, with all the luck)
        (5 * MINUTE, None, 5 * MINUTE, 270 * SECOND),
        (5 * MINUTE, Some(60 * MINUTE), 5 * MINUTE, 270 * SECOND),
        (5 * MINUTE, Some(MINUTE), MINUTE, 54 * SECOND),
        (5 * MINUTE, Some(Duration::ZERO), 10 * SECOND, 10 * SECOND),
        (10 * SECOND, None, 10 * SECOND, 10 * SECOND),
    ];
    for (interval, fresh, latest, soonest) in table {
        assert_eq!(after_success(interval, fresh, &pace, 0.0), latest, "{interval:?} {fresh:?}");
        assert_eq!(after_success(interval, fresh, &pace, 1.0), soonest, "{interval:?} {fresh:?}");
    }
}

#[test]
fn failures_are_followed_by_longer_and_longer_waits_within_bounds() {
    let pace = Pace::default();
    let millis = |failures, luck| after_failure(failures, None, &pace, luck).as_millis();
    let longest: Vec<_> = (1..=9).map(|failures| millis(failures, 0.0)).collect();
    assert_eq!(longest, [500, 1000, 2000, 4000, 8000, 16000, 30000, 30000, 30000]);
    let shortest: Vec<_> = (1..=7).map(|failures| millis(failures, 1.0)).collect();
    assert_eq!(shortest, [250, 500, 1000, 2000, 4000, 8000, 15000]);
    assert_eq!(millis(u32::MAX, 0.0), 30000);
    for (asked, obeyed) in
        [(0, 500), (1, 1000), (120, 120_000), (300, 300_000), (301, 300_000), (u64::MAX, 300_000)]
    {
        let wait = after_failure(1, Some(Duration::from_secs(asked)), &pace, 0.0);
        assert_eq!(wait.as_millis(), obeyed, "{asked} s");
    }
}

#[test]
fn how_long_an_answer_is_fresh_is_read_as_rfc_9111_says() {
    type Lines = &'static [(&'static str, &'static str)];
    let table: [(Lines, Option<u64>); 14] = [
        (&[], None),
        (&[("cache-control", "public")], None),
        (&[("cache-control", "max-age=60")], Some(60)),
        (&[("cache-control", "Public, Max-Age=60, must-revalidate")], Some(60)),
        (&[("cache-control", "max-age=\"60\"")], Some(60)),
        (&[("cache-control", "max-age=60"), ("cache-control", "max-age=30")], Some(30)),
        (&[("cache-control", "max-age=60"), ("age", "20")], Some(40)),
        (&[("cache-control", "max-age=60"), ("age", "90")], Some(0)),
        (&[("cache-control", "max-age=60, no-store")], Some(0)),
        (&[("cache-control", "no-cache")], Some(0)),
        (&[("cache-control", "max-age=soon")], Some(0)),
        (&[("cache-control", "max-age=-1")], Some(0)),
        (&[("cache-control", "s-maxage=60")], None),
        (&[("age", "20")], None),
    ];
    for (lines, expected) in table {
        assert_eq!(fresh(&headers(lines)), expected.map(Duration::from_secs), "{lines:?}");
    }
}

#[test]
fn when_to_come_again_is_a_number_or_a_date() {
    let now: SystemTime = UNIX_EPOCH + Duration::from_secs(784_111_777);
    let table = [
        ("120", Some(120)),
        (" 0 ", Some(0)),
        ("Sun, 06 Nov 1994 08:50:37 GMT", Some(60)),
        // It is over.
        ("Sun, 06 Nov 1994 08:48:37 GMT", None),
        ("tomorrow", None),
        ("-5", None),
    ];
    for (value, expected) in table {
        let found = retry_after(&headers(&[("retry-after", value)]), now);
        assert_eq!(found, expected.map(Duration::from_secs), "{value}");
    }
    assert_eq!(retry_after(&headers(&[]), now), None);
}

#[test]
fn luck_is_between_nothing_and_all() {
    assert!((0..1000).map(|_| luck()).all(|luck| (0.0..1.0).contains(&luck)));
}
