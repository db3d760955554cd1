//! From texts to settings, with every problem at once.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use crate::policy::diagnostic::closest;
use crate::policy::units;
use crate::token::cache::CacheSettings;

use super::{
    ALL, Address, Limits, Log, LogFormat, LoggedDecisions, LoggedSubject, Setting, Settings, SocketOwner,
};

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A flag.
    Flag,
    /// An environment variable.
    Environment,
    /// The configuration file.
    File,
    /// Nowhere else.
    Default,
}

/// A setting that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// What is wrong, naming the setting.
    pub message: String,
    /// How to mend it.
    pub hint: String,
}

/// The texts that hold, each with its source.
#[derive(Debug, Clone, Default)]
pub struct Values(BTreeMap<&'static str, (String, Source)>);

impl Values {
    /// Takes what was given; unknown keys of the file are problems.
    ///
    /// # Errors
    /// Every unknown key, with the nearest known one.
    pub fn gather(
        flag: impl Fn(&Setting) -> Option<String>,
        environment: impl Fn(&Setting) -> Option<String>,
        file: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<Problem>> {
        let unknown: Vec<Problem> = file
            .keys()
            .filter(|key| !ALL.iter().any(|setting| setting.key == key.as_str()))
            .map(|key| Problem {
                message: format!("there is no setting `{key}`"),
                hint: closest(key, ALL.iter().map(|setting| setting.key)).map_or_else(
                    || "`portcullis serve --print-config` shows all".to_owned(),
                    |near| format!("did you mean `{near}`?"),
                ),
            })
            .collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let value = |setting: &Setting| {
            let given = flag(setting).map(|text| (text, Source::Flag));
            let given = given.or_else(|| environment(setting).map(|text| (text, Source::Environment)));
            let given = given.or_else(|| file.get(setting.key).map(|text| (text.clone(), Source::File)));
            given.unwrap_or_else(|| (setting.default.to_owned(), Source::Default))
        };
        Ok(Self(ALL.iter().map(|setting| (setting.key, value(setting))).collect()))
    }

    /// The effective settings as a configuration file.
    #[must_use]
    pub fn print(&self) -> String {
        let mut lines = String::new();
        let mut section = "";
        for setting in ALL {
            let Some((text, source)) = self.0.get(setting.key) else { continue };
            let (head, name) = setting.key.split_once('.').unwrap_or(("", setting.key));
            if head != section && !head.is_empty() {
                lines.push_str(&format!("{head}:\n"));
            }
            section = head;
            let indent = if head.is_empty() { "" } else { "  " };
            let from = match source {
                Source::Flag => "flag",
                Source::Environment => "environment",
                Source::File => "file",
                Source::Default => "default",
            };
            lines.push_str(&format!("{indent}{name}: {} # {from}\n", quoted(text)));
        }
        lines
    }

    /// Reads all settings.
    ///
    /// # Errors
    /// Every setting that cannot be used.
    pub fn read(&self) -> Result<Settings, Vec<Problem>> {
        let mut reader = Reader { values: self, problems: Vec::new() };
        let settings = reader.settings();
        if reader.problems.is_empty() { Ok(settings) } else { Err(reader.problems) }
    }
}

fn quoted(text: &str) -> String {
    let is_plain =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./-_".contains(&byte));
    if is_plain {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}

pub(super) struct Reader<'v> {
    values: &'v Values,
    problems: Vec<Problem>,
}

impl Reader<'_> {
    fn settings(&mut self) -> Settings {
        Settings {
            policies: self.list("policies").into_iter().map(PathBuf::from).collect(),
            grpc: self.addresses("listen.grpc"),
            http: self.http(),
            tls: self.tls(),
            metrics: self.addresses("listen.metrics").into_iter().next(),
            admin: self.addresses("listen.admin").into_iter().next(),
            socket: self.socket(),
            watch: self.flag("reload.watch"),
            interval: self.duration("reload.interval").max(Duration::from_millis(100)),
            cache: CacheSettings {
                enabled: self.flag("cache.tokens"),
                max_bytes: u64::try_from(self.bytes("cache.max_bytes")).unwrap_or(u64::MAX),
                max_age: self.duration("cache.max_age"),
            },
            key_cache: Some(self.text("key_cache")).filter(|text| !text.is_empty()).map(PathBuf::from),
            limits: self.limits(),
            keepalive_interval: self.duration("keepalive.interval"),
            keepalive_timeout: self.duration("keepalive.timeout"),
            error_response: self.flag("answers.error_response"),
            log: self.log(),
            shutdown_delay: self.duration("shutdown.delay"),
            shutdown_drain: self.duration("shutdown.drain"),
            workers: self.workers(),
        }
    }

    fn limits(&mut self) -> Limits {
        Limits {
            token_bytes: self.bytes("limits.token_bytes"),
            header_bytes: self.bytes("limits.header_bytes"),
            message_bytes: self.bytes("limits.message_bytes"),
            in_flight: self.positive("limits.in_flight"),
            connections: self.positive("limits.connections"),
            concurrent_streams: u32::try_from(self.positive("limits.concurrent_streams")).unwrap_or(u32::MAX),
            pending_resets: self.positive("limits.pending_resets"),
            deadline: self.duration("limits.deadline"),
        }
    }

    fn log(&mut self) -> Log {
        let format = self.word("log.format", &["auto", "json", "text"]);
        let decisions = self.word("log.decisions", &["denied", "none", "all"]);
        let subject = self.word("log.subject", &["plain", "hash", "none"]);
        let level = self.word("log.level", &["info", "error", "warn", "debug", "trace"]);
        Log {
            format: match format {
                "json" => LogFormat::Json,
                "text" => LogFormat::Text,
                _ => LogFormat::Auto,
            },
            level: level.parse().unwrap_or(tracing::Level::INFO),
            decisions: match decisions {
                "none" => LoggedDecisions::None,
                "all" => LoggedDecisions::All,
                _ => LoggedDecisions::Denied,
            },
            sample: self.share("log.sample"),
            subject: match subject {
                "hash" => LoggedSubject::Hash,
                "none" => LoggedSubject::None,
                _ => LoggedSubject::Plain,
            },
            queue: self.positive("log.queue"),
        }
    }

    fn socket(&mut self) -> SocketOwner {
        let mode = u32::from_str_radix(self.text("listen.socket_mode"), 8).ok().filter(|mode| *mode <= 0o777);
        if mode.is_none() {
            self.wrong("listen.socket_mode", "an octal mode such as `0660`");
        }
        SocketOwner {
            mode: mode.unwrap_or(0o660),
            owner: self.number("listen.socket_owner"),
            group: self.number("listen.socket_group"),
        }
    }

    fn workers(&mut self) -> usize {
        if self.text("workers").is_empty() {
            return std::thread::available_parallelism().map_or(1, std::num::NonZeroUsize::get);
        }
        self.positive("workers")
    }

    pub(super) fn text(&self, key: &str) -> &str {
        self.values.0.get(key).map_or("", |(text, _)| text.as_str())
    }

    pub(super) fn missing(&mut self, key: &str, hint: &str) {
        let message = format!("setting `{key}` is missing");
        self.problems.push(Problem { message, hint: hint.to_owned() });
    }

    pub(super) fn wrong(&mut self, key: &str, wanted: &str) {
        let text = self.text(key).to_owned();
        self.problems.push(Problem {
            message: format!("setting `{key}` cannot be `{text}`"),
            hint: format!("it is {wanted}"),
        });
    }

    fn list(&self, key: &str) -> Vec<String> {
        self.text(key).split(',').map(str::trim).filter(|text| !text.is_empty()).map(str::to_owned).collect()
    }

    pub(super) fn addresses(&mut self, key: &str) -> Vec<Address> {
        let parsed: Vec<Option<Address>> = self.list(key).iter().map(|text| Address::parse(text)).collect();
        if parsed.iter().any(Option::is_none) {
            self.wrong(key, "an IP address and port, `unix:/path` or `unix:@name`");
        }
        parsed.into_iter().flatten().collect()
    }

    fn flag(&mut self, key: &str) -> bool {
        match self.text(key) {
            "true" => true,
            "false" => false,
            _ => {
                self.wrong(key, "`true` or `false`");
                false
            }
        }
    }

    fn duration(&mut self, key: &str) -> Duration {
        units::duration(self.text(key)).unwrap_or_else(|| {
            self.wrong(key, "a duration such as `250ms`, `30s`, `5m`");
            Duration::ZERO
        })
    }

    fn bytes(&mut self, key: &str) -> usize {
        units::bytes(self.text(key)).filter(|bytes| *bytes > 0).unwrap_or_else(|| {
            self.wrong(key, "a size such as `16KiB`, `1MiB`");
            1
        })
    }

    fn positive(&mut self, key: &str) -> usize {
        self.text(key).parse().ok().filter(|number| *number > 0).unwrap_or_else(|| {
            self.wrong(key, "a number above zero");
            1
        })
    }

    fn number(&mut self, key: &str) -> Option<u32> {
        if self.text(key).is_empty() {
            return None;
        }
        let number = self.text(key).parse().ok();
        if number.is_none() {
            self.wrong(key, "a numeric id");
        }
        number
    }

    fn share(&mut self, key: &str) -> f64 {
        self.text(key).parse().ok().filter(|share| (0.0..=1.0).contains(share)).unwrap_or_else(|| {
            self.wrong(key, "a share from 0.0 to 1.0");
            1.0
        })
    }

    /// A word of a list; the first is taken where it is none of them.
    fn word<'w>(&mut self, key: &str, words: &[&'w str]) -> &'w str {
        let text = self.text(key).to_owned();
        if let Some(word) = words.iter().find(|word| **word == text) {
            return word;
        }
        self.wrong(key, &format!("one of {}", words.join(", ")));
        words.first().copied().unwrap_or_default()
    }
}
