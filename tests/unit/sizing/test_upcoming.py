"""Which sizes come with the next release: from what pods were well with, slow to shrink, and steady once told."""

import msgspec
import pytest

from kubewright.api.core import Pod
from kubewright.api.crds.containersize import ContainerSize
from kubewright.api.crds.sizepolicy import SizePolicySpec
from kubewright.api.meta import rfc3339
from kubewright.scaling.sizing import Recommendation, Unknown
from kubewright.sizing.decide import Known, Seen
from kubewright.sizing.upcoming import OWN_RELEASE_SECONDS, changes, next_sizes

NOW = 1_800_000_000.0
MIB = 1 << 20
LITTLE = Recommendation(0.1, 0.2, 0.3, 0.2)
MUCH = Recommendation(1.2, 1.5, 2.0, 1.5)


def template(cpu="1", limit=""):
    resources = {"requests": {"cpu": cpu}, **({"limits": {"cpu": limit}} if limit else {})}
    return {"spec": {"containers": [{"name": "app", "resources": resources}, {"name": "aside"}]}}


def pod(cpu="1", *, age=3600.0, ready=True, uid="a", terminating=False):
    metadata = {"name": uid, "namespace": "default", "uid": uid, "creationTimestamp": rfc3339(NOW - age)}
    if terminating:
        metadata["deletionTimestamp"] = rfc3339(NOW)
    conditions = [{"type": "Ready", "status": str(ready)}]
    document = {"metadata": metadata, **template(cpu), "status": {"phase": "Running", "conditions": conditions}}
    return msgspec.convert(document, Pod)


def seen(cpu, *pods, in_use=None, known_memory=None, **more):
    unknown = Unknown("nothing was measured")
    known = Known({"cpu": cpu, "memory": known_memory or unknown}, {"cpu": 8.0, "memory": 8.0})
    spec = SizePolicySpec(**{"by": "nextRelease", **more.pop("spec", {})})
    return Seen(spec, pods, {"app": known}, lambda _, __: in_use, **more)


def cpu(seen, told=(), **options):
    """Return the request and the limit of the one container that requests any."""
    [found] = next_sizes(seen, template(**options), told, NOW)
    assert (found.container, found.resource) == ("app", "cpu")
    return found.request, found.limit


def size(request, limit=""):
    return ContainerSize("app", "cpu", request, limit)


def test_it_is_a_step_down_from_the_least_that_pods_have_been_well_with():
    assert cpu(seen(LITTLE, pod(), pod(uid="b"))) == ("700m", "")
    assert cpu(seen(LITTLE, pod("700m"), pod(uid="b"))) == ("490m", "")
    assert cpu(seen(LITTLE, pod("2"))) == ("1", "")  # nobody has been well with what the template says


@pytest.mark.parametrize(
    "pods",
    [
        pytest.param((), id="there is none"),
        pytest.param((pod(age=60),), id="it is young"),
        pytest.param((pod(ready=False),), id="it is not ready"),
        pytest.param((pod(terminating=True),), id="it goes"),
    ],
)
def test_nothing_shrinks_before_a_pod_has_been_well_for_a_while(pods):
    assert cpu(seen(LITTLE, *pods)) == ("1", "")
    assert cpu(seen(LITTLE, *pods), [size("800m")]) == ("800m", "")


def test_a_pod_that_was_resized_begins_its_while_anew():
    assert cpu(seen(LITTLE, pod("700m"), resized_at={"a": NOW - 60})) == ("1", "")
    assert cpu(seen(LITTLE, pod("700m"), resized_at={"a": NOW - 700})) == ("490m", "")


def test_a_release_that_is_made_for_sizes_alone_waits_six_hours():
    spec = {"by": "ownRelease"}
    assert cpu(seen(LITTLE, pod(age=OWN_RELEASE_SECONDS - 1), spec=spec)) == ("1", "")
    assert cpu(seen(LITTLE, pod(age=OWN_RELEASE_SECONDS), spec=spec)) == ("700m", "")


def test_who_needs_more_gets_it_whoever_is_well_with_its_limit_in_the_same_ratio():
    assert cpu(seen(MUCH)) == ("1500m", "")
    assert cpu(seen(MUCH, pod(age=1)), limit="2") == ("1500m", "3")


def test_quotas_leave_room_for_all_pods_of_the_new_release_and_a_quarter_more():
    pods = [pod(uid=str(number)) for number in range(4)]
    assert cpu(seen(MUCH, *pods, room={"requests.cpu": 1000})) == ("1200m", "")
    assert cpu(seen(MUCH, *pods, room={"requests.cpu": 0})) == ("1", "")
    assert cpu(seen(MUCH, *pods, room={"limits.cpu": 1000}), limit="2") == ("1100m", "2200m")


def test_what_was_told_holds_while_it_is_within_a_tenth_and_within_bounds():
    assert cpu(seen(LITTLE, pod()), [size("750m")]) == ("750m", "")
    assert cpu(seen(LITTLE, pod()), [size("790m")]) == ("700m", "")
    bound = msgspec.convert({"max": {"cpu": "720m"}}, SizePolicySpec).max
    assert cpu(seen(LITTLE, pod(), spec={"max": bound}), [size("750m")]) == ("700m", "")
    assert cpu(seen(LITTLE, pod()), [size("750m", "1500m")]) == ("700m", "")  # the template has no limit any more


def test_what_is_not_known_or_held_stays_as_it_was_told_or_as_it_is():
    unknown = Unknown("the last measurement is 40 minutes old")
    assert cpu(seen(unknown, pod())) == ("1", "")
    assert cpu(seen(unknown, pod()), [size("600m")]) == ("600m", "")
    held = {"cpu": "the ScalePolicy web scales by its share of the request"}
    assert cpu(seen(LITTLE, pod(), held=held), [size("600m")]) == ("1", "")


def test_memory_is_not_below_what_the_busiest_pod_has_in_use():
    resources = {"requests": {"memory": "1000Mi"}}
    containers = {"spec": {"containers": [{"name": "app", "resources": resources}]}}
    well = msgspec.to_builtins(pod()) | containers
    advice = Recommendation(*(each * MIB for each in (100, 200, 300, 200)))

    def memory(in_use):
        look = seen(LITTLE, msgspec.convert(well, Pod), in_use=in_use, known_memory=advice)
        return [each.request for each in next_sizes(look, containers, (), NOW)]

    assert memory(300.0 * MIB) == ["700Mi"]
    assert memory(800.0 * MIB) == ["1000Mi"]
    assert memory(700.0 * MIB) == ["805Mi"]
    assert memory(None) == ["1000Mi"]


def test_what_changes_is_said_and_what_does_not_is_not():
    assert changes([size("700m"), ContainerSize("gone", "cpu", "1")], template()) == "app cpu 700m instead of 1"
    assert changes([size("1000m")], template()) == ""
    assert changes([ContainerSize("aside", "memory", "1Gi")], template()) == ""
