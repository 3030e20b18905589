"""Fault objects through kubectl: a kind that a real server takes as the twin does, and what it breaks on the twin.

Faults of the API server need the twin's own; those of nodes and pods work wherever our kubelets run.
"""

import json
import subprocess
import sys

import pytest

from kubewright.api.core import CONFIG_MAPS
from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from tests.contract.asking import eventually
from tests.contract.manifests import config_map, deployment

KIND = "faults.twin.kubewright.dev"
INVALID = [
    pytest.param(
        {"type": "NodeDown"}, "spec: Invalid value: a fault of type NodeDown needs target.nodes", id="no target"
    ),
    pytest.param(
        {"type": "CrashLoop", "target": {"nodes": {}}},
        "spec: Invalid value: a fault of type CrashLoop needs target.pods",
        id="another type's target",
    ),
    pytest.param(
        {"type": "NodeDown", "target": {"nodes": {}, "pods": {}}},
        "spec.target: Invalid value: a fault has one kind of target: nodes, pods, clients, claims, objects or webhooks",
        id="two kinds of target",
    ),
    pytest.param(
        {"type": "NodeDown", "target": {"nodes": {}}, "apiError": {"code": 500}},
        "spec: Invalid value: a fault of type NodeDown takes no parameters of another type",
        id="another type's parameters",
    ),
    pytest.param(
        {"type": "ApiError", "target": {"clients": {}}},
        "spec: Invalid value: a fault of type ApiError needs apiError",
        id="no parameters",
    ),
    pytest.param(
        {"type": "Compaction", "schedule": {"periodSeconds": 60}},
        "spec.schedule: Invalid value: with periodSeconds there must be a shorter durationSeconds",
        id="a period without a duration",
    ),
    pytest.param(
        {"type": "NodeDown", "target": {"nodes": {}, "count": 1, "percent": 5}},
        "spec.target: Invalid value: count and percent exclude each other",
        id="two shares",
    ),
]


@pytest.fixture(scope="module")
def kind(cluster):
    """Serve the kind; the twin does so by itself."""
    if cluster.name == "twin":
        yield
        return
    printed = subprocess.run(
        [sys.executable, "-m", "kubewright", "twin", "crds"], capture_output=True, text=True, check=True
    )
    cluster.kubectl("apply", "--server-side", "-f", "-", stdin=printed.stdout)
    cluster.established(KIND)
    yield
    cluster.kubectl("delete", "crd", KIND)


def fault(name, **spec):
    head = {"apiVersion": "twin.kubewright.dev/v1alpha1", "kind": "Fault", "metadata": {"name": name}}
    return json.dumps({**head, "spec": spec})


@pytest.fixture
def inject(cluster, kind, namespace):
    """Apply faults under the case's own name, and lift what is left of them."""
    names = []

    def inject(name, **spec):
        own = f"{namespace}-{name}"
        names.append(own)
        cluster.kubectl("apply", "-f", "-", stdin=fault(own, **spec))
        cluster.kubectl("wait", "--for=jsonpath={.status.phase}", f"fault/{own}", "--timeout=180s")
        return own

    yield inject
    if names:
        cluster.kubectl("delete", "faults", "--ignore-not-found", *names)


@pytest.mark.parametrize(("spec", "words"), INVALID)
def test_what_does_not_belong_together_is_refused_in_words(cluster, kind, namespace, spec, words):
    done = cluster.kubectl("apply", "-f", "-", stdin=fault(namespace, **spec), check=False)
    assert done.returncode == 1
    assert words in done.stderr


def test_a_fault_is_defaulted_and_typed(cluster, kind, namespace):
    spec = {"type": "GpuXid", "target": {"nodes": {"names": ["none"]}}, "gpuXid": {"device": 2}}
    cluster.kubectl("apply", "-f", "-", stdin=fault(namespace, **spec))
    found = json.loads(cluster.kubectl("get", "fault", namespace, "-o", "json").stdout)
    assert found["spec"]["gpuXid"] == {"code": 79, "device": 2}
    cluster.kubectl("delete", "fault", namespace)


def restarts(cluster, namespace):
    path = "jsonpath={.items[*].status.containerStatuses[*].restartCount}"
    return cluster.kubectl("-n", namespace, "get", "pods", "-o", path).stdout


async def test_a_container_is_crashed_wherever_our_kubelets_run(cluster, namespace, inject):
    cluster.kubectl("-n", namespace, "create", "-f", "-", stdin=json.dumps(deployment("web", 1)))
    cluster.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=180s")
    inject("crash", type="ContainerCrash", target={"pods": {"namespaces": [namespace]}})

    async def restarted():
        return restarts(cluster, namespace) == "1"

    await eventually(restarted)
    cluster.kubectl("-n", namespace, "rollout", "status", "deployment/web", "--timeout=180s")


def test_faults_of_a_server_that_is_not_the_twins_say_so(cluster, namespace, inject):
    if cluster.name == "twin":
        pytest.skip("the API server is the twin's")
    name = inject("errors", type="ApiError", target={"clients": {"namespaces": [namespace]}}, apiError={"code": 500})
    (condition, _) = json.loads(cluster.kubectl("get", "fault", name, "-o", "json").stdout)["status"]["conditions"]
    assert (condition["status"], condition["reason"]) == ("False", "NotPossibleHere")


@pytest.fixture
def twin_only(cluster):
    if cluster.name != "twin":
        pytest.skip("the API server is not the twin's")


async def test_kubectl_meets_errors_until_it_lifts_them(cluster, twin_only, namespace, inject):
    clients = {"userAgents": ["kubectl*"], "namespaces": [namespace], "resources": ["configmaps"]}
    name = inject("errors", type="ApiError", target={"clients": clients}, apiError={"code": 500})
    done = cluster.kubectl("-n", namespace, "get", "configmaps", check=False)
    assert done.returncode == 1
    assert "Internal error occurred: etcdserver: request timed out" in done.stderr
    row = cluster.kubectl("get", "fault", name, "--no-headers").stdout.split()
    assert row[:3] == [name, "ApiError", "InForce"]
    cluster.kubectl("delete", "fault", name)
    cluster.until(lambda done: done.returncode == 0, "-n", namespace, "get", "configmaps")


@pytest.mark.parametrize(("when", "data"), [("Before", {}), ("After", {"k": "v"})])
async def test_a_connection_is_reset_on_the_wire(client, twin_only, namespace, inject, when, data):
    await client.create(CONFIG_MAPS, config_map("settings"), namespace=namespace)
    clients = {"namespaces": [namespace], "verbs": ["patch"]}
    inject("cut", type="ApiReset", target={"clients": clients, "count": 1}, apiReset={"when": when})
    key = ObjectKey(namespace, "settings")
    with pytest.raises(OpError) as caught:
        await client.patch(CONFIG_MAPS, key, {"data": {"k": "v"}})
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    assert (await client.get(CONFIG_MAPS, key)).data == data
    await client.patch(CONFIG_MAPS, key, {"data": {"k": "v"}})
