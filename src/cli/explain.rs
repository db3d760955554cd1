//! `portcullis explain`: the decision about one request, and the way to it.

pub(super) mod human;

use std::path::PathBuf;
use std::sync::Arc;

use anyhow::anyhow;
use clap::ValueEnum;
use serde_json::{Map, Value};

use super::attached::bytes;
use super::report::Report;
use super::set::{Policies, Set};
use super::terminal::Terminal;
use super::trouble::Trouble;
use super::{Outcome, TEMPLATE, now};
use crate::cases::{Run, is_reason};
use crate::explain::{Explanation, Question, ask, ask_captured};
use crate::policy::Policy;
use crate::server::wire::captured;

/// Say what is decided about a request, and why
///
/// It takes the way of the server, check by check. Nothing is fetched: the signature of a token is taken for
/// good, and that is said; all else of it is checked.
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis explain GET https://crm.example.com/customers
  portcullis explain GET /customers --claims '{\"sub\": 7, \"scope\": \"read-crm\"}' --guard mobile
  portcullis explain GET /customers --token \"$TOKEN\" --expect allow
  portcullis explain --check-request captured.json --format json

")]
pub struct Arguments {
    /// The method
    #[arg(required_unless_present = "check_request")]
    method: Option<String>,
    /// `https://host/path?query`, or a path
    #[arg(required_unless_present = "check_request")]
    url: Option<String>,
    #[command(flatten)]
    policies: Policies,
    /// A token as a client sends it
    #[arg(long, value_name = "JWT", conflicts_with = "claims")]
    token: Option<String>,
    /// Claims of a token; what its guard asks is filled in
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
    /// The guard (or issuer) that the claims are of; not needed where there is only one
    #[arg(long, value_name = "NAME", requires = "claims")]
    guard: Option<String>,
    /// A header of the request; several allowed
    #[arg(long = "header", short = 'H', value_name = "NAME:VALUE")]
    headers: Vec<String>,
    /// A captured `CheckRequest` in place of METHOD and URL: JSON, or the message itself
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["method", "url", "token", "claims", "headers"]
    )]
    check_request: Option<PathBuf>,
    /// Exit with 1 unless the decision is this: allow, deny, or a reason
    #[arg(long, value_name = "DECISION")]
    expect: Option<String>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
}

/// `--format`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For people
    Human,
    /// One JSON object
    Json,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    if let Some(wanted) = &arguments.expect
        && !matches!(wanted.as_str(), "allow" | "deny")
        && is_reason(wanted).is_none()
    {
        let message = format!("`{wanted}` is no decision");
        return Err(
            Trouble::new(message, "`--expect` takes allow, deny, or a reason such as missing_scope").into()
        );
    }
    let set = Set::read(&arguments.policies.or_usual())?;
    let policy = match set.compile() {
        Ok(policy) => policy,
        Err(mut problems) => {
            problems.sort();
            let report =
                Report { name: None, files: set.files(), problems: &problems.problems, is_strict: false };
            terminal.tell(&report.for_error(terminal));
            return Err(Trouble::new("the policy cannot be used", "mend what `portcullis check` says").into());
        }
    };
    let explanation = answer(arguments, &policy)?;
    let text = match arguments.format {
        Format::Human => human::write(&explanation, terminal),
        Format::Json => serde_json::to_string_pretty(&explanation)? + "\n",
    };
    terminal.print(&text)?;
    let Some(wanted) = &arguments.expect else { return Ok(Outcome::Yes) };
    let decision = &explanation.decision;
    if wanted == decision.reason || wanted == if decision.outcome == "allow" { "allow" } else { "deny" } {
        return Ok(Outcome::Yes);
    }
    terminal.tell(&format!("expected {wanted}, got {} ({})\n", decision.outcome, decision.reason));
    Ok(Outcome::No)
}

fn answer(arguments: &Arguments, policy: &Arc<Policy>) -> anyhow::Result<Explanation> {
    let mut secret = [0; 32];
    aws_lc_rs::rand::fill(&mut secret).map_err(|_| anyhow!("there is no randomness"))?;
    let now = now();
    let snapshot = Run::new(Arc::clone(policy), secret, now).snapshot();
    if let Some(path) = &arguments.check_request {
        let unusable = |cause: String| {
            Trouble::new(
                format!("`{}` cannot be used: {cause}", path.display()),
                "give a CheckRequest as JSON, or as the message itself",
            )
        };
        let arrives =
            captured(&bytes(path).map_err(unusable)?).map_err(|error| unusable(error.to_string()))?;
        return Ok(ask_captured(&snapshot, arrives, secret, now));
    }
    let question = question(arguments)?;
    ask(&snapshot, &question, secret, now).map_err(|bad| Trouble::new(bad.message, bad.hint).into())
}

fn question(arguments: &Arguments) -> Result<Question, Trouble> {
    let mut headers = Vec::new();
    for header in &arguments.headers {
        let Some((name, value)) = header.split_once(':') else {
            return Err(Trouble::new(format!("`{header}` is no header"), "write `--header 'name: value'`"));
        };
        headers.push((name.trim().to_owned(), value.trim().to_owned()));
    }
    let claims: Option<Map<String, Value>> =
        arguments.claims.as_deref().map(serde_json::from_str).transpose().map_err(|error| {
            Trouble::new(
                format!("`--claims` is no JSON object: {error}"),
                r#"for example `--claims '{"sub": 7}'`"#,
            )
        })?;
    Ok(Question {
        method: arguments.method.clone().unwrap_or_default(),
        url: arguments.url.clone().unwrap_or_default(),
        headers,
        token: arguments.token.clone(),
        claims,
        guard: arguments.guard.clone(),
        assume_signature: true,
        ..Question::default()
    })
}
