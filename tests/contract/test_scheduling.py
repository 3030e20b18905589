"""What schedulers make of pods that care about each other: the same on both clusters."""

import pytest

from tests.contract.asking import eventually
from tests.contract.manifests import pod

HOST = "kubernetes.io/hostname"
NODES = 3


def near(kind, app):
    term = {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": app}}}
    return {"affinity": {kind: {"requiredDuringSchedulingIgnoredDuringExecution": [term]}}}


def labelled(name, app, **spec):
    made = pod(name, **spec)
    made["metadata"]["labels"] = {"app": app}
    return made


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


async def node_of(pods, name):
    async def bound():
        return (await pods.get(name)).ok()["spec"].get("nodeName")

    return await eventually(bound)


async def refusal_of(pods, name):
    async def told():
        status = (await pods.get(name)).ok()["status"]
        told = [each for each in status.get("conditions", ()) if each["type"] == "PodScheduled"]
        return next((each["message"] for each in told if each["status"] == "False"), None)

    return await eventually(told)


async def test_pods_that_bear_no_like_near_them_take_a_node_each(pods):
    for number in range(NODES):
        (await pods.create(labelled(f"p{number}", "lone", **near("podAntiAffinity", "lone")))).ok()
    assert len({await node_of(pods, f"p{number}") for number in range(NODES)}) == NODES
    (await pods.create(labelled("more", "lone", **near("podAntiAffinity", "lone")))).ok()
    text = f"0/{NODES} nodes are available: {NODES} node(s) didn't match pod anti-affinity rules."
    assert (await refusal_of(pods, "more")).startswith(text)


async def test_a_pod_keeps_others_away_that_say_nothing_of_it(pods):
    (await pods.create(labelled("shy", "shy", **near("podAntiAffinity", "loud")))).ok()
    home = await node_of(pods, "shy")
    (await pods.create(labelled("loud", "loud", nodeSelector={HOST: home}))).ok()
    assert "1 node(s) didn't satisfy existing pods anti-affinity rules" in await refusal_of(pods, "loud")


async def test_pods_go_where_the_pods_are_that_they_want_near(pods):
    (await pods.create(labelled("first", "pack", **near("podAffinity", "pack")))).ok()
    home = await node_of(pods, "first")
    for name in ("second", "third"):
        (await pods.create(labelled(name, "guest", **near("podAffinity", "pack")))).ok()
        assert await node_of(pods, name) == home


async def test_pods_spread_evenly_over_nodes(pods):
    spread = {
        "maxSkew": 1,
        "topologyKey": HOST,
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": "even"}},
    }
    for number in range(2 * NODES):
        (await pods.create(labelled(f"p{number}", "even", topologySpreadConstraints=[spread]))).ok()
    homes = [await node_of(pods, f"p{number}") for number in range(2 * NODES)]
    assert sorted(homes.count(home) for home in set(homes)) == [2] * NODES


async def test_a_pod_of_higher_priority_takes_the_place_of_others(api, pods, namespace):
    name = f"urgent-{namespace}"
    classes = api.of("priorityclasses", root="/apis/scheduling.k8s.io/v1")
    made = {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 1000}
    (await classes.create(made)).ok()
    host_port = [{"name": "main", "image": "nginx:1", "ports": [{"containerPort": 80, "hostPort": 39123}]}]
    (await pods.create(pod("first", containers=host_port))).ok()
    home = await node_of(pods, "first")
    (await pods.create(pod("meek", containers=host_port, nodeSelector={HOST: home}))).ok()
    assert "preemption: 0/3 nodes are available: " in await refusal_of(pods, "meek")
    urgent = pod("urgent", containers=host_port, nodeSelector={HOST: home}, priorityClassName=name)
    await pods.takes(urgent)  # admission hears of a class a little later
    (await pods.create(urgent)).ok()
    assert await node_of(pods, "urgent") == home

    async def gone():
        return (await pods.get("first")).status == 404

    assert await eventually(gone)
    await classes.delete(name)
