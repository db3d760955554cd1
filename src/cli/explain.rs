//! `portcullis explain`: the decision about one request, and the way to it.

mod asked;
pub(super) mod human;
mod remote;

use std::net::IpAddr;
use std::path::PathBuf;

use super::format::Format;
use super::set::Policies;
use super::terminal::Terminal;
use super::trouble::Trouble;
use super::{Outcome, TEMPLATE, compiled, input, keys_here, now};
use crate::cases::is_reason;
use crate::explain::{Explanation, ask, ask_captured};
use crate::time::UnixTime;

/// Say what is decided about a request, and why
///
/// It takes the way of the server, check by check. Nothing is fetched: where an issuer's keys are not in the
/// policy, its files or --keys, the signature of a token is taken for good, and that is said; --expect allow is
/// then not met. With --admin a running server is asked, which has the keys.
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis explain GET https://crm.example.com/customers
  portcullis explain GET /customers --claims '{\"sub\": 7, \"scope\": \"read-crm\"}' --guard app
  portcullis explain GET /customers --token token.txt --keys jwks.json --expect allow
  pbpaste | portcullis explain GET /customers --token - --admin http://127.0.0.1:9193
  portcullis explain --check-request captured.json --format json

", after_help = "Exit codes: 0 answered (and as --expect says), 1 another decision than expected, 2 could not answer.")]
pub struct Arguments {
    /// The method
    #[arg(required_unless_present = "check_request")]
    method: Option<String>,
    /// `https://host/path?query`, or a path
    #[arg(required_unless_present = "check_request")]
    url: Option<String>,
    #[command(flatten)]
    policies: Policies,
    /// A file that holds a token, `-` for standard input, or the token itself (which everybody on this machine sees)
    #[arg(long, value_name = "JWT", conflicts_with = "claims")]
    token: Option<String>,
    /// Claims of a token, or `-` for standard input; what its guard asks is filled in
    #[arg(long, value_name = "JSON")]
    claims: Option<String>,
    /// The guard (or issuer) that the claims are of; not needed where there is only one
    #[arg(long, value_name = "NAME", requires = "claims")]
    guard: Option<String>,
    /// A header of the request; several allowed
    #[arg(long = "header", short = 'H', value_name = "NAME:VALUE")]
    headers: Vec<String>,
    /// Address of the peer, for `source` and `client_address`
    #[arg(long, value_name = "IP")]
    address: Option<IpAddr>,
    /// Mutual-TLS identity of the peer
    #[arg(long, value_name = "NAME")]
    principal: Option<String>,
    /// A captured `CheckRequest` in place of METHOD and URL: JSON, or the message itself; `-` for standard input
    #[arg(
        long,
        value_name = "FILE",
        conflicts_with_all = ["method", "url", "token", "claims", "headers", "address", "principal"]
    )]
    check_request: Option<PathBuf>,
    #[command(flatten)]
    keys: keys_here::Given,
    /// Let --expect be met by a token whose signature cannot be checked here
    #[arg(long, requires = "expect")]
    unverified: bool,
    /// Ask the admin listener of a running server, with its policy and keys: `http://host:port` or `unix:/path`
    #[arg(long, value_name = "URL", conflicts_with_all = ["policies", "files", "now"])]
    admin: Option<String>,
    /// Judge as of this moment, not now
    #[arg(long, value_name = "MOMENT", value_parser = input::moment)]
    now: Option<UnixTime>,
    /// Exit with 1 unless the decision is this: allow, deny, or a reason
    #[arg(long, value_name = "DECISION")]
    expect: Option<String>,
    /// How to write the answer
    #[arg(long, value_enum, default_value_t = Format::Human)]
    format: Format,
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
    if arguments.token.as_deref().is_some_and(input::is_perhaps_a_file) {
        terminal.tell(input::TAKEN_FOR_A_TOKEN);
    }
    let explanation = match &arguments.admin {
        Some(server) => remote::ask(server, &asked::anything(arguments)?, terminal)?,
        None => answer(arguments, terminal)?,
    };
    let text = match arguments.format {
        Format::Human => human::write(&explanation, terminal),
        Format::Json => serde_json::to_string_pretty(&explanation)? + "\n",
    };
    terminal.print(&text)?;
    let Some(wanted) = &arguments.expect else { return Ok(Outcome::Yes) };
    let decision = &explanation.decision;
    let broadly = if decision.outcome == "allow" { "allow" } else { "deny" };
    if *wanted == *decision.reason || wanted == broadly {
        // Claims are nobody's signature, and that was known when they were given.
        let is_open = broadly == "allow" && explanation.token.signature_assumed;
        if is_open && arguments.claims.is_none() && !arguments.unverified {
            return Err(keys_here::unverified().into());
        }
        return Ok(Outcome::Yes);
    }
    terminal.tell(&format!("expected {wanted}, got {} ({})\n", decision.outcome, decision.reason));
    Ok(Outcome::No)
}

fn answer(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Explanation> {
    let policy = compiled::policy(&arguments.policies.or_usual(), terminal)?;
    let now = arguments.now.unwrap_or_else(now);
    let snapshot = keys_here::snapshot(&policy, &arguments.keys, now, terminal)?;
    let secret = keys_here::secret()?;
    if let Some(path) = &arguments.check_request {
        return Ok(ask_captured(&snapshot, asked::captured_in(path)?, secret, now));
    }
    let question = asked::question(arguments)?;
    ask(&snapshot, &question, secret, now).map_err(|bad| Trouble::new(bad.message, bad.hint).into())
}
