"""The dashboard: every query of it is asked of a real Prometheus that scrapes a real Portcullis and a real Envoy."""

import json
import math
import threading
import urllib.parse
from collections.abc import Iterator
from contextlib import contextmanager

import client
import pytest
import tokens
import yaml
from conftest import World
from stack import KEYS, PROJECT, free_port, http_get, wait_for

DASHBOARD = json.loads((PROJECT / "deploy" / "grafana" / "portcullis.json").read_text())
PANELS = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
QUERIES = [(f"{panel['title']} {target['refId']}", target["expr"]) for panel in PANELS for target in panel["targets"]]
NOTES = [(note["name"], note["expr"]) for note in DASHBOARD["annotations"]["list"]]

# What the example policy lacks, so that nothing on the dashboard stays empty: a shadow, a condition, a weak key.
MORE = """
version: 1
issuers:
  partner: { issuer: https://partner.example.com, audiences: [crm], keys: { jwks_file: partner.json } }
routes:
  - { name: books, match: GET /books, guard: openid, mode: shadow, require: { scopes: [books] } }
  - { name: shelves, match: GET /shelves, guard: openid, require: { when: claims.shelf > 3 } }
"""


def filled_in(expression: str) -> str:
    """What Grafana makes of the variables when everything is chosen, with short ranges: this Prometheus is young."""
    for variable, value in {"$__rate_interval": "10s", "$envoy_cluster": "portcullis"}.items():
        expression = expression.replace(variable, value)
    for variable in DASHBOARD["templating"]["list"]:
        expression = expression.replace(f"${variable['name']}", ".*")
    assert "$" not in expression, expression
    return expression


@pytest.fixture(scope="module")
def prometheus(module_world: World) -> Iterator[str]:
    """Its address, while requests of every kind go through Envoy."""
    world = module_world
    keys = tokens.Keys.load_or_create(KEYS)
    weak = {"kty": "RSA", "kid": "weak", "use": "sig", "n": tokens.base64url(b"\xc1" * 128), "e": "AQAB"}
    jwks = {"keys": [*keys.jwks()["keys"], weak]}
    (world.directory / "partner.json").write_text(json.dumps(jwks))
    (world.directory / "more.yaml").write_text(MORE)
    world.start_auth_service()
    world.start_crm_service()
    world.start_portcullis([*world.laravel_crm(), world.directory / "more.yaml"])
    world.start_envoy(world.envoy_config())

    port = free_port()
    jobs = [
        {"job_name": "portcullis", "static_configs": [{"targets": [f"127.0.0.1:{world.ports.metrics}"]}]},
        {
            "job_name": "envoy",
            "metrics_path": "/stats/prometheus",
            "static_configs": [{"targets": [f"127.0.0.1:{world.ports.envoy_admin}"]}],
        },
    ]
    config = {
        "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
        "rule_files": [str(PROJECT / "deploy" / "prometheus" / name) for name in ("records.yaml", "alerts.yaml")],
        "scrape_configs": jobs,
    }
    (world.directory / "prometheus.yml").write_text(yaml.safe_dump(config))
    data = world.directory / "prometheus"
    command = ["prometheus", f"--config.file={world.directory / 'prometheus.yml'}", f"--storage.tsdb.path={data}"]
    process = world.start("prometheus", [*command, f"--web.listen-address=127.0.0.1:{port}"])
    address = f"http://127.0.0.1:{port}"
    wait_for("Prometheus is ready", lambda: http_get(f"{address}/-/ready")[0] == 200, process)
    with traffic(world.ports.envoy, keys):
        yield address


@contextmanager
def traffic(port: int, keys: tokens.Keys) -> Iterator[None]:
    good = tokens.openid(keys, "user-1", "read-crm")
    requests = [
        ("/customers", client.bearer(good)),
        ("/customers", client.bearer(good + "x")),
        ("/customers", []),
        ("/healthz", []),
        ("/nowhere", []),
        ("/admin/users", client.bearer(good)),
        ("/books", client.bearer(good)),
        ("/shelves", client.bearer(good)),
    ]
    stop = threading.Event()

    def ask() -> None:
        while not stop.is_set():
            for path, headers in requests:
                client.http1(port, "GET", path, headers)
            stop.wait(0.02)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def ask(prometheus: str, expression: str) -> list[dict]:
    status, text = http_get(f"{prometheus}/api/v1/query?{urllib.parse.urlencode({'query': expression})}")
    assert status == 200, f"{expression}\n{text}"
    return json.loads(text)["data"]["result"]


@pytest.mark.parametrize(("name", "expression"), QUERIES, ids=[name for name, _ in QUERIES])
def test_a_query_has_data(prometheus: str, name: str, expression: str):
    def numbers() -> list[float]:
        values = [float(result["value"][1]) for result in ask(prometheus, filled_in(expression))]
        return [value for value in values if not math.isnan(value)]

    assert wait_for(f"{name}: {expression}", numbers)


def test_annotations_can_be_asked_for(prometheus: str):
    for _, expression in NOTES:
        ask(prometheus, filled_in(expression))


def test_the_variables_find_their_values(prometheus: str):
    for variable in DASHBOARD["templating"]["list"]:
        if variable["type"] == "query":
            metric = variable["definition"].removeprefix("label_values(").rpartition(",")[0]
            assert wait_for(variable["name"], lambda metric=metric: ask(prometheus, filled_in(metric)))


def rules(prometheus: str, kind: str) -> list[dict]:
    status, text = http_get(f"{prometheus}/api/v1/rules?type={kind}")
    assert status == 200, text
    return [rule for group in json.loads(text)["data"]["groups"] for rule in group["rules"]]


def written(name: str, key: str) -> set[str]:
    groups = yaml.safe_load((PROJECT / "deploy" / "prometheus" / name).read_text())["groups"]
    return {rule[key] for group in groups for rule in group["rules"]}


def test_every_recording_rule_has_data(prometheus: str):
    names = written("records.yaml", "record")
    assert {rule["name"] for rule in rules(prometheus, "record")} == names
    for name in names:
        assert wait_for(name, lambda name=name: ask(prometheus, name))


def test_no_alert_is_about_to_fire_while_all_is_well(prometheus: str):
    """What has a `for:` is pending first, for longer than a test lasts."""
    for name in written("records.yaml", "record"):
        assert wait_for(name, lambda name=name: ask(prometheus, name))

    def all_were_evaluated() -> bool:
        alerts = rules(prometheus, "alert")
        assert {rule["name"] for rule in alerts} == written("alerts.yaml", "alert")
        return all(rule["health"] == "ok" for rule in alerts)

    assert wait_for("every alert is evaluated", all_were_evaluated)
    # On purpose, the traffic has a weak key and a condition about a claim that nobody has.
    expected = {"PortcullisKeysRejected": "firing", "PortcullisConditionFails": "pending"}
    wait_for("the two that are due", lambda: expected.items() <= states(prometheus).items())
    assert states(prometheus) == expected


def states(prometheus: str) -> dict[str, str]:
    return {rule["name"]: rule["state"] for rule in rules(prometheus, "alert") if rule["state"] != "inactive"}


def test_panels_are_titled_described_and_side_by_side():
    identities = [panel["id"] for panel in DASHBOARD["panels"]]
    assert len(set(identities)) == len(identities)
    taken = set()
    for panel in DASHBOARD["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken, panel["title"]
        taken |= cells
    titles = [panel["title"] for panel in PANELS]
    assert len(set(titles)) == len(titles)
    assert all(panel["description"].endswith(".") for panel in PANELS)
    assert all(target["datasource"]["uid"] == "${datasource}" for panel in PANELS for target in panel["targets"])


def test_runbooks_that_panels_name_exist():
    words = " ".join(panel["description"] for panel in PANELS).replace(",", " ").replace(".", " ").split()
    named = {word for word in words if word.startswith(("Portcullis", "Envoy")) and word not in ("Portcullis", "Envoy")}
    pages = {page.stem for page in (PROJECT / "docs" / "runbooks").glob("*.md")}
    assert named and named <= pages, named - pages
