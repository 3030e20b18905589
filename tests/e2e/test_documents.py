"""Every command of the README and of the start page runs, in their order, as somebody would type them.

The twin is real, and so is kubectl. What takes minutes (`make demo`, the control plane) is asked of make without being
run; what goes on until it is told to end is told after a moment. Only the platform's own port is not the usual one,
since somebody else may listen there.
"""

import os
import re
import shlex
import subprocess
import sys
import time
from pathlib import Path

import pytest

from kubewright.cli.exits import EXCEPTIONS, Exit
from tests.e2e.beside import PATIENCE_SECONDS, end, eventually
from tools.site.__main__ import main as lay_site

ROOT = Path(__file__).parents[2]
WATCH_SECONDS = 2.0
_BLOCK = re.compile(r"^```console\n(.*?)^```", re.MULTILINE | re.DOTALL)


def commands(page):
    """Return the commands of a page, without what is said about them."""
    lines = [line for block in _BLOCK.findall((ROOT / page).read_text()) for line in block.splitlines()]
    return [re.split(r"\s{2,}#|\s#\s", line.removeprefix("$ "))[0].strip() for line in lines if line.startswith("$ ")]


class Shell:
    """One terminal after the other, in a folder with the examples; what runs beside is ended with it."""

    def __init__(self, folder):
        (folder / "examples").symlink_to(ROOT / "examples")
        self.folder = folder
        self.log = (folder / "log").open("wb")
        self.beside = []
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        self.environment = {**os.environ, "PATH": path, "KUBECACHEDIR": str(folder / "cache")}

    def type(self, line):
        if exported := re.fullmatch(r"export (\w+)=(\S+)", line):
            self.environment[exported[1]] = str(self.folder / exported[2])
        elif line.startswith("make "):
            for target in re.findall(r"make (\S+)", line):
                done = subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, text=True, check=False)
                assert done.returncode == 0, done.stderr
        elif line.endswith("&"):
            self.start(line.removesuffix("&").strip())
        elif line.endswith(" -w"):
            self.run(f"timeout {WATCH_SECONDS} {line}" if "&&" not in line else self.watching(line), {0, 124})
        else:
            self.run(line, {0, 3} if re.search(r"kubewright (status|doctor|whatif)", line) else {0})

    @staticmethod
    def watching(line):
        before, _, last = line.rpartition("&&")
        return f"{before} && timeout {WATCH_SECONDS} {last}"

    def start(self, line):
        elsewhere = ["--listen", "127.0.0.1:0"] if line.startswith("kubewright up") else []
        process = subprocess.Popen(
            [*shlex.split(line), *elsewhere],
            cwd=self.folder,
            env=self.environment,
            stdout=self.log,
            stderr=self.log,
        )
        self.beside.append(process)
        if found := re.search(r"--kubeconfig (\S+)", line):
            eventually(lambda: self.all_run() and (self.folder / found[1]).exists())

    def all_run(self):
        assert all(each.poll() is None for each in self.beside), (self.folder / "log").read_text()
        return True

    def run(self, line, expected):
        """Run a command until it succeeds: what was begun beside may not be ready yet."""
        deadline = time.monotonic() + PATIENCE_SECONDS
        while True:
            done = subprocess.run(
                ["bash", "-o", "pipefail", "-c", line],
                cwd=self.folder,
                env=self.environment,
                capture_output=True,
                text=True,
                check=False,
                timeout=PATIENCE_SECONDS,
            )
            if done.returncode in expected:
                return
            self.all_run()
            assert time.monotonic() < deadline, f"{line}\n{done.stdout}{done.stderr}"
            time.sleep(1)

    def close(self):
        for process in reversed(self.beside):
            end(process)
        self.log.close()


@pytest.fixture
def shell(tmp_path):
    shell = Shell(tmp_path)
    yield shell
    shell.close()


def test_every_command_of_the_readme_and_the_start_page_runs(shell):
    again = ("kubectl apply", "kubectl get")
    seen = set()
    listed = [*commands("docs/start.md"), *commands("README.md")]
    assert len(listed) > 15
    for line in listed:
        # The pages begin alike: one twin with one platform serves both.
        if line.startswith("kubewright up --kubeconfig .control-plane"):
            continue  # its cluster is `make control-plane-up`'s
        if line not in seen or line.startswith(again):
            shell.type(line)
        seen.add(line)


def test_the_site_has_a_page_for_every_command_and_kind_and_no_link_that_leaves_it(tmp_path):
    lay_site(tmp_path / "site")
    docs = tmp_path / "site" / "docs"
    text = (docs / "reference" / "commands" / "status.md").read_text()
    assert "# kubewright status" in text
    assert "| `-o, --output" in text
    assert "| `spec.image`" in (docs / "reference" / "kinds" / "appservice.md").read_text()
    leaving = []
    for page in docs.rglob("*.md"):
        prose = re.sub(r"```.*?```|`[^`]*`", "", page.read_text(), flags=re.DOTALL)
        links = re.findall(r"\]\((?!https?:|#|mailto:)([^)#\s]+)", prose)
        leaving += [f"{page.relative_to(docs)}: {link}" for link in links if not (page.parent / link).exists()]
    assert leaving == []


def test_the_exit_codes_are_documented():
    text = (ROOT / "docs" / "commands.md").read_text()
    assert all(f"| {code.value} |" in text for code in Exit)
    assert all(f"`{name}`" in text or f"`{name} " in text for name in EXCEPTIONS)
