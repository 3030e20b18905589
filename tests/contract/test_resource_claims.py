"""Dynamic resource allocation: its kinds, claims made for pods, and pods that wait for devices."""

import pytest

from tests.contract.asking import eventually
from tests.contract.manifests import pod

ROOT = "/apis/resource.k8s.io/v1"
HEAD = {"apiVersion": "resource.k8s.io/v1"}


def request(name="one", **more):
    return {"name": name, "exactly": {"deviceClassName": "gpus.example.com", **more}}


def claim(*requests, name="c", **devices):
    spec = {"devices": {"requests": list(requests), **devices}}
    return {**HEAD, "kind": "ResourceClaim", "metadata": {"name": name}, "spec": spec}


def template(*requests):
    metadata = {"labels": {"made": "here"}, "annotations": {"a": "b"}}
    spec = {"metadata": metadata, "spec": {"devices": {"requests": list(requests)}}}
    return {**HEAD, "kind": "ResourceClaimTemplate", "metadata": {"name": "t"}, "spec": spec}


@pytest.fixture
def claims(api, namespace):
    return api.of("resourceclaims", namespace, root=ROOT)


@pytest.fixture
def templates(api, namespace):
    return api.of("resourceclaimtemplates", namespace, root=ROOT)


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


async def test_a_claim_is_defaulted_and_never_changes(claims):
    first = {"name": "two", "firstAvailable": [{"name": "big", "deviceClassName": "x.example.com"}]}
    made = (await claims.create(claim(request(), first, request("all", allocationMode="All")))).ok()
    exact = {"allocationMode": "ExactCount", "count": 1}
    assert made["spec"]["devices"]["requests"] == [
        {"name": "one", "exactly": {"deviceClassName": "gpus.example.com", **exact}},
        {"name": "two", "firstAvailable": [{"name": "big", "deviceClassName": "x.example.com", **exact}]},
        {"name": "all", "exactly": {"deviceClassName": "gpus.example.com", "allocationMode": "All"}},
    ]
    assert made["status"] == {}
    assert made["metadata"].get("generation") is None
    made["spec"]["devices"]["requests"].pop()
    refused = (await claims.update(made)).refused
    assert refused.fields == {"spec": "FieldValueInvalid"}
    assert refused.causes[0][2].endswith("field is immutable")
    labelled = (await claims.merge("c", {"metadata": {"labels": {"a": "b"}}})).ok()
    assert labelled["metadata"]["labels"] == {"a": "b"}
    deleted = (await claims.delete("c")).ok()
    assert deleted["kind"] == "ResourceClaim"


WRONG = {
    "no kind of request": (
        claim({"name": "one"}),
        "spec.devices.requests[0]: Required value: exactly one of `exactly` or `firstAvailable` is required",
    ),
    "no class": (
        claim({"name": "one", "exactly": {"deviceClassName": ""}}),
        "spec.devices.requests[0].exactly.deviceClassName: Required value",
    ),
    "no devices at all": (
        claim(request(count=-1)),
        "spec.devices.requests[0].exactly.count: Invalid value: -1: must be greater than zero",
    ),
    "another mode": (
        claim(request(allocationMode="Some")),
        (
            'spec.devices.requests[0].exactly.allocationMode: Unsupported value: "Some": supported values: "All", '
            '"ExactCount"'
        ),
    ),
    "all of three": (
        claim(request(allocationMode="All", count=3)),
        "spec.devices.requests[0].exactly.count: Invalid value: 3: must not be specified when allocationMode is 'All'",
    ),
    "a constraint of nothing": (
        claim(request(), constraints=[{"requests": ["none"], "matchAttribute": "example.com/a"}]),
        (
            'spec.devices.constraints[0].requests[0]: Invalid value: "none": must be the name of a request in the '
            "claim or the name of a request and a subrequest separated by '/'"
        ),
    ),
}


@pytest.mark.parametrize("case", WRONG)
async def test_a_claim_that_is_wrong(claims, case):
    document, line = WRONG[case]
    refused = (await claims.create(document, dryRun="All")).refused
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert line in {f"{field}: {message}" for field, _, message in refused.causes}


async def test_classes_and_slices_are_kept(api, namespace):
    classes = api.of("deviceclasses", root=ROOT)
    expression = {"cel": {"expression": "device.driver == 'gpus.example.com'"}}
    document = {**HEAD, "kind": "DeviceClass", "metadata": {"name": namespace}, "spec": {"selectors": [expression]}}
    made = (await classes.create(document)).ok()
    assert made["metadata"]["generation"] == 1
    assert made["spec"] == document["spec"]
    slices = api.of("resourceslices", root=ROOT)
    device = {"name": "gpu-0", "attributes": {"index": {"int": 0}}, "capacity": {"memory": {"value": "80Gi"}}}
    spec = {
        "driver": "gpus.example.com",
        "nodeName": "none",
        "pool": {"name": "none", "generation": 1, "resourceSliceCount": 1},
        "devices": [device],
    }
    document = {**HEAD, "kind": "ResourceSlice", "metadata": {"name": namespace}, "spec": spec}
    assert (await slices.create(document)).ok()["spec"] == spec
    assert await slices.names(fieldSelector="spec.nodeName=none,spec.driver=gpus.example.com") == [namespace]
    for collection in (classes, slices):
        assert (await collection.delete(namespace)).ok()["kind"] in {"DeviceClass", "ResourceSlice"}


def waiting_pod(**source):
    container = {"name": "main", "image": "nginx:1", "resources": {"claims": [{"name": "gpu"}]}}
    return pod("p", containers=[container], resourceClaims=[{"name": "gpu", **source}])


async def test_a_pods_claim_is_made_from_its_template_and_goes_with_it(claims, templates, pods):
    (await templates.create(template(request()))).ok()
    made = (await pods.create(waiting_pod(resourceClaimTemplateName="t"))).ok()
    told = await pods.becomes("p", lambda each: each["status"].get("resourceClaimStatuses"))
    [status] = told["status"]["resourceClaimStatuses"]
    assert status["name"] == "gpu"
    assert status["resourceClaimName"].startswith("p-gpu-")
    own = (await claims.get(status["resourceClaimName"])).ok()
    assert own["metadata"]["annotations"] == {"a": "b", "resource.kubernetes.io/pod-claim-name": "gpu"}
    assert own["metadata"]["labels"] == {"made": "here"}
    [owner] = own["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Pod", made["metadata"]["uid"], True)
    assert own["spec"]["devices"]["requests"][0]["exactly"]["count"] == 1
    await pods.delete("p")
    await claims.gone(status["resourceClaimName"])


async def test_a_pod_whose_claim_has_no_device_waits(claims, pods):
    (await claims.create(claim(request()))).ok()
    (await pods.create(waiting_pod(resourceClaimName="c"))).ok()

    def refused(each):
        conditions = each["status"].get("conditions") or []
        return any((one["type"], one.get("reason")) == ("PodScheduled", "Unschedulable") for one in conditions)

    told = await pods.becomes("p", refused)
    assert told["status"]["phase"] == "Pending"
    assert "nodeName" not in told["spec"]


async def test_a_template_that_is_missing_is_told_of(api, namespace, pods):
    (await pods.create(waiting_pod(resourceClaimTemplateName="none"))).ok()
    events = api.of("events", namespace)

    async def told():
        found = (await events.list(fieldSelector="reason=FailedResourceClaimCreation")).ok()["items"]
        return found[0]["message"] if found else ""

    message = await eventually(told)
    assert message == (
        'PodResourceClaim gpu: resource claim template "none": resourceclaimtemplate.resource.k8s.io "none" not found'
    )


async def test_a_pod_names_each_claim_once_and_one_source(pods):
    wrong = pod("p", resourceClaims=[{"name": "a"}, {"name": "a", "resourceClaimName": "c"}])
    refused = (await pods.create(wrong, dryRun="All")).refused
    assert refused.fields == {
        "spec.resourceClaims[0]": "FieldValueInvalid",
        "spec.resourceClaims[1].name": "FieldValueDuplicate",
    }
