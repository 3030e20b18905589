"""How each area of a cluster is judged, and what wants a person."""

import pytest
from msgspec.structs import replace

from kubewright.api.conditions import Condition
from kubewright.api.coordination import Lease, LeaseSpec
from kubewright.api.core import Node, NodeSpec, NodeStatus, Pod
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.rolloutstatus import ROLLED_BACK, RolloutStatus
from kubewright.api.crds.appservice.status import AppServiceStatus
from kubewright.api.crds.incident import AWAITING, ESCALATED, RESOLVED, Incident, IncidentSpec, IncidentStatus, Subject
from kubewright.api.crds.team import WITHIN_BUDGET, Team
from kubewright.api.crds.team.status import TeamStatus
from kubewright.api.meta import ObjectMeta, rfc3339
from kubewright.api.nodeagent import QUARANTINED
from kubewright.api.nodes import NodeCondition
from kubewright.overview.decide import Level, overview
from kubewright.overview.facts import Facts

NOW = 1_000_000.0


def lease(name, age, holder="pod-1"):
    spec = LeaseSpec(holder_identity=holder, lease_duration_seconds=15, renew_time=rfc3339(NOW - age))
    return Lease(metadata=ObjectMeta(name=name, namespace="kubewright-system"), spec=spec)


def node(name="n1", ready="True", gpus=0, fit=None, **annotations):
    amounts = {"nvidia.com/gpu": str(gpus)} if gpus else {}
    fits = {"nvidia.com/gpu": str(gpus if fit is None else fit)} if gpus else {}
    conditions = (NodeCondition("Ready", ready),)
    return Node(
        metadata=ObjectMeta(name=name, annotations=annotations),
        status=NodeStatus(capacity=amounts, allocatable=fits, conditions=conditions),
    )


def pod(name, age, message=""):
    made = Pod(metadata=ObjectMeta(name=name, namespace="shop", creation_timestamp=rfc3339(NOW - age)))
    conditions = (Condition("PodScheduled", "False", "Unschedulable", message),)
    return replace(made, status=replace(made.status, conditions=conditions))


def app(name, *conditions, rollout=None):
    meta = ObjectMeta(name=name, namespace="shop")
    return AppService(metadata=meta, status=AppServiceStatus(conditions=conditions, rollout=rollout))


def incident(name, phase):
    about = Subject(kind="Node", name="n1")
    meta = ObjectMeta(name=name, namespace="kubewright-system")
    return Incident(metadata=meta, spec=IncidentSpec("NodeDead", about), status=IncidentStatus(phase=phase))


def team(name, within):
    condition = Condition(WITHIN_BUDGET, within, "SomeReason", "the month will come to 120.5 of 100 USD")
    return Team(metadata=ObjectMeta(name=name), status=TeamStatus(conditions=(condition,) if within else ()))


def area(name, **facts):
    return next(each for each in overview(Facts(**facts), NOW).areas if each.name == name)


WELL = Facts(
    nodes=[node()],
    leases=[lease("kubewright", 3), lease("kubewright-healing", 3), lease("other", 9999)],
    pods=7,
    apps=[app("web", Condition("Ready", "True"))],
)


def test_all_is_well():
    found = overview(WELL, NOW)
    assert found.level is Level.GOOD
    assert found.wants == ()
    assert found.areas[0].summary == "2 alive: healing, up"


@pytest.mark.parametrize(
    ("leases", "level", "said"),
    [
        pytest.param([], Level.ATTENTION, "none runs here", id="nobody has ever run"),
        pytest.param([lease("kubewright", 300)], Level.BAD, "silent: up", id="a holder that does not renew"),
        pytest.param([lease("kubewright", 300, "")], Level.ATTENTION, "none runs", id="given back in good order"),
        pytest.param([lease("kubewright-gpu", 18)], Level.GOOD, "alive: gpu", id="clocks differ a little"),
        pytest.param([lease("node-agent.n1", 999)], Level.ATTENTION, "none runs", id="a node's agent is none"),
    ],
)
def test_services_are_known_by_their_leases(leases, level, said):
    found = area("services", leases=leases)
    assert found.level is level
    assert said in found.summary


def test_nodes_that_are_not_ready_are_named_three_at_most():
    found = area("nodes", nodes=[node(f"n{number}", "Unknown") for number in range(5)] + [node("good")])
    assert (found.level, found.summary) == (Level.BAD, "1 of 6 ready; not ready: n0, n1, n2 and 2 more")


def test_a_cordoned_node_is_counted_and_no_harm():
    shut = replace(node(), spec=NodeSpec(unschedulable=True))
    assert area("nodes", nodes=[shut]).summary == "1 of 1 ready, 1 cordoned"
    assert area("nodes", nodes=[shut]).level is Level.GOOD


def test_pressure_on_a_node_is_worth_a_look():
    strained = node()
    pressed = (*strained.status.conditions, NodeCondition("DiskPressure", "True"))
    strained = replace(strained, status=replace(strained.status, conditions=pressed))
    found = area("nodes", nodes=[strained])
    assert (found.level, found.summary) == (Level.ATTENTION, "1 of 1 ready; under pressure: n1 (DiskPressure)")


def test_an_application_on_its_way_is_not_ill():
    coming = app("a", Condition("Ready", "False"), Condition("Reconciling", "True"))
    assert area("applications", apps=[coming, app("new")]).level is Level.GOOD
    found = area("applications", apps=[coming, app("b", Condition("Ready", "False"))])
    assert (found.level, found.summary) == (Level.BAD, "0 of 2 ready, 1 on their way; not ready: shop/b")


def test_a_pod_that_waits_long_is_worth_a_look_with_the_reason_and_the_command():
    short = area("queue", pending=[pod("a", 10)], pods=9)
    assert (short.level, short.summary) == (Level.GOOD, "1 of 9 pods wait, the longest for 10 s")
    found = area("queue", pending=[pod("a", 10, "0/3 nodes: x. y"), pod("b", 900, "0/3 nodes: x. y")], pods=9)
    assert found.level is Level.ATTENTION
    assert found.details == ("2: 0/3 nodes: x", "kubewright why pod/b -n shop")


def test_gpus_that_cannot_be_used_are_counted_once():
    assert area("gpus", nodes=[node()]).level is Level.OFF
    assert area("gpus", nodes=[node(gpus=8)]).summary == "8 of 8 in use or free"
    lost = [node("a", gpus=8, fit=7, **{QUARANTINED: "3"}), node("b", "Unknown", gpus=8)]
    found = area("gpus", nodes=lost)
    assert (found.level, found.summary) == (Level.ATTENTION, "7 of 16 in use or free; 9 out of use")


def test_what_wants_a_person_comes_with_its_command():
    rolled = RolloutStatus(phase=ROLLED_BACK, release="b", stable="a", message="pods crash")
    facts = Facts(
        incidents=[incident("i1", AWAITING), incident("i2", ESCALATED), incident("i3", RESOLVED)],
        apps=[app("web", Condition("Ready", "True"), rollout=rolled)],
    )
    found = overview(facts, NOW)
    assert [each.command for each in found.wants] == [
        "kubewright incidents describe i2 -n kubewright-system",
        "kubewright incidents approve i1 -n kubewright-system",
        "kubewright rollout status web -n shop",
    ]
    assert next(each for each in found.areas if each.name == "incidents").summary == "2 open: 2 NodeDead"


def test_a_team_that_will_spend_more_than_it_may_is_named():
    found = area("budgets", teams=[team("a", "False"), team("b", "True"), team("c", "Unknown"), team("d", "")])
    said = "1 of 2 teams will spend more: a (the month will come to 120.5 of 100 USD)"
    assert (found.level, found.summary) == (Level.ATTENTION, said)


def test_what_is_not_there_or_may_not_be_read_is_said_and_not_taken_for_good():
    found = overview(Facts(unread={"nodes": "because"}, absent=frozenset({"teams"})), NOW)
    by_name = {each.name: each for each in found.areas}
    assert (by_name["nodes"].level, by_name["nodes"].summary) == (Level.UNKNOWN, "could not be read: because")
    assert by_name["budgets"].level is Level.OFF
