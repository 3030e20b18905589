"""StatefulSets: one step at a time, in order."""

import pytest

from kubewright.api.apps import Partition, StatefulSet, StatefulSetSpec, StatefulSetStrategy
from kubewright.api.meta import ObjectMeta
from kubewright.twin.controllers.statefulset.decide import Revisions, View, decide, status_of
from kubewright.twin.controllers.writes import Create, Remove
from tests.unit.twin.controllers.build import NOW, TEMPLATE, pod, template

OLD = template("web:0")
CLAIM = {"metadata": {"name": "data"}, "spec": {"accessModes": ["ReadWriteOnce"]}}


def stateful(replicas, *, partition=0, update="RollingUpdate", most=None, **spec):
    strategy = StatefulSetStrategy(update, Partition(partition, most) if update == "RollingUpdate" else None)
    body = StatefulSetSpec(replicas=replicas, template=TEMPLATE, update_strategy=strategy, **spec)
    return StatefulSet(metadata=ObjectMeta(name="s", namespace="default", uid="s", generation=1), spec=body)


def of(ordinal, revision="new", **options):
    return pod(f"s-{ordinal}", labels={"app": "web", "controller-revision-hash": revision}, **options)


def view(stateful_set, *pods, claims=None):
    return View.of(stateful_set, Revisions("old", "new", OLD, TEMPLATE), pods, claims or {}, NOW)


def steps(writes):
    made = [f"+{each.manifest['metadata']['name']}" for each in writes if isinstance(each, Create)]
    return made + [f"-{each.key.name}" for each in writes if isinstance(each, Remove)]


@pytest.mark.parametrize(
    ("stateful_set", "pods", "expected"),
    [
        pytest.param(stateful(3), (), ["+s-0"], id="the first comes first"),
        pytest.param(stateful(3), (of(0),), ["+s-1"], id="the next when the one before is ready"),
        pytest.param(stateful(3), (of(0, ready=False),), [], id="nobody before that"),
        pytest.param(stateful(3), (of(0, terminating=True),), [], id="nor while it is going"),
        pytest.param(
            stateful(3, pod_management_policy="Parallel"),
            (of(1, ready=False),),
            ["+s-0", "+s-2"],
            id="all at once when parallel",
        ),
        pytest.param(stateful(1), (of(0), of(1), of(2)), ["-s-2"], id="the last goes first"),
        pytest.param(stateful(1), (of(0), of(1), of(2, terminating=True)), [], id="one at a time"),
        pytest.param(stateful(1), (of(0, phase="Failed", ready=False),), ["-s-0"], id="one that failed is replaced"),
        pytest.param(stateful(3), (of(0, "old"), of(1, "old"), of(2, "old")), ["-s-2"], id="an update begins on top"),
        pytest.param(stateful(3), (of(0, "old"), of(1, "old"), of(2, ready=False)), [], id="and waits for each"),
        pytest.param(stateful(3, partition=2), (of(0, "old"), of(1, "old"), of(2)), [], id="a partition ends it early"),
        pytest.param(
            stateful(3, most=2), (of(0, "old"), of(1, "old"), of(2, "old")), ["-s-2", "-s-1"], id="or goes faster"
        ),
        pytest.param(stateful(2, update="OnDelete"), (of(0, "old"), of(1, "old")), [], id="on delete nobody goes"),
        pytest.param(
            stateful(1, volume_claim_templates=(CLAIM,)), (), ["+data-s-0", "+s-0"], id="claims come before their pod"
        ),
    ],
)
def test_the_next_step(stateful_set, pods, expected):
    assert steps(decide(view(stateful_set, *pods))) == expected


def test_below_the_partition_a_lost_pod_comes_back_as_it_was():
    (made, _) = decide(view(stateful(2, partition=1), of(1)))
    assert made.manifest["spec"]["containers"][0]["image"] == "web:0"
    assert made.manifest["metadata"]["labels"]["controller-revision-hash"] == "old"


def test_a_finished_update_becomes_the_present_revision():
    done = status_of(view(stateful(2), of(0), of(1)))
    assert (done["currentRevision"], done["currentReplicas"], done["updatedReplicas"]) == ("new", 2, 2)
    half = status_of(view(stateful(2), of(0, "old"), of(1)))
    assert (half["currentRevision"], half["currentReplicas"], half["updatedReplicas"]) == ("old", 1, 1)
