//! What was given for each setting, and where.

use std::collections::BTreeMap;

use super::reader::Reader;
use super::{ALL, Setting, Settings, opentelemetry, unknown};

/// Where a value came from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Source {
    /// A flag.
    Flag,
    /// An environment variable.
    Environment,
    /// The configuration file.
    File,
    /// A variable of OpenTelemetry's.
    OpenTelemetry,
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
    /// What holds for a setting, and where it came from.
    pub(super) fn of(&self, key: &str) -> (&str, Source) {
        self.0.get(key).map_or(("", Source::Default), |(text, source)| (text.as_str(), *source))
    }

    /// Takes what was given. Of the environment, all variables that begin with `PORTCULLIS_` or
    /// `OTEL_`.
    ///
    /// # Errors
    /// Every key and variable that is no setting, with the nearest known one.
    pub fn gather(
        flag: impl Fn(&Setting) -> Option<String>,
        environment: &BTreeMap<String, String>,
        file: &BTreeMap<String, String>,
    ) -> Result<Self, Vec<Problem>> {
        let unknown = unknown::of_file(file).chain(unknown::of_environment(environment));
        let unknown: Vec<Problem> = unknown.collect();
        if !unknown.is_empty() {
            return Err(unknown);
        }
        let variables = environment;
        let environment = |setting: &Setting| environment.get(&setting.variable()).cloned();
        let value = |setting: &Setting| {
            let given = flag(setting).map(|text| (text, Source::Flag));
            let given = given.or_else(|| environment(setting).map(|text| (text, Source::Environment)));
            let given = given.or_else(|| file.get(setting.key).map(|text| (text.clone(), Source::File)));
            let given = given.or_else(|| {
                let theirs =
                    (setting.key == opentelemetry::ENDPOINT).then(|| opentelemetry::endpoint(variables));
                theirs.flatten().map(|text| (text, Source::OpenTelemetry))
            });
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
            // Given and empty they would be errors.
            if text.is_empty() && setting.key.starts_with("tls.") {
                lines.push_str(&format!("# {}: not set\n", setting.key));
                continue;
            }
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
                Source::OpenTelemetry => "environment of OpenTelemetry",
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
        let mut reader = Reader::of(self);
        let settings = reader.settings();
        let problems = reader.problems();
        if problems.is_empty() { Ok(settings) } else { Err(problems) }
    }
}

fn quoted(text: &str) -> String {
    // YAML would read `0660` and `1.0` as numbers, and give them back as others.
    let is_number = text.parse::<f64>().is_ok();
    let is_whole = text.bytes().all(|byte| byte.is_ascii_digit()) && !text.starts_with('0');
    let is_plain =
        !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"./-_".contains(&byte));
    if is_plain && (!is_number || is_whole) {
        text.to_owned()
    } else {
        format!("\"{}\"", text.replace('\\', "\\\\").replace('"', "\\\""))
    }
}
