"""The examples of policies/: each compiles without a warning that is not known here, and its tests pass."""

import json
import subprocess
from pathlib import Path

import pytest
from stack import PROJECT, portcullis_binary

POLICIES = sorted(path for path in (PROJECT / "policies").iterdir() if path.is_dir())


# What is warned of, rightly, and cannot be otherwise.
KNOWN = {
    "laravel-crm": ["P1010"],  # tymon/jwt-auth writes no `aud`
}


def portcullis(*arguments: object) -> subprocess.CompletedProcess:
    command = [str(portcullis_binary()), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.name)
def test_an_example_compiles_without_unknown_warnings(policy: Path):
    checked = portcullis("check", "--format", "json", policy)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    problems = json.loads(checked.stdout)["problems"]
    assert [problem["code"] for problem in problems] == KNOWN.get(policy.name, []), checked.stdout


@pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.name)
def test_the_tests_of_an_example_pass(policy: Path):
    tested = portcullis("test", policy)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_there_is_the_example_of_the_demo():
    assert PROJECT / "policies" / "laravel-crm" in POLICIES
