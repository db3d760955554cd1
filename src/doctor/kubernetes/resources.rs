//! Memory and processor time.

use crate::doctor::codes;
use crate::doctor::look::Look;
use crate::policy::diagnostic::Diagnostics;

use super::container::Container;
use super::pod::Pod;

/// What it needs beside the cache.
const BESIDE_CACHE: u64 = 64 << 20;

pub fn examine(pod: &Pod<'_>, container: &Container<'_>, problems: &mut Diagnostics) {
    let resources = container.entry.get("resources");
    let memory = resources.get("limits.memory");
    let of_pod = pod.spec.get("resources");
    if !memory.is_there() && !of_pod.get("limits.memory").is_there() {
        problems
            .warning(
                codes::NO_MEMORY_LIMIT,
                memory.at,
                "without a memory limit a mistake here takes the memory of the whole node",
            )
            .hint("`resources: { limits: { memory: 192Mi } }`");
    }
    let cache = container.bytes("cache.max_bytes").and_then(|bytes| u64::try_from(bytes).ok());
    let is_on = container.setting("cache.tokens").is_none_or(|given| given.text != "false");
    if let (Some(limit), Some(cache)) = (quantity(memory), cache.filter(|_| is_on))
        && limit < cache.saturating_add(BESIDE_CACHE)
    {
        problems
            .warning(
                codes::MEMORY_TOO_SMALL,
                memory.at,
                format!("remembered tokens may take {} MiB of this limit, and the rest needs 64 MiB: it will be killed", cache >> 20),
            )
            .hint("raise the limit, or lower `cache.max_bytes`");
    }
    let processor = resources.get("limits.cpu");
    if processor.is_there() {
        problems
            .warning(
                codes::CPU_LIMIT,
                processor.at,
                "a limit of processor time stops it in the middle of decisions, for up to a tenth of a second",
            )
            .hint("leave `limits.cpu` out; set `requests.cpu`, and `workers` to the threads it may use");
    }
    let requests = resources.get("requests");
    let is_asked = |what: &str| [requests, of_pod.get("requests")].iter().any(|of| of.get(what).is_there());
    if !(is_asked("cpu") && is_asked("memory")) {
        problems
            .warning(
                codes::NO_REQUESTS,
                requests.at,
                "without requests for processor and memory it comes last where a node is busy",
            )
            .hint("`resources: { requests: { cpu: 50m, memory: 48Mi } }`");
    }
}

/// A quantity of bytes as Kubernetes writes it.
fn quantity(look: Look<'_>) -> Option<u64> {
    let text = look.text()?;
    let digits = text.trim_end_matches(|letter: char| letter.is_ascii_alphabetic());
    let factor: u64 = match text.get(digits.len()..)? {
        "" => 1,
        "k" => 1000,
        "M" => 1_000_000,
        "G" => 1_000_000_000,
        "Ki" => 1 << 10,
        "Mi" => 1 << 20,
        "Gi" => 1 << 30,
        _ => return None,
    };
    digits.parse::<u64>().ok()?.checked_mul(factor)
}
