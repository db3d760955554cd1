//! Reads one setting after the other, and notes everything that is wrong.

use std::path::PathBuf;
use std::time::Duration;

use crate::policy::units;

use super::values::{Problem, Source, Values};
use super::{ALL, Address};

/// Longest of any time: whoever writes more means something else.
const LONGEST: Duration = Duration::from_hours(366 * 24);

/// Reads the texts of settings.
pub(super) struct Reader<'v> {
    values: &'v Values,
    problems: Vec<Problem>,
}

impl<'v> Reader<'v> {
    pub(super) fn of(values: &'v Values) -> Self {
        Self { values, problems: Vec::new() }
    }

    /// Everything that was wrong.
    pub(super) fn problems(self) -> Vec<Problem> {
        self.problems
    }

    pub(super) fn text(&self, key: &str) -> &str {
        self.values.of(key).0
    }

    pub(super) fn missing(&mut self, key: &str, hint: &str) {
        let message = format!("setting `{key}` is missing");
        self.problems.push(Problem { message, hint: hint.to_owned() });
    }

    pub(super) fn wrong(&mut self, key: &str, wanted: &str) {
        let (text, source) = self.values.of(key);
        let setting = ALL.iter().find(|setting| setting.key == key);
        let place = match (source, setting) {
            (Source::Flag, Some(setting)) => format!(" (given as `--{}`)", setting.flag()),
            (Source::Environment, Some(setting)) => format!(" (given as `{}`)", setting.variable()),
            (Source::File, _) => " (given in the file)".to_owned(),
            (Source::OpenTelemetry, _) => " (given by a variable `OTEL_EXPORTER_OTLP_…`)".to_owned(),
            (Source::Flag | Source::Environment | Source::Default, _) => String::new(),
        };
        let message = format!("setting `{key}` cannot be `{text}`{place}");
        self.problems.push(Problem { message, hint: format!("it is {wanted}") });
    }

    pub(super) fn list(&self, key: &str) -> Vec<String> {
        self.text(key).split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn addresses(&mut self, key: &str) -> Vec<Address> {
        let parsed: Vec<Option<Address>> = self.list(key).iter().map(|text| Address::parse(text)).collect();
        if parsed.iter().any(Option::is_none) {
            self.wrong(key, "an IP address and port, `unix:/path`, `unix:@name` or `systemd:name`");
        }
        parsed.into_iter().flatten().collect()
    }

    /// One address, or none.
    pub(super) fn address(&mut self, key: &str) -> Option<Address> {
        let addresses = self.addresses(key);
        if addresses.len() > 1 {
            self.wrong(key, "one address, or empty");
        }
        addresses.into_iter().next()
    }

    /// A file, or none. What is given and empty was to be filled in and was not: it must not switch anything off.
    pub(super) fn path(&mut self, key: &str) -> Option<PathBuf> {
        let (text, source) = self.values.of(key);
        if text.is_empty() && source != Source::Default {
            self.wrong(key, "the path of a file; leave it out to do without");
            return None;
        }
        (!text.is_empty()).then(|| PathBuf::from(text))
    }

    pub(super) fn flag(&mut self, key: &str) -> bool {
        match self.text(key) {
            "true" => true,
            "false" => false,
            _ => {
                self.wrong(key, "`true` or `false`");
                false
            }
        }
    }

    pub(super) fn duration(&mut self, key: &str) -> Duration {
        self.duration_from(key, Duration::ZERO)
    }

    pub(super) fn duration_from(&mut self, key: &str, least: Duration) -> Duration {
        let read = units::duration(self.text(key));
        read.filter(|duration| (least..=LONGEST).contains(duration)).unwrap_or_else(|| {
            let from =
                if least.is_zero() { String::new() } else { format!(", from {} ms", least.as_millis()) };
            self.wrong(key, &format!("a duration such as `250ms`, `30s`, `5m`{from}"));
            least
        })
    }

    pub(super) fn bytes(&mut self, key: &str) -> usize {
        units::bytes(self.text(key)).filter(|bytes| *bytes > 0).unwrap_or_else(|| {
            self.wrong(key, "a size such as `16KiB`, `1MiB`");
            1
        })
    }

    /// From 1.
    pub(super) fn number_up_to(&mut self, key: &str, most: usize) -> usize {
        self.text(key).parse().ok().filter(|number| (1..=most).contains(number)).unwrap_or_else(|| {
            self.wrong(key, &format!("a number from 1 to {most}"));
            1
        })
    }

    pub(super) fn number(&mut self, key: &str) -> Option<u32> {
        if self.text(key).is_empty() {
            return None;
        }
        let number = self.text(key).parse().ok();
        if number.is_none() {
            self.wrong(key, "a numeric id");
        }
        number
    }

    pub(super) fn share(&mut self, key: &str) -> f64 {
        self.text(key).parse().ok().filter(|share| (0.0..=1.0).contains(share)).unwrap_or_else(|| {
            self.wrong(key, "a share from 0.0 to 1.0");
            1.0
        })
    }

    /// A word of a list; the first is taken where it is none of them.
    pub(super) fn word<'w>(&mut self, key: &str, words: &[&'w str]) -> &'w str {
        let text = self.text(key).to_owned();
        if let Some(word) = words.iter().find(|word| **word == text) {
            return word;
        }
        self.wrong(key, &format!("one of {}", words.join(", ")));
        words.first().copied().unwrap_or_default()
    }
}
