//! What a condition may hold: known names, constant patterns, and one loop inside of no other.

use cel::common::ast::{EntryExpr, Expr, IdedExpr, LiteralValue, operators};
use cel::{Context, Value};

/// Functions and operators that a condition may call.
pub(super) const FUNCTIONS: [&str; 14] = [
    "size",
    "contains",
    "startsWith",
    "endsWith",
    "matches",
    "has",
    "all",
    "exists",
    "exists_one",
    "filter",
    "map",
    "int",
    "double",
    "string",
];

/// Deepest nesting of brackets.
const MOST_DEPTH: usize = 24;
/// Most operators, member accesses and calls.
const MOST_OPERATORS: usize = 150;

/// Whether the source may nest so deeply that parsing it would cost stack: in brackets, in prefixes, or in
/// chains, each link of which stands inside of the next.
pub(super) fn nests_deeply(source: &str) -> bool {
    let mut depth = 0_usize;
    let mut operators = 0_usize;
    let mut before = b' ';
    for byte in outside_of_strings(source) {
        match byte {
            b'(' | b'[' | b'{' => depth += 1,
            b')' | b']' | b'}' => depth = depth.saturating_sub(1),
            _ => {}
        }
        operators += match byte {
            // The second half of `==`, `<=`, `&&` and the like.
            b'=' | b'&' | b'|' if matches!(before, b'=' | b'<' | b'>' | b'!' | b'&' | b'|') => 0,
            b'+' | b'-' | b'*' | b'/' | b'%' | b'.' | b'?' | b'<' | b'>' | b'=' | b'!' | b'&' | b'|'
            | b'(' | b'[' | b'{' => 1,
            // `a in b in c`: the space after each word counts.
            b' ' | b'\t' | b'\n' | b'\r' if before.is_ascii_alphanumeric() => 1,
            _ => 0,
        };
        before = byte;
        if depth > MOST_DEPTH || operators > MOST_OPERATORS {
            return true;
        }
    }
    false
}

/// The bytes that are not part of a string literal, for each of which one quote stands.
fn outside_of_strings(source: &str) -> impl Iterator<Item = u8> + '_ {
    let bytes = source.as_bytes();
    let mut at = 0;
    let mut before = b' ';
    std::iter::from_fn(move || {
        let byte = *bytes.get(at)?;
        at += if matches!(byte, b'"' | b'\'') {
            let is_raw = matches!(before, b'r' | b'R');
            literal_length(bytes.get(at..).unwrap_or_default(), byte, is_raw)
        } else {
            1
        };
        before = byte;
        Some(byte)
    })
}

/// How long a string literal is that begins here; one that does not end takes the rest.
fn literal_length(bytes: &[u8], quote: u8, is_raw: bool) -> usize {
    let triple = [quote; 3];
    let end: &[u8] = if bytes.starts_with(&triple) {
        &triple
    } else {
        triple.first_chunk::<1>().map_or(&[], |one| one.as_slice())
    };
    let mut at = end.len();
    while let Some(rest) = bytes.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with(end) {
            return at + end.len();
        }
        at += if rest.starts_with(b"\\") && !is_raw { 2 } else { 1 };
    }
    bytes.len()
}

/// What an expression is whatever its variables are: `1 < 2 || claims.a`.
pub(super) fn folded(node: &IdedExpr) -> Option<bool> {
    let mut walk = Walk::default();
    walk.expression(node);
    if walk.variables.is_empty() {
        return match Value::resolve(node, &Context::default()) {
            Ok(Value::Bool(holds)) => Some(holds),
            Ok(_) | Err(_) => None,
        };
    }
    let Expr::Call(call) = &node.expr else { return None };
    match (call.func_name.as_str(), call.args.as_slice()) {
        (operators::LOGICAL_OR, [one, other]) => match (folded(one), folded(other)) {
            (Some(true), _) | (_, Some(true)) => Some(true),
            (Some(false), Some(false)) => Some(false),
            _ => None,
        },
        (operators::LOGICAL_AND, [one, other]) => match (folded(one), folded(other)) {
            (Some(false), _) | (_, Some(false)) => Some(false),
            (Some(true), Some(true)) => Some(true),
            _ => None,
        },
        (operators::LOGICAL_NOT, [inner]) => folded(inner).map(|holds| !holds),
        _ => None,
    }
}

/// What stands in an expression.
#[derive(Default)]
pub(super) struct Walk {
    pub variables: Vec<String>,
    pub functions: Vec<String>,
    pub patterns: Vec<String>,
    pub problem: Option<String>,
    names: Vec<String>,
    fields: Vec<(String, String)>,
    bound: Vec<String>,
    in_loop: bool,
}

impl Walk {
    /// A field that a variable with a closed set of fields does not have.
    pub fn unknown_field(&self, captures: &[Box<str>]) -> Option<(&str, &str)> {
        let is_known = |variable: &str, field: &str| match variable {
            "params" => captures.iter().any(|known| **known == *field),
            "request" => matches!(field, "method" | "path" | "host" | "query" | "headers" | "time"),
            "source" => matches!(field, "address" | "principal"),
            _ => true,
        };
        let unknown = self.fields.iter().find(|(variable, field)| !is_known(variable, field));
        unknown.map(|(variable, field)| (variable.as_str(), field.as_str()))
    }

    /// What may be the name of a header or parameter, where the condition looks at them under `request`: every
    /// text and every member that it mentions.
    pub fn names_in(&self, field: &str) -> Vec<Box<str>> {
        let is_named = |(variable, named): &(String, String)| variable == "request" && named == field;
        // `request["headers"]` names it too.
        let looks_at_it = self.fields.iter().any(is_named) || self.names.iter().any(|name| name == field);
        self.names.iter().filter(|_| looks_at_it).map(|name| name.as_str().into()).collect()
    }

    pub fn expression(&mut self, node: &IdedExpr) {
        match &node.expr {
            Expr::Literal(LiteralValue::String(text)) => self.names.push(text.inner().to_owned()),
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => {
                if !self.bound.contains(name) && !self.variables.contains(name) {
                    self.variables.push(name.clone());
                }
            }
            Expr::Select(select) => {
                self.names.push(select.field.clone());
                if let Expr::Ident(name) = &select.operand.expr
                    && !self.bound.contains(name)
                {
                    self.fields.push((name.clone(), select.field.clone()));
                }
                self.expression(&select.operand);
            }
            Expr::Call(call) => {
                self.call(&call.func_name, &call.args);
                for inner in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
                    self.expression(inner);
                }
            }
            Expr::List(list) => {
                for element in &list.elements {
                    self.expression(element);
                }
            }
            Expr::Map(map) => {
                for entry in &map.entries {
                    if let EntryExpr::MapEntry(entry) = &entry.expr {
                        self.expression(&entry.key);
                        self.expression(&entry.value);
                    }
                }
            }
            Expr::Struct(_) => self.problem = Some("a condition makes no messages".to_owned()),
            Expr::Comprehension(comprehension) => {
                if self.in_loop {
                    self.problem = Some("a loop inside of a loop".to_owned());
                    return;
                }
                self.expression(&comprehension.iter_range);
                let before = self.bound.len();
                self.bound.extend([comprehension.iter_var.clone(), comprehension.accu_var.clone()]);
                self.in_loop = true;
                for inner in [
                    &comprehension.accu_init,
                    &comprehension.loop_cond,
                    &comprehension.loop_step,
                    &comprehension.result,
                ] {
                    self.expression(inner);
                }
                self.in_loop = false;
                self.bound.truncate(before);
            }
        }
    }

    fn call(&mut self, name: &str, arguments: &[IdedExpr]) {
        let is_word = name.starts_with(|first: char| first.is_ascii_alphabetic());
        if is_word && !self.functions.iter().any(|known| known == name) {
            self.functions.push(name.to_owned());
        }
        if name == "matches" {
            match arguments.last().map(|argument| &argument.expr) {
                Some(Expr::Literal(LiteralValue::String(pattern))) => {
                    self.patterns.push(pattern.inner().to_owned());
                }
                _ => self.problem = Some("a pattern of `matches` that is not a constant".to_owned()),
            }
        }
    }
}
