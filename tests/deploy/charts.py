"""The charts of deploy/helm, and what is copied into them."""

import shutil
from pathlib import Path

import helm_python as helm
import yaml
from stack import PROJECT

CHARTS = PROJECT / "deploy" / "helm"
SERVICE = CHARTS / "portcullis"
SIDECAR = CHARTS / "portcullis-sidecar"
VALUES = sorted((SERVICE / "ci").glob("*-values.yaml"))
# Charts can read their own files only.
COPIES = {
    source: SERVICE / "files" / source.name
    for source in (
        PROJECT / "deploy/prometheus/alerts.yaml",
        PROJECT / "deploy/prometheus/records.yaml",
        PROJECT / "deploy/grafana/portcullis.json",
    )
}
ENVOY = SIDECAR / "templates" / "_envoy.tpl"


def envoy_template() -> str:
    """Envoy's configuration as a template. Its `{{` are none, since YAML has no use for two braces in a row there."""
    text = (PROJECT / "deploy/kubernetes/envoy/envoy.yaml").read_text()
    assert "{{" not in text
    head = "{{/* Made by `make charts` of deploy/kubernetes/envoy/envoy.yaml. */}}\n"
    return head + '{{- define "portcullis-sidecar.envoy" -}}\n' + text + "{{- end }}\n"


def render(chart: Path, values: dict, **names: str) -> list[dict]:
    with helm.Chart.load(chart) as loaded:
        files = loaded.render(values, **{"name": "edge", "namespace": "edge", **names})
    texts = [text for path, text in sorted(files.items()) if not path.endswith("NOTES.txt")]
    return [document for text in texts for document in yaml.safe_load_all(text) if document]


def notes(chart: Path, values: dict) -> str:
    with helm.Chart.load(chart) as loaded:
        files = loaded.render(values, name="edge", namespace="edge")
    return next(text for path, text in files.items() if path.endswith("NOTES.txt"))


def write() -> None:
    ENVOY.write_text(envoy_template())
    for source, target in COPIES.items():
        target.parent.mkdir(exist_ok=True)
        shutil.copyfile(source, target)


if __name__ == "__main__":
    write()
