"""Counts the instructions of one decision with callgrind, and compares them with benches/instructions.json.

`make bench-instructions`; with --write the budget becomes what was counted. Exits with 1 where a count is over
its budget by more than 5 %: whoever makes a decision dearer changes the budget in the same commit, and says why.

Counted is what the function `counted` of benches/decision.rs does, from the bytes of a CheckRequest to the bytes of
the answer, with a token that is known. SHA-256 is left out: callgrind does not know
the instructions that processors have for it. Of three runs the least counts: the hash tables of every run have
seeds of their own, and a count varies by 1 % with them.
"""

import json
import re
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BUDGET = Path(__file__).with_suffix(".json")
CALLS = 1000
RUNS = 3
MOST = 1.05


def program() -> str:
    """The compiled benchmark."""
    command = ["cargo", "build", "--release", "--locked", "--bench", "decision", "--message-format=json"]
    built = subprocess.run(command, cwd=ROOT, check=True, stdout=subprocess.PIPE, text=True)
    messages = [json.loads(line) for line in built.stdout.splitlines()]
    found = [m["executable"] for m in messages if m.get("target", {}).get("name") == "decision" and m.get("executable")]
    return found[-1]


def each(binary: str, case: str) -> int:
    """Instructions of one call, the least of some runs."""
    return min(once(binary, case) for _ in range(RUNS))


def once(binary: str, case: str) -> int:
    """Instructions of one call, in one run."""
    callgrind = ["valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null", "--toggle-collect=*counted*"]
    command = [*callgrind, binary, "--count", case, str(CALLS)]
    run = subprocess.run(command, cwd=ROOT, capture_output=True, text=True)
    found = re.search(r"Collected : (\d+)", run.stderr)
    if run.returncode or not found:
        sys.exit(f"callgrind did not count:\n{run.stderr}")
    return round(int(found[1]) / CALLS)


def main() -> None:
    """Counts, prints, compares."""
    binary = program()
    digest = each(binary, "digest")
    counts = {
        case: each(binary, case) - (digest if case in ("allow", "deny") else 0) for case in ("allow", "deny", "open")
    }
    if "--write" in sys.argv[1:]:
        BUDGET.write_text(json.dumps(counts, indent=2) + "\n")
    budget = json.loads(BUDGET.read_text())
    over = False
    for case, count in counts.items():
        ratio = count / budget[case]
        over |= ratio > MOST
        print(
            f"{case:6} {count:7} instructions, budget {budget[case]:7}: {ratio:.3f}{'  OVER' if ratio > MOST else ''}"
        )
    if over:
        sys.exit(
            "a decision became dearer; `make bench-instructions ARGS=--write` says so in benches/instructions.json"
        )
    print("check: ok instructions")


if __name__ == "__main__":
    main()
