//! The policy set that a command is about, and the tests beside it.

use std::cell::OnceCell;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;

use crate::cases::{self, Suite};
use crate::policy::diagnostic::{At, Diagnostic, Diagnostics, Severity, SourceFile, codes};
use crate::policy::document::Document;
use crate::policy::yaml::MOST_BYTES;
use crate::policy::{Policy, compile, reader};
use crate::runtime::files::{self, FilesError};

use super::attached::attach;
use super::trouble::Trouble;

/// Where the policy is.
#[derive(Debug, Clone, clap::Args)]
pub struct Paths {
    /// Policy files and directories; `-` reads standard input [default: ./policies, or . without it]
    #[arg(value_name = "PATH", env = "PORTCULLIS_POLICIES", hide_env_values = true, value_delimiter = ',')]
    paths: Vec<PathBuf>,
    /// The same, as commands write it whose arguments are something else
    #[arg(long = "policies", value_name = "PATH", value_delimiter = ',', hide = true)]
    policies: Vec<PathBuf>,
}

/// The same for commands whose arguments are something else.
#[derive(Debug, Clone, clap::Args)]
pub struct Policies {
    /// Policy files and directories; `-` reads standard input [default: ./policies, or . without it]
    #[arg(
        long = "policies",
        value_name = "PATH",
        env = "PORTCULLIS_POLICIES",
        hide_env_values = true,
        value_delimiter = ','
    )]
    policies: Vec<PathBuf>,
}

/// Files of a set. The index of a file is what a place (`At::file`) means.
#[derive(Debug)]
pub struct Set {
    files: Vec<SourceFile>,
    /// The first so many are policies, the others tests.
    policies: usize,
    /// Files that could not be used at all.
    problems: Diagnostics,
    compiled: OnceCell<Result<Arc<Policy>, Diagnostics>>,
}

impl Paths {
    /// What was given, or what is usual.
    pub fn or_usual(&self) -> Vec<PathBuf> {
        or_usual(&self.given())
    }

    /// Whether anything was given.
    pub fn are_given(&self) -> bool {
        self.given().iter().any(|path| !path.as_os_str().is_empty())
    }

    /// Both forms together; a flag stands over the variable.
    fn given(&self) -> Vec<PathBuf> {
        let is_variable = std::env::var_os("PORTCULLIS_POLICIES").is_some() && !self.policies.is_empty();
        let paths = self.paths.iter().filter(|_| !is_variable);
        paths.chain(&self.policies).cloned().collect()
    }
}

impl Policies {
    /// What was given, or what is usual.
    pub fn or_usual(&self) -> Vec<PathBuf> {
        or_usual(&self.policies)
    }
}

fn or_usual(given: &[PathBuf]) -> Vec<PathBuf> {
    let given: Vec<PathBuf> = given.iter().filter(|path| !path.as_os_str().is_empty()).cloned().collect();
    match (given.is_empty(), Path::new("policies").is_dir()) {
        (false, _) => given,
        (true, true) => vec![PathBuf::from("policies")],
        (true, false) => vec![PathBuf::from(".")],
    }
}

impl Set {
    /// Reads policies and tests below some paths.
    ///
    /// # Errors
    /// Paths that are not there or cannot be read, and standard input that fails.
    pub fn read(paths: &[PathBuf]) -> anyhow::Result<Self> {
        let mut set = Self {
            files: Vec::new(),
            policies: 0,
            problems: Diagnostics::default(),
            compiled: OnceCell::new(),
        };
        let is_input = |path: &PathBuf| path.as_os_str() == "-";
        let named: Vec<PathBuf> = paths.iter().filter(|path| !is_input(path)).cloned().collect();
        if paths.iter().any(is_input) {
            set.files.push(standard_input()?);
        }
        if !named.is_empty() {
            // A test file that is named alone is about the policy beside it.
            let beside: Vec<PathBuf> = named.iter().map(|path| policy_of(path)).collect();
            set.take(files::policies(&beside))?;
        }
        set.policies = set.files.len();
        if !named.is_empty() {
            set.take(files::tests(&named))?;
        }
        Ok(set)
    }

    fn take(&mut self, found: Result<Vec<SourceFile>, FilesError>) -> anyhow::Result<()> {
        let problems = match found {
            Ok(files) => {
                self.files.extend(files);
                return Ok(());
            }
            Err(FilesError(problems)) => problems,
        };
        // What cannot be read is no answer about a policy; what is no text, or too much of it, is one.
        let unanswered = |code| code == codes::UNREADABLE_FILE || code == codes::NO_FILES;
        if let Some(first) = problems.iter().find(|problem| unanswered(problem.code)) {
            let hint = first.hint.unwrap_or("name a policy file, or a directory that holds one");
            let start = "; `portcullis init policies` writes one to start from";
            let more = if first.code == codes::NO_FILES { start } else { "" };
            return Err(Trouble::new(first.to_string(), format!("{hint}{more}")).into());
        }
        for problem in problems {
            let file = u32::try_from(self.files.len()).unwrap_or(u32::MAX);
            let at = At { file, line: 1, column: 1, start: 0, end: 0 };
            self.problems.problems.push(Diagnostic {
                code: problem.code,
                severity: Severity::Error,
                message: format!("the file {}", problem.problem),
                at: Some(at),
                hint: problem.hint.map(str::to_owned),
                related: None,
            });
            self.files.push(SourceFile { name: problem.path, text: "".into() });
        }
        Ok(())
    }

    /// All files, tests among them.
    pub fn files(&self) -> &[SourceFile] {
        &self.files
    }

    /// The policy as it is written.
    pub fn document(&self) -> Document {
        reader::read(self.policies(), &mut Diagnostics::default())
    }

    /// The policy files.
    pub fn policies(&self) -> &[SourceFile] {
        self.files.get(..self.policies).unwrap_or_default()
    }

    /// Test files, each with its index.
    fn tests(&self) -> impl Iterator<Item = (u32, &SourceFile)> {
        let numbered = self.files.iter().enumerate().skip(self.policies);
        numbered.map(|(index, file)| (u32::try_from(index).unwrap_or(u32::MAX), file))
    }

    /// Reads the tests, with the files that they name, and holds them against the policy where there is one.
    pub fn suites(&self, policy: Option<&Policy>, problems: &mut Diagnostics) -> Vec<(&SourceFile, Suite)> {
        let mut suites = Vec::new();
        for (index, file) in self.tests() {
            let mut suite = cases::read(file, index, problems);
            attach(&mut suite, file, problems);
            if let Some(policy) = policy {
                cases::verify(&suite, policy, problems);
            }
            suites.push((file, suite));
        }
        suites
    }

    /// Compiles the policy, once however often it is asked for.
    ///
    /// # Errors
    /// All that is wrong with it.
    pub fn compile(&self) -> Result<Arc<Policy>, Diagnostics> {
        let compile = || {
            if self.problems.has_errors() {
                return Err(self.problems.clone());
            }
            compile(self.policies()).map(Arc::new)
        };
        self.compiled.get_or_init(compile).clone()
    }
}

/// The policy that a path is about: what stands beside a test file, else the path itself.
fn policy_of(path: &Path) -> PathBuf {
    let stem = path.file_stem().map(|stem| stem.to_string_lossy().into_owned()).unwrap_or_default();
    let is_yaml = path.extension().is_some_and(|ending| ending == "yaml" || ending == "yml");
    if !(is_yaml && stem.ends_with("_test") && path.is_file()) {
        return path.to_owned();
    }
    match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent.to_owned(),
        _ => PathBuf::from("."),
    }
}

/// What stands on standard input.
///
/// # Errors
/// Input that fails or is not UTF-8.
pub fn standard_input() -> anyhow::Result<SourceFile> {
    let most = u64::try_from(MOST_BYTES).unwrap_or(u64::MAX);
    let mut text = String::new();
    let mut input = std::io::stdin().lock().take(most + 1);
    input.read_to_string(&mut text).context("standard input cannot be read as UTF-8 text")?;
    // One byte over the limit is left in: the compiler says what is wrong with it.
    Ok(SourceFile { name: "<stdin>".into(), text: text.into() })
}
