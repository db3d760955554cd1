"""A pod run by podman from deploy/kubernetes/classic.yaml: a real Envoy, decisions, a policy that changes, an end."""

import json
import signal
import time
from collections.abc import Iterator

import client
import engine
import manifests
import pytest
import tokens
from pod import NAME, Pod
from stack import http_get, wait_for

USER = "App\\Models\\User"
ADMIN = "App\\Models\\Admin"


@pytest.fixture(scope="module")
def pod(image: str) -> Iterator[Pod]:
    with Pod() as running:
        yield running


def ask(pod: Pod, method: str, path: str, token: str | None = None, *headers: tuple[str, str]) -> client.Answer:
    credentials = client.bearer(token) if token else []
    return client.http1(pod.ports["http"], method, path, [*credentials, *headers])


def denied(pod: Pod, method: str, path: str, token: str | None = None) -> tuple[int, str]:
    """The status that the client got, and the reason in Portcullis' log."""
    container = f"{NAME}-portcullis"
    before = len(engine.decisions(container))
    status = ask(pod, method, path, token).status

    def line() -> dict | None:
        new = engine.decisions(container)[before:]
        return next((one for one in new if (one["method"], one["path"]) == (method, path)), None)

    return status, wait_for("its line in the log", line)["reason"]


def test_real_requests_are_decided(pod: Pod):
    reader = tokens.passport(pod.keys, subject="7", scopes=["read-crm"])
    partner = tokens.openid(pod.keys, subject="partner-3", scope="read-crm", algorithm="ES256")
    mobile = tokens.jwt_auth(pod.keys, subject=1, role="user", model=USER)
    boss = tokens.jwt_auth(pod.keys, subject=1, role="admin", model=ADMIN)
    assert ask(pod, "GET", "/healthz").status == 200
    assert denied(pod, "GET", "/customers") == (401, "missing_token")
    allowed = ask(pod, "GET", "/customers", reader, ("X-User-Id", "1"), ("x.user.id", "1"))
    assert allowed.upstream("x-user-id") == ["7"], "and not what the client said"
    assert allowed.upstream("x.user.id") == []
    assert denied(pod, "POST", "/customers", reader) == (403, "missing_scope")
    assert ask(pod, "GET", "/customers", partner).upstream("x-user-guard") == ["openid"], "keys were fetched in the pod"
    assert ask(pod, "GET", "/admin/reports", boss).upstream("x-user-guard") == ["admin"]
    assert denied(pod, "GET", "/admin/reports", mobile) == (401, "guard_mismatch")
    assert denied(pod, "GET", "/nobody-named-this", reader) == (403, "no_route")


def test_envoy_and_portcullis_log_the_same_decision(pod: Pod):
    assert ask(pod, "GET", "/customers?in=the-log").status == 401

    def line(container: str) -> dict | None:
        lines = [json.loads(each) for each in pod.logs(container).splitlines() if each.startswith("{")]
        return next((each for each in reversed(lines) if each.get("reason") == "missing_token"), None)

    told = wait_for("Portcullis' line", lambda: line("portcullis"))
    wait_for("Envoy's line", lambda: (line("envoy") or {}).get("decision_id") == told["decision_id"])
    assert line("envoy")["details"] == "ext_authz_denied"


def test_every_probe_of_the_manifest_answers(pod: Pod):
    commands = [
        probe["exec"]["command"]
        for container in manifests.pod(manifests.read("classic"))["containers"]
        if container["name"] == "portcullis"
        for probe in (container["startupProbe"], container["readinessProbe"], container["livenessProbe"])
    ]
    assert len(commands) == 3
    for command in commands:
        assert pod.execute("portcullis", command) == 0, command


def test_the_processes_are_as_confined_as_the_manifest_says(pod: Pod):
    for container, user in (("portcullis", 65532), ("envoy", 65533), ("crm", 10001)):
        with open(f"/proc/{pod.process(container)}/status") as status:
            said = dict(line.rstrip("\n").split(":\t", 1) for line in status if ":\t" in line)
        assert said["Uid"].split() == [str(user)] * 4, container
        assert int(said["CapEff"], 16) == int(said["CapBnd"], 16) == 0, container
        assert said["NoNewPrivs"] == "1", container
        with open(f"/proc/{pod.process(container)}/mountinfo") as mounts:
            root = next(line.split() for line in mounts if line.split()[4] == "/")
        assert "ro" in root[5].split(","), container


def test_the_cluster_sees_metrics_and_readiness_and_nothing_else(pod: Pod):
    ask(pod, "GET", "/customers")
    wait_for("a decision", lambda: 'reason="missing_token"' in http_get(pod.url("authz-metrics", "/metrics"))[1])
    assert "envoy_http_ext_authz_denied" in http_get(pod.url("envoy-metrics", "/stats/prometheus"))[1]
    assert http_get(pod.url("authz-metrics", "/policy"))[0] == 404
    assert http_get(pod.url("envoy-metrics", "/config_dump"))[0] == 404
    assert http_get(pod.url("envoy-metrics", "/ready?x=1"))[0] == 200


def test_a_policy_changed_in_the_config_map_is_taken_up(pod: Pod):
    process = pod.process("portcullis")
    assert denied(pod, "GET", "/news") == (403, "no_route")
    good = pod.policies["routes.yaml"]
    pod.policies["routes.yaml"] = good + "\n  - match: GET /news\n    allow: anyone\n"
    pod.write_policies()
    wait_for("the new route", lambda: ask(pod, "GET", "/news").status == 200)

    pod.policies["routes.yaml"] = good + "\n  - match: GET /news\n    alow: anyone\n"
    pod.write_policies()
    failed = "portcullis_policy_last_reload_successful 0"
    wait_for("the failure is told", lambda: failed in http_get(pod.url("authz-metrics", "/metrics"))[1])
    assert ask(pod, "GET", "/news").status == 200, "the last good policy stays"
    assert http_get(pod.url("authz-metrics", "/readyz"))[0] == 200

    pod.policies["routes.yaml"] = good
    pod.write_policies()
    wait_for("the old policy", lambda: ask(pod, "GET", "/news").status == 403)
    assert pod.process("portcullis") == process


def test_portcullis_decides_as_long_as_envoy_asks(pod: Pod):
    """The last test: the pod ends, as a kubelet ends it. Envoy waits (`preStop`) while Portcullis knows already."""
    reader = tokens.passport(pod.keys, subject="7", scopes=["read-crm"])
    _, seconds = manifests.container(pod.spec, "envoy")["lifecycle"]["preStop"]["exec"]["command"]
    end = time.monotonic() + int(seconds)
    pod.send("portcullis", signal.SIGTERM)
    answers = [ask(pod, "GET", "/customers", reader).status]
    not_ready = manifests.container(pod.spec, "portcullis")["readinessProbe"]["exec"]["command"]
    assert pod.execute("portcullis", not_ready) == 1, "no new requests are wanted"
    while time.monotonic() < end:
        answers.append(ask(pod, "GET", "/customers", reader).status)
    assert set(answers) == {200}, f"of {len(answers)}"
    pod.send("envoy", signal.SIGTERM)
    wait_for("Envoy has ended", lambda: pod.exit_code("envoy") is not None)
    assert pod.exit_code("envoy") == 0
    wait_for("Portcullis has ended", lambda: pod.exit_code("portcullis") is not None, seconds=60)
    assert pod.exit_code("portcullis") == 0
