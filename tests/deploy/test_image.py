"""deploy/image: one static program and nothing else, the same bytes each time, and it runs."""

import json
import subprocess
from pathlib import Path

import engine
import pytest
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator
from names import ADDRESS, NameServer
from stack import PROJECT, Stack, free_port, http_get, wait_for

CONTAINERFILE = PROJECT / "deploy" / "image" / "Containerfile"


@pytest.fixture(scope="module")
def program(image_context: Path) -> Path:
    return image_context / "root" / "portcullis"


def test_the_program_needs_no_library(program: Path):
    headers = subprocess.run(["readelf", "--program-headers", program], capture_output=True, text=True, check=True)
    assert "LOAD" in headers.stdout
    assert "INTERP" not in headers.stdout, "an empty image has no loader"


def test_the_image_holds_what_it_should_and_nothing_else(image_context: Path):
    root = image_context / "root"
    files = {str(path.relative_to(root)) for path in root.rglob("*") if path.is_file()}
    assert files == {
        "portcullis",
        "etc/group",
        "etc/nsswitch.conf",
        "etc/passwd",
        "etc/ssl/certs/ca-certificates.crt",
        "usr/share/sbom/portcullis.cdx.json",
    }
    assert not [path for path in root.rglob("*") if path.is_file() and path.stat().st_mode & 0o222], (
        "nothing is writable"
    )


def test_the_same_context_makes_the_same_image(image_context: Path):
    assert engine.build("portcullis:first", image_context) == engine.build("portcullis:second", image_context)


def test_it_is_nobody_and_runs_the_server_unless_told_otherwise(image: str):
    configuration = engine.inspect(image)["Config"]
    assert configuration["User"] == "65532:65532"
    assert configuration["Entrypoint"] == ["/portcullis"]
    assert configuration["Cmd"] == ["serve"]
    assert not any("PATH=" not in each for each in configuration.get("Env", [])), "no setting hides in the image"


def test_it_runs_read_only_without_capabilities_and_network(image: str):
    confined = ["--read-only", "--cap-drop", "all", "--security-opt", "no-new-privileges", "--network", "none"]
    policies = f"{PROJECT}/policies:/policies:ro"
    said = engine.podman("run", "--rm", *confined, image, "--version")
    assert said.startswith("portcullis ")
    tested = engine.podman("run", "--rm", *confined, "--volume", policies, image, "test", "/policies/laravel-crm")
    assert tested.startswith("ok: ")


def test_it_finds_issuers_by_name_without_the_machines_libraries(image: str, tmp_path: Path):
    """glibc that is linked in loads no plug-ins: names must be found all the same, in DNS as in /etc/hosts."""
    issuer = "{ issuer: https://i%s.example.com, audiences: [crm], keys: { jwks_url: %s, insecure_http: true } }"
    with Stack() as stack, NameServer("keys.in-dns.test", "127.0.0.1") as names:
        stack.start_auth_service()
        urls = [
            f"http://{name}:{stack.ports.auth}/.well-known/jwks.json" for name in ("keys.in-dns.test", "in-hosts.test")
        ]
        (tmp_path / "policy.yaml").write_text(
            "version: 1\nissuers:\n"
            + "".join(f"  i{number}: {issuer % (number, json.dumps(url))}\n" for number, url in enumerate(urls))
            + "routes:\n  - { match: GET /, guard: [i0, i1], allow: authenticated }\n"
        )
        tmp_path.chmod(0o755)  # the program is somebody else
        metrics = free_port()
        names_of = ["--network", "host", "--dns", ADDRESS, "--add-host", "in-hosts.test:127.0.0.1"]
        flags = ["--listen-grpc", "unix:@portcullis-image-test", "--listen-admin", "", "--policies", "/policies"]
        container = engine.podman(
            *["run", "--detach", *names_of, "--volume", f"{tmp_path}:/policies:ro", image, "serve", *flags],
            *["--listen-metrics", f"127.0.0.1:{metrics}"],
        ).strip()
        try:
            wait_for("keys of both", lambda: http_get(f"http://127.0.0.1:{metrics}/readyz")[0] == 200)
            probe = ["healthcheck", "--address", f"in-hosts.test:{metrics}"]
            assert engine.run("podman", "exec", container, "/portcullis", *probe).stdout == "ready\n"
        except Exception as failed:
            said = engine.run("podman", "logs", container)
            raise AssertionError(f"{said.stdout}{said.stderr}\nasked for: {names.asked}") from failed
        finally:
            engine.podman("rm", "--force", "--time", "5", container)
        assert "keys.in-dns.test" in names.asked


def test_the_bill_of_materials_is_valid_and_lists_what_is_linked_in(image_context: Path):
    text = (image_context / "root/usr/share/sbom/portcullis.cdx.json").read_text()
    assert JsonStrictValidator(SchemaVersion.V1_6).validate_str(text) is None
    listed = {f"{each['name']} v{each['version']}" for each in json.loads(text)["components"]}
    command = ["cargo", "tree", "--locked", "--edges", "normal,build", "--prefix", "none", "--format", "{p}"]
    tree = subprocess.run(command, cwd=PROJECT, capture_output=True, text=True, check=True).stdout
    crates = {" ".join(line.split()[:2]) for line in tree.splitlines() if line and not line.startswith("portcullis ")}
    assert crates - listed == set(), "linked in and not listed"
    assert not {each for each in listed if each.startswith(("proptest ", "tempfile "))}, "only tests need these"
    assert "rustls" in {each.split()[0] for each in listed}


def test_the_containerfile_has_no_bad_habits():
    hadolint = PROJECT / ".cache/deploy-tools/bin/hadolint"
    linted = subprocess.run([hadolint, CONTAINERFILE], capture_output=True, text=True, check=False)
    assert linted.returncode == 0, linted.stdout + linted.stderr
