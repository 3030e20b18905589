"""Controllers and kubelets: what becomes of Deployments, ReplicaSets, Services and pods on simulated nodes."""

import pytest

from tests.contract.asking import eventually
from tests.contract.manifests import config_map, deployment, owned_by, pod, replica_set, service


@pytest.fixture
def deployments(api, namespace):
    return api.of("deployments", namespace)


@pytest.fixture
def sets(api, namespace):
    return api.of("replicasets", namespace)


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


def condition(document, kind):
    conditions = document.get("status", {}).get("conditions") or []
    return next((each for each in conditions if each["type"] == kind), {"status": "", "reason": ""})


def rolled_out(replicas):
    """Whether a Deployment is as its present spec wants it, and nothing else is left."""

    def complete(document):
        status = document["status"]
        return (
            status.get("observedGeneration") == document["metadata"]["generation"]
            and (
                status.get("replicas", 0),
                status.get("updatedReplicas", 0),
                status.get("availableReplicas", 0),
            )
            == (replicas,) * 3
        )

    return complete


async def images(collection):
    items = (await collection.list()).ok()["items"]
    return sorted(item["spec"]["containers"][0]["image"] for item in items if not terminating(item))


def terminating(document):
    return "deletionTimestamp" in document["metadata"]


async def until_images(pods, expected):
    async def so():
        return await images(pods) == expected

    await eventually(so, pods.list)


async def test_a_deployment_becomes_available(deployments, sets, pods):
    (await deployments.create(deployment("a", 2))).ok()
    ready = await deployments.becomes("a", rolled_out(2))
    assert (condition(ready, "Available")["status"], condition(ready, "Available")["reason"]) == (
        "True",
        "MinimumReplicasAvailable",
    )
    progressing = await deployments.becomes(
        "a", lambda it: condition(it, "Progressing")["reason"] == "NewReplicaSetAvailable"
    )
    assert condition(progressing, "Progressing")["status"] == "True"
    assert ready["metadata"]["annotations"] == {"deployment.kubernetes.io/revision": "1"}
    assert ready["status"]["readyReplicas"] == 2
    (made,) = (await sets.list()).ok()["items"]
    template_hash = made["metadata"]["labels"]["pod-template-hash"]
    assert made["metadata"]["name"] == f"a-{template_hash}"
    assert made["spec"]["selector"]["matchLabels"] == {"app": "a", "pod-template-hash": template_hash}
    assert made["metadata"]["annotations"] == {
        "deployment.kubernetes.io/desired-replicas": "2",
        "deployment.kubernetes.io/max-replicas": "3",
        "deployment.kubernetes.io/revision": "1",
    }
    (owner,) = made["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["name"], owner["controller"], owner["blockOwnerDeletion"]) == (
        "Deployment",
        "a",
        True,
        True,
    )
    running = (await pods.list()).ok()["items"]
    assert all(each["metadata"]["name"].startswith(f"a-{template_hash}-") for each in running)
    assert all(each["metadata"]["generateName"] == f"a-{template_hash}-" for each in running)
    assert {each["metadata"]["ownerReferences"][0]["uid"] for each in running} == {made["metadata"]["uid"]}


async def test_a_pod_runs_on_a_node(pods, api):
    (await pods.create(pod("a"))).ok()
    running = await pods.becomes("a", lambda it: condition(it, "Ready")["status"] == "True")
    assert running["spec"]["nodeName"] in await api.of("nodes").names()
    status = running["status"]
    assert (status["phase"], status["qosClass"]) == ("Running", "BestEffort")
    assert status["podIP"]
    assert status["podIPs"] == [{"ip": status["podIP"]}]
    assert status["hostIP"]
    assert status["startTime"]
    kinds = {each["type"]: each["status"] for each in status["conditions"]}
    assert {kinds[kind] for kind in ("PodScheduled", "Initialized", "ContainersReady", "Ready")} == {"True"}
    (container,) = status["containerStatuses"]
    assert (container["name"], container["ready"], container["started"], container["restartCount"]) == (
        "main",
        True,
        True,
        0,
    )
    assert "running" in container["state"]
    assert container["containerID"]


async def test_a_pod_that_fits_nowhere_waits(pods, api):
    container = {"name": "c", "image": "i", "resources": {"requests": {"cpu": "100000"}}}
    (await pods.create(pod("a", containers=[container]))).ok()
    waiting = await pods.becomes("a", lambda it: condition(it, "PodScheduled")["status"] == "False")
    assert condition(waiting, "PodScheduled")["reason"] == "Unschedulable"
    assert "Insufficient cpu" in condition(waiting, "PodScheduled")["message"]
    assert waiting["status"]["phase"] == "Pending"


async def test_a_deleted_pod_ends_gracefully(pods):
    (await pods.create(pod("a", terminationGracePeriodSeconds=2))).ok()
    await pods.becomes("a", lambda it: it["status"]["phase"] == "Running")
    (await pods.delete("a")).ok()
    await pods.gone("a")


async def test_a_new_image_rolls_out(deployments, sets, pods):
    (await deployments.create(deployment("a", 3))).ok()
    await deployments.becomes("a", rolled_out(3))
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx:2"}]}}}}
    (await deployments.merge("a", patch)).ok()
    done = await deployments.becomes("a", rolled_out(3))
    assert done["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"
    await until_images(pods, ["nginx:2"] * 3)
    found = (await sets.list()).ok()["items"]
    by_revision = {
        it["metadata"]["annotations"]["deployment.kubernetes.io/revision"]: it["spec"]["replicas"] for it in found
    }
    assert by_revision == {"1": 0, "2": 3}


async def test_a_rolling_update_keeps_enough_pods(deployments):
    spec = {"strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}}}
    (await deployments.create(deployment("a", 2, **spec))).ok()
    start = (await deployments.becomes("a", rolled_out(2)))["metadata"]["resourceVersion"]
    patch = {"spec": {"template": {"metadata": {"annotations": {"v": "2"}}}}}
    (await deployments.merge("a", patch)).ok()
    complete = rolled_out(2)
    events = await deployments.watched(
        lambda events: len(events) > 1 and complete(events[-1][1]), resourceVersion=start
    )
    states = [obj["status"] for _, obj in events]
    assert max(each.get("replicas", 0) for each in states) == 3
    assert min(each.get("availableReplicas", 0) for each in states) == 2


async def test_a_recreating_deployment_stops_before_it_starts(deployments, pods):
    (await deployments.create(deployment("a", 2, strategy={"type": "Recreate"}))).ok()
    await deployments.becomes("a", rolled_out(2))
    patch = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": "nginx:2"}]}}}}
    (await deployments.merge("a", patch)).ok()
    await deployments.becomes("a", rolled_out(2))
    await until_images(pods, ["nginx:2"] * 2)


async def test_a_paused_deployment_scales_but_does_not_roll_out(deployments, pods):
    (await deployments.create(deployment("a", 1))).ok()
    await deployments.becomes("a", rolled_out(1))
    patch = {"spec": {"paused": True, "template": {"spec": {"containers": [{"name": "main", "image": "nginx:2"}]}}}}
    (await deployments.merge("a", patch)).ok()
    (await deployments.merge("a", {"spec": {"replicas": 2}}, "scale")).ok()
    await until_images(pods, ["nginx:1"] * 2)
    (await deployments.merge("a", {"spec": {"paused": False}})).ok()
    await until_images(pods, ["nginx:2"] * 2)


@pytest.mark.parametrize("replicas", [0, 4])
async def test_a_deployment_scales(deployments, pods, replicas):
    (await deployments.create(deployment("a", 2))).ok()
    await deployments.becomes("a", rolled_out(2))
    (await deployments.merge("a", {"spec": {"replicas": replicas}}, "scale")).ok()
    await deployments.becomes("a", rolled_out(replicas))
    await until_images(pods, ["nginx:1"] * replicas)
    assert (await deployments.get("a", "scale")).ok()["status"]["replicas"] == replicas


async def test_an_earlier_template_takes_its_replica_set_up_again(deployments, sets, pods):
    (await deployments.create(deployment("a", 1))).ok()
    await deployments.becomes("a", rolled_out(1))
    (first,) = await sets.names()
    for image in ("nginx:2", "nginx:1"):
        patch = {"spec": {"template": {"spec": {"containers": [{"name": "main", "image": image}]}}}}
        (await deployments.merge("a", patch)).ok()
        await deployments.becomes("a", rolled_out(1))
        await until_images(pods, [image])
    assert len(await sets.names()) == 2
    again = (await sets.get(first)).ok()
    assert again["spec"]["replicas"] == 1
    assert again["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


async def test_a_deleted_pod_is_replaced(deployments, pods):
    (await deployments.create(deployment("a", 1))).ok()
    await deployments.becomes("a", rolled_out(1))
    (lost,) = await pods.names()
    (await pods.delete(lost, {"gracePeriodSeconds": 0})).ok()

    async def replaced():
        found = await pods.names()
        return len(found) == 1 and found != [lost]

    await eventually(replaced, pods.list)
    await deployments.becomes("a", rolled_out(1))


async def test_a_deleted_deployment_takes_everything_with_it(deployments, sets, pods):
    (await deployments.create(deployment("a", 2))).ok()
    await deployments.becomes("a", rolled_out(2))
    (await deployments.delete("a")).ok()
    await deployments.gone("a")

    async def nothing():
        return await sets.names() == [] and await pods.names() == []

    await eventually(nothing, pods.list)


async def test_an_orphaned_replica_set_keeps_its_pods_and_is_adopted_again(deployments, sets, pods):
    (await deployments.create(deployment("a", 1))).ok()
    await deployments.becomes("a", rolled_out(1))
    before = await pods.names()
    (name,) = await sets.names()
    (await deployments.delete("a", {"propagationPolicy": "Orphan"})).ok()
    await deployments.gone("a")
    await sets.becomes(name, lambda it: not it["metadata"].get("ownerReferences"))
    made = (await deployments.create(deployment("a", 1))).ok()
    adopted = await sets.becomes(name, lambda it: it["metadata"].get("ownerReferences"))
    assert adopted["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    await deployments.becomes("a", rolled_out(1))
    assert await pods.names() == before


async def test_a_replica_set_adopts_what_it_selects_and_releases_what_it_does_not(sets, pods):
    stray = pod("stray")
    stray["metadata"]["labels"] = {"app": "a"}
    (await pods.create(stray)).ok()
    made = (await sets.create(replica_set("a", 1))).ok()
    adopted = await pods.becomes("stray", lambda it: it["metadata"].get("ownerReferences"))
    assert adopted["metadata"]["ownerReferences"][0]["uid"] == made["metadata"]["uid"]
    (await pods.merge("stray", {"metadata": {"labels": {"app": "b"}}})).ok()
    await pods.becomes("stray", lambda it: not it["metadata"].get("ownerReferences"))

    async def another():
        return len(await pods.names(labelSelector="app=a")) == 1

    await eventually(another, pods.list)


async def test_a_replica_set_reports_what_it_has(sets):
    (await sets.create(replica_set("a", 2))).ok()
    ready = await sets.becomes("a", lambda it: it["status"].get("availableReplicas") == 2)
    assert ready["status"] == {
        "availableReplicas": 2,
        "fullyLabeledReplicas": 2,
        "observedGeneration": 1,
        "terminatingReplicas": 0,
        "readyReplicas": 2,
        "replicas": 2,
    }


async def test_a_slice_lists_the_ready_pods_of_a_service(api, namespace, deployments, pods):
    (
        await api.of("services", namespace).create(
            service("a", ports=[{"name": "http", "port": 80, "targetPort": 8080}])
        )
    ).ok()
    (await deployments.create(deployment("a", 2))).ok()
    await deployments.becomes("a", rolled_out(2))
    addresses = sorted(it["status"]["podIP"] for it in (await pods.list()).ok()["items"])
    slices = api.of("endpointslices", namespace)

    async def listed():
        for found in (await slices.list(labelSelector="kubernetes.io/service-name=a")).ok()["items"]:
            ready = [each for each in found["endpoints"] or [] if each["conditions"]["ready"]]
            if sorted(each["addresses"][0] for each in ready) == addresses:
                return found
        return None

    found = await eventually(listed, slices.list)
    assert found["addressType"] == "IPv4"
    assert found["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    assert {each["targetRef"]["kind"] for each in found["endpoints"]} == {"Pod"}
    assert found["metadata"]["ownerReferences"][0]["kind"] == "Service"
    (await deployments.merge("a", {"spec": {"replicas": 0}}, "scale")).ok()

    async def emptied():
        items = (await slices.list(labelSelector="kubernetes.io/service-name=a")).ok()["items"]
        return not any(each["endpoints"] for each in items)

    await eventually(emptied, slices.list)


async def test_a_deleted_service_takes_its_slice_with_it(api, namespace):
    services, slices = api.of("services", namespace), api.of("endpointslices", namespace)
    (await services.create(service("a"))).ok()

    async def made():
        return await slices.names(labelSelector="kubernetes.io/service-name=a")

    await eventually(made)
    (await services.delete("a")).ok()

    async def gone():
        return await made() == []

    await eventually(gone)


async def test_a_deployment_that_somebody_owns_goes_with_its_owner(api, namespace, deployments, pods):
    maps = api.of("configmaps", namespace)
    owner = (await maps.create(config_map("owner"))).ok()
    (await deployments.create(owned_by(owner, deployment("a", 1)))).ok()
    await deployments.becomes("a", rolled_out(1))
    (await maps.delete("owner", {"propagationPolicy": "Foreground"})).ok()
    await maps.gone("owner")
    assert await deployments.names() == []


async def test_events_tell_of_a_pod(api, namespace, pods):
    (await pods.create(pod("a"))).ok()
    await pods.becomes("a", lambda it: it["status"]["phase"] == "Running")
    events = api.of("events", namespace)

    async def told():
        selector = "involvedObject.kind=Pod,involvedObject.name=a,reason=Scheduled"
        return (await events.list(fieldSelector=selector)).ok()["items"]

    (event, *_) = await eventually(told, events.list)
    assert event["type"] == "Normal"
    assert event["message"].startswith(f"Successfully assigned {namespace}/a to node-")


async def test_nodes_are_ready_and_renew_their_leases(api):
    nodes = (await api.of("nodes").list()).ok()["items"]
    assert nodes
    leases = await api.of("leases", "kube-node-lease").names()
    for node in nodes:
        assert condition(node, "Ready")["status"] == "True"
        assert {"cpu", "memory", "pods"} <= set(node["status"]["allocatable"])
        assert node["metadata"]["name"] in leases
        assert node["metadata"]["labels"]["kubernetes.io/hostname"] == node["metadata"]["name"]
