"""Simulated kubelets on both clusters: what becomes of pods, container by container, and what is told of it."""

import pytest

from tests.contract.asking import STRATEGIC, eventually
from tests.contract.manifests import pod

NOTES = "twin.kubewright.dev/"


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


def noted(document, **notes):
    document["metadata"]["annotations"] = {f"{NOTES}{name.replace('_', '-')}": text for name, text in notes.items()}
    return document


def container(name="main", image="nginx:1", **more):
    return {"name": name, "image": image, **more}


def resize(cpu):
    return {"spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": cpu}}}]}}


def states(document, field="containerStatuses"):
    """Each container's state in a word, by name."""
    found = {}
    for status in document["status"].get(field, ()):
        ((kind, value),) = status["state"].items()
        found[status["name"]] = kind if kind == "running" else value["reason"]
    return found


def condition(document, type_):
    found = next((each for each in document["status"].get("conditions", ()) if each["type"] == type_), {})
    return found.get("status"), found.get("reason", ""), found.get("message", "")


async def reasons(api, namespace, name):
    items = (await api.of("events", namespace).list()).ok()["items"]
    return {(each["reason"], each["message"]) for each in items if each["involvedObject"]["name"] == name}


async def told(api, namespace, name, *wanted):
    async def all_told():
        return set(wanted) <= await reasons(api, namespace, name)

    await eventually(all_told)


async def test_the_status_of_a_pod_that_runs(api, namespace, pods):
    (await pods.create(pod("a", containers=[container(resources={"requests": {"cpu": "10m"}})]))).ok()
    document = await pods.becomes("a", lambda each: condition(each, "Ready")[0] == "True")
    status = document["status"]
    types = [each["type"] for each in status["conditions"]]
    assert types == ["PodReadyToStartContainers", "Initialized", "Ready", "ContainersReady", "PodScheduled"]
    assert (status["phase"], status["observedGeneration"]) == ("Running", document["metadata"]["generation"])
    assert status["podIPs"] == [{"ip": status["podIP"]}]
    assert status["hostIPs"] == [{"ip": status["hostIP"]}]
    (only,) = status["containerStatuses"]
    assert (only["ready"], only["started"], only["restartCount"], only["lastState"]) == (True, True, 0, {})
    assert only["allocatedResources"] == {"cpu": "10m"}
    assert only["containerID"].startswith("twin://")
    await told(api, namespace, "a", ("Started", "Container started"))
    events = (await api.of("events", namespace).list()).ok()["items"]
    (event,) = [each for each in events if each["reason"] == "Started"]
    assert event["involvedObject"]["fieldPath"] == "spec.containers{main}"
    assert event["source"] == {"component": "kubelet", "host": document["spec"]["nodeName"]}


async def test_init_containers_and_sidecars_come_first(pods):
    init = [container("init"), container("sidecar", restartPolicy="Always")]
    made = (await pods.create(pod("a", initContainers=init))).ok()
    start = made["metadata"]["resourceVersion"]
    seen = await pods.watched(lambda events: events[-1][1]["status"]["phase"] == "Running", resourceVersion=start)
    order = [states(document, "initContainerStatuses") | states(document) for _, document in seen]
    assert order[-1] == {"init": "Completed", "sidecar": "running", "main": "running"}
    assert {"init": "running", "sidecar": "PodInitializing", "main": "PodInitializing"} in order
    assert condition(seen[-1][1], "Initialized")[0] == "True"


async def test_a_pod_that_never_restarts_succeeds_with_its_sidecar_ended(pods):
    document = noted(pod("a", restartPolicy="Never"), exit_after="1")
    document["spec"]["initContainers"] = [container("sidecar", restartPolicy="Always")]
    (await pods.create(document)).ok()
    ended = await pods.becomes("a", lambda each: each["status"]["phase"] == "Succeeded")
    assert states(ended, "initContainerStatuses") | states(ended) == {"sidecar": "Completed", "main": "Completed"}
    assert condition(ended, "Ready") == ("False", "PodCompleted", "")


async def test_a_container_that_keeps_exiting_waits(api, namespace, pods):
    made = (await pods.create(noted(pod("a"), exit_after="0.5", exit_code="3"))).ok()
    document = await pods.passes(made, lambda each: states(each).get("main") == "CrashLoopBackOff")
    (status,) = document["status"]["containerStatuses"]
    uid = document["metadata"]["uid"]
    where = f"a_{namespace}({uid})"
    assert status["state"]["waiting"]["message"] == f"back-off 10s restarting failed container=main pod={where}"
    ended = status["lastState"]["terminated"]
    assert (ended["exitCode"], ended["reason"]) == (3, "Error")
    assert condition(document, "Ready") == (
        "False",
        "ContainersNotReady",
        "containers with unready status: [main]",
    )
    await told(api, namespace, "a", ("BackOff", f"Back-off restarting failed container main in pod {where}"))


async def test_an_image_that_is_not_there(api, namespace, pods):
    (await pods.create(noted(pod("a", containers=[container(image="gone:1")]), fail_pull="not found"))).ok()
    document = await pods.becomes("a", lambda each: states(each).get("main") == "ImagePullBackOff")
    waiting = document["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["message"] == 'Back-off pulling image "gone:1": ErrImagePull: not found'
    assert document["status"]["phase"] == "Pending"
    await told(
        api,
        namespace,
        "a",
        ("Pulling", 'Pulling image "gone:1"'),
        ("Failed", 'Failed to pull image "gone:1": not found'),
        ("Failed", "Error: ErrImagePull"),
        ("BackOff", 'Back-off pulling image "gone:1"'),
        ("Failed", "Error: ImagePullBackOff"),
    )


async def test_configuration_that_is_missing(api, namespace, pods):
    source = {"configMapKeyRef": {"name": "gone", "key": "x"}}
    (await pods.create(pod("a", containers=[container(env=[{"name": "X", "valueFrom": source}])]))).ok()
    document = await pods.becomes("a", lambda each: states(each).get("main") == "CreateContainerConfigError")
    waiting = document["status"]["containerStatuses"][0]["state"]["waiting"]
    assert waiting["message"] == 'configmap "gone" not found'
    volumes = [{"name": "v", "secret": {"secretName": "gone"}}]
    (await pods.create(pod("b", volumes=volumes))).ok()
    await told(
        api, namespace, "b", ("FailedMount", 'MountVolume.SetUp failed for volume "v" : secret "gone" not found')
    )


async def test_a_probe_that_fails(api, namespace, pods):
    probe = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 1, "failureThreshold": 1}
    document = noted(pod("a", containers=[container(livenessProbe=probe)]), fail_probes="liveness")
    (await pods.create(document)).ok()
    await pods.becomes("a", lambda each: each["status"].get("containerStatuses", [{}])[0].get("restartCount", 0) >= 1)
    await told(
        api,
        namespace,
        "a",
        ("Unhealthy", "Liveness probe failed: HTTP probe failed with statuscode: 503"),
        ("Killing", "Container main failed liveness probe, will be restarted"),
    )


async def test_a_pod_that_its_node_does_not_take(pods, api):
    nodes = (await api.of("nodes").list()).ok()["items"]
    document = pod("a", nodeName=nodes[0]["metadata"]["name"])
    document["spec"]["containers"] = [container(resources={"requests": {"cpu": "1000"}})]
    (await pods.create(document)).ok()
    rejected = await pods.becomes("a", lambda each: each["status"]["phase"] == "Failed")
    assert rejected["status"]["reason"] == "OutOfcpu"
    assert rejected["status"]["message"].startswith(
        "Pod was rejected: Node didn't have enough resource: cpu, requested: 1000000, used: "
    )


async def test_a_deleted_pod_shows_how_it_ended(pods):
    (await pods.create(noted(pod("a"), stop_seconds="1", stop_code="143"))).ok()
    running = await pods.becomes("a", lambda each: each["status"]["phase"] == "Running")
    (await pods.delete("a")).ok()
    version = running["metadata"]["resourceVersion"]
    seen = await pods.watched(lambda events: events[-1][0] == "DELETED", resourceVersion=version)
    last = seen[-1][1]
    assert (last["status"]["phase"], states(last)) == ("Failed", {"main": "Error"})
    assert last["status"]["containerStatuses"][0]["state"]["terminated"]["exitCode"] == 143
    assert condition(last, "Ready") == ("False", "PodFailed", "")


async def test_a_pod_that_is_resized_in_place(api, namespace, pods):
    wanted = {"requests": {"cpu": "10m"}}
    (await pods.create(pod("a", containers=[container(resources=wanted)]))).ok()
    await pods.becomes("a", lambda each: each["status"]["phase"] == "Running")
    (await pods.patch("a", STRATEGIC, resize("20m"), "resize")).ok()

    def resized(document):
        status = document["status"]["containerStatuses"][0]
        under_way = [each for each in document["status"]["conditions"] if each["type"].startswith("PodResize")]
        told = (status["allocatedResources"], status["resources"]["requests"])
        return told == ({"cpu": "20m"}, {"cpu": "20m"}) and not under_way

    document = await pods.becomes("a", resized)
    assert document["status"]["containerStatuses"][0]["restartCount"] == 0
    body = '{"containers":[{"name":"main","resources":{"requests":{"cpu":"20m"}}}],"generation":2}'
    await told(
        api,
        namespace,
        "a",
        ("ResizeStarted", f"Pod resize started: {body}"),
        ("ResizeCompleted", f"Pod resize completed: {body}"),
    )
    refused = await pods.patch("a", STRATEGIC, resize("9k"), "resize")
    text = "node didn't have enough allocatable resources: cpu, requested: 9000000, allocatable: "
    assert refused.refused.code == 403
    assert refused.refused.message.startswith(f'pods "a" is forbidden: {text}')
    assert refused.document["details"] == {"name": "a", "kind": "pods", "causes": [{"reason": "NodeCapacity"}]}
