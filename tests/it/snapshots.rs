//! What the program says, compared byte by byte with committed text: `tests/it/snapshots/<name>.txt`.
//!
//! `UPDATE_SNAPSHOTS=1 cargo test --test it` writes them anew; read the difference before it is committed.

use std::env;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

/// Variables that change what the program says.
const MEANT_FOR_PEOPLE: [&str; 6] =
    ["NO_COLOR", "CLICOLOR_FORCE", "COLUMNS", "TERM", "PORTCULLIS_POLICIES", "PORTCULLIS_LISTEN_METRICS"];

/// The program, in a directory of its own.
pub struct Program {
    pub directory: tempfile::TempDir,
    variables: Vec<(&'static str, &'static str)>,
}

/// What it said.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Said {
    pub out: String,
    pub error: String,
    pub code: Option<i32>,
    command: String,
}

impl Program {
    /// With these files, by path and content.
    pub fn with(files: &[(&str, &str)]) -> Self {
        let program = Self { directory: tempfile::tempdir().expect("a directory"), variables: Vec::new() };
        for (path, text) in files {
            program.write(path, text);
        }
        program
    }

    /// With a variable of the environment.
    pub fn variable(mut self, name: &'static str, value: &'static str) -> Self {
        self.variables.push((name, value));
        self
    }

    /// Writes a file below its directory.
    pub fn write(&self, path: &str, text: &str) {
        let path = self.path(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(path, text).expect("a file");
    }

    /// A path below its directory.
    pub fn path(&self, path: &str) -> PathBuf {
        self.directory.path().join(path)
    }

    /// Runs it; words are parted at spaces, and `'…'` is one word.
    pub fn run(&self, words: &str) -> Said {
        self.run_with(words, "")
    }

    /// The same, with a standard input.
    pub fn run_with(&self, words: &str, input: &str) -> Said {
        let mut command = Command::new(env!("CARGO_BIN_EXE_portcullis"));
        for name in MEANT_FOR_PEOPLE {
            command.env_remove(name);
        }
        command.envs(self.variables.iter().copied()).args(parted(words)).current_dir(self.directory.path());
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("the program");
        let mut stdin = child.stdin.take().expect("an input");
        // A program that does not read its input may be gone already.
        let _ = stdin.write_all(input.as_bytes());
        drop(stdin);
        let output = child.wait_with_output().expect("an end");
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).expect("text");
        Said {
            out: text(output.stdout),
            error: text(output.stderr),
            code: output.status.code(),
            command: format!("portcullis {words}"),
        }
    }
}

impl Said {
    /// Holds it to a piece of its answer.
    #[track_caller]
    pub fn tells(&self, piece: &str) -> &Self {
        assert!(self.out.contains(piece), "no `{piece}`: {}", self.text());
        self
    }

    /// Compares all of it with a snapshot.
    #[track_caller]
    pub fn is(&self, name: &str) -> &Self {
        matches(name, &self.text());
        self
    }

    /// The same without what is different each time: durations.
    pub fn timeless(mut self) -> Self {
        self.out = timeless(&self.out);
        self
    }

    /// Holds it to an exit code.
    #[track_caller]
    pub fn exits(&self, code: i32) -> &Self {
        assert_eq!(self.code, Some(code), "{}", self.text());
        self
    }

    fn text(&self) -> String {
        let mut text = format!("$ {}\n{}", self.command, self.out);
        if !self.error.is_empty() {
            text.push_str(&format!("--- standard error\n{}", self.error));
        }
        let code = self.code.map_or("none".to_owned(), |code| code.to_string());
        text.push_str(&format!("--- exit code {code}\n"));
        text
    }
}

/// A text without durations.
pub fn timeless(text: &str) -> String {
    let found = [(r" in [0-9.]+ m?s\b", " in N ms"), (r#"time="[0-9.]+""#, "time=\"N\"")];
    found.iter().fold(text.to_owned(), |text, (durations, other)| {
        regex::Regex::new(durations).expect("an expression").replace_all(&text, *other).into_owned()
    })
}

/// Compares a text with the snapshot of that name.
#[track_caller]
pub fn matches(name: &str, text: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/it/snapshots/{name}.txt"));
    if env::var_os("UPDATE_SNAPSHOTS").is_some_and(|value| value == "1") {
        fs::create_dir_all(path.parent().expect("a parent")).expect("a directory");
        fs::write(&path, text).expect("a snapshot");
        return;
    }
    let wanted = fs::read_to_string(&path).unwrap_or_default();
    assert!(
        wanted == text,
        "{} differs; UPDATE_SNAPSHOTS=1 writes it anew\n--- committed\n{wanted}\n--- now\n{text}",
        path.display()
    );
}

fn parted(words: &str) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for (index, piece) in words.split('\'').enumerate() {
        if index % 2 == 1 {
            found.push(piece.to_owned());
        } else {
            found.extend(piece.split_whitespace().map(str::to_owned));
        }
    }
    found
}
