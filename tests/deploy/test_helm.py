"""deploy/helm: linted, rendered with each values file, valid for every version; the program takes the settings."""

import copy
import json
import shutil
import subprocess
from pathlib import Path

import charts
import custom_resources
import helm_python as helm
import manifests
import pytest
import schemas
import yaml
from restricted import assert_restricted
from stack import PROJECT, portcullis_binary

RELEASE = "edge-portcullis"


@pytest.fixture(params=charts.VALUES, ids=lambda path: path.name.removesuffix("-values.yaml"))
def values(request) -> dict:
    return yaml.safe_load(request.param.read_text())


def small() -> dict:
    return yaml.safe_load((charts.SERVICE / "ci/small-values.yaml").read_text())


def only(documents: list[dict], kind: str, ending: str = "") -> dict:
    found = [each for each in documents if each["kind"] == kind and each["metadata"]["name"].endswith(ending)]
    assert len(found) == 1, f"{kind} {ending}: {len(found)}"
    return found[0]


@pytest.mark.parametrize("chart", [charts.SERVICE, charts.SIDECAR], ids=lambda path: path.name)
def test_helm_has_nothing_to_say_against_the_chart(chart: Path):
    given = small() if chart == charts.SERVICE else {}
    findings = helm.lint(chart, given, strict=True)
    # A picture is recommended, and a library has no values.
    serious = [each for each in findings["messages"] if each["severity"] > 1]
    assert (findings["errors"], serious) == ([], [])


@pytest.mark.parametrize("version", schemas.versions())
def test_every_version_of_kubernetes_takes_what_is_rendered(values: dict, version: str):
    documents = charts.render(charts.SERVICE, values)
    built_in = [each for each in documents if not custom_resources.is_custom(each)]
    assert len(built_in) >= 4
    for document in built_in:
        schemas.check(document, version)


def test_custom_resources_are_as_their_definitions_say():
    values = yaml.safe_load((charts.SERVICE / "ci/production-values.yaml").read_text())
    custom = [each for each in charts.render(charts.SERVICE, values) if custom_resources.is_custom(each)]
    assert [each["kind"] for each in custom] == ["PodMonitor", "PrometheusRule"]
    assert custom_resources.problems(custom) == ""
    mistyped = copy.deepcopy(custom)
    mistyped[0]["spec"]["podMetricsEndpoints"][0]["intervall"] = "30s"
    assert "intervall" in custom_resources.problems(mistyped)


def test_the_pods_are_restricted(values: dict):
    documents = charts.render(charts.SERVICE, values)
    assert_restricted(manifests.pod(documents))
    assert_restricted(only(documents, "Pod")["spec"])


def test_the_program_takes_the_settings(values: dict, tmp_path: Path):
    documents = charts.render(charts.SERVICE, values)
    file = tmp_path / "portcullis.yaml"
    file.write_text(only(documents, "ConfigMap", "-settings")["data"]["portcullis.yaml"])
    command = [str(portcullis_binary()), "serve", "--config", str(file), "--print-config"]
    printed = subprocess.run(command, capture_output=True, text=True, check=False)
    assert printed.returncode == 0, printed.stderr
    effective = yaml.safe_load(printed.stdout)
    assert effective["policies"] == "/etc/portcullis/policies"
    assert effective["shutdown"]["delay"] == "10s"


def test_it_waits_for_the_envoys_before_it_ends(values: dict):
    documents = charts.render(charts.SERVICE, values)
    settings = yaml.safe_load(only(documents, "ConfigMap", "-settings")["data"]["portcullis.yaml"])
    seconds = sum(int(settings["shutdown"][key].removesuffix("s")) for key in ("delay", "drain"))
    assert manifests.pod(documents)["terminationGracePeriodSeconds"] > seconds


def test_policies_are_compiled_by_the_program(tmp_path: Path):
    documents = charts.render(charts.SERVICE, small())
    for name, text in only(documents, "ConfigMap", "-policies")["data"].items():
        (tmp_path / name).write_text(text)
    command = [str(portcullis_binary()), "check", str(tmp_path)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_a_changed_policy_starts_no_pod_anew_and_a_changed_setting_does():
    def template(**changes) -> dict:
        documents = charts.render(charts.SERVICE, {**small(), **changes})
        return only(documents, "Deployment")["spec"]["template"]

    policy = {"policy.yaml": small()["policies"]["policy.yaml"] + "# more\n"}
    assert template(policies=policy) == template()
    assert template(settings={"log": {"level": "debug"}}) != template()


def test_every_selector_finds_the_pods_and_the_service_does_not_lead_to_the_test(values: dict):
    documents = charts.render(charts.SERVICE, values)
    labels = only(documents, "Deployment")["spec"]["template"]["metadata"]["labels"].items()
    selector = only(documents, "Service")["spec"]["selector"].items()
    assert selector <= labels
    assert not selector <= only(documents, "Pod")["metadata"]["labels"].items()
    for each in documents:
        spec = each.get("spec", {})
        found = spec.get("selector", spec.get("podSelector", {})).get("matchLabels", {})
        assert found.items() <= labels, each["kind"]


def test_the_test_of_the_release_asks_the_service():
    documents = charts.render(charts.SERVICE, small())
    test = only(documents, "Pod")
    assert test["metadata"]["annotations"]["helm.sh/hook"] == "test"
    service = only(documents, "Service")
    port = next(each["port"] for each in service["spec"]["ports"] if each["name"] == "http-metrics")
    address = f"{service['metadata']['name']}.edge.svc:{port}"
    assert test["spec"]["containers"][0]["args"] == ["healthcheck", "--address", address]


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"replicas": "two"}, "replicas"),
        ({"replicsa": 3}, "replicsa"),
        ({"service": {"port": 0}}, "port"),
        ({"image": {"digest": "latest"}}, "digest"),
        ({"policies": {"routes": "version: 1"}}, "routes"),
        ({"http": {"enabled": True, "target": "guess"}}, "target"),
        ({"shutdown": {"delay": "10"}}, "delay"),
    ],
)
def test_a_wrong_value_is_told(changes: dict, told: str):
    with pytest.raises(helm.HelmError, match=told):
        charts.render(charts.SERVICE, {**small(), **changes})


def test_a_release_without_a_policy_or_with_two_is_refused():
    with pytest.raises(helm.HelmError, match="there is no policy"):
        charts.render(charts.SERVICE, {})
    with pytest.raises(helm.HelmError, match="both set"):
        charts.render(charts.SERVICE, {**small(), "existingPolicies": "others"})


def test_the_notes_warn_of_what_is_open():
    assert "clear text" in charts.notes(charts.SERVICE, small())
    assert "every pod of the cluster may ask" in charts.notes(
        charts.SERVICE, {**small(), "networkPolicy": {"enabled": False}}
    )
    production = yaml.safe_load((charts.SERVICE / "ci/production-values.yaml").read_text())
    assert "WARNING" not in charts.notes(charts.SERVICE, production)


def test_the_schema_is_one_and_covers_every_value():
    schema = json.loads((charts.SERVICE / "values.schema.json").read_text())
    check = PROJECT / ".cache/deploy-tools/bin/check-jsonschema"
    command = [str(check), "--check-metaschema", str(charts.SERVICE / "values.schema.json")]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout
    defaults = yaml.safe_load((charts.SERVICE / "values.yaml").read_text())
    assert set(schema["properties"]) - set(defaults) == {"enabled"}, "`enabled` is the parent chart's condition"
    assert set(defaults) <= set(schema["properties"])


def written(name: str) -> str:
    """A file that the README shows."""
    return (charts.CHARTS / "README.md").read_text().split(f"```yaml {name}\n")[1].split("```")[0]


@pytest.fixture
def parent(tmp_path: Path) -> Path:
    """A chart of somebody's own that uses both."""
    chart = tmp_path / "application"
    (chart / "templates").mkdir(parents=True)
    service = '- { name: portcullis, version: 0.1.0, repository: "", condition: portcullis.enabled }\n'
    (chart / "Chart.yaml").write_text(written("Chart.yaml") + service)
    (chart / "values.yaml").write_text("portcullis: { enabled: false }\n")
    (chart / "templates/deployment.yaml").write_text(written("deployment.yaml"))
    for each in (charts.SERVICE, charts.SIDECAR):
        shutil.copytree(each, chart / "charts" / each.name)
    return chart


def test_the_library_makes_the_same_sidecars_as_the_component(parent: Path):
    documents = charts.render(parent, {"portcullis": {"enabled": False}})
    spec = only(documents, "Deployment", "application")["spec"]["template"]["spec"]
    written = manifests.pod(manifests.read("native"))
    assert spec["initContainers"] == written["initContainers"]
    config = only(documents, "ConfigMap", "portcullis-envoy")
    names = {"portcullis-envoy": config["metadata"]["name"]}
    expected = [
        {**volume, "configMap": {"name": names["portcullis-envoy"]}} if volume["name"] in names else volume
        for volume in written["volumes"]
    ]
    assert spec["volumes"] == expected
    envoy = (manifests.KUBERNETES / "envoy/envoy.yaml").read_text()
    assert config["data"]["envoy.yaml"].strip() == envoy.strip()


def test_the_library_takes_values_of_the_parent(parent: Path):
    given = {"enabled": False, "image": "registry.example.com/p:9", "policies": "mine"}
    # `portcullis` is also the service's subchart, whose schema must not refuse what is meant for the library.
    documents = charts.render(parent, {"portcullis": {"enabled": False}, "sidecar": given})
    spec = only(documents, "Deployment", "application")["spec"]["template"]["spec"]
    assert spec["initContainers"][0]["image"] == "registry.example.com/p:9"
    assert {"name": "portcullis-policies", "configMap": {"name": "mine"}} in spec["volumes"]


def test_the_readme_shows_how_ones_own_chart_gets_the_sidecars(parent: Path):
    documents = charts.render(parent, yaml.safe_load(written("values.yaml")))
    assert [each["kind"] for each in documents] == ["Deployment", "ConfigMap"]
    for document in documents:
        schemas.check(document, schemas.versions()[-1])
    spec = manifests.pod(documents)
    assert spec["initContainers"][0]["image"] == "registry.example.com/portcullis:0.1.0"
    assert {"name": "portcullis-policies", "configMap": {"name": "application-policies"}} in spec["volumes"]
    command = [str(portcullis_binary()), "doctor", "kubernetes", "-"]
    rendered = yaml.safe_dump_all(documents)
    doctor = subprocess.run(command, input=rendered, capture_output=True, text=True, check=False)
    assert doctor.returncode == 0, doctor.stdout


def test_the_doctor_finds_nothing_in_what_is_rendered():
    values = yaml.safe_load((charts.SERVICE / "ci/production-values.yaml").read_text())
    rendered = yaml.safe_dump_all(charts.render(charts.SERVICE, values))
    command = [str(portcullis_binary()), "doctor", "kubernetes", "-"]
    doctor = subprocess.run(command, input=rendered, capture_output=True, text=True, check=False)
    assert doctor.returncode == 0, doctor.stdout


def test_the_service_is_good_as_a_subchart(parent: Path):
    values = {"global": {"team": "platform"}, "portcullis": {**small(), "enabled": True}}
    documents = charts.render(parent, values)
    assert only(documents, "Deployment", RELEASE)
    assert not [each for each in charts.render(parent, {"portcullis": {"enabled": False}}) if each["kind"] == "Service"]


def test_what_is_copied_into_the_chart_is_a_copy():
    assert {each.name for each in (charts.SERVICE / "files").glob("*")} == {each.name for each in charts.COPIES}
    for source, target in charts.COPIES.items():
        assert target.read_text() == source.read_text(), "run `make charts`"


def test_envoys_template_is_a_copy():
    assert charts.ENVOY.read_text() == charts.envoy_template(), "run `make charts`"
