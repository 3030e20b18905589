"""The contract suite's clusters: the embedded one and the real control plane, each asked over HTTPS as a user would.

What the real one answers is the specification. A case gets a `client` and a `namespace` of its own.
"""

import itertools
import os
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

import pytest

from kubewright.api.core import NAMESPACES
from kubewright.api.meta import ObjectKey
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from tools.cluster import ControlPlane, kubectl_path

NODES = 3
START_SECONDS = 60


@dataclass(frozen=True)
class Cluster:
    """A running API server with nodes."""

    name: str
    kubeconfig: Path

    def kubectl(self, *arguments: str, stdin: str = "", check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run kubectl against it; `check` fails the test when kubectl fails, showing what it said."""
        environment = {**os.environ, "KUBECONFIG": str(self.kubeconfig)}
        command = [str(kubectl_path()), *arguments]
        done = subprocess.run(command, input=stdin, text=True, capture_output=True, env=environment, timeout=120)
        if check:
            assert done.returncode == 0, f"{' '.join(arguments)}\n{done.stdout}\n{done.stderr}"
        return done


def pytest_generate_tests(metafunc):
    if "cluster" in metafunc.fixturenames:
        names = metafunc.config.getoption("--cluster") or ["twin"]
        metafunc.parametrize("cluster", names, indirect=True, scope="session")


@pytest.fixture(scope="session")
def cluster(request, tmp_path_factory):
    state = tmp_path_factory.mktemp(request.param)
    start = start_twin if request.param == "twin" else start_control_plane
    yield from start(state)


def start_twin(state):
    kubeconfig = state / "kubeconfig"
    command = ["twin", "serve", "--nodes", str(NODES), "--kubeconfig", str(kubeconfig)]
    with kubewright(state / "twin.log", *command) as process:
        wait_for(kubeconfig, process)
        yield Cluster("twin", kubeconfig)


def start_control_plane(state):
    with ControlPlane.start(state) as plane:
        command = ["twin", "nodes", "--nodes", str(NODES), "--kubeconfig", str(plane.kubeconfig)]
        with kubewright(state / "nodes.log", *command):
            yield Cluster("control-plane", plane.kubeconfig)


class kubewright:  # noqa: N801  reads as the command that it is
    """A kubewright command running beside the tests."""

    def __init__(self, log, *arguments):
        self.log = log
        self.command = [sys.executable, "-m", "kubewright", *arguments]

    def __enter__(self):
        self.output = self.log.open("w")
        self.process = subprocess.Popen(self.command, stdout=self.output, stderr=subprocess.STDOUT)
        return self.process

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(timeout=30)
        self.output.close()


def wait_for(path, process):
    deadline = time.monotonic() + START_SECONDS
    while not path.exists():
        assert process.poll() is None, "the embedded cluster ended before it served"
        assert time.monotonic() < deadline, f"no kubeconfig after {START_SECONDS} s"
        time.sleep(0.05)


@pytest.fixture
async def client(cluster):
    client = connect(load(str(cluster.kubeconfig)))
    yield client
    await client.close()


numbers = itertools.count(1)


@pytest.fixture
async def namespace(client):
    name = f"case-{os.getpid()}-{next(numbers)}"
    await client.create(NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})
    yield name
    await client.delete(NAMESPACES, ObjectKey("", name))
