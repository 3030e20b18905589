"""DaemonSets: on which nodes, and how they are replaced."""

import msgspec
import pytest

from kubewright.api.apps import DaemonSet, DaemonSetSpec, DaemonSetStrategy, RollingUpdate
from kubewright.api.core import Node, NodeSpec, Taint
from kubewright.api.meta import ObjectMeta
from kubewright.api.selectors import LabelSelector
from kubewright.twin.controllers.daemonset.backoff import FailureBackoff
from kubewright.twin.controllers.daemonset.decide import View, roll, scale, status_of
from kubewright.twin.controllers.writes import Create, Remove
from tests.unit.twin.controllers.build import NOW, TEMPLATE, pod

NODES = ("n1", "n2", "n3")


def node(name, *taints):
    return Node(metadata=ObjectMeta(name=name, labels={"zone": name}), spec=NodeSpec(taints=taints))


def daemon(*, update="RollingUpdate", surge=0, unavailable=1, template=None):
    strategy = DaemonSetStrategy(update, RollingUpdate(surge, unavailable))
    spec = DaemonSetSpec(LabelSelector(match_labels={"app": "web"}), template or TEMPLATE, strategy)
    return DaemonSet(metadata=ObjectMeta(name="d", namespace="default", uid="d", generation=1), spec=spec)


def of(name, on, digest="new", **options):
    return pod(name, on=on, labels={"app": "web", "controller-revision-hash": digest}, **options)


def view(daemon_set, pods, nodes=()):
    return View.of(daemon_set, "new", nodes or [node(name) for name in NODES], pods, NOW)


def targets(writes):
    term = [each.manifest["spec"]["affinity"]["nodeAffinity"] for each in writes if isinstance(each, Create)]
    required = [each["requiredDuringSchedulingIgnoredDuringExecution"]["nodeSelectorTerms"] for each in term]
    return [terms[0]["matchFields"][0]["values"][0] for terms in required]


def doomed(writes):
    return [each.key.name for each in writes if isinstance(each, Remove)]


@pytest.mark.parametrize(
    ("spec", "taints", "expected"),
    [
        pytest.param({}, (), NODES, id="every node gets one"),
        pytest.param({"nodeSelector": {"zone": "n2"}}, (), ("n2",), id="a node selector is heeded"),
        pytest.param({"nodeName": "n3"}, (), ("n3",), id="so is a node's name"),
        pytest.param({}, (Taint("gpu", "", "NoSchedule"),), ("n2", "n3"), id="a taint keeps it away"),
        pytest.param(
            {},
            (Taint("node.kubernetes.io/unschedulable", "", "NoSchedule"),),
            NODES,
            id="a cordoned node gets one all the same",
        ),
        pytest.param(
            {"tolerations": [{"key": "gpu", "operator": "Exists"}]},
            (Taint("gpu", "", "NoSchedule"),),
            NODES,
            id="what the template tolerates is no obstacle",
        ),
    ],
)
def test_a_pod_is_made_for_each_node_that_fits(spec, taints, expected):
    template = {**TEMPLATE, "spec": {**TEMPLATE["spec"], **spec}}
    nodes = [node("n1", *taints), node("n2"), node("n3")]
    assert tuple(targets(scale(view(daemon(template=template), [], nodes)))) == expected


def test_an_evicting_taint_takes_the_pod_away():
    nodes = [node("n1", Taint("broken", "", "NoExecute")), node("n2")]
    assert doomed(scale(view(daemon(), [of("a", "n1"), of("b", "n2")], nodes))) == ["a"]


def test_of_two_on_a_node_the_younger_goes():
    pods = [of("young", "n1", created_at=NOW - 1), of("old", "n1", created_at=NOW - 9)]
    assert doomed(scale(view(daemon(), pods, [node("n1")]))) == ["young"]


def test_a_pod_that_has_failed_makes_room():
    assert doomed(scale(view(daemon(), [of("a", "n1", phase="Failed")], [node("n1")]))) == ["a"]


@pytest.mark.parametrize(
    ("daemon_set", "pods", "expected"),
    [
        pytest.param(daemon(), [of(n, n, "old") for n in NODES], ["n1"], id="one at a time"),
        pytest.param(daemon(unavailable="50%"), [of(n, n, "old") for n in NODES], ["n1", "n2"], id="shares round up"),
        pytest.param(
            daemon(),
            [of("n1", "n1", ready=False), of("n2", "n2", "old"), of("n3", "n3", "old")],
            [],
            id="a new one that is not ready holds the rest up",
        ),
        pytest.param(
            daemon(),
            [of("n1", "n1", "old", ready=False), of("n2", "n2", "old"), of("n3", "n3", "old")],
            ["n1"],
            id="what is of no use goes first",
        ),
        pytest.param(daemon(update="OnDelete"), [of(n, n, "old") for n in NODES], [], id="on delete nobody is chosen"),
    ],
)
def test_old_pods_are_deleted_as_far_as_enough_remain(daemon_set, pods, expected):
    assert doomed(roll(view(daemon_set, pods))) == expected


def test_a_surge_starts_the_new_pod_first():
    surging = daemon(surge=1, unavailable=0)
    old = [of(name, name, "old") for name in NODES]
    assert targets(roll(view(surging, old))) == ["n1"]
    assert doomed(roll(view(surging, old))) == []
    both = view(surging, [*old, of("new", "n1")])
    assert doomed(scale(both)) == ["n1"]


def test_the_status_counts_nodes():
    nodes = [node("n1"), node("n2"), node("n3", Taint("gpu", "", "NoSchedule"))]
    pods = [of("a", "n1"), of("b", "n2", "old", ready=False), of("c", "n3")]
    counts = status_of(view(daemon(), pods, nodes))
    names = ("desiredNumberScheduled", "currentNumberScheduled", "numberMisscheduled", "numberReady")
    assert [counts[name] for name in names] == [2, 2, 1, 1]
    assert (counts["updatedNumberScheduled"], counts["numberUnavailable"]) == (1, 1)
    assert set(counts) == set(msgspec.to_builtins(daemon().status))


def test_failed_daemons_are_replaced_later_each_time_node_by_node():
    backoff, given = FailureBackoff(), daemon()
    removals = []
    for seconds in range(16):
        failed = [of(f"f{seconds}", "n1", phase="Failed")]
        now = NOW + seconds
        held = backoff.held(given, failed, now)
        writes = scale(View.of(given, "new", [node("n1")], failed, now, held=held))
        if backoff.tell(given, failed, writes, now):
            removals.append(seconds)
    assert removals == [0, 1, 3, 7, 15]
    assert backoff.held(given, [of("other", "n2", phase="Failed")], NOW) == {}


def test_ended_daemons_are_told_of():
    pods = [of("f", "n1", phase="Failed"), of("s", "n2", phase="Succeeded"), of("r", "n3")]
    backoff = FailureBackoff()
    told = backoff.tell(daemon(), pods, scale(view(daemon(), pods)), NOW)
    assert [each.message for each in told] == [
        "Found failed daemon pod default/f on node n1, will try to kill it",
        "Found succeeded daemon pod default/s on node n2, will try to delete it",
    ]
