"""Whether somebody may take something out of service, by what is out already, whoever took it out."""

from __future__ import annotations

import msgspec
import pytest

from kubewright.api.crds.disruptionledger import LedgerStatus
from kubewright.api.crds.disruptionlimit import Window
from kubewright.disruption.ledger import settled, without
from kubewright.disruption.limits import judge
from kubewright.disruption.permits import judged
from kubewright.disruption.requests import Granted, PodRef, Refused, Request, Urgency

from .worlds import NOW, budget, limit, node, pod, world

NOTHING = LedgerStatus()


def asks(*nodes, about="", urgency=Urgency.SAVING, who="kubewright-nodes", **rest):
    return Request(who, about or "/".join(nodes) or "pods", "a reason", urgency=urgency, nodes=nodes, **rest)


def asks_pods(*pods, **rest):
    return asks(about=rest.pop("about", "pods"), pods=tuple(PodRef.of(each) for each in pods), **rest)


def ten(**changes):
    """Ten nodes of a zone; those named are as they are said to be."""
    return [changes.get(f"n{number}", node(f"n{number}")) for number in range(10)]


def is_granted(request, ledger, seen):
    decision, after = judge(request, settled(ledger, seen), seen)
    return isinstance(decision, Granted), after


def test_what_is_granted_counts_before_anybody_sees_it():
    seen = world(ten(), limits=[limit(nodes={"max_unavailable": "2"})])
    ledger = NOTHING
    for name, expected in (("n0", True), ("n1", True), ("n2", False)):
        granted, ledger = is_granted(asks(name), ledger, seen)
        assert granted is expected
    ledger = without(ledger, ["kubewright-nodes/n0"])
    assert is_granted(asks("n2"), ledger, seen)[0]


def test_what_somebody_writes_into_the_ledger_without_times_is_over_and_holds_up_nobody():
    by_hand = {"id": "x", "nodes": ["n1"], "urgency": "Soon", "pods": [{"namespace": "shop", "name": "a"}]}
    broken = [by_hand, {**by_hand, "until": "tomorrow", "taken": "today"}]
    waiting = [{"id": "y", "limit": "default", "sort": "nodes", "urgency": "Soon"}]
    document = {"permits": broken, "spent": [{"limit": "default", "sort": "nodes", "count": 3}], "waiting": waiting}
    ledger = msgspec.convert(document, LedgerStatus)
    seen = world(ten(), limits=[limit(nodes={"max_unavailable": "1", "max_per_hour": 2})])
    granted, after = is_granted(asks("n0"), ledger, seen)
    assert granted
    assert [each.id for each in after.permits] == ["kubewright-nodes/n0"]


def test_what_others_took_out_counts_as_well():
    nodes = ten(n8=node("n8", ready=False), n9=node("n9", cordoned=True))
    seen = world(nodes, limits=[limit(nodes={"max_unavailable": "20%"})])
    decision, _ = judge(asks("n0"), NOTHING, seen)
    assert isinstance(decision, Refused)
    assert "2 of 10 nodes are out of service, at most 2 may be" in str(decision)


def test_a_repair_that_takes_out_nothing_more_is_not_held_up_by_how_much_is_out():
    nodes = ten(n8=node("n8", ready=False), n9=node("n9", ready=False))
    seen = world(nodes, limits=[limit(nodes={"max_unavailable": "1"})])
    assert is_granted(asks("n9", urgency=Urgency.REPAIR), NOTHING, seen)[0]


def test_a_zone_that_is_mostly_down_is_a_persons_business():
    nodes = [node(f"n{number}", ready=number >= 6) for number in range(10)] + [node("b0", "b"), node("b1", "b")]
    seen = world(nodes, limits=None)
    decision, _ = judge(asks("n0", urgency=Urgency.REPAIR), NOTHING, seen)
    assert isinstance(decision, Refused)
    assert "a person must see" in decision.why
    assert is_granted(asks("b0"), NOTHING, seen)[0]


def test_pods_of_a_zone_that_is_mostly_down_are_left_alone_too():
    nodes = [node(f"n{number}", ready=number >= 6) for number in range(10)]
    mine = pod("a", node="n9")
    assert not is_granted(asks_pods(mine), NOTHING, world(nodes, [mine, pod("b"), pod("c")], limits=None))[0]


def test_new_nodes_that_were_never_ready_are_not_missed():
    nodes = ten() + [node(f"new{number}", ready=False, age=60, ready_since=60) for number in range(9)]
    assert is_granted(asks("n0"), NOTHING, world(nodes, limits=[limit(nodes={"max_unavailable": "1"})]))[0]


def test_a_third_of_an_application_goes_at_once_and_the_next_when_it_is_made_good():
    nodes, old = ten(), [pod(f"p{number}", node=f"n{number}") for number in range(6)]
    seen = world(nodes, old, limits=None)
    ledger = NOTHING
    for each, expected in zip(old[:4], (True, True, True, False), strict=True):  # 34 % of 6, rounded up
        granted, ledger = is_granted(asks_pods(each, about=each.metadata.name), ledger, seen)
        assert granted is expected
    later = NOW + 60
    gone = world(nodes, old[3:], limits=None, now=later)
    assert not is_granted(asks_pods(old[3], about="p3"), ledger, gone)[0]
    starting = [pod(f"q{number}", ready=False, created=NOW + 1) for number in range(3)]
    assert not is_granted(
        asks_pods(old[3], about="p3"), ledger, world(nodes, old[3:] + starting, limits=None, now=later)
    )[0]
    well = [pod(f"q{number}", created=NOW + 1) for number in range(3)]
    granted, ledger = is_granted(
        asks_pods(old[3], about="p3"), ledger, world(nodes, old[3:] + well, limits=None, now=later)
    )
    assert granted
    assert [each.id for each in ledger.permits] == ["kubewright-nodes/p3"]


def test_disruption_budgets_of_pods_that_are_well_are_heeded():
    mine = [pod(f"p{number}") for number in range(6)]
    seen = world(ten(), mine, budgets=[budget("web", 1)])
    assert is_granted(asks_pods(mine[0]), NOTHING, seen)[0]
    assert not is_granted(asks_pods(*mine[:2]), NOTHING, seen)[0]
    assert is_granted(asks_pods(*mine[:2], by_eviction=False), NOTHING, seen)[0]


def test_no_more_within_an_hour_and_says_when_again():
    seen = world(ten(), limits=[limit(nodes={"max_per_hour": 1})])
    _, ledger = judge(asks("n0"), NOTHING, seen)
    ledger = without(ledger, ["kubewright-nodes/n0"])
    decision, _ = judge(asks("n1"), ledger, seen)
    assert isinstance(decision, Refused)
    assert NOW + 3600 < decision.again_at <= NOW + 3660
    at_last = msgspec.structs.replace(ledger)
    then = world(ten(), limits=[limit(nodes={"max_per_hour": 1})], now=decision.again_at)
    assert is_granted(asks("n1"), at_last, then)[0]


def test_asking_again_for_what_one_holds_writes_nothing_and_is_counted_once():
    seen = world(ten(), limits=[limit(nodes={"max_unavailable": "1", "max_per_hour": 1})])
    _, ledger = judge(asks("n0"), NOTHING, seen)
    decision, again = judge(asks("n0"), ledger, seen)
    assert isinstance(decision, Granted)
    assert again is ledger
    assert not decision.fresh


def test_who_is_more_urgent_gets_what_becomes_free():
    rules = [limit(nodes={"max_unavailable": "1"})]
    seen = world(ten(), limits=rules)
    _, ledger = judge(asks("n0"), NOTHING, seen)
    refused, ledger = judge(asks("n1", who="kubewright-healing", urgency=Urgency.REPAIR), ledger, seen)
    assert isinstance(refused, Refused)
    ledger = without(ledger, ["kubewright-nodes/n0"])
    saving, ledger = judge(asks("n2"), ledger, seen)
    assert "kubewright-healing/n1 is more urgent" in str(saving)
    granted, _ = is_granted(asks("n1", who="kubewright-healing", urgency=Urgency.REPAIR), ledger, seen)
    assert granted
    forgotten = world(ten(), limits=rules, now=NOW + 61)
    assert is_granted(asks("n2"), ledger, forgotten)[0]


def test_the_most_urgent_of_several_requests_goes_first():
    seen = world(ten(), limits=[limit(nodes={"max_unavailable": "1"})])
    decisions, _ = judged([asks("n0"), asks("n1", urgency=Urgency.REPAIR)], NOTHING, seen)
    assert [isinstance(each, Granted) for each in decisions] == [False, True]


def test_a_limit_about_a_fault_counts_what_is_done_about_it():
    rules = [limit(faults=("DiskFailing",), nodes={"max_unavailable": "1"})]
    seen = world(ten(n0=node("n0", ready=False)), limits=rules)
    _, ledger = judge(asks("n0", fault="DiskFailing"), NOTHING, seen)
    assert not is_granted(asks("n1", fault="DiskFailing"), ledger, seen)[0]
    assert is_granted(asks("n1", fault="NodeHung"), ledger, seen)[0]
    assert is_granted(asks("n1", fault="DiskFailing"), NOTHING, seen)[0]


def test_a_limit_about_a_requester_counts_what_it_holds():
    rules = [limit(requesters=("kubewright-nodes",), nodes={"max_unavailable": "1"})]
    seen = world(ten(), limits=rules)
    _, ledger = judge(asks("n0"), NOTHING, seen)
    assert not is_granted(asks("n1"), ledger, seen)[0]
    assert is_granted(asks("n1", who="kubewright-gpu"), ledger, seen)[0]


@pytest.mark.parametrize(
    ("rules", "urgency", "expected"),
    [
        ({"paused": "an audit"}, Urgency.ROUTINE, False),
        ({"paused": "an audit"}, Urgency.REPAIR, True),
        ({"paused": "an audit", "holds_back": "Repair"}, Urgency.REPAIR, False),
        ({"freezes": (Window("0 0 * * *", 1439),)}, Urgency.SAVING, False),
        ({"windows": (Window("0 0 * * *", 1439),)}, Urgency.SAVING, True),
        ({"windows": (Window("0 0 29 2 *", 1),)}, Urgency.SAVING, False),
    ],
)
def test_windows_freezes_and_pauses_hold_back_who_is_not_urgent(rules, urgency, expected):
    seen = world(ten(), limits=[limit(nodes={}, **rules)])
    assert is_granted(asks("n0", urgency=urgency), NOTHING, seen)[0] is expected


def test_a_limit_that_is_wrong_lets_nothing_be_done():
    seen = world(ten(), limits=[limit(nodes={}, windows=(Window("every day", 5),))])
    decision, _ = judge(asks("n0"), NOTHING, seen)
    assert isinstance(decision, Refused)
    assert "the limit itself is wrong" in decision.why


def test_gpus_count_by_device_and_with_their_node():
    nodes = [node("g0", gpus=8), node("g1", gpus=8, offered=7), node("g2", gpus=8)]
    seen = world(nodes, limits=[limit(gpus={"max_unavailable": "3"})])
    assert is_granted(asks(about="xid", gpus={"g0": 2}), NOTHING, seen)[0]
    assert not is_granted(asks(about="xid", gpus={"g0": 3}), NOTHING, seen)[0]
    assert not is_granted(asks("g0"), NOTHING, seen)[0]
    _, ledger = judge(asks(about="xid", gpus={"g0": 2}), NOTHING, seen)
    assert not is_granted(asks(about="other", gpus={"g2": 1}), ledger, seen)[0]
    # Of the one that its node does not offer any more nobody takes anything away.
    assert is_granted(asks(about="other", gpus={"g1": 1}), ledger, seen)[0]


def test_a_team_has_bounds_over_all_its_namespaces():
    mine = [pod("a", "x", namespace="one"), pod("b", "y", namespace="two"), pod("c", "z", namespace="else")]
    seen = world(ten(), mine, limits=[limit(per="Team", pods={"max_unavailable": "1"})], teams={"one": "t", "two": "t"})
    _, ledger = judge(asks_pods(mine[0], about="a"), NOTHING, seen)
    assert not is_granted(asks_pods(mine[1], about="b"), ledger, seen)[0]
    assert is_granted(asks_pods(mine[2], about="c"), ledger, seen)[0]


def test_permits_end_by_time_and_with_their_node_and_what_is_out_still_counts():
    rules = [limit(nodes={"max_unavailable": "1"})]
    _, ledger = judge(asks("n0", seconds=100), NOTHING, world(ten(), limits=rules))
    assert not settled(ledger, world(ten(), now=NOW + 131)).permits
    assert not settled(ledger, world(ten()[1:], now=NOW + 31)).permits
    assert settled(ledger, world(ten()[1:], now=NOW + 29)).permits
    cordoned = world(ten(n0=node("n0", cordoned=True)), limits=rules, now=NOW + 131)
    assert not is_granted(asks("n1"), ledger, cordoned)[0]


def test_what_cannot_be_judged_is_refused():
    assert not is_granted(asks("nowhere"), NOTHING, world(ten()))[0]
    assert not is_granted(asks(*[f"n{number}" for number in range(65)]), NOTHING, world(ten()))[0]
