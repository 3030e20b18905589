"""The endpoints of a service, in both forms."""

import msgspec

from kubewright.api.core import Endpoints, Service, ServicePort, ServiceSpec
from kubewright.api.discovery import EndpointSlice
from kubewright.api.meta import ObjectMeta
from kubewright.twin.controllers.endpoints.decide import endpoints, slices
from kubewright.twin.controllers.endpoints.mirroring import is_mirrored, mirror
from kubewright.twin.controllers.endpoints.packing import SLICE_SIZE
from kubewright.twin.controllers.writes import Create, Patch, Remove
from tests.unit.twin.controllers.build import pod


def service(*ports, publish=False):
    metadata = ObjectMeta(name="web", namespace="default", uid="svc", labels={"team": "shop"})
    spec = ServiceSpec(selector={"app": "web"}, ports=ports or (ServicePort(80, target_port=8080),),
                       publish_not_ready_addresses=publish)  # fmt: skip
    return Service(metadata=metadata, spec=spec)


def zone(node):
    return {"n1": "z1"}.get(node, "")


def made(writes, number=0):
    """Return slices as they are after the writes."""
    named = [
        {**write.manifest, "metadata": {**write.manifest["metadata"], "name": f"web-{index}", "uid": "u"}}
        for index, write in enumerate(writes, number)
    ]
    return [msgspec.convert(each, EndpointSlice) for each in named]


def test_a_service_without_pods_has_an_empty_slice():
    (write,) = slices(service(), [], [], zone)
    assert isinstance(write, Create)
    assert write.manifest["endpoints"] is None
    labels = write.manifest["metadata"]["labels"]
    assert labels["kubernetes.io/service-name"] == "web"
    assert labels["team"] == "shop"


def test_pods_are_listed_with_their_state():
    pods = [
        pod("a", ip="10.0.0.1"),
        pod("b", ip="10.0.0.2", ready=False, on="n2"),
        pod("c", ip="10.0.0.3", terminating=True),
        pod("new"),
        pod("done", ip="10.0.0.4", phase="Succeeded"),
    ]
    (write,) = slices(service(), pods, [], zone)
    found = [
        (each["addresses"], tuple(each["conditions"].values()), each.get("zone"), each["targetRef"]["name"])
        for each in write.manifest["endpoints"]
    ]
    assert found == [
        (["10.0.0.1"], (True, True, False), "z1", "a"),
        (["10.0.0.2"], (False, False, False), None, "b"),
        (["10.0.0.3"], (False, True, True), "z1", "c"),
    ]
    assert write.manifest["ports"] == [{"name": "", "port": 8080, "protocol": "TCP"}]


def test_what_the_slice_says_already_is_not_written():
    pods = [pod("a", ip="10.0.0.1")]
    present = made(slices(service(), pods, [], zone))
    assert slices(service(), pods, present, zone) == []
    (write,) = slices(service(), [pod("a", ip="10.0.0.1", ready=False)], present, zone)
    assert isinstance(write, Patch)


def test_a_service_that_publishes_early_calls_all_ready():
    (write,) = slices(service(publish=True), [pod("a", ip="10.0.0.1", ready=False)], [], zone)
    assert write.manifest["endpoints"][0]["conditions"] == {"ready": True, "serving": False, "terminating": False}


def test_many_pods_fill_several_slices_and_leave_none_behind():
    pods = [pod(f"p{number:03d}", ip=f"10.0.{number // 250}.{number % 250}") for number in range(SLICE_SIZE + 5)]
    writes = slices(service(), pods, [], zone)
    assert [len(write.manifest["endpoints"]) for write in writes] == [SLICE_SIZE, 5]
    fewer = slices(service(), pods[:3], made(writes), zone)
    assert [type(write) for write in fewer] == [Patch, Remove]


def test_endpoints_stay_in_the_slice_that_has_them():
    pods = [pod(f"p{number:03d}", ip=f"10.0.{number // 250}.{number % 250}") for number in range(SLICE_SIZE + 5)]
    present = made(slices(service(), pods, [], zone))
    (write,) = slices(service(), pods[1:], present, zone)
    assert (write.key.name, len(write.changes["endpoints"])) == ("web-0", SLICE_SIZE - 1)
    more = [*pods, pod("one-more", ip="10.9.9.9")]
    (write,) = slices(service(), more, present, zone)
    assert (write.key.name, len(write.changes["endpoints"])) == ("web-1", 6)


def test_when_the_last_pod_goes_an_empty_slice_takes_the_place():
    present = made(slices(service(), [pod("a", ip="10.0.0.1")], [], zone))
    create, remove = slices(service(), [], present, zone)
    assert (create.manifest["endpoints"], create.manifest["ports"]) == (None, None)
    assert remove.key.name == "web-0"
    empty = made([create], 1)
    assert slices(service(), [], empty, zone) == []
    twice = [*empty, *made([create], 2)]
    assert [write.key.name for write in slices(service(), [], twice, zone)] == ["web-2"]


def test_the_services_labels_are_the_slices():
    present = made(slices(service(), [pod("a", ip="10.0.0.1")], [], zone))
    relabelled = msgspec.structs.replace(
        service(), metadata=msgspec.structs.replace(service().metadata, labels={"a": "b"})
    )
    (write,) = slices(relabelled, [pod("a", ip="10.0.0.1")], present, zone)
    labels = write.changes["metadata"]["labels"]
    assert (labels["team"], labels["a"]) == (None, "b")


def test_a_pod_with_a_name_under_the_service_is_listed_by_it():
    named = pod("db-0", ip="10.0.0.1", hostname="db-0", subdomain="web")
    (write,) = slices(service(), [named], [], zone)
    assert write.manifest["endpoints"][0]["hostname"] == "db-0"
    (write,) = endpoints(service(), [named], None)
    assert write.manifest["subsets"][0]["addresses"][0]["hostname"] == "db-0"


def by_hand(*subsets, labels=None, notes=None):
    metadata = ObjectMeta(name="web", namespace="default", uid="e", labels=labels or {}, annotations=notes or {})
    return msgspec.structs.replace(msgspec.convert({"subsets": subsets}, Endpoints), metadata=metadata)


SUBSET = {"addresses": [{"ip": "10.1.1.1", "hostname": "one"}], "notReadyAddresses": [{"ip": "10.1.1.2"}],
          "ports": [{"port": 80, "name": "web"}]}  # fmt: skip


def test_endpoints_by_hand_are_mirrored():
    (write,) = mirror(by_hand(SUBSET, labels={"team": "shop"}, notes={"note": "x"}), [])
    assert write.manifest["endpoints"] == [
        {"addresses": ["10.1.1.1"], "conditions": {"ready": True}, "hostname": "one"},
        {"addresses": ["10.1.1.2"], "conditions": {"ready": False}},
    ]
    assert write.manifest["ports"] == [{"name": "web", "port": 80, "protocol": "TCP"}]
    assert write.manifest["metadata"]["labels"]["team"] == "shop"
    assert write.manifest["metadata"]["annotations"] == {"note": "x"}
    assert mirror(by_hand(SUBSET, labels={"team": "shop"}), made([write])) == []
    assert [type(write) for write in mirror(by_hand(), made([write]))] == [Remove]


def test_only_services_without_a_selector_have_their_endpoints_mirrored():
    alone = Service(metadata=ObjectMeta(name="web", namespace="default"))
    assert is_mirrored(by_hand(SUBSET), alone)
    assert not is_mirrored(by_hand(SUBSET), service())
    assert not is_mirrored(by_hand(SUBSET), None)
    assert not is_mirrored(by_hand(SUBSET, labels={"endpointslice.kubernetes.io/skip-mirror": "true"}), alone)
    assert not is_mirrored(by_hand(SUBSET, notes={"control-plane.alpha.kubernetes.io/leader": "{}"}), alone)


def test_a_named_port_is_each_pods_own():
    pods = [pod("a", ip="10.0.0.1", ports=[("http", 80)]), pod("b", ip="10.0.0.2", ports=[("http", 8000)])]
    writes = slices(service(ServicePort(80, "web", target_port="http")), pods, [], zone)
    assert [write.manifest["ports"][0]["port"] for write in writes] == [80, 8000]


def test_the_older_form_says_the_same():
    pods = [pod("b", ip="10.0.0.2", ready=False), pod("a", ip="10.0.0.1"), pod("c", ip="10.0.0.3", terminating=True)]
    (write,) = endpoints(service(), pods, None)
    (subset,) = write.manifest["subsets"]
    assert [each["ip"] for each in subset["addresses"]] == ["10.0.0.1"]
    assert [each["ip"] for each in subset["notReadyAddresses"]] == ["10.0.0.2"]
    present = msgspec.convert(write.manifest, Endpoints)
    assert endpoints(service(), pods, present) == []
    (emptied,) = endpoints(service(), [], present)
    assert emptied.changes == {"subsets": None}
