//! `portcullis healthcheck`: for exec probes and compose files, where nobody else reaches loopback or a socket
//! file.

use std::env;

use super::http::Peer;
use super::progress::Progress;
use super::terminal::Terminal;
use super::trouble::Trouble;
use super::{Outcome, TEMPLATE};

/// Where a server answers probes when nothing else is said.
const USUAL: &str = "127.0.0.1:9192";

/// Variables that say where, in the order in which they are looked at.
const VARIABLES: [&str; 2] = ["PORTCULLIS_LISTEN_METRICS", "PORTCULLIS_LISTEN_ADMIN"];

/// Ask the local server whether it is ready
#[derive(Debug, clap::Args)]
#[command(
    help_template = TEMPLATE,
    before_help = "Examples:
  portcullis healthcheck           exits 0 when it is ready
  portcullis healthcheck --live    exits 0 when it is alive
  portcullis healthcheck --address unix:/run/portcullis/probes.sock

",
    after_help = "Without --address: what PORTCULLIS_LISTEN_METRICS says, else PORTCULLIS_LISTEN_ADMIN, else 127.0.0.1:9192."
)]
pub struct Arguments {
    /// Ask whether it is alive, not whether it is ready
    #[arg(long)]
    live: bool,
    /// Where the server answers probes (its `listen.metrics` or `listen.admin`): `host:port`, `unix:/path` or `unix:@name`
    #[arg(long, value_name = "ADDRESS")]
    address: Option<String>,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let address = arguments.address.clone().unwrap_or_else(usual);
    let Some(peer) = Peer::parse(&address) else {
        let hint = "name host:port, `unix:/path` or `unix:@name`, as `listen.metrics` does";
        return Err(Trouble::new(format!("`{address}` is no address"), hint).into());
    };
    let (path, good, bad) = if arguments.live {
        ("/livez", "alive", "not alive")
    } else {
        ("/readyz?verbose", "ready", "not ready")
    };
    let progress = Progress::waiting(terminal, format!("waiting for {address}"));
    let answer = peer.ask("GET", path, None);
    drop(progress);
    match answer {
        Ok(page) if page.status == 200 => {
            terminal.print(&format!("{good}\n"))?;
            Ok(Outcome::Yes)
        }
        Ok(page) => {
            // The page lists what is awaited.
            let lines = page.body.lines().filter(|line| !line.is_empty() && *line != bad);
            let awaited = lines.fold(String::new(), |text, line| text + "  " + line + "\n");
            terminal.print(&format!("{bad}: {address} answers {}\n{awaited}", page.status))?;
            Ok(Outcome::No)
        }
        Err(error) => {
            terminal.print(&format!("{bad}: {address} does not answer: {error}\n"))?;
            terminal.tell(
                "hint: name its `listen.metrics` or `listen.admin` with --address, or see whether it runs\n",
            );
            Ok(Outcome::No)
        }
    }
}

/// Where this environment has the server answer. An empty setting turns a listener off.
fn usual() -> String {
    let said = VARIABLES.iter().filter_map(|name| env::var(name).ok());
    said.map(|text| text.trim().to_owned()).find(|text| !text.is_empty()).unwrap_or_else(|| USUAL.to_owned())
}
