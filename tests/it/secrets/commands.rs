//! Every command, in every format, with the exit code that says that it did its work.

use std::collections::BTreeSet;

use super::{hidden, program, tells_none, tokens};
use crate::snapshots::Program;

/// Exit codes and commands.
const ASKED: [(i32, &str); 37] = [
    (0, "check"),
    (0, "check --format json"),
    (0, "check --format sarif"),
    (0, "check --format github"),
    (0, "check broken"),
    (0, "test"),
    (0, "test --coverage"),
    (1, "test --mutate"),
    (0, "test --format json"),
    (0, "test --format junit"),
    (0, "routes"),
    (0, "routes --format json"),
    (0, "routes --matrix"),
    (1, "doctor envoy outside/envoy.yaml"),
    (1, "doctor envoy outside/envoy.yaml --format json"),
    (1, "doctor envoy outside/envoy.yaml --format sarif"),
    (1, "doctor envoy outside/envoy.yaml --format github"),
    (1, "doctor kubernetes outside/deployment.yaml"),
    (1, "doctor kubernetes outside/deployment.yaml --format json"),
    (1, "doctor kubernetes outside/deployment.yaml --format sarif"),
    (1, "doctor kubernetes outside/deployment.yaml --format github"),
    // What is no configuration at all.
    (1, "doctor envoy private.pem"),
    (0, "schema policy"),
    (0, "schema settings"),
    (0, "init new"),
    (0, "keys generate --out generated"),
    (1, "healthcheck --address 127.0.0.1:1"),
    (0, "completions bash"),
    (0, "man"),
    (0, "version"),
    (0, "help"),
    (0, "serve --policies policies --print-config"),
    (2, "token mint --issuer nobody --key private.pem"),
    (2, "token mint --issuer signed --key secret --algorithm EdDSA"),
    (0, "token mint --issuer file --encoding hex"),
    (2, "token inspect private.pem"),
    (2, "explain GET /file --token secret.jwt"),
];

#[test]
fn no_command_tells_a_secret() {
    let program = program();
    let tokens = tokens(&program);
    let hidden = hidden(&tokens);
    let mut commands: Vec<(i32, String)> = ASKED.map(|(code, words)| (code, words.to_owned())).to_vec();
    for (index, token) in tokens.iter().enumerate() {
        // Three of them are good.
        let code = i32::from(index >= 3);
        for format in ["human", "json"] {
            commands.push((code, format!("token inspect {token} --format {format}")));
            for path in ["/file", "/variable", "/signed"] {
                commands.push((0, format!("explain GET {path} --token {token} --format {format}")));
                commands.push((0, format!(
                    "explain GET {path} -H 'authorization: Bearer {token}' -H 'cookie: a=canary-too-weak' --format {format}"
                )));
            }
        }
    }
    let mut told = 0;
    for (code, command) in &commands {
        let said = program.run(command);
        said.exits(*code);
        // Standard output and standard error alike.
        let both = format!("{}\n{}", said.out, said.error);
        told += both.len();
        tells_none(command, &both, &hidden);
    }
    assert!(told > 20_000, "there was something to be told: {told} bytes");
    every_command_was_asked(&program, &commands);
}

/// A command that is new has to be thought of here, one below another as well.
fn every_command_was_asked(program: &Program, asked: &[(i32, String)]) {
    let mut leaves = BTreeSet::new();
    for name in below(program, "") {
        let deeper = below(program, &name);
        leaves.extend(deeper.iter().map(|below| format!("{name} {below}")));
        if deeper.is_empty() {
            leaves.insert(name);
        }
    }
    assert!(leaves.len() > 12 && leaves.contains("token mint"), "{leaves:?}");
    let is_asked = |leaf: &&String| {
        let deeper = format!("{leaf} ");
        asked.iter().any(|(_, command)| command == *leaf || command.starts_with(&deeper))
    };
    let forgotten: Vec<_> = leaves.iter().filter(|leaf| !is_asked(leaf)).collect();
    assert!(forgotten.is_empty(), "{forgotten:?} of {leaves:?}");
}

/// The commands below one, `help` not among them where it is one of many.
fn below(program: &Program, command: &str) -> Vec<String> {
    let help = program.run(&format!("help {command}"));
    help.exits(0);
    let Some((_, list)) = help.out.split_once("\nCommands:\n") else { return Vec::new() };
    let lines = list.lines().take_while(|line| !line.is_empty());
    // What goes on on another line stands further right.
    let begins = |line: &&str| line.starts_with("  ") && !line.starts_with("   ");
    let names = lines.filter(begins).filter_map(|line| line.split_whitespace().next());
    names.filter(|name| command.is_empty() || *name != "help").map(str::to_owned).collect()
}

#[test]
fn keys_that_are_made_are_not_shown() {
    let program = program();
    for (algorithm, file) in [("ES256", "private.pem"), ("RS256", "private.pem"), ("HS256", "secret")] {
        let said = program.run(&format!("keys generate --algorithm {algorithm} --out made-{algorithm}"));
        said.exits(0);
        let text = std::fs::read_to_string(program.path(&format!("made-{algorithm}/{file}"))).expect(file);
        let lines: Vec<_> = text.lines().filter(|line| !line.starts_with("-----")).collect();
        assert!(lines.concat().len() > 40, "{algorithm}: a key was made");
        assert!(said.out.contains(file), "{algorithm}: {}", said.out);
        for line in lines {
            assert!(!said.out.contains(line) && !said.error.contains(line), "{algorithm}");
        }
    }
}
