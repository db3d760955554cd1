//! Moments and spans as people read them.

use std::time::Duration;

use crate::time::UnixTime;

/// `2026-01-01T00:00:00Z`; seconds where the calendar ends.
#[must_use]
pub fn moment(time: UnixTime) -> String {
    let seconds = time.seconds();
    if !(0..=UnixTime::LAST.seconds()).contains(&seconds) {
        return format!("{seconds} s");
    }
    let (days, rest) = (seconds / 86_400, seconds % 86_400);
    // Days since 0000-03-01 in the proleptic Gregorian calendar, counting years from March.
    let shifted = days + 719_468;
    let era = shifted / 146_097;
    let of_era = shifted % 146_097;
    let year_of_era = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 { from_march + 3 } else { from_march - 9 };
    let year = era * 400 + year_of_era + i64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}Z")
}

/// `in 59m 30s`, `5m ago`.
pub(super) fn span(time: UnixTime, now: UnixTime) -> String {
    let seconds = time.seconds() - now.seconds();
    let length = words(Duration::from_secs(seconds.unsigned_abs()));
    if seconds >= 0 { format!("in {length}") } else { format!("{length} ago") }
}

/// The two largest units: `2d 3h`, `59m 30s`, `5m`.
pub(super) fn words(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts =
        [(seconds / 86_400, "d"), (seconds / 3600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let first = parts.iter().position(|(number, _)| *number > 0);
    let Some(first) = first else { return format!("{seconds}s") };
    let shown = parts.iter().skip(first).take(2).filter(|(number, _)| *number > 0);
    shown.map(|(number, unit)| format!("{number}{unit}")).collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::units;

    #[test]
    fn a_moment_is_written_as_it_is_read() {
        for text in [
            "1970-01-01T00:00:00Z",
            "1999-12-31T23:59:59Z",
            "2000-02-29T12:00:00Z",
            "2026-01-01T00:00:00Z",
            "2100-03-01T00:00:00Z",
            "9999-12-31T23:59:59Z",
        ] {
            assert_eq!(moment(units::moment(text).expect(text)), text);
        }
        assert_eq!(moment(UnixTime::from_seconds(-1)), "-1 s");
    }

    #[test]
    fn a_span_has_its_two_largest_units() {
        let now = UnixTime::from_seconds(1_000_000);
        for (offset, words) in [
            (3570, "in 59m 30s"),
            (-300, "5m ago"),
            (183_600, "in 2d 3h"),
            (0, "in 0s"),
            (90_000, "in 1d 1h"),
        ] {
            assert_eq!(span(UnixTime::from_seconds(1_000_000 + offset), now), words);
        }
    }
}
