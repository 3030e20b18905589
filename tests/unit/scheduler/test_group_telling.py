from msgspec.structs import replace

from kubewright.api.conditions import Condition
from kubewright.api.meta import ObjectMeta
from kubewright.api.podgroups import PodGroup, PodGroupStatus
from kubewright.scheduler.groups.telling import INITIALLY_SCHEDULED, told

GROUP = PodGroup(metadata=ObjectMeta(name="train", namespace="ns", uid="u", generation=3))
OTHER = Condition("DisruptionTarget", "True", "PreemptionByScheduler", "")


def with_told(status, reason, message):
    said = Condition(INITIALLY_SCHEDULED, status, reason, message, "1970-01-01T00:00:10Z", 3)
    return replace(GROUP, status=PodGroupStatus((OTHER, said)))


def test_only_what_is_the_schedulers_own_is_written():
    manifest = told(GROUP, "no room", 10.0)
    assert manifest["metadata"] == {"name": "train", "namespace": "ns", "uid": "u"}
    (condition,) = manifest["status"]["conditions"]
    assert condition == {
        "type": INITIALLY_SCHEDULED,
        "status": "False",
        "reason": "Unschedulable",
        "message": "no room",
        "lastTransitionTime": "1970-01-01T00:00:10Z",
        "observedGeneration": 3,
    }


def test_what_is_said_already_is_not_written_again():
    assert told(with_told("False", "Unschedulable", "no room"), "no room", 20.0) is None
    (again,) = told(with_told("False", "Unschedulable", "no room"), "less room", 20.0)["status"]["conditions"]
    assert again["lastTransitionTime"] == "1970-01-01T00:00:10Z"


def test_that_a_group_was_scheduled_is_never_taken_back():
    scheduled = with_told("True", "Scheduled", "")
    assert told(scheduled, "no room for one more", 20.0) is None
    assert told(scheduled, "", 20.0) is None
    assert told(with_told("False", "Unschedulable", "no room"), "", 20.0) is not None
