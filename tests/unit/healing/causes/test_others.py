"""Causes in what runs, in Services and in volumes, and what looks like them."""

import msgspec
import pytest

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import SERVICES
from kubewright.api.meta import ObjectKey
from kubewright.api.plan import Apply, Evict, Patch, Resize
from kubewright.api.volumes import CLAIMS, PersistentVolumeClaim, StorageClass
from kubewright.healing.catalogue import CAUSES
from kubewright.healing.remedies.changes import take_back
from kubewright.healing.remedies.pods import evict
from kubewright.healing.remedies.sizes import expand, resize
from kubewright.signals.changes import Changes
from kubewright.signals.signal import Fault
from tests.unit.healing.causes.world import (
    NOW,
    about,
    about_pod,
    case,
    endpoints,
    fleet,
    found,
    live,
    made,
    pod,
    release,
    service,
)

OLD = (release(1, "web:1", age=90_000.0), fleet("web:1", updated=2))
PORTS = [{"port": 80, "targetPort": 8080}]


def killed(restarts):
    ended = {"reason": "OOMKilled", "exitCode": 137}
    return {"name": "main", "restartCount": restarts, "lastState": {"terminated": ended}}


LIMITED = {"name": "main", "resources": {"limits": {"memory": "100Mi"}}}


def short_of_memory(restarts):
    ill = pod("a", 1, container=LIMITED, statuses=[killed(restarts)])
    return case([about_pod(Fault.OUT_OF_MEMORY, "a")], *OLD, ill, pod("b", 1))


def test_who_was_killed_for_want_of_memory_gets_half_as_much_again_where_it_runs():
    given = short_of_memory(1)
    one = found(CAUSES, given)
    assert one.cause == "OutOfMemory"
    (action,) = resize(one, given.seen, NOW).actions
    assert isinstance(action, Resize)
    assert action.limits == {"memory": str(150 << 20)} or action.limits == {"memory": "150Mi"}


def test_who_is_at_its_limit_again_and_again_leaks():
    assert found(CAUSES, short_of_memory(9)).cause == "MemoryLeak"


@pytest.mark.parametrize(("fault", "cause"), [(Fault.CRASH_LOOP, "PodCrashing"), (Fault.NOT_READY, "PodHung")])
def test_one_ill_pod_of_several_is_made_anew(fault, cause):
    given = case([about_pod(fault, "a")], *OLD, pod("a", 1), pod("b", 1), pod("c", 1))
    one = found(CAUSES, given)
    assert one.cause == cause
    (action,) = evict(one, given.seen, NOW).actions
    assert isinstance(action, Evict)
    assert action.key.name == "a"


def test_all_pods_that_are_ill_are_not_made_anew():
    given = case([about_pod(Fault.NOT_READY, "a"), about_pod(Fault.NOT_READY, "b")], *OLD, pod("a", 1), pod("b", 1))
    assert found(CAUSES, given).cause == "NotReady"


def changed(before, after, resource=SERVICES):
    changes = Changes()
    changes.note(resource, before, after, NOW - 20)
    return changes


def test_a_selector_that_was_changed_to_nobody_is_taken_back():
    before, after = live(selector={"app": "web"}, ports=PORTS), live(selector={"app": "webb"}, ports=PORTS)
    signals = [about(SERVICES, Fault.CHANGED), about(SERVICES, Fault.NO_ENDPOINTS)]
    objects = (*OLD, service(selector={"app": "webb"}), pod("a", 1))
    given = case(signals, *objects, resource=SERVICES, changes=changed(before, after))
    one = found(CAUSES, given)
    assert one.cause == "WrongSelector"
    assert len(one.explains) == 2
    (action,) = take_back(one, given.seen, NOW).actions
    assert isinstance(action, Patch)
    assert action.operations[-1]["value"]["selector"] == {"app": "web"}


def test_a_service_that_was_made_anew_meanwhile_keeps_its_own_address():
    good = live("old", selector={"app": "web"}, ports=PORTS, clusterIP="10.0.0.1", clusterIPs=["10.0.0.1"])
    anew = live("new", selector={"app": "web"}, ports=PORTS, clusterIP="10.0.0.2", clusterIPs=["10.0.0.2"])
    bad = live("new", selector={"app": "webb"}, ports=PORTS, clusterIP="10.0.0.2", clusterIPs=["10.0.0.2"])
    changes = Changes()
    for age, before, after in ((40, good, None), (30, None, anew), (20, anew, bad)):
        changes.note(SERVICES, before, after, NOW - age)
    objects = (*OLD, service(selector={"app": "webb"}), pod("a", 1))
    given = case([about(SERVICES, Fault.CHANGED)], *objects, resource=SERVICES, changes=changes)
    (action,) = take_back(found(CAUSES, given), given.seen, NOW).actions
    spec = action.operations[-1]["value"]
    assert spec["selector"] == {"app": "web"}
    assert spec["clusterIPs"] == ["10.0.0.2"]


def test_a_selector_that_was_changed_to_somebody_else_is_nobodys_business():
    before, after = live(selector={"app": "blue"}, ports=PORTS), live(selector={"app": "web"}, ports=PORTS)
    objects = (*OLD, service(selector={"app": "web"}), pod("a", 1))
    signals = [about(SERVICES, Fault.CHANGED)]
    assert found(CAUSES, case(signals, *objects, resource=SERVICES, changes=changed(before, after))) is None


@pytest.mark.parametrize(("port", "cause"), [(9090, "WrongPort"), (8080, None)])
def test_a_port_where_nobody_listens_is_wrong(port, cause):
    before = live(selector={"app": "web"}, ports=PORTS)
    after = live(selector={"app": "web"}, ports=[{"port": 80, "targetPort": port}])
    objects = (*OLD, service(selector={"app": "web"}, port=port), endpoints(port), pod("a", 1))
    given = case([about(SERVICES, Fault.CHANGED)], *objects, resource=SERVICES, changes=changed(before, after))
    one = found(CAUSES, given)
    assert (one and one.cause) == cause


def test_a_service_that_was_deleted_beside_its_pods_is_made_anew():
    before = live(selector={"app": "web"}, ports=PORTS, clusterIP="10.0.0.1")
    given = case([about(SERVICES, Fault.CHANGED)], *OLD, pod("a", 1), resource=SERVICES, changes=changed(before, None))
    one = found(CAUSES, given)
    assert one.cause == "ServiceMissing"
    (action,) = take_back(one, given.seen, NOW).actions
    assert isinstance(action, Apply)
    assert action.only_new
    assert "clusterIP" not in action.manifest["spec"]


def test_a_fleet_that_somebody_scaled_to_nothing_is_told_and_left():
    signals = [about(DEPLOYMENTS, Fault.CHANGED)]
    given = case(signals, *OLD, changes=changed(live(replicas=3), live(replicas=0), DEPLOYMENTS))
    assert found(CAUSES, given).cause == "ScaledToZero"
    given = case(signals, *OLD, changes=changed(live(replicas=3), live(replicas=1), DEPLOYMENTS))
    assert found(CAUSES, given) is None


@pytest.mark.parametrize("grows", [True, False])
def test_a_full_volume_grows_where_its_class_lets_it(grows):
    claim = made(
        PersistentVolumeClaim,
        "data",
        spec={"storageClassName": "fast", "resources": {"requests": {"storage": "1Gi"}}},
    )
    kind = msgspec.convert({"metadata": {"name": "fast"}, "allowVolumeExpansion": grows}, StorageClass)
    signal = about(CLAIMS, Fault.VOLUME_FULL)
    given = case([signal], claim, kind, resource=CLAIMS, key=ObjectKey("shop", "data"))
    one = found(CAUSES, given)
    assert one.cause == "VolumeFull"
    plan = expand(one, given.seen, NOW)
    assert (plan is not None) == grows
    if grows:
        assert "1.5Gi" in str(plan) or "1536Mi" in str(plan)
