"""Completion, and the plugin, as shells and the real kubectl ask for them."""

import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.contract.asking import PATIENCE_SECONDS


@pytest.fixture
def tools(tmp_path):
    """The executables as a wheel installs them, and a PATH that has them."""
    for name, module, function in (
        ("kubewright", "main", "main"),
        ("kubectl-wright", "plugin", "main"),
        ("kubectl_complete-wright", "plugin", "complete"),
    ):
        script = tmp_path / name
        script.write_text(f"#!{sys.executable}\nfrom kubewright.cli.{module} import {function}\n{function}()\n")
        script.chmod(0o755)
    return f"{tmp_path}{os.pathsep}{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"


@pytest.fixture
def call(cluster, tools):
    def call(*command, code=0, **environment):
        variables = {**cluster.environment(), "PATH": tools, **environment}
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False, env=variables)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout

    return call


@pytest.fixture
async def pods(api, namespace):
    spec = {"containers": [{"name": "c", "image": "x"}], "schedulerName": "nobody"}
    for name in ("web-1", "web-2", "db-1"):
        (await api.of("pods", namespace).create({"metadata": {"name": name}, "spec": spec})).ok()


def offered(ask):
    """What is offered, asked again where a slow machine let the time run out in which names are waited for."""
    deadline = time.monotonic() + PATIENCE_SECONDS
    while "web-1" not in (found := ask()):
        assert time.monotonic() < deadline, found
    return found


def test_kubectl_runs_and_completes_the_plugin(call, namespace, pods):
    assert "Usage: kubectl wright" in call("kubectl", "wright", "--help")
    # So kubectl's own completion asks; it hands on what `kubectl_complete-wright` prints.
    found = offered(lambda: call("kubectl", "__complete", "wright", "why", "-n", namespace, "pod/w"))
    assert [each for each in found.splitlines() if each.startswith("pod/")] == ["pod/web-1", "pod/web-2"]
    assert ":4" in found.splitlines()
    assert "status\tSay on one screen" in call("kubectl", "__complete", "wright", "sta")


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_shells_complete_the_names_of_live_objects(call, namespace, pods, shell):
    words = f"kubewright why -n {namespace} pod/web-"
    asked = {"COMP_WORDS": words, "COMP_CWORD": "4" if shell != "fish" else "pod/web-"}
    found = offered(lambda: call("kubewright", _KUBEWRIGHT_COMPLETE=f"{shell}_complete", **asked))
    assert "pod/web-1" in found
    assert "pod/web-2" in found
    assert "db-1" not in found
    source = call("kubewright", "completion", shell)
    if shutil.which(shell):  # the shell itself takes it
        call(shell, "-c", "autoload -Uz compinit && compinit -u\n" * (shell == "zsh") + source)


def test_without_a_cluster_nothing_is_offered_and_nothing_is_said(call, tmp_path):
    lost = {"KUBECONFIG": str(tmp_path / "none"), "COMP_WORDS": "kubewright why pod/", "COMP_CWORD": "2"}
    assert call("kubewright", _KUBEWRIGHT_COMPLETE="bash_complete", **lost).strip() == ""
