"""The platform's scheduler, as `kubewright run scheduler` runs it beside the cluster's own."""

import pytest

from kubewright.scheduler.telling import plain
from tests.contract.asking import eventually
from tests.contract.conftest import OUR_SCHEDULER
from tests.contract.manifests import pod

HOSTNAME = "kubernetes.io/hostname"


def apart(color):
    terms = [{"labelSelector": {"matchLabels": {"color": color}}, "topologyKey": HOSTNAME}]
    return {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}


@pytest.fixture
def pods(api, namespace, scheduler):
    return api.of("pods", namespace)


@pytest.fixture
def scheduled(api, namespace, pods):
    """What becomes of a pod: its node, or why it has none, and the events that were written by its scheduler."""

    async def scheduled(name, **spec):
        labels = {"color": spec.pop("color", "none")}
        document = pod(name, **spec)
        document["metadata"]["labels"] = labels
        (await pods.create(document)).ok()

        async def told():
            found = (await pods.get(name)).ok()
            conditions = found.get("status", {}).get("conditions", [])
            return next((each for each in conditions if each["type"] == "PodScheduled"), None) and found

        found = await eventually(told)
        condition = next(each for each in found["status"]["conditions"] if each["type"] == "PodScheduled")
        return found["spec"].get("nodeName", ""), condition

    return scheduled


async def test_a_pod_that_names_it_runs_and_is_told_of(api, namespace, pods):
    (await pods.create(pod("a", schedulerName=OUR_SCHEDULER))).ok()

    async def ready():
        conditions = (await pods.get("a")).ok()["status"].get("conditions", [])
        return any(each["type"] == "Ready" and each["status"] == "True" for each in conditions)

    await eventually(ready)
    node = (await pods.get("a")).ok()["spec"]["nodeName"]
    events = api.of("events", namespace)

    async def written():
        listed = (await events.list(fieldSelector="involvedObject.name=a,reason=Scheduled")).ok()["items"]
        return [(each["type"], each["message"], each["source"]["component"]) for each in listed]

    assert await eventually(written) == [("Normal", f"Successfully assigned {namespace}/a to {node}", OUR_SCHEDULER)]


def asking(**requests):
    resources = {"requests": requests, "limits": requests}
    return {"containers": [{"name": "main", "image": "nginx:1", "resources": resources}]}


FRIENDS = {"podAffinity": apart("blue")["podAntiAffinity"]}
CLAIM = {"name": "v", "persistentVolumeClaim": {"claimName": "gone"}}


@pytest.mark.parametrize(
    "spec",
    [
        pytest.param(asking(cpu="900"), id="too large"),
        pytest.param(asking(**{"example.com/x": "1"}), id="a resource that nobody has"),
        pytest.param({"nodeSelector": {"nowhere": "yes"}}, id="a label that no node has"),
        pytest.param({"affinity": FRIENDS, "color": "red"}, id="friends that are not there"),
        pytest.param({"volumes": [CLAIM]}, id="a claim that is not there"),
    ],
)
async def test_what_fits_nowhere_is_told_so_in_the_words_of_the_clusters_own(cluster, scheduled, spec):
    node, condition = await scheduled("mine", schedulerName=OUR_SCHEDULER, **dict(spec))
    assert (node, condition["status"], condition["reason"]) == ("", "False", "Unschedulable")
    if cluster.name == "twin":
        return  # its own scheduler makes fewer words
    _, theirs = await scheduled("other", **dict(spec))
    assert plain(condition["message"]) == theirs["message"]


async def test_pods_that_stay_apart_take_a_node_each_and_no_more(scheduled):
    spec = {"schedulerName": OUR_SCHEDULER, "color": "green", "affinity": apart("green")}
    nodes = [(await scheduled(f"apart-{number}", **dict(spec)))[0] for number in range(3)]
    assert len(set(nodes)) == 3
    assert "" not in nodes
    _, condition = await scheduled("one-too-many", **dict(spec))
    assert condition["reason"] == "Unschedulable"
    assert "3 node(s) didn't match pod anti-affinity rules" in condition["message"]
