//! CEL conditions: compiled when the policy is, bounded, and an error never opens anything.

mod bounds;
mod facts;
mod walk;

use std::collections::HashMap;
use std::sync::Arc;

use cel::extractors::This;
use cel::{Context, ExecutionError, Program, Value};
use regex::Regex;

use super::diagnostic::{At, Diagnostics, closest, codes};
use super::document::Text;
use super::matcher::value::BREAKS;
use super::tri::Tri;

pub use facts::Facts;
use facts::{ListReading, Reading, Trimming};
use walk::Walk;

/// Longest source, in bytes.
const MOST_BYTES: usize = 4096;

/// Variables that a condition may name.
const VARIABLES: [&str; 11] = [
    "request",
    "source",
    "params",
    "claims",
    "subject",
    "scopes",
    "roles",
    "groups",
    "permissions",
    "issuer",
    "guards",
];
/// Those that are about the caller.
const OF_CALLER: [&str; 8] =
    ["claims", "subject", "scopes", "roles", "groups", "permissions", "issuer", "guards"];

/// A condition, compiled.
pub struct Condition {
    at: At,
    source: Box<str>,
    program: Program,
    variables: Vec<&'static str>,
    /// Names of headers that it may look at, and of query parameters.
    headers: Vec<Box<str>>,
    parameters: Vec<Box<str>>,
    /// Whether it looks at headers, and at parameters, in another way than by name.
    goes_through_headers: bool,
    goes_through_query: bool,
    regexes: Arc<HashMap<String, Regex>>,
}

impl std::fmt::Debug for Condition {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        formatter.debug_struct("Condition").field("source", &self.source).finish_non_exhaustive()
    }
}

impl Condition {
    /// Compiles a condition; `captures` are the names that `params` has.
    pub fn compile(written: &Text, captures: &[Box<str>], problems: &mut Diagnostics) -> Option<Self> {
        let source = &*written.value;
        let mut wrong = |message: String, hint: &str| {
            problems.error(codes::CONDITION, written.at, message).hint(hint);
            None
        };
        if source.len() > MOST_BYTES {
            return wrong("the condition is over 4 KiB".to_owned(), "split it with `all` and `any`");
        }
        if bounds::nests_deeply(source) {
            return wrong("the condition is nested too deeply".to_owned(), "split it with `all` and `any`");
        }
        let program = match Program::compile(source) {
            Ok(program) => program,
            Err(errors) => {
                let first = errors
                    .errors
                    .first()
                    .map_or_else(|| "cannot be read".to_owned(), |error| said(&error.msg));
                return wrong(
                    format!("this is no CEL expression: {first}"),
                    "for example `claims.tenant == params.tenant`",
                );
            }
        };
        let mut walk = Walk::default();
        walk.expression(program.expression());
        if let Some(problem) = walk.problem {
            return wrong(problem, "the cost of a condition has to be bounded");
        }
        for name in &walk.functions {
            if !bounds::FUNCTIONS.contains(&name.as_str()) {
                let hint = closest(name, bounds::FUNCTIONS).map_or_else(
                    || format!("known are {}", bounds::FUNCTIONS.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                return wrong(format!("there is no function `{name}`"), &hint);
            }
        }
        let mut variables = Vec::new();
        for name in &walk.variables {
            if let Some(known) = VARIABLES.iter().find(|known| *known == name) {
                variables.push(*known);
            } else {
                let hint = closest(name, VARIABLES).map_or_else(
                    || format!("known are {}", VARIABLES.join(", ")),
                    |near| format!("did you mean `{near}`?"),
                );
                return wrong(format!("there is no variable `{name}`"), &hint);
            }
        }
        if let Some((variable, field)) = walk.unknown_field(captures) {
            let message = format!("`{variable}` has no `{field}`");
            if variable == "params" {
                problems
                    .error(codes::UNKNOWN_CAPTURE, written.at, message)
                    .hint("`params` has the captures of the rule's own path");
                return None;
            }
            return wrong(
                message,
                "`request` has method, path, host, query, headers, time; `source` has address, principal",
            );
        }
        let (headers, parameters) = (walk.names_in("headers"), walk.names_in("query"));
        let goes_through_headers = walk.goes_through("headers");
        let goes_through_query = walk.goes_through("query");
        let mut regexes = HashMap::new();
        for pattern in walk.patterns {
            let regex = super::matcher::pattern::unanchored(&pattern, written.at, problems)?;
            regexes.insert(pattern, regex);
        }
        let (at, source, regexes) = (written.at, source.into(), Arc::new(regexes));
        Some(Self {
            at,
            source,
            program,
            variables,
            headers,
            parameters,
            goes_through_headers,
            goes_through_query,
            regexes,
        })
    }

    /// Where it stands.
    #[must_use]
    pub const fn at(&self) -> At {
        self.at
    }

    /// As written.
    #[must_use]
    pub fn source(&self) -> &str {
        &self.source
    }

    /// Whether it is about the caller.
    #[must_use]
    pub fn needs_caller(&self) -> bool {
        self.variables.iter().any(|name| OF_CALLER.contains(name))
    }

    /// What it always is, if no variable decides it.
    #[must_use]
    pub fn constant(&self) -> Option<Tri> {
        if self.variables.is_empty() {
            return Some(self.run(&mut Context::default()));
        }
        walk::folded(self.program.expression()).map(Tri::from)
    }

    /// Judges it. What cannot be evaluated, or is no boolean, is unknown; so is what a name that looks like
    /// another could make otherwise, and what is otherwise to an application that reads the request in another way
    /// than it is shown.
    #[must_use]
    pub fn evaluate(&self, facts: &Facts<'_>) -> Tri {
        if self.headers.iter().any(|name| facts.has_header_like(name))
            || facts.has_parameter_like_one_of(&self.parameters)
            || (self.goes_through_headers && facts.has_folded_header())
            || (self.goes_through_query && facts.has_folded_parameter())
        {
            return Tri::Unknown;
        }
        let as_shown = self.judge(facts, Reading::default());
        let differs = |reading: Reading| self.judge(facts, reading) != as_shown;
        // Those that differ from what was shown in one thing or in several.
        if self.readings(facts).skip(1).any(differs) { Tri::Unknown } else { as_shown }
    }

    /// Every way in which an application may read what it looks at, as it is shown first.
    fn readings(&self, facts: &Facts<'_>) -> impl Iterator<Item = Reading> {
        let sees_path = self.variables.iter().any(|name| matches!(*name, "request" | "params"));
        let sees_query = self.goes_through_query || !self.parameters.is_empty();
        let has_list = (self.goes_through_headers && facts.has_list())
            || self.headers.iter().any(|name| facts.is_list(name));
        let cases: &[bool] = if sees_path && facts.has_other_spelling() { &[false, true] } else { &[false] };
        let lists: &[ListReading] = if has_list { &ListReading::ALL } else { &[ListReading::Joined] };
        let ends: &[Trimming] =
            if sees_query && facts.has_blanks() { &Trimming::ALL } else { &[Trimming::Nothing] };
        let orders: &[bool] =
            if sees_query && facts.has_repeated_parameter() { &[false, true] } else { &[false] };
        cases.iter().flat_map(move |lower_case| {
            lists.iter().flat_map(move |headers| {
                ends.iter().flat_map(move |trimmed| {
                    orders.iter().map(move |reversed| Reading {
                        lower_case: *lower_case,
                        headers: *headers,
                        trimmed: *trimmed,
                        reversed: *reversed,
                    })
                })
            })
        })
    }

    fn judge(&self, facts: &Facts<'_>, reading: Reading) -> Tri {
        let mut context = Context::default();
        for name in &self.variables {
            // A caller who is not there leaves the variable out, and the expression fails: unknown.
            if let Some(value) = facts.value(name, reading) {
                context.add_variable_from_value(*name, value);
            }
        }
        self.run(&mut context)
    }

    fn run(&self, context: &mut Context<'_, '_>) -> Tri {
        let regexes = Arc::clone(&self.regexes);
        let matches =
            move |This(text): This<Arc<String>>, pattern: Arc<String>| -> Result<bool, ExecutionError> {
                let regex = regexes
                    .get(&*pattern)
                    .ok_or_else(|| ExecutionError::function_error("matches", "not constant"))?;
                // Whether a dot takes it is told differently by every language.
                if text.contains(BREAKS) {
                    return Err(ExecutionError::function_error("matches", "a line break"));
                }
                Ok(regex.is_match(&text))
            };
        if !self.regexes.is_empty() && context.add_function("matches", matches).is_err() {
            return Tri::Unknown;
        }
        match self.program.execute(context) {
            Ok(Value::Bool(holds)) => Tri::from(holds),
            Ok(_) | Err(_) => Tri::Unknown,
        }
    }
}

/// The parser's message without its list of all tokens that it would have taken.
fn said(message: &str) -> String {
    let message = message.split(" expecting ").next().unwrap_or(message);
    let message = message.strip_prefix("Syntax error: ").unwrap_or(message);
    message.replace("<EOF>", "the end")
}

#[cfg(test)]
mod tests;
