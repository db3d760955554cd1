//! From texts to settings.

use std::path::PathBuf;
use std::time::Duration;

use crate::token::cache::CacheSettings;

use super::reader::Reader;
use super::{Limits, Log, LogFormat, LoggedDecisions, LoggedSubject, Settings, SocketOwner};

/// Most of what is counted one by one.
const MANY: usize = 1_000_000;

impl Reader<'_> {
    pub(super) fn settings(&mut self) -> Settings {
        if self.text("listen.grpc").is_empty() && self.text("listen.http").is_empty() {
            self.missing(
                "listen.grpc",
                "say where decisions are asked for: `listen.grpc`, `listen.http` or both",
            );
        }
        Settings {
            policies: self.list("policies").into_iter().map(PathBuf::from).collect(),
            grpc: self.addresses("listen.grpc"),
            http: self.http(),
            tls: self.tls(),
            metrics: self.address("listen.metrics"),
            admin: self.address("listen.admin"),
            socket: self.socket(),
            watch: self.flag("reload.watch"),
            interval: self.duration_from("reload.interval", Duration::from_millis(100)),
            cache: CacheSettings {
                enabled: self.flag("cache.tokens"),
                max_bytes: u64::try_from(self.bytes("cache.max_bytes")).unwrap_or(u64::MAX),
                max_age: self.duration("cache.max_age"),
            },
            key_cache: Some(self.text("key_cache")).filter(|text| !text.is_empty()).map(PathBuf::from),
            limits: self.limits(),
            keepalive_interval: self.duration_from("keepalive.interval", Duration::from_millis(100)),
            keepalive_timeout: self.duration_from("keepalive.timeout", Duration::from_millis(100)),
            error_response: self.flag("answers.error_response"),
            log: self.log(),
            otlp_endpoint: self.otlp_endpoint(),
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
            in_flight: self.number_up_to("limits.in_flight", MANY),
            connections: self.number_up_to("limits.connections", MANY),
            concurrent_streams: u32::try_from(self.number_up_to("limits.concurrent_streams", MANY))
                .unwrap_or(u32::MAX),
            pending_resets: self.number_up_to("limits.pending_resets", MANY),
            deadline: self.duration_from("limits.deadline", Duration::from_millis(1)),
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
            queue: self.number_up_to("log.queue", MANY),
        }
    }

    fn socket(&mut self) -> SocketOwner {
        let mode = u32::from_str_radix(self.text("listen.socket_mode"), 8).ok();
        // A file may say `0o660`, which YAML gives us as 432. Read as octal, no such number lets the owner in.
        let mode = mode.filter(|mode| *mode <= 0o777 && mode & 0o600 == 0o600);
        if mode.is_none() {
            self.wrong(
                "listen.socket_mode",
                "an octal mode such as \"0660\", in quotes in a file, that lets the owner read and write",
            );
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
        self.number_up_to("workers", 1024)
    }
}
