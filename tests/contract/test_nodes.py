"""Nodes that fall ill: their taints, and who leaves. Their kubelets are the cases' own: nobody else speaks for them."""

import itertools
import os

import pytest

from tests.contract.asking import STRATEGIC, eventually
from tests.contract.manifests import pod

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
CONDITIONS = ("MemoryPressure", "DiskPressure", "PIDPressure", "Ready")

numbers = itertools.count(1)


@pytest.fixture
def nodes(api):
    return api.of("nodes")


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


@pytest.fixture
async def node(api, nodes):
    """Make a node that is well, in a zone where no other node is given up before it, and take it away afterwards."""
    name = f"case-{os.getpid()}-{next(numbers)}"
    labels = {"kubernetes.io/os": "linux", "kubernetes.io/arch": "amd64", "topology.kubernetes.io/zone": name}
    (await nodes.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})).ok()
    await says(nodes, name, "True")
    await nodes.becomes(name, lambda found: not keys(found))
    yield name
    await nodes.delete(name)


async def says(nodes, name, ready, **others):
    """Report as the node's kubelet."""
    statuses = dict.fromkeys(CONDITIONS, "False") | {"Ready": ready} | others
    conditions = [{"type": type_, "status": status, "reason": "Case"} for type_, status in statuses.items()]
    body = {"status": {"conditions": conditions}}
    (await nodes.patch(name, STRATEGIC, body, "status")).ok()


def keys(node):
    return sorted((each["key"], each["effect"]) for each in node["spec"].get("taints") or [])


async def placed(pods, name, node, tolerations):
    wanted = {**pod(name), "spec": {**pod(name)["spec"], "nodeName": node, "tolerations": tolerations}}
    return (await pods.create(wanted)).ok()


def tolerates(key, seconds=None):
    given = {"key": key, "operator": "Exists", "effect": "NoExecute"}
    return given if seconds is None else {**given, "tolerationSeconds": seconds}


async def told(api, namespace, name, reason):
    """Wait for the messages of events about an object."""

    async def messages():
        found = (await api.of("events", namespace).list(fieldSelector=f"involvedObject.name={name}")).ok()["items"]
        return [each["message"] for each in found if each["reason"] == reason]

    return await eventually(messages)


async def test_a_node_that_is_new_is_greeted_and_labelled_in_the_older_way_too(api, nodes, node):
    found = await nodes.becomes(node, lambda found: "beta.kubernetes.io/os" in found["metadata"]["labels"])
    assert found["metadata"]["labels"]["beta.kubernetes.io/arch"] == "amd64"
    text = f"Node {node} event: Registered Node {node} in Controller"
    assert await told(api, "default", node, "RegisteredNode") == [text]


async def test_a_node_that_is_not_ready_takes_no_pods_and_drives_out_its_own(nodes, node):
    await says(nodes, node, "False")
    found = await nodes.becomes(node, lambda found: len(keys(found)) == 2)
    assert keys(found) == [(NOT_READY, "NoExecute"), (NOT_READY, "NoSchedule")]
    assert all(each["timeAdded"] for each in found["spec"]["taints"])
    await says(nodes, node, "Unknown")
    expected = [(UNREACHABLE, "NoExecute"), (UNREACHABLE, "NoSchedule")]
    await nodes.becomes(node, lambda found: keys(found) == expected)
    await says(nodes, node, "True")
    await nodes.becomes(node, lambda found: not keys(found))


@pytest.mark.parametrize(
    ("condition", "key"),
    [("DiskPressure", "disk-pressure"), ("MemoryPressure", "memory-pressure"), ("PIDPressure", "pid-pressure")],
)
async def test_pressure_keeps_new_pods_away(nodes, node, condition, key):
    await says(nodes, node, "True", **{condition: "True"})
    await nodes.becomes(node, lambda found: keys(found) == [(f"node.kubernetes.io/{key}", "NoSchedule")])


async def test_pods_leave_a_tainted_node_as_soon_as_they_do_not_tolerate_it(api, namespace, nodes, pods, node):
    await placed(pods, "later", node, [tolerates("case", 2)])
    await placed(pods, "stays", node, [tolerates("case")])
    await placed(pods, "at-once", node, [])
    (await nodes.merge(node, {"spec": {"taints": [{"key": "case", "effect": "NoExecute"}]}})).ok()
    for name in ("at-once", "later"):
        gone = await pods.becomes(name, lambda found: "deletionTimestamp" in found["metadata"])
        (target,) = [each for each in gone["status"]["conditions"] if each["type"] == "DisruptionTarget"]
        assert (target["status"], target["reason"]) == ("True", "DeletionByTaintManager")
        assert target["message"] == "Taint manager: deleting due to NoExecute taint"
        marked = await told(api, namespace, name, "TaintManagerEviction")
        assert marked == [f"Marking for deletion Pod {namespace}/{name}"]
    assert "deletionTimestamp" not in (await pods.get("stays")).ok()["metadata"]


async def test_who_was_to_leave_stays_when_the_taint_goes(api, namespace, nodes, pods, node):
    await placed(pods, "a", node, [tolerates("case", 600)])
    (await nodes.merge(node, {"spec": {"taints": [{"key": "case", "effect": "NoExecute"}]}})).ok()
    await nodes.becomes(node, keys)
    # The controller has to see the taint before it goes.
    await eventually(lambda: told_later(api, namespace, nodes, node))
    found = (await pods.get("a")).ok()
    assert "deletionTimestamp" not in found["metadata"]


async def told_later(api, namespace, nodes, node):
    """Take the taint away, and give it again until its going was told of."""
    await nodes.merge(node, {"spec": {"taints": None}})
    found = (await api.of("events", namespace).list(fieldSelector="involvedObject.name=a")).ok()["items"]
    if any(each["message"] == f"Cancelling deletion of Pod {namespace}/a" for each in found):
        return True
    await nodes.merge(node, {"spec": {"taints": [{"key": "case", "effect": "NoExecute"}]}})
    return False


async def test_terminating_pods_of_a_node_out_of_service_are_taken_away(nodes, pods, node):
    await placed(pods, "a", node, [{"operator": "Exists"}])
    await says(nodes, node, "False")
    await nodes.becomes(node, lambda found: len(keys(found)) == 2)
    await pods.delete("a")
    found = (await nodes.get(node)).ok()
    taint = {"key": OUT_OF_SERVICE, "value": "nodeshutdown", "effect": "NoExecute"}
    (await nodes.merge(node, {"spec": {"taints": [*found["spec"]["taints"], taint]}})).ok()
    await pods.gone("a")
