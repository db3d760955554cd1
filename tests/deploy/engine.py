"""podman and buildah of this machine, with storage and settings of this checkout's own."""

import json
import os
import shutil
import subprocess
from pathlib import Path

from stack import PROJECT

DIRECTORY = PROJECT / ".cache" / "containers"


def environment() -> dict[str, str]:
    """Written anew for each run: nothing of the machine's own settings is read or changed."""
    # Containers have users of their own here, and their volumes are written as a kubelet would.
    assert os.geteuid() == 0, "run these tests as root"
    DIRECTORY.mkdir(parents=True, exist_ok=True)
    settings = DIRECTORY / "containers.conf"
    # runc and cgroupfs work with either version of cgroups and without systemd; a sandbox allows these limits.
    settings.write_text(
        '[containers]\ndefault_ulimits = ["nofile=1024:1024", "nproc=1024:1024"]\n'
        '[engine]\nruntime = "runc"\ncgroup_manager = "cgroupfs"\nevents_logger = "file"\n'
    )
    storage = DIRECTORY / "storage.conf"
    storage.write_text(
        f'[storage]\ndriver = "overlay"\ngraphroot = "{DIRECTORY}/storage"\nrunroot = "{DIRECTORY}/run"\n'
    )
    return {**os.environ, "CONTAINERS_CONF": str(settings), "CONTAINERS_STORAGE_CONF": str(storage)}


def run(*command: str, check: bool = True, directory: Path = DIRECTORY) -> subprocess.CompletedProcess[str]:
    """A command to its end; with `check`, one that fails is an error that shows what it said."""
    done = subprocess.run(
        command, cwd=directory, env=environment(), stdin=subprocess.DEVNULL, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0 or not check, f"{' '.join(command)}:\n{done.stdout}{done.stderr}"
    return done


def podman(*arguments: str, check: bool = True) -> str:
    return run("podman", *arguments, check=check).stdout


def decisions(container: str) -> list[dict]:
    """What Portcullis has logged of them, oldest first."""
    said = run("podman", "logs", container)
    lines = [json.loads(line) for line in (said.stdout + said.stderr).splitlines() if line.startswith("{")]
    return [line for line in lines if line.get("target") == "decision"]


def inspect(container: str) -> dict:
    return json.loads(podman("inspect", container))[0]


def build(image: str, context: Path) -> str:
    """The id of the image that the Containerfile in `context` makes."""
    buildah = ["buildah", "build", "--quiet", "--isolation", "chroot", "--timestamp", "0", "--format", "oci"]
    return run(*buildah, "--tag", image, str(context)).stdout.strip()


def libraries(program: Path) -> list[Path]:
    """The shared libraries that a program of this machine is linked with."""
    listed = subprocess.run(["ldd", str(program)], capture_output=True, text=True, check=False).stdout
    return [Path(word) for word in listed.split() if word.startswith("/")]


def copy(source: Path, root: Path) -> None:
    """A file to the same place below `root`."""
    target = root / source.relative_to("/")
    if not target.exists():
        target.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(source.resolve(), target)
