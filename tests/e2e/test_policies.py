"""The examples of policies/: each compiles without a warning, and its tests pass."""

import json
import subprocess
from pathlib import Path

import pytest
from stack import PROJECT, portcullis_binary

POLICIES = sorted(path for path in (PROJECT / "policies").iterdir() if path.is_dir())


def portcullis(*arguments: object) -> subprocess.CompletedProcess:
    command = [str(portcullis_binary()), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


@pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.name)
def test_an_example_compiles_without_a_warning(policy: Path):
    checked = portcullis("check", "--strict", "--format", "json", policy)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    problems = json.loads(checked.stdout)["problems"]
    assert problems == [], checked.stdout


@pytest.mark.parametrize("policy", POLICIES, ids=lambda path: path.name)
def test_the_tests_of_an_example_pass(policy: Path):
    tested = portcullis("test", policy)
    assert tested.returncode == 0, tested.stdout + tested.stderr


def test_there_is_the_example_of_the_demo():
    assert PROJECT / "policies" / "laravel-crm" in POLICIES
