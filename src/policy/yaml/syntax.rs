//! What the parser says, in words for the author of a policy.

use granit_parser::{ErrorKind, ScanError};

use crate::policy::diagnostic::{At, codes};

use super::Problem;
use super::build::place;

/// `{ match: GET /users/{id} }` ends at the second brace.
const QUOTE_THE_PATH: &str = "a path with braces is quoted: `match: \"GET /users/{id}\"`";

/// A place where the text is no YAML.
pub(super) fn problem(file: u32, text: &str, error: &ScanError) -> Problem {
    let marker = error.marker();
    let at = place(file, marker, marker);
    let lines = || text.lines().zip(1_u32..).skip(marker.line().saturating_sub(1));
    let starts_with_tab = |(line, _): &(&str, u32)| line.trim_start_matches(' ').starts_with('\t');
    // The parser names the beginning of what the tab ended.
    let tab = |at: At| {
        let at = match lines().find(starts_with_tab) {
            Some((line, number)) if number > at.line => {
                let before = line.len() - line.trim_start_matches(' ').len();
                At { line: number, column: u32::try_from(before + 1).unwrap_or(1), ..at }
            }
            _ => at,
        };
        Problem::new(codes::TAB, at, "a tab where spaces are needed", "indent with spaces")
    };
    #[expect(clippy::wildcard_enum_match_arm, reason = "every other one is told in the parser's own words")]
    match error.kind() {
        ErrorKind::TabNotAllowed
        | ErrorKind::TabInBlockIndentation
        | ErrorKind::TabAtBlockScalarStart
        | ErrorKind::TabInIndentation
        | ErrorKind::TabInPlainScalar => tab(at),
        _ if lines().next().is_some_and(|first| starts_with_tab(&first)) => tab(at),
        ErrorKind::UnexpectedEofFlowSequence
        | ErrorKind::UnexpectedEofFlowMapping
        | ErrorKind::UnexpectedEofImplicitFlowMapping
        | ErrorKind::UnclosedFlowCollection { .. }
        | ErrorKind::MismatchedFlowCollectionEnd { .. }
        | ErrorKind::MisplacedFlowCollectionEnd
        | ErrorKind::ExpectedFlowMappingSeparator
        | ErrorKind::ExpectedFlowSequenceSeparator
        | ErrorKind::InvalidFlowScalarIndent
        | ErrorKind::UnclosedQuotedScalar => Problem::new(
            codes::UNCLOSED,
            at,
            "a bracket or quote is not closed, or a comma is missing",
            if has_unquoted_capture(text, at) {
                QUOTE_THE_PATH
            } else {
                "every `[`, `{`, `\"` and `'` has its end; elements have a comma between them"
            },
        ),
        ErrorKind::UnknownAnchor => Problem::new(
            codes::UNKNOWN_ANCHOR,
            at,
            "an alias without its anchor",
            "a text that begins with `*` is quoted; an anchor `&name` stands before its alias",
        ),
        ErrorKind::UndeclaredTagHandle => {
            Problem::new(codes::TAG, at, "a tag that means nothing here", "remove it, or quote the text")
        }
        ErrorKind::RecursionLimitExceeded => {
            Problem::new(codes::TOO_DEEP, at, "nested more than 32 levels deep", "flatten it")
        }
        ErrorKind::InvalidIndentation
        | ErrorKind::ExpectedBlockMappingKey
        | ErrorKind::ExpectedBlockSequenceEntry
        | ErrorKind::BlockSequenceEntryNotAllowed
        | ErrorKind::MappingValueNotAllowed
        | ErrorKind::MappingKeyNotAllowed
        | ErrorKind::InvalidBlockScalarIndent
        | ErrorKind::InvalidQuotedScalarIndent
        | ErrorKind::SimpleKeyExpected
        | ErrorKind::InvalidSimpleKey => Problem::new(
            codes::INDENTATION,
            at,
            "the indentation does not fit, or a colon or quote is missing",
            if has_unquoted_capture(text, at) {
                QUOTE_THE_PATH
            } else {
                "keys of one map stand in one column; a text with `: ` in it is quoted; see the line above, too"
            },
        ),
        _ => Problem::new(
            codes::SYNTAX,
            at,
            format!("this is no YAML: {}", error.info()),
            "check quotes and special characters here and on the line above",
        ),
    }
}

/// Whether a path with a capture in it stands, where the parser stopped, without quotes.
fn has_unquoted_capture(text: &str, at: At) -> bool {
    let line = text.lines().zip(1_u32..).find(|(_, number)| *number == at.line).map_or("", |(line, _)| line);
    line.match_indices('{').any(|(open, _)| {
        let (before, inside) = line.split_at_checked(open).unwrap_or_default();
        let is_quoted = before.matches(['"', '\'']).count() % 2 == 1;
        !is_quoted && (before.ends_with('/') || inside.contains("}/"))
    })
}
