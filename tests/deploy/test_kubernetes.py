"""deploy/kubernetes: valid for every version, restricted, in the right order, and the same in all its forms."""

import copy
import shutil
import subprocess
from pathlib import Path

import kubernetes_validate
import manifests
import pytest
import schemas
import yaml
from restricted import assert_restricted
from stack import PROJECT, envoy_binary, portcullis_binary

POLICIES = manifests.KUBERNETES / "crm" / "policies"


@pytest.fixture(params=manifests.VARIANTS)
def variant(request) -> str:
    return request.param


def test_the_plain_manifest_is_what_kustomize_makes(variant: str):
    assert manifests.plain(variant) == (manifests.KUBERNETES / f"{variant}.yaml").read_text(), "run `make manifests`"


@pytest.mark.parametrize("version", schemas.versions())
def test_every_version_of_kubernetes_takes_every_document(variant: str, version: str):
    documents = manifests.read(variant)
    assert len(documents) == 7
    for document in documents:
        schemas.check(document, version)


@pytest.mark.parametrize("version", [schemas.versions()[0], schemas.versions()[-1]])
def test_a_mistyped_field_would_be_seen(version: str):
    deployment = manifests.one(manifests.read("native"), "Deployment")
    deployment["spec"]["template"]["spec"]["initContainers"][0]["restartPolice"] = "Always"
    with pytest.raises(kubernetes_validate.ValidationError, match="restartPolice"):
        schemas.check(deployment, version)


def test_the_classic_variant_is_derived_from_the_native_one():
    classic, native = manifests.read("classic"), manifests.read("native")
    derived = manifests.classic_of(native)
    for documents in (classic, derived):
        for each in manifests.containers(manifests.pod(documents)):
            each.get("env", []).sort(key=lambda variable: variable["name"])
    assert classic == derived


def test_the_pods_are_restricted(variant: str):
    assert_restricted(manifests.pod(manifests.read(variant)))


def test_portcullis_starts_before_envoy_and_envoy_before_the_application(variant: str):
    spec = manifests.pod(manifests.read(variant))
    assert [each["name"] for each in manifests.containers(spec)] == ["portcullis", "envoy", "crm"]


def test_a_changed_policy_reaches_the_running_pod(variant: str):
    spec = manifests.pod(manifests.read(variant))
    mounts = [mount for each in manifests.containers(spec) for mount in each.get("volumeMounts", [])]
    assert mounts
    assert all("subPath" not in mount for mount in mounts), "a file mounted by subPath never changes"
    assert {"name": "portcullis-policies", "configMap": {"name": "portcullis-policies"}} in spec["volumes"]


def test_only_the_socket_is_shared_and_only_with_envoy(variant: str):
    spec = manifests.pod(manifests.read(variant))
    sharing = [
        each["name"]
        for each in manifests.containers(spec)
        if any(mount["name"] == "portcullis-socket" for mount in each.get("volumeMounts", []))
    ]
    assert sharing == ["portcullis", "envoy"]
    contexts = {each["name"]: each["securityContext"] for each in manifests.containers(spec)}
    assert contexts["portcullis"]["runAsUser"] != contexts["envoy"]["runAsUser"]
    assert contexts["portcullis"]["runAsGroup"] == contexts["envoy"]["runAsGroup"], "else the socket is closed to Envoy"
    assert contexts["crm"]["runAsGroup"] != contexts["envoy"]["runAsGroup"], "the application need not ask"


def test_portcullis_outlasts_envoy_in_the_classic_variant():
    spec = manifests.pod(manifests.read("classic"))
    environment = {each["name"]: each["value"] for each in manifests.container(spec, "portcullis")["env"]}
    delay = int(environment["PORTCULLIS_SHUTDOWN_DELAY"].removesuffix("s"))
    drain = int(environment["PORTCULLIS_SHUTDOWN_DRAIN"].removesuffix("s"))
    _, seconds = manifests.container(spec, "envoy")["lifecycle"]["preStop"]["exec"]["command"]
    assert delay > int(seconds)
    assert spec["terminationGracePeriodSeconds"] > delay + drain


def test_the_policy_in_the_config_map_is_the_one_of_the_examples(variant: str):
    data = manifests.one(manifests.read(variant), "ConfigMap", "portcullis-policies")["data"]
    assert data["routes.yaml"] == (PROJECT / "policies/laravel-crm/routes.yaml").read_text()
    assert data["issuers.yaml"] == (POLICIES / "issuers.yaml").read_text()
    written = yaml.safe_load((PROJECT / "policies/laravel-crm/issuers.yaml").read_text())
    here = yaml.safe_load(data["issuers.yaml"])
    for issuer in here["issuers"].values():
        issuer.pop("keys")
    for issuer in written["issuers"].values():
        issuer.pop("keys")
    assert here == written, "they differ in where keys come from, and in nothing else"


def test_the_policy_compiles(tmp_path: Path):
    command = [str(portcullis_binary()), "check", str(POLICIES)]
    checked = subprocess.run(command, capture_output=True, text=True, check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr


def test_envoy_takes_its_configuration():
    file = manifests.KUBERNETES / "envoy" / "envoy.yaml"
    command = [str(envoy_binary()), "--mode", "validate", "--config-path", str(file), "--log-level", "warning"]
    validated = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    assert validated.returncode == 0, validated.stderr


def test_envoy_is_configured_as_in_deploy_envoy():
    here = yaml.safe_load((manifests.KUBERNETES / "envoy" / "envoy.yaml").read_text())
    there = yaml.safe_load((PROJECT / "deploy/envoy/envoy.yaml").read_text())
    ingress, probes = here["static_resources"]["listeners"]
    [edge] = there["static_resources"]["listeners"]
    assert ingress.pop("address") == {"socket_address": {"address": "0.0.0.0", "port_value": 8080}}
    edge.pop("address")
    for listener in (ingress, edge):
        manager = listener["filter_chains"][0]["filters"][0]["typed_config"]
        manager.pop("route_config")
    assert ingress == edge
    clusters = {each["name"]: each for each in here["static_resources"]["clusters"]}
    assert list(clusters) == ["portcullis", "application", "admin"]
    assert clusters["portcullis"] == there["static_resources"]["clusters"][0]
    here.pop("static_resources"), there.pop("static_resources"), here.pop("node"), there.pop("node")
    assert here == there, "admin on loopback, bounded connections, no runtime layer"


def test_the_cluster_sees_two_pages_of_envoys_and_no_others():
    here = yaml.safe_load((manifests.KUBERNETES / "envoy" / "envoy.yaml").read_text())
    _, probes = here["static_resources"]["listeners"]
    manager = probes["filter_chains"][0]["filters"][0]["typed_config"]
    routes = manager["route_config"]["virtual_hosts"][0]["routes"]
    assert [each["match"]["path"] for each in routes] == ["/ready", "/stats/prometheus"]
    assert all(each["match"]["headers"][0]["string_match"] == {"exact": "GET"} for each in routes)


def test_the_doctor_finds_nothing():
    file = manifests.KUBERNETES / "envoy" / "envoy.yaml"
    command = [str(portcullis_binary()), "doctor", "envoy", str(file)]
    found = subprocess.run(command, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout


OTHER = """
apiVersion: apps/v1
kind: Deployment
metadata: { name: other }
spec:
  selector: { matchLabels: { app: other } }
  template:
    metadata: { labels: { app: other } }
    spec:
      initContainers:
      - { name: migrate, image: example/other:2 }
      containers:
      - { name: web, image: example/other:2, volumeMounts: [{ name: data, mountPath: /data }] }
      volumes:
      - { name: data, emptyDir: {} }
"""


@pytest.mark.parametrize("component", ["sidecar", "sidecar-classic"])
def test_the_component_patches_any_deployment(component: str, tmp_path: Path):
    # kustomize takes relative paths only, and nothing outside of the folders named.
    folder = tmp_path / "app"
    folder.mkdir()
    subprocess.run(["cp", "-r", str(manifests.KUBERNETES), str(tmp_path)], check=True)
    (folder / "deployment.yaml").write_text(OTHER)
    kustomization = {"resources": ["deployment.yaml"], "components": [f"../kubernetes/{component}"]}
    (folder / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    spec = manifests.pod(list(yaml.safe_load_all(manifests.render(folder))))
    before = yaml.safe_load(OTHER)["spec"]["template"]["spec"]
    names = [each["name"] for each in manifests.containers(spec)]
    assert (
        names
        == {
            "sidecar": ["portcullis", "envoy", "migrate", "web"],
            "sidecar-classic": ["migrate", "portcullis", "envoy", "web"],
        }[component]
    )
    for each in manifests.containers(before):
        assert manifests.container(spec, each["name"]) == each, "what was there stays as it was"
    assert before["volumes"][0] in spec["volumes"]
    of_crm = manifests.pod(manifests.read("native" if component == "sidecar" else "classic"))
    for name in ("portcullis", "envoy"):
        assert manifests.container(spec, name) == manifests.container(copy.deepcopy(of_crm), name)


def test_the_readme_shows_how_ones_own_application_gets_both(tmp_path: Path):
    readme = (manifests.KUBERNETES / "README.md").read_text()
    kustomization = readme.split("```yaml kustomization.yaml\n")[1].split("```")[0]
    (tmp_path / "kustomization.yaml").write_text(kustomization)
    (tmp_path / "deployment.yaml").write_text(OTHER)
    service = {"ports": [{"name": "http", "port": 80, "targetPort": "http"}], "selector": {"app": "other"}}
    named = {"apiVersion": "v1", "kind": "Service", "metadata": {"name": "other"}, "spec": service}
    (tmp_path / "service.yaml").write_text(yaml.safe_dump(named))
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "routes.yaml").write_text("version: 1\n")
    shutil.copytree(manifests.KUBERNETES, tmp_path / "portcullis" / "deploy" / "kubernetes")
    rendered = manifests.render(tmp_path)
    documents = list(yaml.safe_load_all(rendered))
    for document in documents:
        schemas.check(document, schemas.versions()[-1])
        assert document["metadata"]["namespace"] == "shop"
    spec = manifests.pod(documents)
    assert manifests.container(spec, "portcullis")["image"] == "registry.example.com/portcullis:0.1.0"
    assert manifests.one(documents, "ConfigMap", "portcullis-policies")["metadata"]["name"] == "portcullis-policies"
    ports = [port["name"] for each in manifests.containers(spec) for port in each.get("ports", [])]
    assert service["ports"][0]["targetPort"] in ports
    command = [str(portcullis_binary()), "doctor", "kubernetes", "-"]
    found = subprocess.run(command, input=rendered, capture_output=True, text=True, check=False)
    assert found.returncode == 0, found.stdout
