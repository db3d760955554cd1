//! `portcullis keys generate`: a key pair for tests and local use.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Component, Path, PathBuf};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use clap::Subcommand;
use serde_json::json;
use zeroize::Zeroizing;

use super::progress::Progress;
use super::signing::{Made, SigningKey};
use super::terminal::{Style, Terminal};
use super::token::algorithm;
use super::trouble::Trouble;
use super::{Outcome, TEMPLATE};
use crate::token::settings::{Algorithm, Encoding};

/// Make key pairs for tests and local use
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis keys generate
  portcullis keys generate --algorithm RS256 --out keys

")]
pub struct Arguments {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Generate(Generate),
}

/// Make a private key, and the key set that verifies what it signs
///
/// Writes DIR/private.pem (or DIR/secret for HMAC) with mode 0600, and DIR/jwks.json. Nothing is overwritten.
#[derive(Debug, clap::Args)]
#[command(help_template = TEMPLATE, before_help = "Examples:
  portcullis keys generate                                  ES256, into ./keys
  portcullis keys generate --algorithm RS256 --bits 4096
  portcullis keys generate --algorithm HS256 --out secrets  a shared secret

")]
struct Generate {
    /// RS256, RS384, RS512, PS256, PS384, PS512, ES256, ES384, ES512, `EdDSA`, HS256, HS384 or HS512
    #[arg(long, value_name = "NAME", default_value = "ES256", value_parser = algorithm)]
    algorithm: Algorithm,
    /// The directory, which is made if it is not there
    #[arg(long, value_name = "DIR", default_value = "keys")]
    out: PathBuf,
    /// The `kid`; otherwise the key's thumbprint (RFC 7638)
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// Size of an RSA key: 2048, 3072 or 4096
    #[arg(long, default_value_t = 2048)]
    bits: u32,
}

pub fn run(arguments: &Arguments, terminal: &Terminal) -> anyhow::Result<Outcome> {
    let Command::Generate(arguments) = &arguments.command;
    let private = arguments.out.join("private.pem");
    let (secret, public) = (arguments.out.join("secret"), arguments.out.join("jwks.json"));
    let wanted: &[&Path] = if arguments.algorithm.is_symmetric() { &[&secret] } else { &[&private, &public] };
    if let Some(there) = wanted.iter().find(|path| path.exists()) {
        let message = format!("`{}` is already there, and is not overwritten", there.display());
        return Err(Trouble::new(message, "name another directory with `--out`, or remove it").into());
    }
    let unwritten = |path: &Path, error: &io::Error| {
        Trouble::new(
            format!("cannot write `{}`: {error}", path.display()),
            "name another directory with `--out`",
        )
    };
    fs::create_dir_all(&arguments.out).map_err(|error| unwritten(&arguments.out, &error))?;
    let progress = Progress::waiting(terminal, "making a key");
    let made = Made::generate(arguments.algorithm, arguments.bits);
    drop(progress);
    let made = made.map_err(|message| Trouble::new(message, "see `portcullis keys generate --help`"))?;
    let from = policy_directory();
    let next = match made {
        Made::Secret(text) => {
            create(&secret, text.as_bytes(), 0o600).map_err(|error| unwritten(&secret, &error))?;
            told(terminal, &secret, "the secret (mode 0600): whoever has it can sign")?;
            let (file, name) = (seen_from(&from, &secret), arguments.algorithm.name());
            format!("keys: {{ secret_file: {} }}` and `algorithms: [{name}]", file.display())
        }
        Made::Private(der) => {
            let pem = pem(&der);
            let (key, _) = SigningKey::read(pem.as_bytes(), Encoding::Raw).map_err(anyhow::Error::msg)?;
            let jwks = jwks(arguments, &key).ok_or_else(|| anyhow::anyhow!("the key has no public half"))?;
            create(&private, pem.as_bytes(), 0o600).map_err(|error| unwritten(&private, &error))?;
            create(&public, jwks.as_bytes(), 0o644).map_err(|error| {
                // Half a pair is none.
                let _ = fs::remove_file(&private);
                unwritten(&public, &error)
            })?;
            told(
                terminal,
                &private,
                "the private key (mode 0600): `portcullis token mint --key` signs with it",
            )?;
            told(terminal, &public, "its public key set, for everybody")?;
            format!("keys: {{ jwks_file: {} }}", seen_from(&from, &public).display())
        }
    };
    advise(terminal, &from, &arguments.out, &next);
    Ok(Outcome::Yes)
}

/// What to do with the keys, and what not.
fn advise(terminal: &Terminal, from: &Path, out: &Path, next: &str) {
    let here = from == Path::new(".");
    let seen = seen_from(from, out);
    if !here && seen.is_relative() && !seen.starts_with("..") {
        let out = out.display();
        terminal.tell(&format!(
            "note: what lies in `{out}` is deployed with the policies; `--out keys` keeps it apart\n"
        ));
    }
    let place = if here { "this directory".to_owned() } else { format!("`{}`", from.display()) };
    terminal
        .tell(&format!("next: write `{next}` in the issuer of a policy in {place}, where the path begins\n"));
}

/// Where the policy is that a person works on here.
fn policy_directory() -> PathBuf {
    let usual = Path::new("policies");
    if usual.is_dir() { usual } else { Path::new(".") }.to_owned()
}

/// The way from one directory to a file; both are there. The whole way where they have nothing in common.
fn seen_from(directory: &Path, file: &Path) -> PathBuf {
    let (Ok(from), Ok(to)) = (directory.canonicalize(), file.canonicalize()) else { return file.to_owned() };
    let shared = from.components().zip(to.components()).take_while(|(one, other)| one == other).count();
    // The root alone is nothing in common.
    if shared < 2 {
        return to;
    }
    let up = from.components().skip(shared).map(|_| Component::ParentDir);
    up.chain(to.components().skip(shared)).collect()
}

fn told(terminal: &Terminal, path: &Path, what: &str) -> io::Result<()> {
    terminal.print(&format!("{}  {what}\n", terminal.paint(Style::Strong, &path.display().to_string())))
}

/// Makes a file that was not there.
fn create(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

fn pem(der: &[u8]) -> Zeroizing<String> {
    let base64 = Zeroizing::new(STANDARD.encode(der));
    let mut text = Zeroizing::new(String::with_capacity(base64.len() + 128));
    text.push_str("-----BEGIN PRIVATE KEY-----\n");
    let mut rest = base64.as_str();
    while !rest.is_empty() {
        let (line, after) = rest.split_at_checked(64).unwrap_or((rest, ""));
        text.push_str(line);
        text.push('\n');
        rest = after;
    }
    text.push_str("-----END PRIVATE KEY-----\n");
    text
}

fn jwks(arguments: &Generate, key: &SigningKey) -> Option<String> {
    let mut public = key.public()?;
    let id = arguments.key_id.clone().or_else(|| key.thumbprint())?;
    public.insert("kid".to_owned(), id.into());
    public.insert("use".to_owned(), "sig".into());
    public.insert("alg".to_owned(), arguments.algorithm.name().into());
    Some(format!("{:#}\n", json!({ "keys": [public] })))
}
