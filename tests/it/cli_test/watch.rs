//! `--watch`: again whenever a file changes.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};

use super::{POLICY, TESTS, in_policies};
use crate::snapshots::Program;

#[test]
fn tests_are_run_again_when_a_file_changes() {
    let program = Program::with(&in_policies(POLICY, TESTS));
    let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
        .args(["test", "--watch", "policies"])
        .current_dir(program.directory.path())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .expect("the program");
    let out = child.stdout.take().expect("an output");
    // It waits once it says so; what it says before a change is read before the change is made.
    let error = BufReader::new(child.stderr.take().expect("an error"));
    let mut lines = BufReader::new(out).lines().map(|line| line.expect("text"));
    let mut told = error.lines().map(|line| line.expect("text"));
    let mut until = |start: &str| lines.find(|line| line.starts_with(start)).expect("it goes on");
    until("ok: 35 tests");
    assert!(told.next().expect("a word").contains("waiting for a change"));

    program.write("policies/crm.yaml", &POLICY.replace("[read-crm]", "[write-crm]"));
    until("FAIL who may do what: GET /customers as alice");
    until("failed: 1 of 35 tests");
    program.write("policies/crm.yaml", "version: 2\n");
    assert!(told.any(|line| line.contains("mend the files first")));
    program.write("policies/crm.yaml", POLICY);
    until("ok: 35 tests");
    child.kill().expect("an end");
    child.wait().expect("an end");
}

#[test]
fn standard_input_cannot_be_watched() {
    Program::with(&[]).run_with("test --watch -", POLICY).exits(2).is("test-watch-input");
}
