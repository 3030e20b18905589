"""`kubewright why` against live clusters: what their own scheduler says, and suggestions that hold when followed."""

import asyncio
import json
import subprocess
import sys

import pytest

from tests.contract.asking import eventually
from tests.contract.manifests import deployment, pod

WAITS = 3


@pytest.fixture
def why(cluster, namespace):
    def ask(*arguments, code=WAITS, command="why"):
        command = [sys.executable, "-m", "kubewright", command, *arguments, "-n", namespace]
        command += ["--kubeconfig", str(cluster.kubeconfig)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == code, done.stdout + done.stderr
        return done.stdout if code in {0, WAITS} else done.stderr

    async def why(*arguments, **options):
        return await asyncio.to_thread(ask, *arguments, **options)

    return why


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


@pytest.fixture
def told(pods):
    """What the cluster's scheduler says of a pod: its first word, or a `status`, once other cases' pods went."""

    async def told(name, status=None):
        async def condition():
            conditions = (await pods.get(name)).ok().get("status", {}).get("conditions", [])
            said = (each for each in conditions if each["type"] == "PodScheduled")
            return next((each for each in said if status in (None, each["status"])), None)

        return await eventually(condition)

    return told


def asking(**requests):
    resources = {"requests": requests, "limits": requests}
    return {"containers": [{"name": "main", "image": "nginx:1", "resources": resources}]}


FRIENDS = [{"labelSelector": {"matchLabels": {"color": "none"}}, "topologyKey": "kubernetes.io/hostname"}]
NEAR = {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": FRIENDS}}
SPREAD = [
    {
        "maxSkew": 1,
        "topologyKey": "example.com/row",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"color": "none"}},
    }
]


def either(*values):
    term = {"matchExpressions": [{"key": "kubernetes.io/os", "operator": "In", "values": list(values)}]}
    required = {"nodeSelectorTerms": [term]}
    return {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": required}}


CASES = [
    pytest.param(asking(cpu="900"), "request", "no node has more than", id="too large"),
    pytest.param(asking(**{"nvidia.com/gpu": "1000000"}), "", "1000000 nvidia.com/gpu", id="a million GPUs"),
    pytest.param({"nodeSelector": {"nowhere": "yes"}}, "term", "no node has the label nowhere=yes", id="a label"),
    pytest.param({"affinity": NEAR}, "term", "", id="friends that are not there"),
    pytest.param({"topologySpreadConstraints": SPREAD}, "term", "no node has the label example.com/row", id="a key"),
    pytest.param({"affinity": either("plan9")}, "term", "", id="an affinity"),
    pytest.param(
        {"affinity": either("linux"), "nodeSelector": {"kubernetes.io/os": "plan9"}}, "term", "", id="a contradiction"
    ),
]


@pytest.mark.parametrize(("spec", "kind", "sentence"), CASES)
async def test_it_says_what_the_clusters_scheduler_says_and_what_would_help(
    cluster, pods, told, why, spec, kind, sentence
):
    (await pods.create(pod("a", **spec))).ok()
    condition = await told("a")
    assert (condition["status"], condition["reason"]) == ("False", "Unschedulable")
    (found,) = json.loads(await why("pod/a", "-o", "json"))["pods"]
    if cluster.name == "control-plane":  # the twin's own scheduler makes fewer words
        assert found["message"] == condition["message"]
    assert found["message"].startswith("0/3 nodes are available")
    assert [each["kind"] for each in found["remedies"]][:1] == ([kind] if kind else [])
    assert sentence in " ".join(found["impossible"])


async def test_a_smaller_request_that_is_suggested_is_granted(pods, told, why):
    (await pods.create(pod("large", **asking(cpu="900")))).ok()
    await told("large")
    (found,) = json.loads(await why("large", "-o", "json"))["pods"]
    (await pods.create(pod("small", **asking(**found["remedies"][0]["requests"])))).ok()
    assert await told("small", status="True")
    assert "is on node" in await why("pod/small", code=0)


async def test_pods_that_a_quota_keeps_from_being_made(api, namespace, why):
    # By the secrets that it does not let in, either, it is known that the server heeds it.
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "1", "count/secrets": "0"}}}
    (await api.of("resourcequotas", namespace, root="/api/v1").create(quota)).ok()
    await api.of("secrets", namespace).refuses({"metadata": {"name": "a"}}, says="exceeded quota: q")
    deployments = api.of("deployments", namespace, root="/apis/apps/v1")
    (await deployments.create(deployment("web", 3))).ok()

    async def told():
        text = await why("deployment/web")
        return "cannot make 2 of its pods" in text and text

    text = await eventually(told)
    assert "quota q needs 1 pods more: 1 of 1 are used, and the next pod asks for 1" in text


async def test_what_is_not_there_and_what_has_no_pods(why):
    assert 'pods "gone" not found' in await why("pod/gone", code=1)
    assert "expected KIND/NAME with a kind of" in await why("service/x", code=1)


async def test_what_a_new_node_would_do_and_one_that_goes(api, pods, told, why):
    node = (await api.of("nodes").names())[0]
    tied = asking(cpu="5") | {"nodeSelector": {"kubernetes.io/hostname": node}}
    (await pods.create(pod("there", **tied))).ok()
    assert await told("there", status="True")
    (await pods.create(pod("waits", **asking(cpu="900")))).ok()
    await told("waits")
    effect = json.loads(await why("--remove-node", node, "-o", "json", command="whatif"))
    assert [each["pod"].partition("/")[2] for each in effect["lost"] if each["pod"].endswith("/there")] == ["there"]
    assert (effect["harms"], effect["nodes"]) == (True, {"before": 3, "after": 2})
    text = await why("--add-nodes", f"2=like:{node}", code=0, command="whatif")
    assert text.splitlines()[1].split() == ["nodes", "3", "5"]
    assert "no such node" in await why("--remove-node", "gone", code=1, command="whatif")
    assert (await pods.get("there")).ok()["spec"]["nodeName"] == node
