"""The manifests of deploy/kubernetes: read, rendered, and one variant derived from the other."""

import copy
import subprocess
import sys
from pathlib import Path

import yaml
from stack import PROJECT

KUBERNETES = PROJECT / "deploy" / "kubernetes"
VARIANTS = ["native", "classic"]
TOOLS = PROJECT / ".cache" / "deploy-tools"
HEAD = "# Made by `make manifests` of crm/ and {component}/, where every line says why: change those.\n"


def render(directory: Path) -> str:
    """What `kubectl apply -k` would send."""
    command = [str(TOOLS / "bin" / "kubectl"), "kustomize", str(directory)]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def plain(variant: str) -> str:
    component = {"native": "sidecar", "classic": "sidecar-classic"}[variant]
    return HEAD.format(component=component) + render(KUBERNETES / variant)


def read(variant: str) -> list[dict]:
    return list(yaml.safe_load_all((KUBERNETES / f"{variant}.yaml").read_text()))


def one(documents: list[dict], kind: str, name: str = "") -> dict:
    found = [each for each in documents if each["kind"] == kind and each["metadata"]["name"].startswith(name)]
    assert len(found) == 1, f"{kind} {name}: {len(found)}"
    return found[0]


def pod(documents: list[dict]) -> dict:
    return one(documents, "Deployment")["spec"]["template"]["spec"]


def containers(spec: dict) -> list[dict]:
    return spec.get("initContainers", []) + spec["containers"]


def container(spec: dict, name: str) -> dict:
    return next(each for each in containers(spec) if each["name"] == name)


def classic_of(native: list[dict]) -> list[dict]:
    """The same for clusters without native sidecars: the sidecars are containers, and outlast each other by waiting."""
    documents = copy.deepcopy(native)
    spec = pod(documents)
    sidecars = spec.pop("initContainers")
    for sidecar in sidecars:
        assert sidecar.pop("restartPolicy") == "Always"
    spec["containers"] = sidecars + spec["containers"]
    container(spec, "portcullis")["env"].append({"name": "PORTCULLIS_SHUTDOWN_DELAY", "value": "15s"})
    envoy = container(spec, "envoy")
    envoy["image"] = envoy["image"].replace("distroless-", "")
    envoy["lifecycle"] = {"preStop": {"exec": {"command": ["sleep", "10"]}}}
    return documents


if __name__ == "__main__":
    for variant in sys.argv[1:]:
        (KUBERNETES / f"{variant}.yaml").write_text(plain(variant))
