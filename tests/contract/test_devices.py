"""Devices by claims: allocated by the cluster's scheduler and by ours, reserved for pods, and free again after them."""

import pytest

from tests.contract.asking import eventually
from tests.contract.conftest import OUR_SCHEDULER
from tests.contract.manifests import pod

ROOT = "/apis/resource.k8s.io/v1"
HEAD = {"apiVersion": "resource.k8s.io/v1"}
SCHEDULERS = [OUR_SCHEDULER, "default-scheduler"]
FINALIZER = "resource.kubernetes.io/delete-protection"


@pytest.fixture
def pods(api, namespace, scheduler):
    return api.of("pods", namespace)


@pytest.fixture
def claims(api, namespace):
    return api.of("resourceclaims", namespace, root=ROOT)


@pytest.fixture
def templates(api, namespace):
    return api.of("resourceclaimtemplates", namespace, root=ROOT)


@pytest.fixture
async def node(api):
    """The name of some node."""
    return min(await api.of("nodes").names())


def gpu(name, memory="40Gi", **more):
    attributes = {"model": {"string": "H100"}, "api": {"version": "1.2.0"}}
    return {"name": name, "attributes": attributes, "capacity": {"memory": {"value": memory}}, **more}


@pytest.fixture
async def offer(api, namespace):
    """Make a class and a slice of devices, of a driver of the case's own, for as long as the case takes."""
    driver = f"{namespace}.example.com"
    classes, slices = api.of("deviceclasses", root=ROOT), api.of("resourceslices", root=ROOT)
    made = []

    async def offer(*devices, count=1, **where):
        pool = {"name": "pool", "generation": 1, "resourceSliceCount": count}
        name = f"{namespace}-{len(made)}"
        spec = {"driver": driver, "pool": pool, **({"devices": list(devices)} if devices else {}), **where}
        (await slices.create({**HEAD, "kind": "ResourceSlice", "metadata": {"name": name}, "spec": spec})).ok()
        made.append(name)

    spec = {"selectors": [{"cel": {"expression": f"device.driver == '{driver}'"}}]}
    (await classes.create({**HEAD, "kind": "DeviceClass", "metadata": {"name": namespace}, "spec": spec})).ok()
    yield offer
    for name in made:
        await slices.delete(name)
    await classes.delete(namespace)


def claim(namespace, name="c", expression="", **exactly):
    request = {"name": "r", "exactly": {"deviceClassName": namespace, **exactly}}
    if expression:
        request["exactly"]["selectors"] = [{"cel": {"expression": expression}}]
    spec = {"devices": {"requests": [request]}}
    return {**HEAD, "kind": "ResourceClaim", "metadata": {"name": name}, "spec": spec}


def using(name, scheduler, **source):
    container = {"name": "main", "image": "nginx:1", "resources": {"claims": [{"name": "gpu"}]}}
    return pod(name, containers=[container], resourceClaims=[{"name": "gpu", **source}], schedulerName=scheduler)


def is_running(each):
    return each["status"].get("phase") == "Running"


def waits(each):
    conditions = each["status"].get("conditions") or []
    return any((one["type"], one.get("reason")) == ("PodScheduled", "Unschedulable") for one in conditions)


@pytest.mark.parametrize("name", SCHEDULERS)
async def test_a_claim_is_allocated_reserved_and_freed(claims, pods, offer, node, namespace, name):
    await offer(gpu("a"), gpu("b"), nodeName=node)
    domain = f"{namespace}.example.com"
    expression = (
        f"device.attributes['{domain}'].model == 'H100' && "
        f"device.attributes['{domain}'].api.isGreaterThan(semver('1.1.9')) && "
        f"device.capacity['{domain}'].memory.compareTo(quantity('1Gi')) > 0"
    )
    (await claims.create(claim(namespace, expression=expression, count=2))).ok()
    made = (await pods.create(using("p", name, resourceClaimName="c"))).ok()
    running = await pods.becomes("p", is_running)
    assert running["spec"]["nodeName"] == node
    found = (await claims.get("c")).ok()
    allocation = found["status"]["allocation"]
    assert [(each["request"], each["pool"], each["device"]) for each in allocation["devices"]["results"]] == [
        ("r", "pool", "a"),
        ("r", "pool", "b"),
    ]
    fields = [{"key": "metadata.name", "operator": "In", "values": [node]}]
    assert allocation["nodeSelector"] == {"nodeSelectorTerms": [{"matchFields": fields}]}
    consumer = {"resource": "pods", "name": "p", "uid": made["metadata"]["uid"]}
    assert found["status"]["reservedFor"] == [consumer]
    assert found["metadata"]["finalizers"] == [FINALIZER]
    await pods.delete("p")
    freed = await claims.becomes("c", lambda each: not each["metadata"].get("finalizers"))
    assert freed["status"] == {}


@pytest.mark.parametrize("name", SCHEDULERS)
async def test_claims_from_a_template_take_what_there_is_and_give_it_back(
    templates, claims, pods, offer, node, namespace, name
):
    await offer(gpu("only"), nodeName=node)
    spec = {"spec": claim(namespace)["spec"]}
    (await templates.create({**HEAD, "kind": "ResourceClaimTemplate", "metadata": {"name": "t"}, "spec": spec})).ok()
    (await pods.create(using("first", name, resourceClaimTemplateName="t"))).ok()
    await pods.becomes("first", is_running)
    (await pods.create(using("second", name, resourceClaimTemplateName="t"))).ok()

    def says(it):
        conditions = it["status"].get("conditions") or []
        [message] = [each["message"] for each in conditions if each["type"] == "PodScheduled"] or [""]
        return waits(it) and message.startswith("0/3 nodes are available: 3 cannot allocate all claims.")

    await pods.becomes("second", says)
    await pods.delete("first")
    await pods.becomes("second", is_running)

    async def left():
        return len(await claims.names()) == 1

    await eventually(left)


@pytest.mark.parametrize("name", SCHEDULERS)
async def test_pods_share_a_claim_where_its_device_is(claims, pods, offer, node, namespace, name):
    await offer(gpu("a"), nodeName=node)
    (await claims.create(claim(namespace))).ok()
    for each in ("p", "q"):
        (await pods.create(using(each, name, resourceClaimName="c"))).ok()
    for each in ("p", "q"):
        assert (await pods.becomes(each, is_running))["spec"]["nodeName"] == node
    reserved = (await claims.get("c")).ok()["status"]["reservedFor"]
    assert sorted(each["name"] for each in reserved) == ["p", "q"]


@pytest.mark.parametrize("name", SCHEDULERS)
async def test_partitions_take_from_common_counters(claims, pods, offer, node, namespace, name):
    counters = [{"name": "gpu", "counters": {"memory": {"value": "40Gi"}}}]
    await offer(count=2, nodeName=node, sharedCounters=counters)

    def part(of, memory):
        return gpu(of, memory, consumesCounters=[{"counterSet": "gpu", "counters": {"memory": {"value": memory}}}])

    await offer(part("half-0", "20Gi"), part("half-1", "20Gi"), part("whole", "40Gi"), count=2, nodeName=node)
    whole = f"device.capacity['{namespace}.example.com'].memory.compareTo(quantity('40Gi')) == 0"
    (await claims.create(claim(namespace, "half"))).ok()
    (await claims.create(claim(namespace, "whole", whole))).ok()
    (await pods.create(using("p", name, resourceClaimName="half"))).ok()
    await pods.becomes("p", is_running)
    (await pods.create(using("q", name, resourceClaimName="whole"))).ok()
    await pods.becomes("q", waits)
    await pods.delete("p")
    await pods.becomes("q", is_running)


@pytest.mark.parametrize("name", SCHEDULERS)
async def test_a_device_is_shared_by_capacity(claims, pods, offer, namespace, name):
    policy = {"default": "10Gi", "validRange": {"min": "10Gi", "step": "10Gi"}}
    shared = {"allowMultipleAllocations": True, "capacity": {"memory": {"value": "40Gi", "requestPolicy": policy}}}
    await offer({**gpu("a"), **shared}, allNodes=True)
    for each, amount in (("x", "11Gi"), ("y", "20Gi"), ("z", "1Gi")):
        (await claims.create(claim(namespace, each, capacity={"requests": {"memory": amount}}))).ok()
    for each in ("x", "y"):
        (await pods.create(using(each, name, resourceClaimName=each))).ok()
        await pods.becomes(each, is_running)
    found = [(await claims.get(each)).ok()["status"]["allocation"] for each in ("x", "y")]
    assert [each["devices"]["results"][0]["consumedCapacity"] for each in found] == [{"memory": "20Gi"}] * 2
    assert all("nodeSelector" not in each for each in found)
    assert len({each["devices"]["results"][0]["shareID"] for each in found}) == 2
    (await pods.create(using("z", name, resourceClaimName="z"))).ok()
    await pods.becomes("z", waits)


@pytest.mark.parametrize("name", SCHEDULERS)
async def test_wishes_are_met_in_their_order(claims, pods, offer, node, namespace, name):
    await offer(gpu("a"), nodeName=node)
    wishes = [
        {"name": "two", "deviceClassName": namespace, "count": 2},
        {"name": "one", "deviceClassName": namespace},
    ]
    document = claim(namespace)
    document["spec"]["devices"]["requests"] = [{"name": "r", "firstAvailable": wishes}]
    (await claims.create(document)).ok()
    (await pods.create(using("p", name, resourceClaimName="c"))).ok()
    await pods.becomes("p", is_running)
    results = (await claims.get("c")).ok()["status"]["allocation"]["devices"]["results"]
    assert [each["request"] for each in results] == ["r/one"]


@pytest.mark.parametrize("name", SCHEDULERS)
async def test_tainted_devices_are_left_alone(claims, pods, offer, node, namespace, name):
    taint = {"key": "example.com/broken", "effect": "NoSchedule"}
    await offer(gpu("bad", taints=[taint]), nodeName=node)
    (await claims.create(claim(namespace))).ok()
    (await pods.create(using("p", name, resourceClaimName="c"))).ok()
    await pods.becomes("p", waits)
    tolerations = [{"key": "example.com/broken", "operator": "Exists", "effect": "NoSchedule"}]
    (await claims.create(claim(namespace, "patient", tolerations=tolerations))).ok()
    (await pods.create(using("q", name, resourceClaimName="patient"))).ok()
    await pods.becomes("q", is_running)
    [result] = (await claims.get("patient")).ok()["status"]["allocation"]["devices"]["results"]
    assert result["tolerations"] == tolerations
