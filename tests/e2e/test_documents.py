"""What the documents say is there is there, and what they show works."""

import re
import subprocess
from pathlib import Path

import envoy_config
import pytest
import yaml
from stack import PROJECT, portcullis_binary

IGNORED = {"target", ".venv", "node_modules", ".cache", ".git"}
PAGES = sorted(page for page in PROJECT.rglob("*.md") if not IGNORED & set(page.relative_to(PROJECT).parts))
README = (PROJECT / "README.md").read_text()


def block(heading: str) -> str:
    found = re.search(rf"## {heading}\n.*?```yaml\n(.*?)```", README, re.DOTALL)
    assert found, f"README.md has no YAML under {heading}"
    return found[1]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(PROJECT)))
def test_every_link_leads_somewhere(page: Path):
    links = re.findall(r"\]\(([^)\s#]+)[^)\s]*\)", page.read_text())
    missing = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert missing == []


def test_the_policy_of_the_readme_compiles(tmp_path: Path):
    (tmp_path / "readme.yaml").write_text(block("A policy"))
    command = [str(portcullis_binary()), "check", str(tmp_path)]
    checked = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_the_filter_of_the_readme_is_part_of_the_tested_one():
    shown = yaml.safe_load(block("Pointing Envoy at it"))["http_filters"][0]["typed_config"]
    tested = envoy_config.authorization(yaml.safe_load((PROJECT / "deploy" / "envoy" / "envoy.yaml").read_text()))
    assert shown.pop("grpc_service").items() <= tested["grpc_service"].items()
    assert shown.items() <= tested.items()


def test_the_targets_that_documents_name_exist():
    known = set(re.findall(r"^([a-z0-9-]+):", (PROJECT / "Makefile").read_text(), re.MULTILINE))
    named = {target for page in PAGES for target in re.findall(r"\bmake ([a-z][a-z0-9-]*)", code(page.read_text()))}
    assert named - known == set()


def code(markdown: str) -> str:
    """Blocks and spans of code: in prose, `make` is a verb too."""
    return "\n".join(re.findall(r"```.*?```|`[^`\n]+`", markdown, re.DOTALL))
