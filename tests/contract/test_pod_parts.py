"""Endpoints that change a part of a pod: its resources, and its ephemeral containers."""

import pytest

from tests.contract.asking import STRATEGIC
from tests.contract.manifests import pod

GUARANTEED = {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"cpu": "100m", "memory": "64Mi"}}
BURSTABLE = {"requests": {"cpu": "100m"}}


def container(name="main", **fields):
    return {"name": name, "image": "nginx:1", **fields}


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


@pytest.fixture
async def unplaced(pods):
    """Make a pod that no scheduler looks at, so that neither it nor a kubelet writes."""

    async def unplaced(*containers, **spec):
        made = pod("p", containers=list(containers), schedulerName="nobody", **spec)
        return (await pods.create(made)).ok()

    return unplaced


async def resize(pods, *containers, part="containers", **query):
    return await pods.patch("p", STRATEGIC, {"spec": {part: list(containers)}}, "resize", **query)


async def test_cpu_and_memory_change_in_place_and_nothing_else(pods, unplaced):
    made = await unplaced(container(resources=BURSTABLE))
    answer = await pods.patch(
        "p",
        STRATEGIC,
        {
            "metadata": {"labels": {"not": "this"}},
            "spec": {
                "activeDeadlineSeconds": 5,
                "containers": [container(image="other:2", resources={"requests": {"cpu": "200m", "memory": "1Gi"}})],
            },
        },
        "resize",
    )
    resized = answer.ok()
    [main] = resized["spec"]["containers"]
    assert main["resources"] == {"requests": {"cpu": "200m", "memory": "1Gi"}}
    assert main["image"] == "nginx:1"
    assert "activeDeadlineSeconds" not in resized["spec"]
    assert resized["metadata"].get("labels") == made["metadata"].get("labels")
    assert resized["metadata"]["generation"] == made["metadata"]["generation"] + 1
    assert (await pods.get("p", "resize")).ok()["spec"] == resized["spec"]


REFUSED = {
    "another quality of service": (
        [container(resources=BURSTABLE)],
        [container(resources={"limits": {"cpu": "100m", "memory": "64Mi"}, "requests": {"memory": "64Mi"}})],
        'spec: Invalid value: "Burstable": Pod QOS Class may not change as a result of resizing',
    ),
    "a request taken away": (
        [container(resources={"requests": {"cpu": "100m", "memory": "64Mi"}})],
        [container(resources={"requests": {"memory": None}})],
        "spec.containers[0].resources.requests: Forbidden: resource requests cannot be removed",
    ),
    "another resource": (
        [container(resources=BURSTABLE)],
        [container(resources={"requests": {"ephemeral-storage": "1Gi"}})],
        "spec: Forbidden: only cpu and memory resources are mutable",
    ),
    "one more container": (
        [container(resources=BURSTABLE)],
        [container("more")],
        "spec.containers: Forbidden: containers may not be added or removed on resize",
    ),
}


@pytest.mark.parametrize("case", REFUSED)
async def test_a_resize_that_is_refused(pods, unplaced, case):
    before, change, line = REFUSED[case]
    await unplaced(*before)
    refused = (await resize(pods, *change)).refused
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert line in [f"{field}: {message}" for field, _, message in refused.causes]


async def test_resources_do_not_change_by_an_update_of_the_pod(pods, unplaced):
    await unplaced(container(resources=BURSTABLE))
    change = {"spec": {"containers": [container(resources={"requests": {"cpu": "200m"}})]}}
    refused = (await pods.patch("p", STRATEGIC, change)).refused
    assert refused.fields == {"spec": "FieldValueForbidden"}


async def test_a_resize_is_charged_to_the_quota(api, namespace, pods, unplaced):
    quotas = api.of("resourcequotas", namespace, root="/api/v1")
    quota = {"metadata": {"name": "q"}, "spec": {"hard": {"requests.cpu": "300m"}}}
    (await quotas.create(quota)).ok()
    dear = pod("dear", containers=[container(resources={"requests": {"cpu": "400m"}})])
    await pods.refuses(dear, says="exceeded quota: q")
    await unplaced(container(resources=BURSTABLE))
    refused = (await resize(pods, container(resources={"requests": {"cpu": "400m"}}))).refused
    assert (refused.code, refused.reason) == (403, "Forbidden")
    assert "exceeded quota: q, requested: requests.cpu=300m, used: requests.cpu=100m, limited: requests.cpu=300m" in (
        refused.message
    )
    (await resize(pods, container(resources={"requests": {"cpu": "250m"}}))).ok()


async def test_a_running_pod_is_resized(pods):
    (await pods.create(pod("p", containers=[container(resources=BURSTABLE)]))).ok()
    await pods.becomes("p", lambda each: each["status"]["phase"] == "Running")
    resized = (await resize(pods, container(resources={"requests": {"cpu": "150m"}}))).ok()
    assert resized["spec"]["containers"][0]["resources"] == {"requests": {"cpu": "150m"}}
    assert resized["status"]["phase"] == "Running"


def debugger(name="debug", **fields):
    return {"name": name, "image": "busybox:1", **fields}


async def add(pods, *containers):
    return await pods.patch("p", STRATEGIC, {"spec": {"ephemeralContainers": list(containers)}}, "ephemeralcontainers")


async def test_an_ephemeral_container_is_added_and_defaulted(pods, unplaced):
    made = await unplaced(container())
    added = (await add(pods, debugger(targetContainerName="main"))).ok()
    assert added["spec"]["ephemeralContainers"] == [
        {
            "name": "debug",
            "image": "busybox:1",
            "targetContainerName": "main",
            "imagePullPolicy": "IfNotPresent",
            "resources": {},
            "terminationMessagePath": "/dev/termination-log",
            "terminationMessagePolicy": "File",
        }
    ]
    assert added["spec"]["containers"] == made["spec"]["containers"]
    again = (await add(pods, debugger("second"))).ok()
    assert sorted(each["name"] for each in again["spec"]["ephemeralContainers"]) == ["debug", "second"]


async def test_an_ephemeral_container_stays_as_it_is(pods, unplaced):
    await unplaced(container())
    (await add(pods, debugger())).ok()
    changed = (await add(pods, debugger(image="other:2"))).refused
    assert changed.fields == {"spec.ephemeralContainers": "FieldValueForbidden"}
    assert 'existing ephemeral containers "debug" may not be changed' in changed.message
    present = (await pods.get("p")).ok()
    del present["spec"]["ephemeralContainers"]
    removed = (await pods.update(present, "ephemeralcontainers")).refused
    assert 'existing ephemeral containers "debug" may not be removed' in removed.message


@pytest.mark.parametrize(
    ("wrong", "field"),
    [
        pytest.param(debugger("main"), "spec.ephemeralContainers[0].name", id="a name that is taken"),
        pytest.param(debugger(image=""), "spec.ephemeralContainers[0].image", id="no image"),
        pytest.param(
            debugger(targetContainerName="none"), "spec.ephemeralContainers[0].targetContainerName", id="no such target"
        ),
        pytest.param(debugger(ports=[{"containerPort": 1}]), "spec.ephemeralContainers[0].ports", id="ports"),
        pytest.param(
            debugger(resources={"limits": {"cpu": "1"}}), "spec.ephemeralContainers[0].resources", id="resources"
        ),
        pytest.param(
            debugger(livenessProbe={"httpGet": {"port": 1}}), "spec.ephemeralContainers[0].livenessProbe", id="a probe"
        ),
    ],
)
async def test_an_ephemeral_container_that_is_wrong(pods, unplaced, wrong, field):
    await unplaced(container())
    refused = (await add(pods, wrong)).refused
    assert refused.code == 422
    assert field in refused.fields


async def test_pods_are_not_made_with_ephemeral_containers(pods):
    refused = (await pods.create(pod("p", ephemeralContainers=[debugger()]))).refused
    assert refused.fields == {"spec.ephemeralContainers": "FieldValueForbidden"}
