"""`make prove` says what failed and what was not done, and proves nothing of what is not committed."""

import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
from stack import PROJECT

sys.path.insert(0, str(PROJECT / "tests/prove"))

import mutants
import page
import running
import steps

GIVEN = SimpleNamespace(commit="c0ffee", profile="release", pairs=1_000_000, fuzz_seconds=60, soak_minutes=30)
STEPS = [*steps.all_of(GIVEN), *mutants.all_of(GIVEN)]


def record(step: steps.Step, **found: object) -> dict:
    return {"part": step.part, "asked": step.asked, "date": "2026-01-31 08:00", "took": 1} | found


def verdict(part: str, records: dict) -> str:
    text = page.text("c0ffee", STEPS, records)
    return next(line for line in text.splitlines() if line.startswith(f"| {part} | "))


def all_pairs() -> dict[str, dict]:
    return {step.name: record(step, decided=100_000) for step in STEPS if step.part == "pairs"}


def test_only_when_every_step_passed_a_part_has_passed():
    assert verdict("pairs", {}) == "| pairs | not run |"
    records = all_pairs()
    assert verdict("pairs", records).startswith("| pairs | passed: the engine decided every pair as the reference did")
    assert "1,000,000 decided" in verdict("pairs", records)
    records["pairs-3"] = record(STEPS[2], failed="engine and reference differ\nand more")
    assert verdict("pairs", records) == "| pairs | **FAILED**: 1 of 10 steps failed, 9 passed |"
    assert "**FAILED**: engine and reference differ |" in page.text("c0ffee", STEPS, records)
    del records["pairs-3"]
    assert verdict("pairs", records).startswith("| pairs | not finished: 9 of 10 steps passed so far")


def test_what_was_asked_otherwise_is_not_what_is_asked_for():
    records = all_pairs()
    records["pairs-1"]["asked"] = {"profile": "dev", "pairs": 10}
    assert verdict("pairs", records).startswith("| pairs | not finished: 9 of 10")


def test_tests_that_fail_without_a_change_notice_nothing(tmp_path: Path):
    first = next(step for step in STEPS if step.name.startswith("mutants-deciding"))
    for records in ({}, {"mutants-none": {"failed": "a test fails"}}):
        with pytest.raises(running.Failed, match="do not pass without any change"):
            first.run(first, records)
    none = next(step for step in STEPS if step.name == "mutants-none")
    records = {none.name: record(none, failed="a test fails"), first.name: record(first, failed="no answer")}
    assert verdict("mutants", records).startswith("| mutants | **FAILED**: 2 of ")


def test_a_change_that_no_test_noticed_is_explained_or_said_not_to_be():
    explained = next(iter(page.survivors_explained()))
    file, _, change = explained.partition(": ")
    assert (PROJECT / file).is_file()
    step = next(step for step in STEPS if step.name.startswith("mutants-deciding"))
    found = record(
        step, mutants=2, caught=0, missed=2, survivors=[f"{file}:1:2: {change}", "src/x.rs:3:4: replace a with b"]
    )
    known, _, unknown = page.text("c0ffee", STEPS, {step.name: found}).partition("and why they change no decision")
    assert "* `src/x.rs:3:4: replace a with b`" in known and change not in known.split("not explained:")[1]
    assert f"* `{file}:1:2: {change}`: " in unknown


def test_two_builds_that_differ_or_were_not_made_are_not_the_same():
    one, two, same = (step for step in STEPS if step.part == "build")
    built = {"build-one": record(one, sha256="a"), "build-two": record(two, sha256="b")}
    with pytest.raises(running.Failed, match="differ"):
        same.run(same, built)
    with pytest.raises(running.Failed, match="not built twice"):
        same.run(same, {"build-one": built["build-one"], "build-two": record(two, failed="no space")})


def test_a_command_that_takes_too_long_is_ended_with_all_that_it_started():
    began = time.monotonic()
    with pytest.raises(running.Failed, match="not done after"):
        running.run("sh", "-c", "sleep 300 & sleep 300", limit=0.2)
    assert time.monotonic() - began < 60, "a generous bound: it would have slept for five minutes"
    with pytest.raises(running.Failed, match="ended with 4"):
        running.run("sh", "-c", "echo no; exit 4", limit=60, statuses=(0, 2, 3))


def test_what_is_not_committed_is_not_proved(tmp_path: Path):
    git = ("git", "-c", "user.name=x", "-c", "user.email=x@example.com")
    place = tmp_path / "project"
    (place / "tests").mkdir(parents=True)
    subprocess.run(["cp", "-r", str(PROJECT / "tests/prove"), str(place / "tests/prove")], check=True)
    (place / "fuzz/corpus").mkdir(parents=True)
    (place / ".gitignore").write_text("__pycache__\n.cache\n")
    for command in (["init", "-q"], ["add", "-A"], ["commit", "-qm", "all"]):
        subprocess.run([*git, *command], cwd=place, check=True)
    prove = [sys.executable, "tests/prove", "--parts", "pairs", "--minutes=-1"]
    run = lambda: subprocess.run(prove, cwd=place, capture_output=True, text=True)  # noqa: E731
    clean = run()
    assert clean.returncode == 0 and "not begun" in clean.stdout, clean.stderr
    # A page that was written is no change.
    assert run().returncode == 0
    (place / "tests/prove/page.py").write_text("# another\n" + (place / "tests/prove/page.py").read_text())
    changed = run()
    assert changed.returncode == 1 and "tests/prove/page.py" in changed.stderr
