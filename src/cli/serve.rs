//! `portcullis serve`.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::IsTerminal as _;
use std::path::PathBuf;

use clap::{Arg, ArgAction, ArgMatches, Command, FromArgMatches};
use serde_json::{Value, json};

use crate::policy::diagnostic::Severity;
use crate::runtime::files::FilesError;
use crate::runtime::{self, ReloadFailure};
use crate::server::{self, StartError};
use crate::settings::{ALL, Problem, Setting, Settings, Values, read_file};
use crate::telemetry::Form;

use super::terminal::{Style, Terminal};
use super::trouble::Trouble;
use super::{Outcome, TEMPLATE, compiled, now};

/// Every setting is a flag; the list of them is the settings' own.
#[derive(Debug)]
pub struct Arguments {
    flags: BTreeMap<&'static str, String>,
    config: Option<PathBuf>,
    print_config: bool,
}

impl clap::Args for Arguments {
    fn augment_args(command: Command) -> Command {
        let command = command
            .about("Serve decisions to Envoy")
            .help_template(TEMPLATE)
            .before_help(
                "Examples:
  portcullis serve --policies policies
  portcullis serve --policies policies --listen-grpc unix:/run/portcullis/portcullis.sock
  portcullis serve --config portcullis.yaml --print-config

",
            )
            .after_help("Each setting is a flag, a variable (PORTCULLIS_LISTEN_GRPC) and a key of the file given with --config, in that order of precedence.")
            .arg(
                Arg::new("config")
                    .long("config")
                    .value_name("FILE")
                    .env("PORTCULLIS_CONFIG")
                    .value_parser(clap::value_parser!(PathBuf))
                    .help("A YAML file of settings"),
            )
            .arg(
                Arg::new("print_config")
                    .long("print-config")
                    .action(ArgAction::SetTrue)
                    .help("Print the effective settings, each with its source, and end"),
            );
        // As `check` and `test` name a policy.
        let paths = Arg::new("paths").value_name("PATH").num_args(0..).hide(true);
        command.args(ALL.iter().map(flag)).arg(paths)
    }

    fn augment_args_for_update(command: Command) -> Command {
        Self::augment_args(command)
    }
}

fn flag(setting: &Setting) -> Arg {
    let default =
        if setting.default.is_empty() { String::new() } else { format!(" [default: {}]", setting.default) };
    // Names live as long as the process: clap takes no others.
    let flag = Arg::new(setting.key)
        .long(&*setting.flag().leak())
        .value_name("VALUE")
        .help(format!("{}{default}", setting.help));
    // `--policies a b`, `--policies a --policies b` and `--policies a,b` are the same.
    match setting.key {
        "policies" => flag.num_args(1..).action(ArgAction::Append).value_name("PATH"),
        "listen.grpc" => flag.action(ArgAction::Append),
        _ => flag,
    }
}

impl FromArgMatches for Arguments {
    fn from_arg_matches(matches: &ArgMatches) -> Result<Self, clap::Error> {
        let value = |setting: &Setting| {
            let mut given: Vec<String> =
                matches.get_many(setting.key).into_iter().flatten().cloned().collect();
            if setting.key == "policies" {
                given.extend(matches.get_many("paths").into_iter().flatten().cloned());
            }
            let is_given = !given.is_empty();
            is_given.then(|| (setting.key, given.join(",")))
        };
        Ok(Self {
            flags: ALL.iter().filter_map(value).collect(),
            config: matches.get_one::<PathBuf>("config").cloned(),
            print_config: matches.get_flag("print_config"),
        })
    }

    fn update_from_arg_matches(&mut self, matches: &ArgMatches) -> Result<(), clap::Error> {
        *self = Self::from_arg_matches(matches)?;
        Ok(())
    }
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let values = match gather(arguments)? {
        Ok(values) => values,
        Err(problems) => return Err(wrong(&problems, terminal)),
    };
    let settings = match values.read() {
        Ok(settings) => settings,
        Err(problems) => return Err(wrong(&problems, terminal)),
    };
    if arguments.print_config {
        terminal.print(&values.print())?;
        return Ok(Outcome::Yes);
    }
    if settings.policies.is_empty() {
        return Err(Trouble::new(
            "no policy is given",
            "name files or directories: `portcullis serve --policies policies`",
        )
        .into());
    }
    match server::run(&settings) {
        Ok(()) => Ok(Outcome::Yes),
        Err(StartError::Policy(ReloadFailure::Invalid(problems))) => {
            tell_problems(&problems, &settings, terminal);
            Ok(Outcome::No)
        }
        // It could not be read at all: whether it is good is not known.
        Err(StartError::Policy(failure)) => {
            let hint = match &failure {
                ReloadFailure::Files(FilesError(problems)) => {
                    problems.iter().find_map(|problem| problem.hint)
                }
                ReloadFailure::Invalid(_) | ReloadFailure::Changing | ReloadFailure::Internal => None,
            };
            Err(Trouble::new(failure.to_string(), hint.unwrap_or_default()).into())
        }
        Err(StartError::Bind(error)) => {
            let hint = error.hint();
            Err(Trouble::new(error.to_string(), hint).into())
        }
        Err(StartError::Unclaimed(error)) => Err(Trouble::new(error.to_string(), error.hint()).into()),
        Err(StartError::Tls(error)) => Err(Trouble::new(error.to_string(), error.hint()).into()),
        Err(error @ StartError::System(_)) => Err(error.into()),
    }
}

fn gather(arguments: &Arguments) -> anyhow::Result<Result<Values, Vec<Problem>>> {
    let file = match &arguments.config {
        None => BTreeMap::new(),
        Some(path) => {
            let shown = path.display();
            let text = std::fs::read_to_string(path).map_err(|error| {
                Trouble::new(format!("cannot read `{shown}`: {error}"), "name a YAML file of settings")
            })?;
            if is_policy(&text) {
                let message = format!("`{shown}` is a policy, and no file of settings");
                return Err(Trouble::new(message, format!("give it with `--policies {shown}`")).into());
            }
            read_file(&text).map_err(|error| {
                // What follows is the text around it, which may be a secret.
                let error = error.to_string();
                let first = error.lines().next().unwrap_or_default().trim_start_matches("error: ");
                Trouble::new(
                    format!("`{shown}` is no file of settings: {first}"),
                    "`portcullis serve --print-config` shows how one looks",
                )
            })?
        }
    };
    let flag = |setting: &Setting| arguments.flags.get(setting.key).cloned();
    Ok(Values::gather(flag, &environment(), &file))
}

fn is_policy(text: &str) -> bool {
    let begins = ["version:", "issuers:", "guards:", "requirements:", "forbid:", "routes:"];
    text.lines().any(|line| begins.iter().any(|key| line.starts_with(key)))
}

/// What is no text is passed on as near to it as can be: then it is no setting, and is said so.
fn environment() -> BTreeMap<String, String> {
    let text = |(name, value): (OsString, OsString)| {
        (name.to_string_lossy().into_owned(), value.to_string_lossy().into_owned())
    };
    std::env::vars_os()
        .map(text)
        .filter(|(name, _)| name.starts_with("PORTCULLIS_") || name.starts_with("OTEL_"))
        .collect()
}

fn wrong(problems: &[Problem], terminal: &Terminal) -> anyhow::Error {
    let Some((last, before)) = problems.split_last() else {
        return anyhow::anyhow!("the settings cannot be used");
    };
    for problem in before {
        let error = terminal.paint_error(Style::Bad, "error");
        let hint = terminal.paint_error(Style::Strong, "hint");
        terminal.tell(&format!("{error}: {}\n{hint}: {}\n", problem.message, problem.hint));
    }
    Trouble::new(last.message.clone(), last.hint.clone()).into()
}

/// Every problem of a policy that cannot be served: for people as `check` shows it, for machines as lines of the
/// log.
fn tell_problems(problems: &[runtime::Problem], settings: &Settings, terminal: &Terminal) {
    if Form::of(settings.log.format, std::io::stdout().is_terminal()) == Form::Json {
        let lines = problems.iter().fold(String::new(), |text, problem| format!("{text}{}\n", line(problem)));
        // Where nobody reads the log, there is nobody to be told of that.
        let _unread = terminal.print(&lines);
        return;
    }
    // What was wrong is looked at again, with the text around it.
    if compiled::policy(&settings.policies, terminal).is_err() {
        return;
    }
    // What only the keys in files tell, or somebody mended meanwhile.
    let error = terminal.paint_error(Style::Bad, "error");
    for problem in problems {
        let hint = problem.hint.as_ref().map(|hint| format!("hint: {hint}\n")).unwrap_or_default();
        terminal.tell(&format!("{error}: {problem}\n{hint}"));
    }
}

fn line(problem: &runtime::Problem) -> Value {
    let place = problem.place.as_ref();
    json!({
        "timestamp": now().to_string(),
        "level": match problem.severity { Severity::Error => "ERROR", Severity::Warning => "WARN" },
        "target": "portcullis",
        "message": "the policy cannot be used",
        "code": problem.code,
        "problem": problem.to_string(),
        "hint": problem.hint,
        "file": place.map(|place| &*place.file),
        "line": place.map(|place| place.line),
        "column": place.map(|place| place.column),
    })
}
