"""Why a pod waits, and what would let it run: every suggestion is made, and the pod then really placed."""

import pytest
from msgspec.structs import replace

from kubewright.api.affinity import (
    Affinity,
    NodeAffinity,
    NodeSelector,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    TopologySpreadConstraint,
)
from kubewright.api.core import Toleration
from kubewright.api.meta import ObjectKey, OwnerReference
from kubewright.api.pods import PodSchedulingGate
from kubewright.api.requirements import Requirement
from kubewright.api.selectors import LabelSelector
from kubewright.api.tolerations import Taint
from kubewright.explain.changes import Waited, duration
from kubewright.explain.why import Ending, Situation, explain
from kubewright.placement.fit import Fit, fit
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod

HOSTNAME = "kubernetes.io/hostname"
ZONE = "topology.kubernetes.io/zone"
MINE = LabelSelector({"app": "mine"})


def labelled(given, **labels):
    return replace(given, metadata=replace(given.metadata, labels=labels))


def term(selector=MINE, key=HOSTNAME):
    return PodAffinityTerm(topology_key=key, label_selector=selector)


def that(affinity):
    waiting = pod()
    return replace(waiting, spec=replace(waiting.spec, affinity=affinity))


def near(*terms):
    return Affinity(pod_affinity=PodAffinity(tuple(terms)))


def apart(*terms):
    return Affinity(pod_anti_affinity=PodAffinity(tuple(terms)))


def spread(key=HOSTNAME, **options):
    return TopologySpreadConstraint(topology_key=key, label_selector=MINE, **options)


def told(waiting, nodes, placed=(), **known):
    snapshot = ClusterSnapshot.of(nodes, placed)
    explanation = explain(waiting, Situation(snapshot, **known))
    for each in explanation.remedies:
        outcome = fit(*each.change.applied((waiting, snapshot)), 0)
        assert isinstance(outcome, Fit), str(each)
        assert outcome.node == each.node
    return explanation


def suggestions(*arguments, **known):
    return [str(each) for each in told(*arguments, **known).remedies]


@pytest.mark.parametrize(
    ("waiting", "nodes", "placed", "expected"),
    [
        pytest.param(
            pod(requests={"cpu": "3"}),
            [node("a")],
            [pod("x", on="a", requests={"cpu": "1500m"})],
            ["request 2500m cpu instead of 3", "priority 1, which evicts default/x", "add a node like a (4 cpu)"],
            id="a little too large for what is left",
        ),
        pytest.param(
            pod(requests={"cpu": "3", "memory": "7Gi"}),
            [node("a")],
            [pod("x", on="a", requests={"cpu": "2", "memory": "3Gi"})],
            [
                "request 2 cpu instead of 3 and 5Gi memory instead of 7Gi",
                "priority 1, which evicts default/x",
                "add a node like a (4 cpu, 8Gi memory)",
            ],
            id="too large in two ways",
        ),
        pytest.param(
            pod(requests={"cpu": "1"}),
            [node("a", taints=[Taint("team", "blue")])],
            [],
            ["tolerate the taint team=blue:NoSchedule"],
            id="a taint",
        ),
        pytest.param(
            pod(),
            [node("a", taints=[Taint("node.kubernetes.io/not-ready", effect="NoExecute")])],
            [],
            [],
            id="a node that is not well is not to be tolerated",
        ),
        pytest.param(
            pod(),
            [node("a", unschedulable=True, taints=[Taint("node.kubernetes.io/unschedulable")])],
            [],
            ["uncordon node a"],
            id="a cordoned node",
        ),
        pytest.param(
            pod(node_selector={"disk": "ssd", "arch": "arm"}),
            [node("a", labels={"disk": "ssd", "arch": "amd"})],
            [],
            ["drop arch=arm from nodeSelector"],
            id="one label too many",
        ),
        pytest.param(
            pod(terms=[[Requirement("disk", "In", ("nvme",))]]),
            [node("a", labels={"disk": "ssd"})],
            [],
            ["drop disk=nvme from node affinity"],
            id="a requirement of node affinity",
        ),
        pytest.param(
            labelled(that(apart(term())), app="mine"),
            [node("a")],
            [labelled(pod("x", on="a"), app="mine")],
            [
                "drop the anti-affinity to pods app=mine within kubernetes.io/hostname",
                "priority 1, which evicts default/x",
                "add a node like a",
            ],
            id="a node for each of them",
        ),
        pytest.param(
            that(near(term())),
            [node("a")],
            [],
            ["drop the affinity to pods app=mine within kubernetes.io/hostname"],
            id="friends that are not there",
        ),
        pytest.param(
            labelled(pod(requests={"cpu": "3"}, topology_spread_constraints=(spread(),)), app="mine"),
            [node("a"), node("b", cpu="1")],
            [labelled(pod("x", on="a"), app="mine")],
            [
                "drop DoNotSchedule of the spread over kubernetes.io/hostname (maxSkew 1)",
                "priority 1, which evicts default/x",
                "request 1 cpu instead of 3",
                "add a node like a (4 cpu)",
            ],
            id="as many on a as on b, which is too small",
        ),
        pytest.param(
            pod(host_ports=[("", "TCP", 80)]),
            [node("a")],
            [pod("x", on="a", host_ports=[("", "TCP", 80)])],
            ["drop host port 80/TCP", "priority 1, which evicts default/x", "add a node like a"],
            id="a host port that is taken",
        ),
        pytest.param(
            pod(scheduling_gates=(PodSchedulingGate("quota"),)),
            [node("a")],
            [],
            ["drop the scheduling gate quota"],
            id="a gate",
        ),
        pytest.param(
            pod(requests={"cpu": "3"}, priority=5, preemption_policy="Never"),
            [node("a")],
            [pod("x", on="a", priority=5, requests={"cpu": "2"})],
            ["request 2 cpu instead of 3", "add a node like a (4 cpu)"],
            id="one that evicts nobody",
        ),
    ],
)
def test_each_single_change_that_helps_is_named_the_cheapest_first(waiting, nodes, placed, expected):
    assert suggestions(waiting, nodes, placed) == expected


def test_a_pod_that_fits_is_said_to_fit():
    explanation = told(pod(), [node("a")])
    assert (explanation.diagnosis, explanation.node, explanation.remedies, explanation.hint) == (None, "a", (), "")


def test_what_is_being_made_room_for_needs_no_advice():
    victim = pod("x", on="a", requests={"cpu": "4"})
    explanation = told(pod(priority=10, requests={"cpu": "1"}), [node("a")], [victim])
    assert explanation.node == "a"
    assert "preempting 1 victims" in explanation.message
    assert (explanation.remedies, explanation.hint) == ((), "")


def test_it_says_who_must_end_first_and_how_that_is_known():
    placed = [pod(name, on="a", requests={"cpu": "1"}) for name in ("x", "y", "z")]
    endings = tuple(
        Ending(ObjectKey("default", name), seconds, "its deadline", f"job/{name}")
        for name, seconds in (("z", 4000), ("x", 60), ("y", 600))
    )
    waiting = pod(requests={"cpu": "2"})
    first = told(waiting, [node("a")], placed, endings=endings).remedies[0]
    assert str(first) == "wait for job/x: 1m by its deadline"
    waiting = pod(requests={"cpu": "3"})
    first = told(waiting, [node("a")], placed, endings=endings).remedies[0]
    assert str(first) == "wait for job/y and 1 that end before: 10m by its deadline"
    assert isinstance(first.change, Waited)


def test_a_priority_class_is_named_when_there_is_one():
    placed = [pod("x", on="a", requests={"cpu": "4"}, priority=3)]
    classes = (("high", 1000), ("higher", 2000), ("low", 1))
    assert "priority 1000 (class high), which evicts default/x" in suggestions(
        pod(requests={"cpu": "2"}), [node("a")], placed, classes=classes
    )


def test_a_new_node_has_room_only_beside_the_daemons_that_it_gets():
    owner = (OwnerReference(api_version="apps/v1", kind="DaemonSet", name="d", uid="d", controller=True),)
    daemon = pod("daemon", on="a", requests={"cpu": "2"}, tolerations=(Toleration(operator="Exists"),))
    daemon = replace(daemon, metadata=replace(daemon.metadata, owner_references=owner))
    other = pod("x", on="a", requests={"cpu": "2"})
    assert "add a node like a (4 cpu)" not in suggestions(pod(requests={"cpu": "3"}), [node("a")], [daemon, other])
    assert "add a node like a (4 cpu)" in suggestions(pod(requests={"cpu": "2"}), [node("a")], [daemon, other])


def test_a_smaller_request_leaves_the_overhead_alone_and_cuts_every_container_alike():
    waiting = pod(requests={"cpu": "3"}, overhead={"cpu": "1"})
    (request,) = [each for each in told(waiting, [node("a", cpu="2")]).remedies if each.change.kind == "request"]
    assert str(request) == "request 2 cpu instead of 4"
    changed, _ = request.change.applied((waiting, ClusterSnapshot.of([])))
    assert changed.spec.containers[0].resources.requests == {"cpu": "1"}
    assert changed.spec.overhead == {"cpu": "1"}


def test_what_is_said_of_a_pod_is_one_line():
    explanation = told(pod(requests={"cpu": "5"}), [node("a")])
    assert explanation.hint == (
        "request 4 cpu instead of 5 (5 cpu are requested, and no node has more than 4, even empty)."
    )
    assert told(pod(requests={"example.com/x": "1"}), [node("a")]).hint == (
        "1 example.com/x are requested, and no node has any."
    )
    ending = Ending(ObjectKey("default", "x"), 60, "its deadline", "job/x")
    busy = [pod("x", on="a", requests={"cpu": "4"})]
    assert told(pod(requests={"cpu": "3"}), [node("a")], busy, endings=(ending,)).hint == "wait for job/x."


def selected(*requirements, **spec):
    return pod(terms=[list(requirements)], **spec)


@pytest.mark.parametrize(
    ("waiting", "sentence"),
    [
        (
            pod(requests={"nvidia.com/gpu": "1000000"}),
            "1000000 nvidia.com/gpu are requested, and no node has more than 8, even empty",
        ),
        (pod(requests={"example.com/tpu": "1"}), "1 example.com/tpu are requested, and no node has any"),
        (pod(requests={"memory": "9Ei"}), "9223372036854775807 memory are requested, and no node has more than 8Gi"),
        (pod(node_selector={"disk": "nvme"}), "nodeSelector: no node has the label disk=nvme; there is hdd, ssd"),
        (pod(node_selector={"rack": "1"}), "nodeSelector: no node has the label rack=1; none has the key at all"),
        (
            selected(Requirement("disk", "In", ("ssd",)), Requirement("disk", "NotIn", ("ssd",))),
            "node affinity: disk=ssd and disk!=ssd contradict each other",
        ),
        (
            selected(Requirement("disk", "Exists"), Requirement("disk", "DoesNotExist")),
            "node affinity: disk and !disk contradict each other",
        ),
        (
            selected(Requirement("disk", "NotIn", ("ssd",)), node_selector={"disk": "ssd"}),
            "nodeSelector and node affinity each match some nodes, and together none: they contradict each other",
        ),
        (
            that(near(term(key="example.com/row"))),
            "pod affinity: no node has the label example.com/row, its topologyKey",
        ),
        (
            that(Affinity(pod_affinity=PodAffinity((term(),)), pod_anti_affinity=PodAffinity((term(),)))),
            "near and far of the same pods are required (app=mine within kubernetes.io/hostname)",
        ),
        (
            pod(topology_spread_constraints=(spread("example.com/row"),)),
            "topology spread: no node has the label example.com/row, its topologyKey",
        ),
    ],
)
def test_what_can_never_be_met_is_said_in_a_sentence(waiting, sentence):
    nodes = [node("a", labels={"disk": "ssd"}, **{"nvidia.com_gpu": "8"}), node("b", labels={"disk": "hdd"})]
    found = told(waiting, nodes).impossible
    assert any(each.startswith(sentence) for each in found), found


def test_nodes_that_are_named_and_are_not_there():
    fields = NodeSelectorTerm(match_fields=(Requirement("metadata.name", "In", ("gone",)),))
    required = NodeAffinity(required_during_scheduling_ignored_during_execution=NodeSelector((fields,)))
    found = told(that(Affinity(required)), [node("a")])
    assert found.impossible == ("node affinity names gone, and there is no such node",)
    assert [str(each) for each in found.remedies] == ["drop metadata.name=gone from node affinity"]


def test_a_cluster_without_nodes_is_no_reason_to_fail():
    explanation = told(pod(requests={"cpu": "1"}), [])
    assert (explanation.message, explanation.remedies) == ("no nodes available to schedule pods", ())


def test_the_taints_that_keep_a_pod_away_are_counted():
    nodes = [node(name, taints=[Taint("gpu", "yes")]) for name in "ab"] + [node("c", taints=[Taint("old")])]
    assert told(pod(), nodes).taints == (("gpu=yes:NoSchedule", 2), ("old:NoSchedule", 1))


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (59.6, "1m"), (61, "1m 1s"), (3600, "1h"), (3900, "1h 5m"), (90000, "1d 1h"), (-3, "0s")],
)
def test_durations_are_written_for_people(seconds, text):
    assert duration(seconds) == text


def test_nothing_of_the_cluster_is_changed_by_asking():
    nodes, placed = [node("a")], [pod("x", on="a", requests={"cpu": "2"})]
    snapshot = ClusterSnapshot.of(nodes, placed)
    before = snapshot.requested.copy()
    ending = Ending(ObjectKey("default", "x"), 5, "its deadline", "pod/x")
    explain(pod(requests={"cpu": "3"}), Situation(snapshot, endings=(ending,)))
    assert (snapshot.requested == before).all()
    assert list(snapshot.placed) == [ObjectKey("default", "x")]
