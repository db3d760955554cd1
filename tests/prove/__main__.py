"""`make prove`: what is too long for every change. Each step that passes is kept for its commit, so that a run goes on
where another was stopped; a page in docs/evidence says what was found, what failed, and what was not done.
"""

import argparse
import json
import sys
import time
from datetime import UTC, datetime
from pathlib import Path

import mutants
import page
import steps
from running import ROOT, Failed, output

PARTS = ("pairs", "fuzz", "build", "sbom", "soak", "mutants")
# Pages that were written are no change of what is proved.
BUT_PAGES = ("--", ".", ":!docs/evidence")


def commit() -> str:
    """The last commit that changed anything but pages; there must be no change on top of it."""
    changed = output("git", "status", "--porcelain", *BUT_PAGES)
    if changed:
        sys.exit(f"commit or put aside what is changed, so that the evidence is of a commit:\n{changed}")
    return output("git", "log", "-1", "--format=%h", "--abbrev=12", *BUT_PAGES)


def all_steps(arguments: argparse.Namespace) -> list[steps.Step]:
    return [*steps.all_of(arguments), *mutants.all_of(arguments)]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--parts", default=",".join(PARTS), help=f"which, of {','.join(PARTS)}")
    parser.add_argument("--minutes", type=float, default=float("inf"), help="no step is begun after so long")
    parser.add_argument("--profile", default="release", help="of cargo; `dev` builds faster")
    parser.add_argument("--pairs", type=int, default=1_000_000, help="in ten steps")
    parser.add_argument("--fuzz-seconds", type=int, default=60, help="for each target")
    parser.add_argument("--soak-minutes", type=float, default=30)
    parser.add_argument("--pages", type=Path, default=ROOT / "docs/evidence", help="where the page is written")
    given = parser.parse_args()
    given.parts = given.parts.split(",")
    unknown = set(given.parts) - set(PARTS)
    if unknown:
        parser.error(f"there is no part `{'`, `'.join(sorted(unknown))}`; there are {', '.join(PARTS)}")
    return given


def main() -> None:
    given = arguments()
    given.commit = commit()
    kept = ROOT / ".cache/prove" / f"{given.commit}.json"
    kept.parent.mkdir(parents=True, exist_ok=True)
    records: dict[str, dict] = json.loads(kept.read_text()) if kept.exists() else {}
    began, failed, put_off = time.monotonic(), [], []
    chosen = [step for step in all_steps(given) if step.part in given.parts]
    for step in chosen:
        if step.is_passed(records):
            print(f"{step.name}: done before")
            continue
        needed = next((other for other in chosen if other.name == step.needs), None)
        if needed and not needed.is_passed(records):
            continue
        if time.monotonic() - began > given.minutes * 60:
            put_off.append(step.name)
            continue
        started, date = time.monotonic(), f"{datetime.now(UTC):%Y-%m-%d %H:%M}"
        try:
            found = step.run(step, records)
        except Failed as failure:
            found = {"failed": str(failure)}
            failed.append(step.name)
            print(f"{step.name} FAILED: {failure}", file=sys.stderr)
        took = round(time.monotonic() - started)
        records[step.name] = {"part": step.part, "asked": step.asked, "date": date, "took": took} | found
        kept.write_text(json.dumps(records, indent=1))
    path = page.write(given.pages, given.commit, all_steps(given), records)
    print(f"wrote {path}")
    if put_off:
        print(f"not begun after {given.minutes:g} minutes: {len(put_off)} steps, {put_off[0]} first; run it again")
    if failed:
        sys.exit(f"failed: {', '.join(failed)}")


if __name__ == "__main__":
    main()
