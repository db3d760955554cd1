//! `portcullis doctor`: what around Portcullis makes it useless.

use std::path::{Path, PathBuf};

use clap::Subcommand;

use super::report::{Format, Report, count};
use super::set::standard_input;
use super::terminal::{Style, Terminal};
use super::trouble::Trouble;
use super::{Outcome, TEMPLATE};
use crate::doctor::{self, Examination, codes};
use crate::policy::diagnostic::SourceFile;

/// Report what in a configuration makes an authorizer useless, with line and mend
///
/// Nothing is contacted. What is found is explained in docs/doctor.md; exit code 1 says that there is something.
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis doctor envoy envoy.yaml
  curl -s localhost:9901/config_dump | portcullis doctor envoy -     what Envoy runs with
  portcullis doctor kubernetes deployment.yaml
  kubectl get deployment crm --output yaml | portcullis doctor kubernetes -
  portcullis doctor envoy envoy.yaml --allow E0303                   all but what is meant so
  portcullis doctor envoy envoy.yaml --format sarif                  for code scanning

")]
pub struct Arguments {
    #[command(subcommand)]
    about: About,
}

#[derive(Debug, Subcommand)]
enum About {
    /// Look at a bootstrap of Envoy, at its own dump, or at files of listeners, clusters and routes
    #[command(before_help = "Examples:
  portcullis doctor envoy envoy.yaml
  curl -s localhost:9901/config_dump | portcullis doctor envoy -

")]
    Envoy(Files),
    /// Look at manifests of pods in which Portcullis runs
    #[command(before_help = "Examples:
  portcullis doctor kubernetes deployment.yaml
  kubectl get deployment crm --output yaml | portcullis doctor kubernetes -

")]
    Kubernetes(Files),
}

#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE)]
struct Files {
    /// YAML or JSON; several files belong to one whole; `-` reads standard input
    #[arg(value_name = "FILE", required = true)]
    paths: Vec<PathBuf>,
    /// Codes that are known and meant so, separated by commas
    #[arg(long, value_name = "CODE", value_delimiter = ',')]
    allow: Vec<String>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    match &arguments.about {
        About::Envoy(given) => examine(given, doctor::envoy, terminal),
        About::Kubernetes(given) => examine(given, doctor::kubernetes, terminal),
    }
}

fn examine(
    arguments: &Files,
    by: fn(&[SourceFile]) -> Examination,
    terminal: &Terminal,
) -> anyhow::Result<Outcome> {
    for code in &arguments.allow {
        if !codes::ALL.iter().any(|known| known.code == code) {
            let message = format!("`{code}` is no code of a doctor");
            return Err(Trouble::new(message, "codes are like E0102; docs/doctor.md has all of them").into());
        }
    }
    let files = arguments.paths.iter().map(|path| read(path)).collect::<anyhow::Result<Vec<_>>>()?;
    let Examination { mut problems, seen } = by(&files);
    problems.problems.retain(|problem| !arguments.allow.iter().any(|code| code == problem.code));
    let is_well = problems.problems.is_empty();
    let report = Report { name: None, files: &files, problems: &problems.problems, is_strict: true };
    let text = match arguments.format {
        Format::Human => {
            let last = if is_well {
                let of_files = count(files.len(), "file", "files");
                format!("{}: {of_files}, {seen}\n", terminal.paint(Style::Good, "ok"))
            } else {
                let found = count(problems.problems.len(), "problem", "problems");
                format!("{}: {found}; docs/doctor.md explains each\n", terminal.paint(Style::Bad, "failed"))
            };
            report.for_answer(terminal) + &last
        }
        Format::Json | Format::Sarif | Format::Github => report.write(arguments.format, None, terminal),
    };
    terminal.print(&text)?;
    Ok(Outcome::from(is_well))
}

fn read(path: &Path) -> anyhow::Result<SourceFile> {
    if path.as_os_str() == "-" {
        return standard_input();
    }
    let name = path.display().to_string();
    let text = std::fs::read_to_string(path).map_err(|error| {
        Trouble::new(
            format!("`{name}` cannot be read: {error}"),
            "name a file of YAML or JSON, or `-` for standard input",
        )
    })?;
    Ok(SourceFile { name: name.into(), text: text.into() })
}
