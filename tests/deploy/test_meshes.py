"""deploy/istio and deploy/envoy-gateway: as far as it can be told without a mesh; their README says what cannot."""

import copy
import re
import shutil
import subprocess
from pathlib import Path

import custom_resources
import manifests
import pytest
import schemas
import test_kubernetes
import yaml
from stack import PROJECT, portcullis_binary

ISTIO = PROJECT / "deploy" / "istio"
GATEWAY = PROJECT / "deploy" / "envoy-gateway"
# The fields of Envoy Gateway's kinds that its documentation names, as far as they are used here.
DOCUMENTED = {
    "EnvoyGateway": {"gateway", "provider", "extensionApis"},
    "EnvoyProxy": {
        "spec.provider.type",
        "spec.provider.kubernetes.envoyDeployment",
        "spec.telemetry.accessLog.settings",
    },
    "Backend": {"spec.endpoints"},
    "SecurityPolicy": {
        "spec.targetRefs",
        "spec.extAuth.grpc.backendRefs",
        "spec.extAuth.timeout",
        "spec.extAuth.failOpen",
        "spec.extAuth.statusOnError",
    },
    "ClientTrafficPolicy": {
        "spec.targetRefs",
        "spec.path.escapedSlashesAction",
        "spec.path.disableMergeSlashes",
        "spec.headers.withUnderscoresAction",
        "spec.headers.earlyRequestHeaders.remove",
        "spec.timeout.http.requestReceivedTimeout",
    },
}


def documents(directory: Path, name: str = "*") -> list[dict]:
    return [each for file in sorted(directory.glob(f"{name}.yaml")) for each in yaml.safe_load_all(file.read_text())]


def one(directory: Path, name: str, kind: str) -> dict:
    return next(each for each in documents(directory, name) if each["kind"] == kind)


def is_of_envoy_gateway(document: dict) -> bool:
    return document["apiVersion"].startswith("gateway.envoyproxy.io/")


def test_istios_definitions_take_every_document():
    # Of the mesh's own configuration the definition says nothing: any field would pass.
    of_istio = [each for each in documents(ISTIO) if each["kind"] != "IstioOperator"]
    assert len(of_istio) == 8
    assert custom_resources.problems(of_istio) == ""


def test_a_mistyped_field_of_istios_would_be_seen():
    policy = copy.deepcopy(one(ISTIO, "sidecar", "AuthorizationPolicy"))
    policy["spec"]["selectors"] = policy["spec"].pop("selector")
    assert "selectors" in custom_resources.problems([policy])


@pytest.mark.parametrize("name", ["sidecar", "service"])
def test_istio_asks_about_every_request_and_opens_nothing(name: str):
    policy = next(each for each in documents(ISTIO, name) if each["spec"].get("action") == "CUSTOM")
    assert policy["spec"]["rules"] == [{}]
    providers = {
        each["name"]: each for each in one(ISTIO, "mesh", "IstioOperator")["spec"]["meshConfig"]["extensionProviders"]
    }
    settings = providers[policy["spec"]["provider"]["name"]]["envoyExtAuthzGrpc"]
    assert settings["failOpen"] is False
    assert settings["statusOnError"] == "503"
    assert settings["timeout"] == "0.25s", "the default is ten minutes"


def test_the_provider_names_what_the_mesh_knows():
    entry = one(ISTIO, "sidecar", "ServiceEntry")["spec"]
    providers = one(ISTIO, "mesh", "IstioOperator")["spec"]["meshConfig"]["extensionProviders"]
    settings = providers[0]["envoyExtAuthzGrpc"]
    assert settings["service"] in entry["hosts"]
    assert settings["port"] == entry["ports"][0]["number"] == 9191
    assert entry["endpoints"] == [{"address": "127.0.0.1"}]


def test_identity_headers_are_removed_as_in_deploy_envoy():
    envoy = (PROJECT / "deploy/envoy/envoy.yaml").read_text()
    [expression] = re.findall(r'remove_on_match: .* regex: "([^"]+)"', envoy)
    assert expression in (ISTIO / "strip-identity.yaml").read_text()
    # Envoy Gateway knows no expressions: the headers that the example policy sets, by name.
    policy = yaml.safe_load((PROJECT / "policies/laravel-crm/routes.yaml").read_text())
    removed = one(GATEWAY, "gateway", "ClientTrafficPolicy")["spec"]["headers"]["earlyRequestHeaders"]["remove"]
    assert set(policy["defaults"]["upstream"]["headers"]) <= set(removed)


def test_gateway_apis_definitions_take_every_document():
    of_gateway_api = [each for each in documents(GATEWAY) if not is_of_envoy_gateway(each)]
    kinds = {each["kind"] for each in of_gateway_api}
    assert kinds == {"GatewayClass", "Gateway", "HTTPRoute", "ReferenceGrant", "BackendTLSPolicy"}
    assert custom_resources.problems(of_gateway_api) == ""


def leaves(document: dict, known: set[str], path: str = "") -> set[str]:
    """The fields that a document sets, down to those that are known."""
    found = set()
    for key, value in document.items():
        here = f"{path}.{key}".lstrip(".")
        if here in known or not isinstance(value, dict):
            found.add(here)
        else:
            found |= leaves(value, known, here)
    return found


def test_envoy_gateways_kinds_use_documented_fields():
    for document in filter(is_of_envoy_gateway, documents(GATEWAY)):
        known = DOCUMENTED[document["kind"]]
        fields = {key: value for key, value in document.items() if key not in ("apiVersion", "kind", "metadata")}
        assert leaves(fields, known) <= known, document["kind"]


@pytest.mark.parametrize("name", ["sidecar", "service"])
def test_envoy_gateway_asks_for_the_whole_gateway_and_opens_nothing(name: str):
    policy = one(GATEWAY, name, "SecurityPolicy")["spec"]
    assert [each["kind"] for each in policy["targetRefs"]] == ["Gateway"]
    authorization = policy["extAuth"]
    assert authorization["failOpen"] is False
    assert authorization["statusOnError"] == 503
    assert authorization["timeout"] == "250ms"
    assert "headersToExtAuth" not in authorization, "all, `authorization` among them"


def test_the_sidecar_of_the_gateway_is_the_one_of_the_component():
    deployment = one(GATEWAY, "sidecar", "EnvoyProxy")["spec"]["provider"]["kubernetes"]["envoyDeployment"]
    [container] = deployment["patch"]["value"]["spec"]["template"]["spec"]["initContainers"]
    component = yaml.safe_load((manifests.KUBERNETES / "sidecar/sidecars.yaml").read_text())
    assert container == component["spec"]["template"]["spec"]["initContainers"][0]
    written = {each["name"]: each for each in component["spec"]["template"]["spec"]["volumes"]}
    here = {each["name"]: each for each in deployment["pod"]["volumes"]}
    assert here == {name: volume for name, volume in written.items() if name != "portcullis-envoy"}
    path = one(GATEWAY, "sidecar", "Backend")["spec"]["endpoints"][0]["unix"]["path"]
    environment = {each["name"]: each["value"] for each in container["env"]}
    assert environment["PORTCULLIS_LISTEN_GRPC"] == f"unix:{path}"


def test_the_sidecar_for_istio_is_the_one_of_the_component_without_envoy(tmp_path: Path):
    deploy = tmp_path / "portcullis" / "deploy"
    for each in (manifests.KUBERNETES, ISTIO):
        shutil.copytree(each, deploy / each.name)
    (tmp_path / "deployment.yaml").write_text(test_kubernetes.OTHER)
    kustomization = {"resources": ["deployment.yaml"], "components": ["portcullis/deploy/istio/sidecar"]}
    (tmp_path / "kustomization.yaml").write_text(yaml.safe_dump(kustomization))
    rendered = manifests.render(tmp_path)
    [deployment] = yaml.safe_load_all(rendered)
    schemas.check(deployment, schemas.versions()[0])
    spec = manifests.pod([deployment])
    assert [each["name"] for each in manifests.containers(spec)] == ["portcullis", "migrate", "web"]
    component = yaml.safe_load((manifests.KUBERNETES / "sidecar/sidecars.yaml").read_text())["spec"]["template"]["spec"]
    expected, found = component["initContainers"][0], manifests.container(spec, "portcullis")
    for container in (expected, found):
        container["env"] = {each["name"]: each["value"] for each in container["env"]}
        container["volumeMounts"] = [each for each in container["volumeMounts"] if each["name"] != "portcullis-socket"]
    expected["env"]["PORTCULLIS_LISTEN_GRPC"] = "127.0.0.1:9191"
    assert found == expected
    used = {mount["name"] for each in manifests.containers(spec) for mount in each.get("volumeMounts", [])}
    assert {volume["name"] for volume in spec["volumes"]} == used
    command = [str(portcullis_binary()), "doctor", "kubernetes", "-"]
    doctor = subprocess.run(command, input=rendered, capture_output=True, text=True, check=False)
    assert doctor.returncode == 0, doctor.stdout


def test_the_doctor_finds_nothing_in_the_pods_of_the_gateway():
    command = [str(portcullis_binary()), "doctor", "kubernetes", str(GATEWAY / "sidecar.yaml")]
    doctor = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (doctor.returncode, doctor.stdout) == (0, "ok: 1 file, 1 container of Portcullis\n")
