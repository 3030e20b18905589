"""Claims and volumes: which get each other, what pods wait for, and what is kept while it is in use."""

import itertools
import os

import pytest

from tests.contract.asking import eventually
from tests.contract.manifests import pod

numbers = itertools.count(1)
RWO, RWOP, ROX = "ReadWriteOnce", "ReadWriteOncePod", "ReadOnlyMany"


@pytest.fixture
def claims(api, namespace):
    return api.of("persistentvolumeclaims", namespace)


@pytest.fixture
def volumes(api):
    return api.of("persistentvolumes")


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


@pytest.fixture
async def storage_class(api):
    """Make classes for a while; nobody else's volumes are of them."""
    classes, made = api.of("storageclasses"), []

    async def storage_class(mode="Immediate", provisioner="kubernetes.io/no-provisioner", **fields):
        name = f"case-{os.getpid()}-{next(numbers)}"
        body = {"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": {"name": name}}
        (await classes.create({**body, "provisioner": provisioner, "volumeBindingMode": mode, **fields})).ok()
        made.append(name)
        return name

    yield storage_class
    for name in made:
        await classes.delete(name)


@pytest.fixture
async def volume(volumes):
    """Make volumes for a while."""
    made = []

    async def volume(storage_class, size="1Gi", modes=(RWO,), *, node="", labels=None, **spec):
        name = f"case-{os.getpid()}-{next(numbers)}"
        body = {
            "capacity": {"storage": size},
            "accessModes": list(modes),
            "storageClassName": storage_class,
            "hostPath": {"path": "/data/case"},
            **spec,
        }
        if node:
            hosts = {"key": "kubernetes.io/hostname", "operator": "In", "values": [node]}
            body["nodeAffinity"] = {"required": {"nodeSelectorTerms": [{"matchExpressions": [hosts]}]}}
        manifest = {"apiVersion": "v1", "kind": "PersistentVolume", "metadata": {"name": name, "labels": labels or {}}}
        (await volumes.create({**manifest, "spec": body})).ok()
        made.append(name)
        await volumes.becomes(name, lambda found: found["status"].get("phase") == "Available")
        return name

    yield volume
    for name in made:
        await volumes.delete(name)
        await volumes.merge(name, {"metadata": {"finalizers": None}})


def claim(name, storage_class, size="1Gi", modes=(RWO,), **spec):
    requests = {"requests": {"storage": size}}
    body = {"accessModes": list(modes), "storageClassName": storage_class, "resources": requests, **spec}
    return {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": {"name": name}, "spec": body}


def using(name, claimed, **spec):
    volumes = [{"name": "data", "persistentVolumeClaim": {"claimName": claimed}}]
    return pod(name, volumes=volumes, terminationGracePeriodSeconds=0, **spec)


def bound(found):
    return found["status"].get("phase") == "Bound"


def waiting(found):
    """Give why a pod has no node."""
    conditions = found["status"].get("conditions", [])
    return next(
        (each["message"] for each in conditions if each["type"] == "PodScheduled" and each["status"] == "False"), ""
    )


def waits_as(text):
    """Whether a pod waits for a reason: a scheduler that has not yet heard of a claim says something else first."""
    return lambda found: text in waiting(found)


async def told(api, namespace, name, reason):
    async def messages():
        found = (await api.of("events", namespace).list(fieldSelector=f"involvedObject.name={name}")).ok()["items"]
        return [each["message"] for each in found if each["reason"] == reason]

    return (await eventually(messages))[0]


async def test_a_claim_and_a_volume_name_each_other(claims, volumes, storage_class, volume):
    kind = await storage_class()
    name = await volume(kind, "2Gi", [RWO, ROX])
    (await claims.create(claim("data", kind))).ok()
    found = await claims.becomes("data", bound)
    assert found["spec"]["volumeName"] == name
    assert found["status"]["capacity"] == {"storage": "2Gi"}
    assert found["status"]["accessModes"] == [RWO, ROX]
    yes = {"pv.kubernetes.io/bind-completed": "yes", "pv.kubernetes.io/bound-by-controller": "yes"}
    assert found["metadata"]["annotations"] == yes
    held = await volumes.becomes(name, bound)
    reference = {key: held["spec"]["claimRef"][key] for key in ("apiVersion", "kind", "name", "uid")}
    expected = {"apiVersion": "v1", "kind": "PersistentVolumeClaim", "name": "data", "uid": found["metadata"]["uid"]}
    assert reference == expected
    assert held["metadata"]["annotations"] == {"pv.kubernetes.io/bound-by-controller": "yes"}
    assert held["status"]["lastPhaseTransitionTime"]


async def test_of_volumes_that_do_the_smallest_is_taken(claims, storage_class, volume):
    kind = await storage_class()
    labelled = {"tier": "fast"}
    await volume(kind, "9Gi", labels=labelled)
    small = await volume(kind, "5Gi", labels=labelled)
    await volume(kind, "1Gi", labels=labelled)
    await volume(kind, "4Gi")
    await volume(kind, "4Gi", [ROX], labels=labelled)
    await volume(kind, "4Gi", labels=labelled, volumeMode="Block")
    (await claims.create(claim("data", kind, "3Gi", selector={"matchLabels": labelled}))).ok()
    assert (await claims.becomes("data", bound))["spec"]["volumeName"] == small


async def test_a_volume_meant_for_a_claim_waits_for_it(claims, volumes, namespace, storage_class, volume):
    kind = await storage_class()
    await volume(kind)
    meant = await volume(kind, "7Gi", claimRef={"namespace": namespace, "name": "data"})
    (await claims.create(claim("data", kind))).ok()
    assert (await claims.becomes("data", bound))["spec"]["volumeName"] == meant
    assert "annotations" not in (await volumes.becomes(meant, bound))["metadata"]


async def test_a_claim_may_ask_for_a_volume_by_name(api, namespace, claims, storage_class, volume):
    kind = await storage_class()
    small, large = await volume(kind, "1Gi"), await volume(kind, "5Gi")
    (await claims.create(claim("fits", kind, volumeName=large))).ok()
    assert (await claims.becomes("fits", bound))["spec"]["volumeName"] == large
    (await claims.create(claim("too-large", kind, "3Gi", volumeName=small))).ok()
    text = f'Cannot bind to requested volume "{small}": requested PV is too small'
    assert await told(api, namespace, "too-large", "VolumeMismatch") == text
    (await claims.create(claim("too-late", kind, volumeName=large))).ok()
    assert (
        await told(api, namespace, "too-late", "FailedBinding")
        == f'volume "{large}" already bound to a different claim.'
    )


async def test_a_claim_without_a_class_says_what_it_lacks(api, namespace, claims):
    (await claims.create(claim("data", ""))).ok()
    text = "no persistent volumes available for this claim and no storage class is set"
    assert await told(api, namespace, "data", "FailedBinding") == text


async def test_a_class_that_is_not_there_is_told_of(api, namespace, claims):
    (await claims.create(claim("data", "nowhere"))).ok()
    text = 'storageclass.storage.k8s.io "nowhere" not found'
    assert await told(api, namespace, "data", "ProvisioningFailed") == text


async def test_a_provisioner_is_asked_for_a_volume(api, namespace, claims, storage_class):
    kind = await storage_class(provisioner="example.com/disk")
    (await claims.create(claim("data", kind))).ok()
    found = await claims.becomes("data", lambda found: "annotations" in found["metadata"])
    assert found["metadata"]["annotations"] == {
        "volume.beta.kubernetes.io/storage-provisioner": "example.com/disk",
        "volume.kubernetes.io/storage-provisioner": "example.com/disk",
    }
    text = await told(api, namespace, "data", "ExternalProvisioning")
    assert text.startswith(
        "Waiting for a volume to be created either by the external provisioner 'example.com/disk' or"
    )


async def test_a_claim_that_waits_gets_its_volume_where_its_pod_goes(
    api, namespace, claims, pods, storage_class, volume
):
    kind = await storage_class("WaitForFirstConsumer")
    there = await volume(kind, node="node-02")
    (await claims.create(claim("data", kind))).ok()
    text = "waiting for first consumer to be created before binding"
    assert await told(api, namespace, "data", "WaitForFirstConsumer") == text
    (await pods.create(using("user", "data"))).ok()
    found = await pods.becomes("user", lambda found: found["spec"].get("nodeName"))
    assert found["spec"]["nodeName"] == "node-02"
    assert (await claims.becomes("data", bound))["spec"]["volumeName"] == there


async def test_a_claim_that_waits_tells_the_provisioner_the_node(claims, pods, storage_class):
    kind = await storage_class("WaitForFirstConsumer", "example.com/disk")
    (await claims.create(claim("data", kind))).ok()
    (await pods.create(using("user", "data", nodeSelector={"kubernetes.io/hostname": "node-03"}))).ok()
    selected = "volume.kubernetes.io/selected-node"
    found = await claims.becomes("data", lambda found: selected in found["metadata"].get("annotations", {}))
    assert found["metadata"]["annotations"][selected] == "node-03"
    assert "nodeName" not in (await pods.get("user")).ok()["spec"]


async def test_a_pod_waits_for_its_claims_and_says_so(claims, pods, storage_class, volume):
    kind, later = await storage_class(), await storage_class("WaitForFirstConsumer")
    (await claims.create(claim("unbound", kind))).ok()
    (await claims.create(claim("unmatched", later))).ok()
    (await pods.create(using("first", "unbound"))).ok()
    (await pods.create(using("second", "unmatched"))).ok()
    (await pods.create(using("third", "missing"))).ok()
    unbound = " nodes are available: pod has unbound immediate PersistentVolumeClaims. not found"
    assert waiting(await pods.becomes("first", waits_as(unbound))).endswith(unbound)
    await pods.becomes("second", waits_as(" node(s) didn't find available persistent volumes to bind"))
    missing = ' nodes are available: persistentvolumeclaim "missing" not found. not found'
    assert waiting(await pods.becomes("third", waits_as(missing))).endswith(missing)


async def test_a_bound_volume_draws_its_pod_to_where_it_is(claims, pods, storage_class, volume):
    kind = await storage_class()
    await volume(kind, node="node-03")
    (await claims.create(claim("data", kind))).ok()
    await claims.becomes("data", bound)
    (await pods.create(using("fits", "data"))).ok()
    (await pods.create(using("elsewhere", "data", nodeSelector={"kubernetes.io/hostname": "node-01"}))).ok()
    found = await pods.becomes("fits", lambda found: found["spec"].get("nodeName"))
    assert found["spec"]["nodeName"] == "node-03"
    await pods.becomes("elsewhere", waits_as("1 node(s) didn't match PersistentVolume's node affinity"))


async def test_a_claim_for_one_pod_is_used_by_one(claims, pods, storage_class, volume):
    kind = await storage_class()
    await volume(kind, modes=[RWOP])
    (await claims.create(claim("data", kind, modes=[RWOP]))).ok()
    await claims.becomes("data", bound)
    (await pods.create(using("one", "data"))).ok()
    await pods.becomes("one", lambda found: found["spec"].get("nodeName"))
    (await pods.create(using("two", "data"))).ok()
    what = "PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
    await pods.becomes("two", waits_as(f" node(s) unavailable due to {what}"))


async def test_a_claim_in_use_is_kept_until_it_is_not(claims, pods, storage_class, volume):
    kind = await storage_class()
    await volume(kind)
    made = (await claims.create(claim("data", kind))).ok()
    assert made["metadata"]["finalizers"] == ["kubernetes.io/pvc-protection"]
    (await pods.create(using("user", "data"))).ok()
    await pods.becomes("user", lambda found: found["spec"].get("nodeName"))
    (await claims.delete("data")).ok()
    assert (await claims.get("data")).ok()["metadata"]["deletionTimestamp"]

    async def kept_from_others():
        # A scheduler that has not yet heard of the deletion gives it to one more.
        (await pods.create(using("late", "data"))).ok()
        late = await pods.becomes("late", lambda found: waiting(found) or found["spec"].get("nodeName"))
        (await pods.delete("late", {"gracePeriodSeconds": 0})).ok()
        await pods.gone("late")
        return 'persistentvolumeclaim "data" is being deleted' in waiting(late)

    await eventually(kept_from_others)
    (await pods.delete("user")).ok()
    await claims.gone("data")


async def test_what_is_to_be_kept_is_held_again(volumes, storage_class, volume):
    name = await volume(await storage_class())
    (await volumes.merge(name, {"metadata": {"finalizers": None}})).ok()
    await volumes.becomes(name, lambda found: found["metadata"].get("finalizers") == ["kubernetes.io/pv-protection"])


async def test_a_claim_says_whether_it_is_used(claims, pods, storage_class, volume):
    kind = await storage_class()
    await volume(kind)
    (await claims.create(claim("data", kind))).ok()

    def unused(status):
        def says(found):
            conditions = found["status"].get("conditions", [])
            return [each["status"] for each in conditions if each["type"] == "Unused"] == [status]

        return says

    await claims.becomes("data", unused("True"))
    (await pods.create(using("user", "data"))).ok()
    await claims.becomes("data", unused("False"))
    (await pods.delete("user")).ok()
    await claims.becomes("data", unused("True"))


async def test_a_volume_is_kept_while_bound_and_released_afterwards(claims, volumes, storage_class, volume):
    kind = await storage_class()
    name = await volume(kind)
    assert (await volumes.get(name)).ok()["metadata"]["finalizers"] == ["kubernetes.io/pv-protection"]
    (await claims.create(claim("data", kind))).ok()
    await volumes.becomes(name, bound)
    (await volumes.delete(name)).ok()
    assert (await volumes.get(name)).ok()["metadata"]["deletionTimestamp"]
    await claims.delete("data")
    await volumes.gone(name)


async def test_a_volume_that_is_retained_is_released_and_not_bound_again(claims, volumes, storage_class, volume):
    kind = await storage_class()
    name = await volume(kind)
    (await claims.create(claim("data", kind))).ok()
    await volumes.becomes(name, bound)
    await claims.delete("data")
    found = await volumes.becomes(name, lambda found: found["status"]["phase"] == "Released")
    assert found["spec"]["claimRef"]["name"] == "data"
    (await claims.create(claim("data", kind))).ok()
    await claims.becomes("data", lambda found: found["status"]["phase"] == "Pending")
    (await volumes.merge(name, {"spec": {"claimRef": None}})).ok()
    await claims.becomes("data", bound)


async def test_a_claim_whose_volume_is_gone_is_lost(api, namespace, claims, volumes, storage_class, volume):
    kind = await storage_class()
    name = await volume(kind)
    (await claims.create(claim("data", kind))).ok()
    await claims.becomes("data", bound)
    await volumes.becomes(name, bound)
    (await volumes.delete(name)).ok()
    (await volumes.merge(name, {"metadata": {"finalizers": None}})).ok()
    await claims.becomes("data", lambda found: found["status"]["phase"] == "Lost")
    text = "Bound claim has lost its PersistentVolume. Data on the volume is lost!"
    assert await told(api, namespace, "data", "ClaimLost") == text


async def test_only_bound_claims_of_a_class_that_allows_it_grow(claims, storage_class, volume):
    fixed, growing = await storage_class(), await storage_class(allowVolumeExpansion=True)
    more = {"spec": {"resources": {"requests": {"storage": "2Gi"}}}}
    (await claims.create(claim("pending", growing))).ok()
    refused = (await claims.merge("pending", more)).refused
    what = "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
    assert refused.code == 422
    assert refused.message.startswith(f'PersistentVolumeClaim "pending" is invalid: spec: Forbidden: {what}\n')
    (await claims.delete("pending")).ok()  # or it may take the volume that is meant for another
    await claims.gone("pending")
    await volume(fixed)
    (await claims.create(claim("fixed", fixed))).ok()
    await claims.becomes("fixed", bound)
    refused = (await claims.merge("fixed", more)).refused
    what = "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc must support"
    text = f'persistentvolumeclaims "fixed" is forbidden: {what} resize'
    assert (refused.code, refused.message) == (403, text)
    await volume(growing)
    (await claims.create(claim("grows", growing))).ok()
    await claims.becomes("grows", bound)
    (await claims.merge("grows", more)).ok()
    less = {"spec": {"resources": {"requests": {"storage": "1Mi"}}}}
    refused = (await claims.merge("grows", less)).refused
    assert refused.fields == {"spec.resources.requests.storage": "FieldValueForbidden"}


async def test_an_ephemeral_volume_has_a_claim_that_goes_with_its_pod(claims, pods, storage_class, volume):
    kind = await storage_class()
    await volume(kind)
    template = {"metadata": {"labels": {"of": "user"}}, "spec": claim("", kind)["spec"]}
    volumes = [{"name": "scratch", "ephemeral": {"volumeClaimTemplate": template}}]
    made = (await pods.create(pod("user", volumes=volumes, terminationGracePeriodSeconds=0))).ok()
    found = await claims.becomes("user-scratch", bound)
    (owner,) = found["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Pod", made["metadata"]["uid"], True)
    assert found["metadata"]["labels"] == {"of": "user"}
    await pods.becomes("user", lambda found: found["spec"].get("nodeName"))
    (await pods.delete("user")).ok()
    await claims.gone("user-scratch")
