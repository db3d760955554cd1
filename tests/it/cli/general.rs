//! What all commands have in common.

use crate::snapshots::Program;

#[test]
fn help_shows_examples_before_anything_else() {
    let program = Program::with(&[]);
    program.run("help").exits(0).is("help");
    for command in [
        "init",
        "check",
        "test",
        "explain",
        "routes",
        "doctor",
        "doctor envoy",
        "doctor kubernetes",
        "serve",
        "token",
        "token inspect",
        "token mint",
        "keys",
        "keys generate",
        "schema",
        "healthcheck",
        "completions",
        "man",
        "version",
    ] {
        let said = program.run(&format!("{command} --help"));
        said.exits(0).is(&format!("help-{}", command.replace(' ', "-")));
        let (examples, usage) = (said.out.find("Examples:"), said.out.find("Usage:"));
        assert!(examples.is_some() && examples < usage, "{command}: {}", said.out);
    }
}

#[test]
fn an_unknown_command_is_a_usage_error_with_a_next_step() {
    Program::with(&[]).run("chekc").exits(2).is("unknown-command");
}

/// As an argument for some commands, as a flag for others: both are understood.
#[test]
fn a_policy_may_be_named_in_both_ways() {
    let program = Program::with(&[
        ("a.yaml", "version: 1\nroutes: [{ match: GET /a, allow: anyone }]\n"),
        ("a_test.yaml", "tests: [{ request: GET /a, expect: allow }]\n"),
        ("b.yaml", "version: 1\nroutes: [{ match: GET /b, allow: anyone }]\n"),
    ]);
    program.run("check --policies a.yaml").exits(0).tells("1 file, 1 route");
    program.run("check a.yaml --policies b.yaml").exits(0).tells("2 files, 2 routes");
    program.run("test --policies a.yaml,a_test.yaml").exits(0).tells("1 test");
    program.run("routes --policies b.yaml").exits(0).tells("GET /b");
    program.run("serve a.yaml b.yaml --print-config").exits(0).tells("a.yaml,b.yaml");
    let program = program.variable("PORTCULLIS_POLICIES", "a.yaml");
    program.run("check --policies b.yaml").exits(0).tells("1 file, 1 route");
}

#[test]
fn a_policy_in_place_of_settings_is_told_apart() {
    let program = Program::with(&[
        ("policy.yaml", "version: 1\nroutes: [{ match: GET /a, allow: anyone }]\n"),
        ("settings.yaml", "# a comment\nlisten: [\n"),
    ]);
    program.run("serve --config policy.yaml").exits(2).is("serve-config-policy");
    program.run("serve --config settings.yaml").exits(2).is("serve-config-broken");
}

#[test]
fn nothing_is_coloured_in_a_pipe_unless_asked_for() {
    let files = [("policies/policy.yaml", "version: 1\nroutes: [{ match: GET /a, allow: anyonee }]\n")];
    let plain = Program::with(&files).run("check");
    assert!(!plain.out.contains('\u{1b}'), "{}", plain.out);
    let forced = Program::with(&files).run("--color always check");
    assert!(forced.out.contains('\u{1b}'), "{}", forced.out);
    let forced = Program::with(&files).variable("CLICOLOR_FORCE", "1");
    assert!(forced.run("check").out.contains('\u{1b}'));
    let silenced = forced.variable("NO_COLOR", "1").run("check");
    assert_eq!(silenced.out, plain.out);
}
