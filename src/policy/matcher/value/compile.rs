//! Matchers as written, made ready.

use crate::policy::diagnostic::{At, Diagnostics, Spanned, codes};
use crate::policy::document::{Matcher, Operand as Written, Scalar, Text};
use crate::policy::matcher::capture::CaptureText;
use crate::policy::matcher::pattern::Pattern;

use super::{Bound, Kind, Operand, Test, ValueMatcher};

impl ValueMatcher {
    /// Compiles a matcher; `captures` are the names that may stand in its texts.
    pub fn compile(
        written: &Matcher,
        kind: Kind,
        captures: &[Box<str>],
        problems: &mut Diagnostics,
    ) -> Option<Self> {
        let mut compiler = Compiler { kind, captures, problems };
        match written {
            Matcher::Scalar(scalar) => {
                let operand = compiler.operand(scalar)?;
                Some(Self { test: Test::Shorthand(vec![operand]), ignore_case: false })
            }
            Matcher::List(_, list) => {
                Some(Self { test: Test::Shorthand(compiler.operands(list)?), ignore_case: false })
            }
            Matcher::Operator { name, operand, ignore_case, .. } => {
                let ignores = ignore_case.as_ref().is_some_and(|flag| flag.value);
                let is_textual = matches!(
                    &*name.value,
                    "equals"
                        | "one_of"
                        | "contains"
                        | "contains_any"
                        | "contains_all"
                        | "prefix"
                        | "suffix"
                        | "matches"
                );
                if let Some(flag) = ignore_case.as_ref().filter(|_| !is_textual) {
                    compiler
                        .problems
                        .error(
                            codes::IGNORE_CASE,
                            flag.at,
                            format!("`ignore_case` means nothing beside `{}`", name.value),
                        )
                        .hint("remove it");
                }
                let test = compiler.test(name, operand, ignores)?;
                Some(Self { test, ignore_case: ignores })
            }
        }
    }
}

struct Compiler<'c> {
    kind: Kind,
    captures: &'c [Box<str>],
    problems: &'c mut Diagnostics,
}

impl Compiler<'_> {
    fn test(&mut self, name: &Text, operand: &Written, ignore_case: bool) -> Option<Test> {
        match (&*name.value, operand) {
            ("equals", Written::One(one)) => self.operand(one).map(Test::Equals),
            ("equals", Written::Many(at, _)) if self.kind != Kind::Claim => {
                self.problems
                    .error(codes::MATCHER_OPERAND, *at, "a string is never equal to a list")
                    .hint("write `one_of` if any of these is meant");
                None
            }
            ("equals", Written::Many(_, list)) => self.operands(list).map(Test::WholeList),
            ("one_of", Written::Many(_, list)) => self.operands(list).map(Test::OneOf),
            ("contains", Written::One(one)) => self.operand(one).map(|one| Test::ContainsAny(vec![one])),
            ("contains_any", Written::Many(_, list)) => self.operands(list).map(Test::ContainsAny),
            ("contains_all", Written::Many(_, list)) => self.operands(list).map(Test::ContainsAll),
            ("prefix", Written::One(one)) => self.plain(one, name).map(Test::Prefix),
            ("suffix", Written::One(one)) => self.plain(one, name).map(Test::Suffix),
            ("matches", Written::One(one)) => {
                // Braces there are the expression's own.
                let text = self.text(one, name)?;
                Pattern::compile(&text, ignore_case, one.at, self.problems).map(Test::Matches)
            }
            ("present", Written::One(Spanned { value: Scalar::Bool(wanted), .. })) => {
                Some(Test::Present(*wanted))
            }
            ("at_least", Written::One(one)) => self.number(one, name).map(Test::AtLeast),
            ("at_most", Written::One(one)) => self.number(one, name).map(Test::AtMost),
            (operator, Written::One(one)) => self.wrong(one.at, operator),
            (operator, Written::Many(at, _)) => self.wrong(*at, operator),
        }
    }

    fn wrong(&mut self, at: At, operator: &str) -> Option<Test> {
        let wants = match operator {
            "one_of" | "contains_any" | "contains_all" => "a list",
            "present" => "`true` or `false`",
            "at_least" | "at_most" => "a number",
            _ => "one value",
        };
        self.problems
            .error(codes::MATCHER_OPERAND, at, format!("`{operator}` takes {wants}"))
            .hint(format!("write `{{ {operator}: … }}` with {wants}"));
        None
    }

    /// Reports a number or truth value that is compared with what is always a string.
    fn is_typed_where_strings_are(&mut self, at: At, hint: &str) -> bool {
        let message = match self.kind {
            Kind::Claim => return false,
            Kind::Subject => "the subject is a string, also where the token has a number",
            Kind::Text => "header and query values are strings",
        };
        self.problems.error(codes::TYPED_OPERAND, at, message).hint(hint);
        true
    }

    fn operands(&mut self, list: &[Spanned<Scalar>]) -> Option<Vec<Operand>> {
        // Every one is compiled, so that every problem is found.
        let compiled: Vec<Option<Operand>> = list.iter().map(|scalar| self.operand(scalar)).collect();
        compiled.into_iter().collect()
    }

    fn operand(&mut self, scalar: &Spanned<Scalar>) -> Option<Operand> {
        let operand = match &scalar.value {
            Scalar::Text(text) => {
                let text = Text { value: text.clone(), at: scalar.at };
                return CaptureText::compile(&text, self.captures, self.problems).map(Operand::Text);
            }
            Scalar::Integer(number) => Operand::Integer(*number),
            Scalar::Float(number) => Operand::Float(*number),
            Scalar::Bool(truth) => Operand::Bool(*truth),
        };
        if self.is_typed_where_strings_are(scalar.at, "quote it") {
            return None;
        }
        Some(operand)
    }

    /// A text without captures: they cannot stand in `prefix`, `suffix`, `matches`.
    fn plain(&mut self, scalar: &Spanned<Scalar>, name: &Text) -> Option<Box<str>> {
        let text = self.text(scalar, name)?;
        let written = Text { value: text, at: scalar.at };
        match CaptureText::compile(&written, &[], &mut Diagnostics::default())
            .as_ref()
            .and_then(CaptureText::literal)
        {
            Some(literal) if !literal.is_empty() => Some(literal.into()),
            Some(_) => {
                self.problems
                    .error(
                        codes::MATCHER_OPERAND,
                        scalar.at,
                        format!("an empty `{}` holds for everything", name.value),
                    )
                    .hint("use `present: true` if that is meant");
                None
            }
            None => {
                self.problems
                    .error(
                        codes::CAPTURE_PLACE,
                        scalar.at,
                        format!("a capture cannot stand in `{}`", name.value),
                    )
                    .hint("captures stand in `equals`, `one_of` and `contains`; `{{` is a literal brace");
                None
            }
        }
    }

    fn text(&mut self, scalar: &Spanned<Scalar>, name: &Text) -> Option<Box<str>> {
        if let Scalar::Text(text) = &scalar.value {
            return Some(text.clone());
        }
        self.problems
            .error(codes::MATCHER_OPERAND, scalar.at, format!("`{}` takes a string", name.value))
            .hint("quote it");
        None
    }

    fn number(&mut self, scalar: &Spanned<Scalar>, name: &Text) -> Option<Bound> {
        if self.is_typed_where_strings_are(scalar.at, &format!("`{}` compares numbers", name.value)) {
            return None;
        }
        match &scalar.value {
            Scalar::Integer(number) => Some(Bound::Integer(*number)),
            Scalar::Float(number) if number.is_finite() => Some(Bound::Float(*number)),
            Scalar::Text(_) | Scalar::Float(_) | Scalar::Bool(_) => {
                self.wrong(scalar.at, &name.value);
                None
            }
        }
    }
}
