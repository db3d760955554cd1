"""Alerts and recording rules: linted and tested by promtool, and each alert has its page."""

import re
import subprocess
from pathlib import Path

import pytest
import yaml
from stack import PROJECT

RULES = PROJECT / "deploy" / "prometheus"
RUNBOOKS = PROJECT / "docs" / "runbooks"
TESTS = sorted((RULES / "tests").glob("*.yaml"))


def alerts() -> list[dict]:
    groups = yaml.safe_load((RULES / "alerts.yaml").read_text())["groups"]
    return [rule for group in groups for rule in group["rules"]]


def promtool(*arguments: str) -> None:
    command = ["promtool", *arguments]
    ran = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_promtool_finds_nothing_to_complain_of():
    promtool("check", "rules", "--lint=all", "--lint-fatal", str(RULES / "alerts.yaml"), str(RULES / "records.yaml"))


@pytest.mark.parametrize("file", TESTS, ids=lambda path: path.stem)
def test_the_rules_do_what_their_tests_say(file: Path):
    promtool("test", "rules", str(file))


def test_every_alert_is_seen_firing_and_keeping_quiet():
    tested = yaml.safe_load((RULES / "tests" / "alerts_test.yaml").read_text())["tests"]
    cases = [case for test in tested for case in test["alert_rule_test"]]
    fires = {case["alertname"] for case in cases if case["exp_alerts"]}
    keeps_quiet = {case["alertname"] for case in cases if not case["exp_alerts"]}
    assert fires == keeps_quiet == {alert["alert"] for alert in alerts()}


def test_the_page_wakes_somebody_for_what_is_critical():
    section = (PROJECT / "docs" / "deploying.md").read_text().split("## What to alert on")[1].split("\n## ")[0]
    critical, warning = section.split("| alert (warning) |")
    warning, info = warning.split("(info)")
    for severity, part in (("critical", critical), ("warning", warning), ("info", info)):
        listed = re.findall(r"\]\(runbooks/(\w+)\.md\)", part)
        assert sorted(listed) == sorted(a["alert"] for a in alerts() if a["labels"]["severity"] == severity)


def test_every_alert_has_its_page_and_every_page_its_alert():
    pages = {page.stem: page.read_text() for page in RUNBOOKS.glob("*.md")}
    assert set(pages) == {alert["alert"] for alert in alerts()}
    for alert in alerts():
        page = pages[alert["alert"]]
        assert page.startswith(
            f"# {alert['alert']}\n\n{alert['annotations']['summary']} ({alert['labels']['severity']})"
        )
        assert re.findall(r"^## (.*)$", page, re.MULTILINE) == ["What it means", "Who is affected", "Look at", "Mend"]
        assert alert["annotations"]["runbook_url"] == f"docs/runbooks/{alert['alert']}.md"
