"""The bill of materials of the program, as CycloneDX JSON on standard output: sbom.py TARGET.

Of every crate that is linked in or that builds what is: name, version, licence, checksum, and who needs it. It tells no
time and no place, so that the same sources make the same bytes.
"""

import json
import subprocess
import sys
import tomllib
import uuid
from pathlib import Path

from cyclonedx.contrib.license.factories import LicenseFactory
from cyclonedx.model import HashAlgorithm, HashType
from cyclonedx.model.bom import Bom
from cyclonedx.model.component import Component, ComponentType
from cyclonedx.output.json import JsonV1Dot6
from packageurl import PackageURL

PROJECT = Path(__file__).resolve().parents[2]


def metadata(target: str) -> dict:
    command = ["cargo", "metadata", "--locked", "--format-version", "1", "--filter-platform", target]
    return json.loads(subprocess.run(command, cwd=PROJECT, stdout=subprocess.PIPE, check=True).stdout)


def checksums() -> dict[tuple[str, str], str]:
    lock = tomllib.loads((PROJECT / "Cargo.lock").read_text())
    return {(each["name"], each["version"]): each["checksum"] for each in lock["package"] if "checksum" in each}


def needed(graph: dict[str, dict], root: str) -> dict[str, list[str]]:
    """Every crate that the program needs, and those that it needs in turn; what only tests need is left out."""
    found: dict[str, list[str]] = {}
    waiting = [root]
    while waiting:
        crate = waiting.pop()
        if crate in found:
            continue
        dependencies = [
            each["pkg"] for each in graph[crate]["deps"] if any(kind["kind"] != "dev" for kind in each["dep_kinds"])
        ]
        found[crate] = dependencies
        waiting += dependencies
    return found


def component(package: dict, sums: dict[tuple[str, str], str], kind: ComponentType) -> Component:
    name, version = package["name"], package["version"]
    identity = PackageURL("cargo", None, name, version).to_string()
    checksum = sums.get((name, version))
    licence = (package["license"] or "").replace("/", " OR ")  # how older crates write it
    return Component(
        type=kind,
        name=name,
        version=version,
        purl=PackageURL.from_string(identity),
        bom_ref=identity,
        licenses=[LicenseFactory().make_from_string(licence)] if licence else [],
        hashes=[HashType(alg=HashAlgorithm.SHA_256, content=checksum)] if checksum else [],
    )


def bill(target: str) -> str:
    described = metadata(target)
    packages = {each["id"]: each for each in described["packages"]}
    graph = {each["id"]: each for each in described["resolve"]["nodes"]}
    root = described["resolve"]["root"]
    sums = checksums()
    crates = needed(graph, root)
    components = {
        each: component(packages[each], sums, ComponentType.APPLICATION if each == root else ComponentType.LIBRARY)
        for each in sorted(crates)
    }
    bom = Bom(components=[made for each, made in components.items() if each != root])
    bom.metadata.component = components[root]
    for each, dependencies in crates.items():
        bom.register_dependency(components[each], [components[needed] for needed in dependencies])
    bom.serial_number = uuid.uuid5(uuid.NAMESPACE_URL, json.dumps(sorted(crates)) + target)
    written = json.loads(JsonV1Dot6(bom).output_as_string())
    del written["metadata"]["timestamp"]
    return json.dumps(written, indent=1, sort_keys=True) + "\n"


if __name__ == "__main__":
    sys.stdout.write(bill(sys.argv[1]))
