//! What stands in a condition: known names, constant patterns, one loop inside of no other, and which headers and
//! parameters it asks for.

use cel::common::ast::{CallExpr, EntryExpr, Expr, IdedExpr, LiteralValue, SelectExpr, operators};
use cel::{Context, Value};

/// The variable that holds headers and parameters.
const REQUEST: &str = "request";

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
    /// Every text and every member.
    names: Vec<String>,
    /// Names that are asked for in `request.headers` or `request.query`.
    asked: Vec<(String, String)>,
    /// `headers`, `query` or `request` where they are used as a whole.
    whole: Vec<String>,
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

    /// What may be the name of a header or parameter, where the condition looks at them under `request`: what it
    /// asks for there by name, or every text and member that it mentions if it looks at them in another way.
    pub fn names_in(&self, field: &str) -> Vec<Box<str>> {
        if self.goes_through(field) {
            return self.names.iter().map(|name| name.as_str().into()).collect();
        }
        let asked = self.asked.iter().filter(|(asked, _)| asked == field);
        asked.map(|(_, name)| name.as_str().into()).collect()
    }

    /// Whether it looks at headers or parameters in another way than by name.
    pub fn goes_through(&self, field: &str) -> bool {
        self.whole.iter().any(|whole| whole == field || whole == REQUEST)
    }

    /// A use of `request.headers` or `request.query` that is no question for one name, or of `request` that is no
    /// question for one of its members.
    fn uses_whole(&mut self, what: &str) {
        self.whole.push(what.to_owned());
    }

    /// `request.headers` or `request.query`, and `request["query"]`.
    fn container<'e>(&self, node: &'e IdedExpr) -> Option<&'e str> {
        let (operand, member) = if let Expr::Select(select) = &node.expr {
            (&*select.operand, select.field.as_str())
        } else if let Expr::Call(call) = &node.expr
            && call.func_name == operators::INDEX
            && let [operand, index] = call.args.as_slice()
        {
            (operand, text(index)?)
        } else {
            return None;
        };
        (matches!(member, "headers" | "query") && self.is_request(operand)).then_some(member)
    }

    fn is_request(&self, node: &IdedExpr) -> bool {
        matches!(&node.expr, Expr::Ident(name) if name == REQUEST)
            && !self.bound.iter().any(|name| name == REQUEST)
    }

    /// `request.query["name"]` and `"name" in request.query`.
    fn asks_for_one(&mut self, call: &CallExpr) -> bool {
        if !matches!(call.func_name.as_str(), operators::INDEX | operators::OPT_INDEX | operators::IN) {
            return false;
        }
        let operands: Vec<&IdedExpr> = call.target.iter().map(AsRef::as_ref).chain(&call.args).collect();
        let container = operands.iter().find_map(|operand| self.container(operand));
        let name = operands.iter().find_map(|operand| text(operand));
        let (Some(container), Some(name), 2) = (container, name, operands.len()) else { return false };
        self.names.push(name.to_owned());
        self.asked.push((container.to_owned(), name.to_owned()));
        self.fields.push((REQUEST.to_owned(), container.to_owned()));
        self.variable(REQUEST);
        true
    }

    fn variable(&mut self, name: &str) {
        if !self.bound.iter().any(|bound| bound == name) && !self.variables.iter().any(|known| known == name)
        {
            self.variables.push(name.to_owned());
        }
    }

    pub fn expression(&mut self, node: &IdedExpr) {
        match &node.expr {
            Expr::Literal(LiteralValue::String(text)) => self.names.push(text.inner().to_owned()),
            Expr::Unspecified | Expr::Literal(_) => {}
            Expr::Ident(name) => {
                if self.is_request(node) {
                    self.uses_whole(REQUEST);
                }
                self.variable(name);
            }
            Expr::Select(select) => self.select(node, select),
            Expr::Call(call) => {
                self.call(&call.func_name, &call.args);
                if let Some(container) = self.container(node) {
                    self.uses_whole(container);
                    self.variable(REQUEST);
                } else if !self.asks_for_one(call) {
                    for inner in call.target.iter().map(AsRef::as_ref).chain(&call.args) {
                        self.expression(inner);
                    }
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

    fn select(&mut self, node: &IdedExpr, select: &SelectExpr) {
        self.names.push(select.field.clone());
        if let Some(container) = self.container(&select.operand) {
            self.asked.push((container.to_owned(), select.field.clone()));
            self.fields.push((REQUEST.to_owned(), container.to_owned()));
            return self.variable(REQUEST);
        }
        if let Some(container) = self.container(node) {
            self.uses_whole(container);
        }
        let Expr::Ident(name) = &select.operand.expr else { return self.expression(&select.operand) };
        if !self.bound.contains(name) {
            self.fields.push((name.clone(), select.field.clone()));
        }
        self.variable(name);
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

/// A text that stands in the expression.
fn text(node: &IdedExpr) -> Option<&str> {
    let Expr::Literal(LiteralValue::String(text)) = &node.expr else { return None };
    Some(text.inner())
}
