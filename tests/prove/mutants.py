"""The deciding code, changed in one place at a time: which changes does no test notice?

It is done in a copy that has the core only, the edge left out: a change is built and tested in a fraction of the time.
"""

import argparse
import json
import re
import shutil
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from running import ROOT, Failed, run
from steps import BUILDING, Step, exported

TOOL = ROOT / ".cache/tools/bin/cargo-mutants"
# What decides comes first; of each group every shard is a sample of all of it.
GROUPS = {
    "deciding": (
        300,
        [
            "src/decision.rs",
            "src/engine.rs",
            "src/policy/decide.rs",
            "src/policy/decide/**/*.rs",
            "src/policy/requirement.rs",
            "src/policy/requirement/**/*.rs",
            "src/policy/matcher/**/*.rs",
            "src/policy/guard.rs",
            "src/policy/tri.rs",
            "src/request/**/*.rs",
            "src/token/trust.rs",
            "src/token/trust/**/*.rs",
            "src/token/claims.rs",
            "src/token/claims/**/*.rs",
            "src/token/keys.rs",
            "src/token/keys/**/*.rs",
            "src/token/cache.rs",
        ],
    ),
    "all": (650, ["src/policy/**/*.rs", "src/token/**/*.rs", "src/response/**/*.rs", "src/response.rs"]),
}
# Modules of the integration tests that see a decision, with what they need, and need no edge.
NOTICING = ["diagnostics", "figures", "many_routes", "model", "policy", "properties", "token"]
# The first looks for words in the edge; floods take half of the time, and see no more of one change than others.
SKIPPED = ("--", "--skip", "every_code_has_its_paragraph_and_is_said_somewhere", "--skip", "flood::")
PAIRS = {"PORTCULLIS_PAIRS": "3000", "PORTCULLIS_SEED": "1"}
# A change may make a loop endless.
PATIENCE = 120
# Our own code is compiled for every change, all others' once: their settings stay, so that what is there is used.
QUICK = """
[profile.{profile}.package.portcullis]
opt-level = 0
debug = false
"""


def all_of(given: argparse.Namespace) -> Iterator[Step]:
    yield Step("mutants-none", "mutants", {"profile": given.profile}, partial(unchanged, given))
    for group, (shards, _) in GROUPS.items():
        for shard in range(shards):
            asked = {"profile": given.profile, "shard": f"{shard} of {shards}"}
            yield Step(f"mutants-{group}-{shard}", "mutants", asked, partial(changed, given, group), "mutants-none")


def core(given: argparse.Namespace) -> Path:
    """The committed source without its edge. Whatever a change that was interrupted left behind is undone."""
    directory = exported(given.commit, f"mutants-{given.profile}")
    if (directory / "src/cli").exists():
        manifest = (directory / "Cargo.toml").read_text()
        sections = re.split(r"(?m)^(?=\[)", manifest)
        kept = [section for section in sections if not section.startswith(("[[bin]]", "[[bench]]"))]
        (directory / "Cargo.toml").write_text(
            "".join(kept).replace("autotests", "autobins = false\nautotests") + QUICK.format(profile=given.profile)
        )
        edge = (directory / "src/lib.rs").read_text().partition("// edge")
        (directory / "src/lib.rs").write_text(edge[0])
        for name in re.findall(r"pub mod (\w+);", edge[2]):
            shutil.rmtree(directory / "src" / name, ignore_errors=True)
            (directory / "src" / f"{name}.rs").unlink(missing_ok=True)
        tests = (directory / "tests/it/main.rs").read_text()
        allowed = tests[: tests.index("mod ")].rstrip()
        (directory / "tests/it/main.rs").write_text(allowed + "".join(f"\nmod {name};" for name in NOTICING) + "\n")
        shutil.copytree(directory / "src", directory / "unchanged", dirs_exist_ok=True)
    else:
        shutil.copytree(directory / "unchanged", directory / "src", dirs_exist_ok=True)
        # What is undone is older than what was built of it.
        (directory / "src/lib.rs").touch()
    return directory


def environment() -> dict[str, str]:
    return {"CARGO_TARGET_DIR": str(ROOT / "target"), **PAIRS}


def unchanged(given: argparse.Namespace, _step: Step, _records: dict) -> dict:
    """The tests pass where nothing is changed: else they would notice everything."""
    command = ("cargo", "test", "--locked", "--profile", given.profile, "--lib", "--test", "it", "--quiet")
    told = run(*command, *SKIPPED, cwd=core(given), env=environment(), limit=BUILDING)
    passed = sum(int(count) for count in re.findall(r"(\d+) passed", told))
    if passed < 100:
        raise Failed(f"only {passed} tests: most were left out")
    return {"tests": passed}


def changed(given: argparse.Namespace, group: str, step: Step, records: dict) -> dict:
    if "tests" not in records.get("mutants-none", {}):
        raise Failed("the tests do not pass without any change, so that they say nothing")
    if not TOOL.exists():
        run("make", "--no-print-directory", str(TOOL.relative_to(ROOT)), limit=BUILDING)
    directory = core(given)
    shards, patterns = GROUPS[group]
    out = ROOT / ".cache/prove" / f"{step.name}-{given.commit}"
    shutil.rmtree(out, ignore_errors=True)
    shard = int(step.name.rpartition("-")[2])
    # 0: all are noticed; 2: some are not; 3: some never end. Anything else is no answer.
    run(
        *(str(TOOL), "mutants", "--in-place", "--baseline", "skip", "--timeout", str(PATIENCE), "--no-shuffle"),
        *("--shard", f"{shard}/{shards}", "--sharding", "round-robin", "--output", str(out), "--colors", "never"),
        *(argument for pattern in patterns for argument in ("--file", pattern)),
        *("--profile", given.profile, "--cargo-arg", "--locked", "--", "--lib", "--test", "it", *SKIPPED),
        cwd=directory,
        env=environment(),
        limit=BUILDING,
        statuses=(0, 2, 3),
    )
    outcomes = json.loads((out / "mutants.out/outcomes.json").read_text())
    names = ("caught", "missed", "timeout", "unviable")
    found = {"mutants": outcomes["total_mutants"]} | {name: outcomes[name] for name in names}
    if found["mutants"] != sum(outcomes[name] for name in names):
        raise Failed(f"not every change was tried: {found}")
    return found | {"survivors": (out / "mutants.out/missed.txt").read_text().splitlines()}
