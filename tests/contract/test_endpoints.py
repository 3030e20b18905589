"""The endpoints of services, in both forms, and those that are written by hand."""

import pytest

from tests.contract.asking import eventually
from tests.contract.manifests import pod, service

NAME = "kubernetes.io/service-name"
MANAGED = "endpointslice.kubernetes.io/managed-by"


@pytest.fixture
def services(api, namespace):
    return api.of("services", namespace)


@pytest.fixture
def pods(api, namespace):
    return api.of("pods", namespace)


@pytest.fixture
def slices(api, namespace):
    return api.of("endpointslices", namespace)


@pytest.fixture
def endpoints(api, namespace):
    return api.of("endpoints", namespace)


def labelled(name, app="web", notes=None, **spec):
    made = pod(name, terminationGracePeriodSeconds=spec.pop("grace", 0), **spec)
    made["metadata"] |= {"labels": {"app": app}, "annotations": notes or {}}
    return made


async def pieces(slices, holds, name="web"):
    """Wait until the slices of a service are as wanted."""

    async def found():
        items = (await slices.list(labelSelector=f"{NAME}={name}")).ok()["items"]
        return (items,) if holds(items) else None

    (items,) = await eventually(found, slices.list)
    return items


def all_of(items):
    return [each for piece in items for each in piece["endpoints"] or []]


def has_addresses(endpoints):
    """Whether a pod takes traffic by the older form, whose controller hears of it at a moment of its own."""
    return any(each.get("addresses") for each in endpoints.get("subsets") or ())


def ready(count):
    return lambda items: sum(each["conditions"]["ready"] for each in all_of(items)) == count


async def test_a_service_that_nobody_serves_has_one_empty_slice(services, slices, endpoints):
    made = (await services.create(service("web"))).ok()
    (piece,) = await pieces(slices, len)
    assert (piece["endpoints"], piece["ports"]) == (None, None)
    assert piece["metadata"]["labels"] == {NAME: "web", MANAGED: "endpointslice-controller.k8s.io"}
    (owner,) = piece["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("Service", made["metadata"]["uid"], True)
    found = await endpoints.becomes("web", lambda _: True)
    assert "subsets" not in found


async def test_a_pod_is_listed_as_it_is(services, pods, slices, endpoints):
    (await services.create(service("web", ports=[{"port": 80, "targetPort": 8080, "name": "http"}]))).ok()
    made = (await pods.create(labelled("a"))).ok()
    (piece,) = await pieces(slices, ready(1))
    assert piece["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]
    (endpoint,) = piece["endpoints"]
    found = (await pods.get("a")).ok()
    assert endpoint["addresses"] == [found["status"]["podIP"]]
    assert endpoint["conditions"] == {"ready": True, "serving": True, "terminating": False}
    assert endpoint["nodeName"] == found["spec"]["nodeName"]
    assert endpoint["zone"].startswith("zone-")
    reference = {"kind": "Pod", "name": "a", "namespace": made["metadata"]["namespace"], "uid": made["metadata"]["uid"]}
    assert endpoint["targetRef"] == reference
    found = await endpoints.becomes("web", has_addresses)
    (subset,) = found["subsets"]
    assert [each["ip"] for each in subset["addresses"]] == endpoint["addresses"]
    assert subset["ports"] == [{"name": "http", "port": 8080, "protocol": "TCP"}]


async def test_a_pod_that_is_not_ready_is_listed_and_takes_no_traffic(services, pods, slices, endpoints):
    (await services.create(service("web"))).ok()
    (
        await services.create(
            {**service("early"), "spec": {**service("web")["spec"], "publishNotReadyAddresses": True}}
        )
    ).ok()
    probe = [{"name": "main", "image": "nginx:1", "readinessProbe": {"httpGet": {"port": 80}}}]
    (await pods.create(labelled("a", notes={"twin.kubewright.dev/ready-seconds": "never"}, containers=probe))).ok()
    (endpoint,) = all_of(await pieces(slices, all_of))
    assert endpoint["conditions"] == {"ready": False, "serving": False, "terminating": False}
    (endpoint,) = all_of(await pieces(slices, all_of, "early"))
    assert endpoint["conditions"] == {"ready": True, "serving": False, "terminating": False}
    found = await endpoints.becomes("web", lambda found: found.get("subsets"))
    assert "addresses" not in found["subsets"][0]
    assert len(found["subsets"][0]["notReadyAddresses"]) == 1
    found = await endpoints.becomes("early", lambda found: found.get("subsets"))
    assert len(found["subsets"][0]["addresses"]) == 1


async def test_a_pod_that_ends_serves_on_until_it_is_gone(services, pods, slices):
    (await services.create(service("web"))).ok()
    (await pods.create(labelled("a", grace=600, notes={"twin.kubewright.dev/stop-seconds": "600"}))).ok()
    await pieces(slices, ready(1))
    (await pods.delete("a")).ok()
    (endpoint,) = all_of(await pieces(slices, lambda items: any(x["conditions"]["terminating"] for x in all_of(items))))
    assert endpoint["conditions"] == {"ready": False, "serving": True, "terminating": True}
    (await pods.delete("a", {"gracePeriodSeconds": 0})).ok()
    (piece,) = await pieces(slices, lambda items: not all_of(items) and len(items) == 1)
    assert piece["ports"] is None


async def test_pods_with_other_ports_behind_a_name_have_a_slice_of_their_own(services, pods, slices):
    (await services.create(service("web", ports=[{"port": 80, "targetPort": "http"}]))).ok()
    for name, port in (("a", 8080), ("b", 9090), ("c", 9090)):
        ports = [{"name": "http", "containerPort": port}]
        (await pods.create(labelled(name, containers=[{"name": "main", "image": "nginx:1", "ports": ports}]))).ok()
    found = await pieces(slices, ready(3))
    assert sorted((each["ports"][0]["port"], len(each["endpoints"])) for each in found) == [(8080, 1), (9090, 2)]


async def test_a_headless_service_knows_its_pods_by_name(services, pods, slices, endpoints):
    (await services.create(service("web", clusterIP="None"))).ok()
    (await pods.create(labelled("a", hostname="first", subdomain="web"))).ok()
    (piece,) = await pieces(slices, ready(1))
    assert piece["endpoints"][0]["hostname"] == "first"
    assert piece["metadata"]["labels"]["service.kubernetes.io/headless"] == ""
    found = await endpoints.becomes("web", has_addresses)
    assert found["subsets"][0]["addresses"][0]["hostname"] == "first"


async def test_slices_follow_the_labels_of_their_service(services, pods, slices):
    (await services.create(service("web"))).ok()
    await pieces(slices, len)
    (await services.merge("web", {"metadata": {"labels": {"team": "shop"}}})).ok()
    await pieces(slices, lambda items: items and items[0]["metadata"]["labels"].get("team") == "shop")
    (await services.merge("web", {"metadata": {"labels": None}})).ok()
    await pieces(slices, lambda items: items and "team" not in items[0]["metadata"]["labels"])


BY_HAND = {
    "apiVersion": "v1",
    "kind": "Endpoints",
    "metadata": {"name": "web", "labels": {"team": "shop"}, "annotations": {"note": "x"}},
    "subsets": [
        {
            "addresses": [{"ip": "10.1.1.1", "hostname": "one"}],
            "notReadyAddresses": [{"ip": "10.1.1.2"}],
            "ports": [{"name": "web", "port": 80}],
        }
    ],
}


async def test_endpoints_by_hand_are_mirrored(services, slices, endpoints):
    (await services.create({**service("web"), "spec": {"ports": [{"port": 80, "name": "web"}]}})).ok()
    made = (await endpoints.create(BY_HAND)).ok()
    (piece,) = await pieces(slices, all_of)
    expected = {NAME: "web", MANAGED: "endpointslicemirroring-controller.k8s.io", "team": "shop"}
    assert piece["metadata"]["labels"] == expected
    assert piece["metadata"]["annotations"] == {"note": "x"}
    (owner,) = piece["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"]) == ("Endpoints", made["metadata"]["uid"])
    assert piece["ports"] == [{"name": "web", "port": 80, "protocol": "TCP"}]
    found = sorted(piece["endpoints"], key=lambda each: each["addresses"])
    assert found == [
        {"addresses": ["10.1.1.1"], "conditions": {"ready": True}, "hostname": "one"},
        {"addresses": ["10.1.1.2"], "conditions": {"ready": False}},
    ]
    (await endpoints.merge("web", {"subsets": [{"addresses": [{"ip": "10.1.1.3"}], "ports": [{"port": 81}]}]})).ok()
    (piece,) = await pieces(slices, lambda items: [each["addresses"] for each in all_of(items)] == [["10.1.1.3"]])
    skip = {"endpointslice.kubernetes.io/skip-mirror": "true"}
    (await endpoints.merge("web", {"metadata": {"labels": skip}})).ok()
    await pieces(slices, lambda items: not items)


async def test_the_servers_own_endpoints_are_mirrored_nowhere(api):
    # A server that is reached on loopback alone writes none.
    slices = (await api.ask("GET", api.of("endpointslices", "default", root="/apis/discovery.k8s.io/v1").path)).ok()
    of_server = [each for each in slices["items"] if each["metadata"]["labels"].get(NAME) == "kubernetes"]
    assert {each["metadata"]["name"] for each in of_server} <= {"kubernetes"}
