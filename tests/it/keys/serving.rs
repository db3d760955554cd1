//! The real program, watched by its log.

use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

/// A running `serve`; dropped, it is gone.
pub struct Serving {
    pub child: Child,
    log: BufReader<ChildStdout>,
    /// All that was read.
    pub told: String,
}

impl Serving {
    /// With settings as flags.
    pub fn start(policies: &Path, settings: &[&str]) -> Self {
        Self::with(policies, settings, &[])
    }

    /// The same, with variables of the environment.
    pub fn with(policies: &Path, settings: &[&str], variables: &[(&str, &str)]) -> Self {
        let usual = [("--listen-grpc", "127.0.0.1:0"), ("--listen-metrics", ""), ("--listen-admin", "")];
        let not_given = usual.iter().filter(|(flag, _)| !settings.contains(flag));
        let mut child = Command::new(env!("CARGO_BIN_EXE_portcullis"))
            .envs(variables.iter().copied())
            .arg("serve")
            .args(not_given.flat_map(|(flag, value)| [flag, value]))
            .args(settings)
            .arg("--policies")
            .arg(policies)
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the program");
        let log = BufReader::new(child.stdout.take().expect("its log"));
        Self { child, log, told: String::new() }
    }

    pub fn send(&self, signal: Signal) {
        let pid = i32::try_from(self.child.id()).ok().and_then(Pid::from_raw).expect("a process");
        kill_process(pid, signal).expect("a signal that arrives");
    }

    /// Reads its log until a message; a program that ends ends the test.
    pub fn until(&mut self, message: &str) -> Value {
        self.until_line(message, |told| told["message"] == message)
    }

    /// Reads the log of decisions until the next one.
    pub fn decision(&mut self) -> Value {
        self.until_line("a decision", |told| told["target"] == "decision")
    }

    /// Reads its log until a line.
    pub fn until_line(&mut self, wanted: &str, is_wanted: impl Fn(&Value) -> bool) -> Value {
        loop {
            let mut line = String::new();
            let read = self.log.read_line(&mut line).expect("a line");
            if read == 0 {
                let (_, err) = self.rest();
                panic!("it ended before `{wanted}`: {}{err}", self.told);
            }
            let told = parsed(&line);
            self.told.push_str(&line);
            if is_wanted(&told) {
                return told;
            }
        }
    }
}

impl Serving {
    /// Reads to its end: what is left of its log, and all that it said beside.
    pub fn rest(&mut self) -> (String, String) {
        let (mut out, mut err) = (String::new(), String::new());
        self.log.read_to_string(&mut out).expect("text");
        self.child.stderr.take().expect("read once").read_to_string(&mut err).expect("text");
        (out, err)
    }
}

/// A line of JSON; of one for people, the address in it.
fn parsed(line: &str) -> Value {
    if line.starts_with('{') {
        return serde_json::from_str(line).expect("a line of JSON");
    }
    let address = line.split_once("address=").and_then(|(_, rest)| rest.split_whitespace().next());
    serde_json::json!({ "text": line, "address": address })
}

impl Drop for Serving {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
