"""The restricted level of Kubernetes' Pod Security Standards, as an assertion, and a little more."""


def assert_restricted(spec: dict) -> None:
    of_pod = spec.get("securityContext", {})
    for key in ("hostNetwork", "hostPID", "hostIPC"):
        assert not spec.get(key), key
    for volume in spec.get("volumes", []):
        kinds = set(volume) - {"name"}
        assert kinds <= {
            "configMap",
            "csi",
            "downwardAPI",
            "emptyDir",
            "ephemeral",
            "persistentVolumeClaim",
            "projected",
            "secret",
        }
    for container in spec.get("initContainers", []) + spec["containers"]:
        name, own = container["name"], container.get("securityContext", {})
        assert own.get("allowPrivilegeEscalation") is False, name
        assert own.get("capabilities", {}) == {"drop": ["ALL"]}, name
        assert {**of_pod, **own}.get("runAsNonRoot") is True, name
        assert {**of_pod, **own}.get("runAsUser", 1) != 0, name
        assert {**of_pod, **own}.get("seccompProfile") == {"type": "RuntimeDefault"}, name
        assert not own.get("privileged"), name
        assert all("hostPort" not in port for port in container.get("ports", [])), name
        # Beyond the standard: nothing writes to its image, and nothing takes all memory of a node.
        assert own.get("readOnlyRootFilesystem") is True, name
        assert "memory" in container["resources"]["limits"], name
        assert {"cpu", "memory"} <= set(container["resources"]["requests"]), name
