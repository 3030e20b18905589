"""What `kubewright new operator` makes runs on a cluster: its object becomes Ready, is repaired, and goes."""

import os
import subprocess
import sys

import pytest

from kubewright.scaffold.names import Names
from kubewright.scaffold.project import new_operator
from tests.contract.asking import eventually
from tests.contract.conftest import kubewright

SECONDS = 300
ROOT = "/apis/greeter.example.com/v1"


@pytest.fixture
def greeter(cluster, tmp_path, monkeypatch):
    """The project, its definition applied, its operator running."""
    new_operator(Names("greeter", "Greeter", "greeter.example.com"), tmp_path)
    monkeypatch.chdir(tmp_path)
    definition = str(tmp_path / "manifests" / "crds.yaml")
    cluster.kubectl("apply", "--server-side", "-f", definition)
    options = ["--kubeconfig", str(cluster.kubeconfig), "--no-leader-elect", "--listen", "127.0.0.1:0"]
    with kubewright(tmp_path / "operator.log", "operate", "greeter.app:build", *options):
        yield {"image": "nginx:1", "replicas": 2, "settings": {"GREETING": "hello"}}
    cluster.kubectl("delete", "-f", definition, "--timeout=180s")


async def test_a_new_operators_object_becomes_ready_is_repaired_and_goes(greeter, api, namespace):
    greeters, deployments = api.of("greeters", namespace, root=ROOT), api.of("deployments", namespace)
    await greeters.served()
    document = {
        "apiVersion": "greeter.example.com/v1",
        "kind": "Greeter",
        "metadata": {"name": "one"},
        "spec": greeter,
    }
    (await greeters.create(document)).ok()

    def ready(live):
        return any(each["status"] == "True" for each in live.get("status", {}).get("conditions", []))

    made = await greeters.becomes("one", ready)
    assert made["status"]["readyReplicas"] == 2
    first = (await deployments.get("one")).ok()["metadata"]["uid"]
    (await deployments.delete("one")).ok()

    async def again():
        found = await deployments.get("one")
        return found.status == 200 and found.ok()["metadata"]["uid"] != first

    await eventually(again, deployments.list)
    (await greeters.delete("one")).ok()

    async def gone():
        return await deployments.names() == []

    await eventually(gone, deployments.list)


def test_a_new_projects_own_life_is_lived_on_a_cluster_in_place_of_the_twin(cluster, tmp_path):
    new_operator(Names("caller", "Caller", "caller.example.com"), tmp_path)
    command = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "comes_up", "tests"]
    environment = {**os.environ, "CLUSTER": str(cluster.kubeconfig), "PYTHONPATH": str(tmp_path)}
    done = subprocess.run(
        command, cwd=tmp_path, env=environment, capture_output=True, text=True, timeout=SECONDS, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    definition = str(tmp_path / "manifests" / "crds.yaml")
    # It ran there: what the operator installed is to be deleted.
    cluster.kubectl("delete", "-f", definition, "--timeout=180s")
