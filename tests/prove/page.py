"""What was done for a commit, as a page: nothing stands there that did not run, and what failed is not left out."""

import os
import platform
import re
from pathlib import Path

from running import ROOT, output
from steps import Step

# What a passed part shows.
SHOWS = {
    "pairs": "the engine decided every pair as the reference did",
    "fuzz": "no input broke a promise",
    "build": "two builds in two directories are the same, byte by byte",
    "sbom": "the list of what is in the program was made",
    "soak": "every answer was right, memory and descriptors were flat",
    "mutants": "the changes that no test noticed are listed below",
}


def machine() -> str:
    model_name = re.search(r"model name\s*: (.*)", Path("/proc/cpuinfo").read_text())
    memory = int(re.search(r"MemTotal: *(\d+)", Path("/proc/meminfo").read_text())[1]) // (1 << 20)
    name = model_name[1] if model_name else platform.machine()
    return f"{os.cpu_count()} × {name}, {memory} GiB, Linux {platform.release()}, {output('rustc', '--version')}"


def write(directory: Path, commit: str, steps: list[Step], records: dict[str, dict]) -> Path:
    date = min((record["date"] for record in records.values()), default="never")
    directory.mkdir(parents=True, exist_ok=True)
    path = directory / f"{date.partition(' ')[0]}-{commit}.md"
    path.write_text(text(commit, steps, records))
    return path


def text(commit: str, steps: list[Step], records: dict[str, dict]) -> str:
    parts = list(dict.fromkeys(step.part for step in steps))
    lines = [f"# Evidence of {commit}", "", f"{machine()}.", "", "| part | came of it |", "|---|---|"]
    lines += [f"| {part} | {verdict(part, steps, records)} |" for part in parts]
    lines += ["", "| step | begun (UTC) | took | asked | found |", "|---|---|---|---|---|"]
    for step in steps:
        record = current(step, records)
        if record:
            lines.append(row(step, record))
    for step in steps:
        told = (current(step, records) or {}).get("told")
        if told:
            lines += ["", f"{step.name}:", "", *[f"* {line}" for line in told]]
    survivors = [one for step in steps for one in (current(step, records) or {}).get("survivors", [])]
    reasons = survivors_explained()
    known = [f"* `{one}`: {reasons[named(one)]}" for one in survivors if named(one) in reasons]
    unknown = [f"* `{one}`" for one in survivors if named(one) not in reasons]
    if unknown:
        lines += ["", "Changes that no test noticed, not explained:", "", *unknown]
    if known:
        lines += ["", "Changes that no test noticed, and why they change no decision:", "", *known]
    return "\n".join(lines) + "\n"


def survivors_explained() -> dict[str, str]:
    """Changes that no test can notice, and why: a change and its reason, with a tab between them, in each line."""
    lines = (ROOT / "tests/prove/survivors.tsv").read_text().splitlines()
    return dict(line.split("\t") for line in lines if line and not line.startswith("#"))


def named(survivor: str) -> str:
    """A change as `survivors.tsv` names it: lines and columns move with every commit."""
    return re.sub(r":\d+:\d+: ", ": ", survivor, count=1)


def current(step: Step, records: dict[str, dict]) -> dict | None:
    """What is known of a step as it is asked for now."""
    record = records.get(step.name)
    return record if record and record["asked"] == step.asked else None


def verdict(part: str, steps: list[Step], records: dict[str, dict]) -> str:
    own = [step for step in steps if step.part == part]
    known = [record for step in own if (record := current(step, records))]
    failed = [record for record in known if "failed" in record]
    passed = [record for record in known if "failed" not in record]
    if failed:
        return f"**FAILED**: {len(failed)} of {len(own)} steps failed, {len(passed)} passed"
    if not passed:
        return "not run"
    figures = summed(passed)
    if len(passed) < len(own):
        return f"not finished: {len(passed)} of {len(own)} steps passed so far{figures}"
    return f"passed: {SHOWS[part]}{figures}"


def summed(records: list[dict]) -> str:
    """Figures that can be added up."""
    names = ("decided", "inputs", "mutants", "caught", "missed", "timeout", "unviable")
    sums = {name: sum(record[name] for record in records if name in record) for name in names}
    told = [f"{count:,} {name}" for name, count in sums.items() if any(name in record for record in records)]
    return f" ({', '.join(told)})" if told else ""


def row(step: Step, record: dict) -> str:
    asked = ", ".join(f"{name} {value}" for name, value in record["asked"].items())
    hidden = ("part", "asked", "date", "took", "told", "survivors", "failed")
    found = ", ".join(f"{name} {value}" for name, value in record.items() if name not in hidden)
    if "failed" in record:
        found = f"**FAILED**: {record['failed'].splitlines()[0]}"
    return f"| {step.name} | {record['date']} | {record['took']} s | {asked} | {found} |"
