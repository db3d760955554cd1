"""The classic pod of deploy/kubernetes, run by podman as a kubelet would run it."""

import os
import shutil
import signal
import tempfile
from pathlib import Path

import engine
import images
import manifests
import tokens
import yaml
from stack import KEYS, free_port, http_get, wait_for

NAME = "crm-pod-0"
AUTH = "example/auth:1.0.0"
# AuthService is one more container of the pod; keys of an issuer are had over plain http from loopback only.
AUTH_SERVICE = {"name": "auth", "image": AUTH, "args": ["--port", "8082", "--keys", "/keys"]}


class Pod:
    """What is changed of the manifest: ports are published, one issuer is elsewhere, and what podman cannot do is left
    out (Secrets as volumes, Services, liveness probes, which it would run by a shell)."""

    def __init__(self) -> None:
        self.keys = tokens.Keys.load_or_create(KEYS)
        tokens.Keys.load_or_create(KEYS / "stranger")
        self.documents = manifests.read("classic")
        self.spec = manifests.pod(self.documents)
        manifests.one(self.documents, "Deployment")["spec"]["replicas"] = 1
        self.spec["restartPolicy"] = "Never"  # what a kubelet ends it does not start again
        self.ports: dict[str, int] = {}
        for container in self.spec["containers"]:
            container.pop("livenessProbe", None)
            for port in container.get("ports", []):
                self.ports[port["name"]] = port["hostPort"] = free_port()
        self._patience()
        policies = manifests.one(self.documents, "ConfigMap", "portcullis-policies")["data"]
        policies["issuers.yaml"] = policies["issuers.yaml"].replace(
            "https://auth.example.com/.w", "http://127.0.0.1:8082/.w"
        )
        self.policies: dict[str, str] = policies
        self._keys_as_config_map()
        self.spec["containers"].append({**AUTH_SERVICE, "volumeMounts": [{"name": "auth-keys", "mountPath": "/keys"}]})
        self.spec["volumes"].append({"name": "auth-keys", "hostPath": {"path": str(KEYS), "type": "Directory"}})

    def _patience(self) -> None:
        """A machine that is busy with other things makes no decision late: that is not what is tested here."""
        envoy = manifests.one(self.documents, "ConfigMap", "portcullis-envoy")["data"]
        assert envoy["envoy.yaml"].count("0.25s") == 3, "the check, one try of it, and connecting"
        envoy["envoy.yaml"] = envoy["envoy.yaml"].replace("0.25s", "5s")
        environment = manifests.container(self.spec, "portcullis")["env"]
        environment.append({"name": "PORTCULLIS_LIMITS_DEADLINE", "value": "4s"})

    def _keys_as_config_map(self) -> None:
        data = {name: (KEYS / name).read_text() for name in ("oauth-public.key", "jwt-secret")}
        volume = next(each for each in self.spec["volumes"] if each["name"] == "portcullis-keys")
        assert volume.pop("secret")["secretName"] == "portcullis-keys"
        volume["configMap"] = {"name": "portcullis-keys"}
        named = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "portcullis-keys"}, "data": data}
        self.documents.append(named)

    def __enter__(self) -> "Pod":
        images.envoy(manifests.container(self.spec, "envoy")["image"])
        images.services(manifests.container(self.spec, "crm")["image"], AUTH)
        self.remove()
        with tempfile.TemporaryDirectory() as empty:  # podman would take a folder named like an image for its source
            file = Path(empty) / "pod.yaml"
            kinds = ("ConfigMap", "Deployment")
            file.write_text(yaml.safe_dump_all([each for each in self.documents if each["kind"] in kinds]))
            engine.run("podman", "kube", "play", "--start=false", str(file), directory=Path(empty))
        for volume in self.spec["volumes"]:
            if "emptyDir" in volume:
                # As a kubelet makes them; podman would give each to the user of whichever container starts first.
                self.volume(volume["name"]).chmod(0o777)
        self.write_policies()
        engine.podman("pod", "start", NAME)
        # The longer AuthService takes to start, the longer Portcullis waits before it asks for keys again.
        wait_for("Portcullis is ready", lambda: http_get(self.url("authz-metrics", "/readyz"))[0] == 200, seconds=120)
        wait_for("Envoy is ready", lambda: http_get(self.url("envoy-metrics", "/ready"))[0] == 200)
        return self

    def __exit__(self, *_: object) -> None:
        self.remove()

    @staticmethod
    def remove() -> None:
        engine.podman("pod", "rm", "--force", "--time", "0", "--ignore", NAME)
        engine.podman("volume", "prune", "--force")

    def url(self, port: str, path: str) -> str:
        return f"http://127.0.0.1:{self.ports[port]}{path}"

    @staticmethod
    def volume(name: str) -> Path:
        return Path(engine.podman("volume", "inspect", name, "--format", "{{.Mountpoint}}").strip())

    def write_policies(self) -> None:
        """As a kubelet does: a new directory, and one rename that makes it the current one."""
        volume = self.volume("portcullis-policies")
        before = os.readlink(volume / "..data") if (volume / "..data").is_symlink() else None
        fresh = Path(tempfile.mkdtemp(prefix="..", dir=volume))
        fresh.chmod(0o755)
        for name, text in self.policies.items():
            (fresh / name).write_text(text)
        (volume / "..data_tmp").symlink_to(fresh.name)
        (volume / "..data_tmp").rename(volume / "..data")
        for name in self.policies:
            if not (volume / name).is_symlink():
                (volume / name).unlink(missing_ok=True)
                (volume / name).symlink_to(f"..data/{name}")
        if before:
            shutil.rmtree(volume / before)

    def process(self, container: str) -> int:
        return engine.inspect(f"{NAME}-{container}")["State"]["Pid"]

    def send(self, container: str, number: signal.Signals) -> None:
        engine.podman("kill", "--signal", number.name, f"{NAME}-{container}")

    def execute(self, container: str, command: list[str]) -> int:
        return engine.run("podman", "exec", f"{NAME}-{container}", *command, check=False).returncode

    def exit_code(self, container: str) -> int | None:
        """Nothing while it runs."""
        state = engine.inspect(f"{NAME}-{container}")["State"]
        return None if state["Running"] else state["ExitCode"]

    def logs(self, container: str) -> str:
        done = engine.run("podman", "logs", f"{NAME}-{container}")
        return done.stdout + done.stderr
