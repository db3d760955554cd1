"""Custom resources, judged by the schemas of their definitions."""

import json
import subprocess

from stack import PROJECT

BUILT_IN = {"v1", "apps/v1", "autoscaling/v2", "networking.k8s.io/v1", "policy/v1"}


def is_custom(document: dict) -> bool:
    return document["apiVersion"] not in BUILT_IN


def problems(documents: list[dict]) -> str:
    """Nothing where all is well."""
    assert documents
    command = ["node", str(PROJECT / "tests/deploy/custom_resources.mjs")]
    judged = subprocess.run(command, input=json.dumps(documents), capture_output=True, text=True, check=False)
    assert not judged.stderr, judged.stderr
    assert bool(judged.stdout) == bool(judged.returncode), judged
    return judged.stdout
