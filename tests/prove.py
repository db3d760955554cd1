"""`make prove`: what is too long for every change. Each step that ends is kept for its commit, so that a run goes on
where another was stopped; a page in docs/evidence says what was found.
"""

import argparse
import hashlib
import json
import os
import platform
import re
import subprocess
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PARTS = 10
PAIRS = 100_000
SHARDS = 64
TOOLS = ROOT / ".cache/tools/bin"
# The deciding code; what listens, logs and prints is not among it.
MUTATED = ["src/decision.rs", "src/engine.rs", "src/request/*.rs", "src/request.rs", "src/policy/**/*.rs"]
MUTATED += ["src/token/**/*.rs", "src/token.rs", "src/response/**/*.rs", "src/response.rs"]
# Tests that see a decision; the others only take time.
NOTICING = ["policy::", "model::", "properties::", "tables::", "token::", "wire::", "answers::", "diagnostics::"]


class Failed(Exception):
    """A step that broke a promise."""


def run(*command, env=None, check=True, cwd=ROOT):
    """The output of a command, which is shown as it comes."""
    print("+", *command, flush=True)
    lines = []
    process = subprocess.Popen(
        command,
        cwd=cwd,
        env={**os.environ, **(env or {})},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    )
    for line in process.stdout:
        sys.stdout.write(line)
        lines.append(line)
    if process.wait() and check:
        raise Failed(f"{' '.join(command)} ended with {process.returncode}\n" + "".join(lines[-40:]))
    return "".join(lines)


def head():
    return run("git", "rev-parse", "--short=12", "HEAD").strip()


def model(part, arguments):
    seed = int.from_bytes(hashlib.sha256(f"{arguments.commit} {part}".encode()).digest()[:6])
    told = run(
        *("cargo", "test", "--locked", "--profile", arguments.profile, "--test", "it", "--"),
        *("model::the_engine_decides_as_the_reference_does", "--exact", "--nocapture"),
        env={"PORTCULLIS_PAIRS": str(arguments.pairs), "PORTCULLIS_SEED": str(seed)},
    )
    found = re.search(r"(\d+) pairs, (\d+) allowed", told)
    if not found:
        raise Failed("the test did not say how many pairs it decided")
    return {"seed": seed, "pairs": int(found[1]), "allowed": int(found[2])}


def fuzz(target, arguments):
    told = run("fuzz/run", str(arguments.fuzz_seconds), target, env={"FUZZ_PROFILE": arguments.profile})
    found = re.search(rf"{target}: (\d+) inputs in \d+ s, cov: (\d+), (\d+) MiB", told)
    if not found:
        raise Failed(f"{target} said nothing of its inputs")
    return {"seconds": arguments.fuzz_seconds, "inputs": int(found[1]), "edges": int(found[2]), "MiB": int(found[3])}


def build(place, arguments):
    """Builds the committed source in a directory of its own, and gives the digest of the program."""
    directory = ROOT / ".cache/prove" / f"build-{place}"
    if not directory.exists():
        directory.mkdir(parents=True)
        archive = subprocess.run(["git", "archive", "HEAD"], cwd=ROOT, check=True, capture_output=True).stdout
        subprocess.run(["tar", "-x"], cwd=directory, input=archive, check=True)
    profile = "dist" if arguments.profile == "release" else arguments.profile
    flags = f"--remap-path-prefix={directory}=/build --remap-path-prefix={Path.home()}=/home"
    run(
        *("cargo", "build", "--locked", "--profile", profile, "--bins"),
        cwd=directory,
        env={"RUSTFLAGS": flags, "PORTCULLIS_REVISION": arguments.commit, "CARGO_INCREMENTAL": "0"},
    )
    program = directory / "target" / ("debug" if profile == "dev" else profile) / "portcullis"
    return {"profile": profile, "sha256": hashlib.sha256(program.read_bytes()).hexdigest()}


def same(_, arguments):
    digests = {place: arguments.done[f"build-{place}"]["sha256"] for place in ("one", "two")}
    if len(set(digests.values())) != 1:
        raise Failed(f"two builds differ: {digests}")
    return {"sha256": digests["one"]}


def mutants(shard, arguments):
    out = ROOT / ".cache/prove" / f"mutants-{arguments.commit}-{shard}"
    files = [argument for pattern in MUTATED for argument in ("--file", pattern)]
    run(
        *(str(TOOLS / "cargo-mutants"), "mutants", "--shard", f"{shard}/{SHARDS}", "--output", str(out)),
        *("--no-shuffle", "--timeout", "600", "--colors", "never", *files),
        *("--profile", "test", "--", "--lib", "--test", "it", "--", *NOTICING),
        env={"PORTCULLIS_PAIRS": "5000"},
        check=False,
    )
    outcomes = json.loads((out / "mutants.out/outcomes.json").read_text())
    missed = (out / "mutants.out/missed.txt").read_text().splitlines()
    names = ("total_mutants", "caught", "missed", "timeout", "unviable")
    return {name: outcomes[name] for name in names} | {"survivors": missed}


def steps(arguments):
    targets = sorted(path.name for path in (ROOT / "fuzz/corpus").iterdir())
    chosen = set(arguments.only)
    if "model" in chosen:
        yield from ((f"model-{part}", model, part) for part in range(1, arguments.parts + 1))
    if "fuzz" in chosen:
        yield from ((f"fuzz-{target}", fuzz, target) for target in targets)
    if "build" in chosen:
        yield from (("build-one", build, "one"), ("build-two", build, "two"), ("build-same", same, None))
    if "mutants" in chosen:
        yield from ((f"mutants-{shard}", mutants, shard) for shard in range(SHARDS))


def machine():
    model_name = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal: *(\d+)", Path("/proc/meminfo").read_text())[1]) // (1 << 20)
    name = model_name[1] if model_name else platform.machine()
    rustc = run("rustc", "--version").strip()
    return f"{os.cpu_count()} × {name}, {memory} GiB, Linux {platform.release()}, {rustc}"


def page(arguments):
    """What was done for this commit, as a page."""
    lines = [
        f"# Evidence of {arguments.commit}",
        "",
        f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, profile `{arguments.profile}`, {machine()}.",
        "",
        "| step | took | figures |",
        "|---|---|---|",
    ]
    for name, found in arguments.done.items():
        told = ", ".join(f"{key} {value}" for key, value in found.items() if key not in ("took", "survivors"))
        lines.append(f"| {name} | {found['took']} s | {told} |")
    pairs = sum(found.get("pairs", 0) for found in arguments.done.values())
    if pairs:
        lines += ["", f"{pairs:,} pairs in all, and not one difference."]
    survivors = [one for found in arguments.done.values() for one in found.get("survivors", [])]
    done = sum(name.startswith("mutants-") for name in arguments.done)
    if done:
        lines += ["", f"{done} of {SHARDS} shards of mutants; {len(survivors)} that no test notices:", ""]
        lines += [f"* `{one}`" for one in survivors]
    path = ROOT / "docs/evidence" / f"{datetime.now(UTC):%Y-%m-%d}-{arguments.commit}.md"
    path.write_text("\n".join(lines) + "\n")
    print(f"wrote {path.relative_to(ROOT)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", nargs="+", default=["model", "fuzz", "build", "mutants"], help="which steps")
    parser.add_argument("--profile", default="release", help="of cargo; `dev` builds faster")
    parser.add_argument("--parts", type=int, default=PARTS, help="of the model")
    parser.add_argument("--pairs", type=int, default=PAIRS, help="in each part of the model")
    parser.add_argument("--fuzz-seconds", type=int, default=60, help="for each target")
    parser.add_argument("--mutant-minutes", type=float, default=60, help="no shard is begun after so long")
    arguments = parser.parse_args()
    arguments.commit = head()
    state = ROOT / ".cache/prove" / f"{arguments.commit}.json"
    state.parent.mkdir(parents=True, exist_ok=True)
    arguments.done = json.loads(state.read_text()) if state.exists() else {}
    failed = []
    began = time.monotonic()
    for name, step, argument in steps(arguments):
        is_late = time.monotonic() - began > arguments.mutant_minutes * 60
        if name in arguments.done or (name.startswith("mutants-") and is_late):
            continue
        started = time.monotonic()
        try:
            found = step(argument, arguments)
        except Failed as failure:
            failed.append(name)
            print(f"{name}: {failure}", file=sys.stderr)
            continue
        arguments.done[name] = {"took": round(time.monotonic() - started), **found}
        state.write_text(json.dumps(arguments.done, indent=1))
    page(arguments)
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
