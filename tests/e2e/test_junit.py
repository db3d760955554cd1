"""`portcullis test --format junit`, read by a parser of XML as CI systems have one."""

import subprocess
import xml.etree.ElementTree as ElementTree
from pathlib import Path

from stack import portcullis_binary

POLICY = """\
version: 1
issuers:
  auth: { issuer: https://auth.example, audiences: [crm], keys: { jwks_url: https://auth.example/jwks.json } }
routes:
  - { match: GET /open, allow: anyone }
  - { match: GET /customers, require: { scopes: ["read<&>crm", other] } }
"""

TESTS = """\
tokens: { alice: { guard: auth, claims: { sub: "7", scope: 'read<&>crm' } } }
tests:
  - { name: "passes <&> \\"quoted\\" ünïcödé", request: GET /open, expect: allow }
  - { name: "fails \\u0007\\t]]> & 'more'", request: GET /customers, token: alice,
      expect: { allow: , upstream: { x-a: "<b>\\n&" } } }
"""


def report(directory: Path, *arguments: str) -> tuple[int, ElementTree.Element]:
    command = [str(portcullis_binary()), "test", "--format", "junit", *arguments]
    ran = subprocess.run(command, cwd=directory, capture_output=True, timeout=60, check=False)
    return ran.returncode, ElementTree.fromstring(ran.stdout)


def write(directory: Path, tests: str = TESTS) -> None:
    (directory / "policies").mkdir(exist_ok=True)
    (directory / "policies" / "crm.yaml").write_text(POLICY)
    (directory / "policies" / "crm_test.yaml").write_text(tests)


def holds_what_it_says(root: ElementTree.Element) -> None:
    """Every count is that of the cases below it, and every case has what a report is made of."""
    assert root.tag == "testsuites"
    for element in (root, *root.iter("testsuite")):
        cases = list(element.iter("testcase"))
        failed = [case for case in cases if case.find("failure") is not None]
        assert (element.get("tests"), element.get("failures")) == (str(len(cases)), str(len(failed)))
        assert (element.get("errors"), element.get("skipped")) == ("0", "0")
        assert float(element.get("time", "")) >= 0
    for case in root.iter("testcase"):
        assert case.get("name") and case.get("classname") and case.get("file")
        assert int(case.get("line", "")) >= 0 and float(case.get("time", "")) >= 0
        for failure in case.iter("failure"):
            assert failure.get("message") and failure.text


def test_failures_with_everything_that_xml_does_not_like_are_well_formed(tmp_path: Path):
    write(tmp_path)
    code, root = report(tmp_path)
    assert code == 1
    holds_what_it_says(root)
    passed, failed = root.iter("testcase")
    assert passed.get("name") == 'passes <&> "quoted" ünïcödé'
    assert failed.get("name") == "fails \ufffd\t]]> & 'more'"
    failure = failed.find("failure")
    assert failure is not None and failure.text is not None
    assert "expected <b>\n&, got (denied" in failure.text
    assert "deny (missing_scope) by route GET /customers (policies/crm.yaml:6)" in failure.text


def test_coverage_and_mutants_are_cases_of_their_own(tmp_path: Path):
    write(tmp_path, TESTS.split('  - { name: "fails')[0])
    code, root = report(tmp_path, "--min-coverage", "100", "--mutate")
    assert code == 1
    holds_what_it_says(root)
    suites = [suite.get("name") for suite in root.iter("testsuite")]
    assert suites == ["policies/crm_test.yaml", "coverage", "mutants"]


def test_what_is_well_has_no_failure(tmp_path: Path):
    write(tmp_path, TESTS.split('  - { name: "fails')[0])
    code, root = report(tmp_path)
    assert code == 0
    holds_what_it_says(root)
