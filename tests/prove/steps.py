"""Pairs, fuzzing, two builds, the bill of materials and the long run."""

import argparse
import hashlib
import json
import re
import subprocess
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from running import ROOT, Failed, run

STEPS_OF_PAIRS = 10
BUILDING = 40 * 60  # seconds; the longest is a first build, or the shipped profile


@dataclass(frozen=True)
class Step:
    """One thing to do. `asked` is what was asked for: with something else asked, it is not done. `needs` names a step
    without which it says nothing."""

    name: str
    part: str
    asked: dict
    run: Callable[["Step", dict[str, dict]], dict]
    needs: str = ""

    def is_passed(self, records: dict[str, dict]) -> bool:
        known = records.get(self.name)
        return bool(known) and known["asked"] == self.asked and "failed" not in known


def all_of(given: argparse.Namespace) -> Iterator[Step]:
    pairs = {"profile": given.profile, "pairs": given.pairs // STEPS_OF_PAIRS}
    for number in range(1, STEPS_OF_PAIRS + 1):
        yield Step(f"pairs-{number}", "pairs", pairs, partial(decide_pairs, given.commit))
    for target in sorted(path.name for path in (ROOT / "fuzz/corpus").iterdir()):
        yield Step(f"fuzz-{target}", "fuzz", {"profile": given.profile, "seconds": given.fuzz_seconds}, fuzz)
    shipped = {"profile": "dist" if given.profile == "release" else given.profile}
    for place in ("one", "two"):
        yield Step(f"build-{place}", "build", shipped, partial(build, given.commit))
    yield Step("build-same", "build", shipped, same)
    yield Step("sbom", "sbom", {}, bill_of_materials)
    yield Step("soak", "soak", {"minutes": given.soak_minutes}, soak)


def decide_pairs(commit: str, step: Step, _records: dict) -> dict:
    seed = int.from_bytes(hashlib.sha256(f"{commit} {step.name}".encode()).digest()[:6])
    told = run(
        *("cargo", "test", "--locked", "--profile", step.asked["profile"], "--test", "it", "--"),
        *("model::the_engine_decides_as_the_reference_does", "--exact", "--nocapture"),
        env={"PORTCULLIS_PAIRS": str(step.asked["pairs"]), "PORTCULLIS_SEED": str(seed)},
        limit=BUILDING + step.asked["pairs"] / 100,
    )
    found = re.search(r"(\d+) pairs, (\d+) allowed", told)
    if not found or int(found[1]) < step.asked["pairs"]:
        raise Failed("the test did not decide as many pairs as it was told to")
    return {"seed": seed, "decided": int(found[1]), "allowed": int(found[2])}


def fuzz(step: Step, _records: dict) -> dict:
    target = step.name.removeprefix("fuzz-")
    seconds = step.asked["seconds"]
    told = run(
        *("fuzz/run", str(seconds), target),
        env={"FUZZ_PROFILE": step.asked["profile"]},
        limit=BUILDING + 2 * seconds,
    )
    found = re.search(rf"{target}: (\d+) inputs in \d+ s, cov: (\d+), (\d+) MiB", told)
    if not found or int(found[1]) == 0:
        raise Failed(f"{target} tried no input")
    return {"inputs": int(found[1]), "edges": int(found[2]), "MiB at most": int(found[3])}


def build(commit: str, step: Step, _records: dict) -> dict:
    """Builds the committed source in a directory of its own, and gives the digest of the program."""
    directory = exported(commit, step.name)
    profile = step.asked["profile"]
    flags = f"--remap-path-prefix={directory}=/build --remap-path-prefix={Path.home()}=/home"
    run(
        *("cargo", "build", "--locked", "--profile", profile, "--bins"),
        cwd=directory,
        env={"RUSTFLAGS": flags, "PORTCULLIS_REVISION": commit, "CARGO_INCREMENTAL": "0"},
        limit=BUILDING,
    )
    program = (directory / "target" / ("debug" if profile == "dev" else profile) / "portcullis").read_bytes()
    return {"sha256": hashlib.sha256(program).hexdigest(), "bytes": len(program)}


def exported(commit: str, name: str) -> Path:
    """The committed source in a directory of its own, with what was built of it before."""
    directory = ROOT / ".cache/prove" / f"{name}-{commit}"
    if not directory.exists():
        directory.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", commit], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x"], cwd=directory, input=archive, check=True)
    return directory


def same(step: Step, records: dict) -> dict:
    built = {place: records.get(f"build-{place}", {}) for place in ("one", "two")}
    digests = {
        place: record["sha256"]
        for place, record in built.items()
        if "sha256" in record and record["asked"] == step.asked
    }
    if len(digests) != 2:
        raise Failed("it was not built twice")
    if len(set(digests.values())) != 1:
        raise Failed(f"two builds differ: {digests}")
    return {"sha256": digests["one"]}


def bill_of_materials(_step: Step, _records: dict) -> dict:
    run("make", "--no-print-directory", "sbom", limit=BUILDING)
    path = ROOT / "target/portcullis.cdx.json"
    bill = json.loads(path.read_bytes())
    count = len(bill.get("components", []))
    if count < 50:
        raise Failed(f"only {count} components in {path}")
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    return {"format": f"{bill['bomFormat']} {bill['specVersion']}", "components": count, "sha256": digest}


def soak(step: Step, _records: dict) -> dict:
    minutes = step.asked["minutes"]
    told = run(
        *("make", "--no-print-directory", "soak", f"SOAK_MINUTES={minutes:g}"),
        limit=BUILDING + minutes * 60 * 1.5,
    )
    # What the run says of itself, between two empty lines of pytest.
    begin = told.find(" min at half of ")
    lines = told[told.rfind("\n", 0, begin) + 1 :].splitlines()[:5] if begin >= 0 else []
    # That it failed is told by how it ended; one that did not run says nothing.
    if len(lines) != 5:
        raise Failed("the run did not say what came of it")
    return {"told": lines}
