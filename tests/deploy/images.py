"""Images that a cluster would pull, made of what this machine has: Envoy, and the services of the demo."""

import shutil
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import engine
from stack import PROJECT, envoy_binary

LEFT_OUT = shutil.ignore_patterns("test", "idlelib", "tkinter", "ensurepip", "site-packages", "__pycache__", "config-*")
# What examples/ imports that is not Python's own, with what that imports.
WANTED = ["cryptography", "cffi", "_cffi_backend*", "pycparser"]

# What a small server needs to run a unit, and to be asked what it did.
SYSTEMD = [
    "/lib/systemd/systemd",
    "/lib/systemd/systemd-shutdown",
    "/usr/bin/systemctl",
    "/usr/bin/systemd-sysusers",
    "/bin/kill",
    "/bin/sh",
]

PYTHON = f"FROM scratch\nCOPY root/ /\nENV PATH={sys.base_prefix}/bin PYTHONPATH=/packages PYTHONDONTWRITEBYTECODE=1\n"


@contextmanager
def _context(containerfile: str):
    with tempfile.TemporaryDirectory() as directory:
        context = Path(directory)
        (context / "root").mkdir()
        (context / "Containerfile").write_text("FROM scratch\nCOPY root/ /\n" + containerfile)
        yield context


def envoy(*names: str) -> None:
    """The Envoy of the tests as an image, which takes the arguments that the official one takes."""
    with _context('ENTRYPOINT ["/usr/local/bin/envoy"]\n') as context:
        root = context / "root"
        program = envoy_binary()
        (root / "usr/local/bin").mkdir(parents=True)
        shutil.copy2(program, root / "usr/local/bin/envoy")
        for library in engine.libraries(program):
            engine.copy(library, root)
        for name in names:
            engine.build(name, context)


def services(crm: str, auth: str) -> None:
    """CRMService and AuthService, each as the program of its image."""
    with _services() as context:
        for name, program in ((crm, "crm_service.py"), (auth, "auth_service.py")):
            (context / "Containerfile").write_text(f'{PYTHON}ENTRYPOINT ["python", "/app/{program}"]\n')
            engine.build(name, context)


def demo(name: str) -> None:
    """Both in one image, as deploy/compose/Containerfile makes it of the official Python."""
    with _services() as context:
        (context / "keys").mkdir()
        own = "COPY --chown=65532:65532 keys/ /keys/\nUSER 65532:65532\n"
        (context / "Containerfile").write_text(PYTHON + own)
        engine.build(name, context)


def server(name: str, portcullis: Path) -> None:
    """A machine with this machine's systemd and with what deploy/systemd/README.md installs; nothing is enabled yet."""
    with _context('CMD ["/lib/systemd/systemd", "--unit=basic.target"]\n') as context:
        root = context / "root"
        for program in map(Path, SYSTEMD):
            engine.copy(program, root)
            for library in engine.libraries(program):
                engine.copy(library, root)
        shutil.copytree("/lib/systemd/system", root / "lib/systemd/system", symlinks=True)
        for folder in ("dev", "proc", "sys", "tmp", "var/cache", "etc/systemd/system"):
            (root / folder).mkdir(parents=True, exist_ok=True)
        (root / "etc/passwd").write_text("root:x:0:0:root:/root:/bin/sh\nnobody:x:65534:65534:nobody:/:/bin/sh\n")
        (root / "etc/group").write_text("root:x:0:\nnogroup:x:65534:\n")
        (root / "etc/nsswitch.conf").write_text("passwd: files\ngroup: files\nhosts: files\n")
        (root / "etc/machine-id").touch()
        deploy = PROJECT / "deploy" / "systemd"
        installed = {
            portcullis: "usr/bin/portcullis",
            deploy / "portcullis.conf": "etc/sysusers.d/portcullis.conf",
            deploy / "portcullis.yaml": "etc/portcullis/portcullis.yaml",
            deploy / "portcullis.socket": "etc/systemd/system/portcullis.socket",
            deploy / "portcullis.service": "etc/systemd/system/portcullis.service",
        }
        for source, target in installed.items():
            (root / target).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, root / target)
        (root / "usr/bin/portcullis").chmod(0o755)
        engine.build(name, context)


@contextmanager
def _services():
    with _context("") as context:
        root = context / "root"
        _python(root)
        shutil.copytree(PROJECT / "examples", root / "app", ignore=shutil.ignore_patterns("__pycache__"))
        yield context


def _python(root: Path) -> None:
    prefix = Path(sys.base_prefix)
    program = prefix / "bin" / "python3"
    standard = Path("lib") / f"python3.{sys.version_info.minor}"
    engine.copy(program, root)
    (root / program.relative_to("/")).with_name("python").symlink_to("python3")
    shutil.copytree(prefix / standard, root / prefix.relative_to("/") / standard, ignore=LEFT_OUT)
    packages = Path(next(path for path in sys.path if path.endswith("site-packages") and path.startswith(sys.prefix)))
    for pattern in WANTED:
        for found in packages.glob(pattern):
            target = root / "packages" / found.name
            target.parent.mkdir(exist_ok=True)
            if found.is_dir():
                shutil.copytree(found, target)
            else:
                shutil.copy2(found, target)
    linked = [program, *(prefix / standard / "lib-dynload").glob("*.so"), *root.glob("packages/**/*.so")]
    for each in linked:
        for library in engine.libraries(each):
            engine.copy(library, root)
