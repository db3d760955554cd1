//! One JSON object.

use serde_json::{Value, json};

use super::mutants::{Idle, Mutation, Survivor};
use super::results::{Failure, Results, Tested, percent};
use crate::cases::coverage::Point;

/// Writes everything.
pub fn write(results: &Results) -> anyhow::Result<String> {
    let failed = results.failed();
    let value = json!({
        "ok": results.is_good(),
        "passed": results.tests.len() - failed,
        "failed": failed,
        "not_run": results.left_out,
        "seconds": results.took.as_secs_f64(),
        "tests": results.tests.iter().map(test).collect::<Result<Vec<_>, _>>()?,
        "coverage": (!results.coverage.is_empty()).then(|| coverage(results)),
        "mutants": results.mutation.as_ref().map(mutants),
    });
    Ok(format!("{value:#}\n"))
}

fn test(test: &Tested) -> Result<Value, serde_json::Error> {
    let (problem, differences, explanation) = match &test.failure {
        None => (None, None, None),
        Some(Failure::Unrunnable(problem)) => (Some(problem), None, None),
        Some(Failure::Differs { mismatches, explanation }) => {
            let differences = mismatches.iter().map(|mismatch| {
                json!({ "what": mismatch.what, "expected": mismatch.expected, "actual": mismatch.actual })
            });
            (None, Some(differences.collect::<Vec<_>>()), Some(serde_json::to_value(explanation)?))
        }
    };
    Ok(json!({
        "name": test.name,
        "file": test.file,
        "line": test.line,
        "passed": test.failure.is_none(),
        "seconds": test.took.as_secs_f64(),
        "problem": problem,
        "differences": differences,
        "explanation": explanation,
    }))
}

fn coverage(results: &Results) -> Value {
    let (seen, all) = results.covered();
    json!({
        "percent": percent(seen, all).parse::<f64>().ok(),
        "seen": seen,
        "all": all,
        "least": results.least_coverage,
        "points": results.coverage.iter().flat_map(|coverage| coverage.points()).map(point).collect::<Vec<_>>(),
    })
}

fn point(point: &Point) -> Value {
    json!({
        "kind": point.kind.word(),
        "name": point.name,
        "file": point.file,
        "line": point.line,
        "allowed": point.allowed,
        "denied": point.denied,
    })
}

fn mutants(mutation: &Mutation) -> Value {
    json!({
        "noticed": mutation.noticed,
        "no_policy": mutation.untested,
        "not_tried": mutation.left_out,
        "accepted": mutation.accepted,
        "survivors": mutation.survivors.iter().map(survivor).collect::<Vec<_>>(),
        "accepted_for_nothing": mutation.idle.iter().map(idle).collect::<Vec<_>>(),
    })
}

fn idle(idle: &Idle) -> Value {
    json!({ "file": idle.file, "line": idle.line, "mutant": idle.mutant, "why": idle.why })
}

fn survivor(survivor: &Survivor) -> Value {
    json!({
        "operator": survivor.operator.word(),
        "owner": survivor.owner,
        "file": survivor.file,
        "line": survivor.line,
        "before": survivor.before,
        "after": survivor.after,
    })
}
