"""Permission: which policy speaks, and what holds the healer back."""

import pytest

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import NODES, Namespace, Node
from kubewright.api.crds.disruptionlimit import Window
from kubewright.api.crds.healingpolicy import HealingLimits, HealingPolicy, HealingPolicySpec
from kubewright.api.meta import ObjectKey, ObjectMeta
from kubewright.healing.finding import Finding, Ref, Remedy, Safety
from kubewright.healing.permission import Book, Permission, contradictions, held_back, needs_approval, permission
from kubewright.healing.seen import seen_of

SEEN = seen_of(
    Namespace(
        metadata=ObjectMeta(name="shop", labels={"kubewright.dev/team": "a", "kubewright.dev/environment": "prod"})
    ),
    Node(metadata=ObjectMeta(name="n1", labels={"pool": "gpu"})),
)
NOW = 1_000_000.0


def of_app(cause="BadRelease", **details):
    return Finding(cause, Ref(DEPLOYMENTS, ObjectKey("shop", "web")), (), frozenset(), NOW, details=details)


def of_node(cause="NodeDead"):
    return Finding(cause, Ref(NODES, ObjectKey("", "n1")), (), frozenset(), NOW)


def policy(name, mode="act", **spec):
    return HealingPolicy(metadata=ObjectMeta(name=name), spec=HealingPolicySpec(mode, **spec))


def remedy(safety=Safety.LOCAL):
    return Remedy("try", safety, lambda *_: None)


def permitted(mode="act", **spec):
    return Permission("p", HealingPolicySpec(mode, **spec))


def test_without_a_policy_it_observes():
    assert permission(of_app(), [], SEEN).mode == "observe"


@pytest.mark.parametrize(
    ("policies", "expected"),
    [
        ([policy("all", "act"), policy("team", "observe", teams=("a",))], "team"),
        ([policy("all", "off"), policy("cause", "act", causes=("Bad*",))], "cause"),
        ([policy("pattern", causes=("Bad*",)), policy("whole", causes=("BadRelease",))], "whole"),
        ([policy("bold", "act"), policy("careful", "approve")], "careful"),
        ([policy("other", "act", teams=("b",))], ""),
        ([policy("prod", environments=("prod",)), policy("dev", environments=("dev",))], "prod"),
        ([policy("nodes", node_selector={"pool": "gpu"})], ""),
    ],
    ids=[
        "a team before all",
        "a cause before all",
        "a name before a pattern",
        "the careful of equals",
        "another team's",
        "an environment's",
        "of nodes alone",
    ],
)
def test_the_most_specific_policy_speaks(policies, expected):
    assert permission(of_app(), policies, SEEN).policy == expected


def test_a_policy_of_nodes_is_about_the_nodes_it_chooses():
    assert permission(of_node(), [policy("gpu", node_selector={"pool": "gpu"})], SEEN).policy == "gpu"
    assert permission(of_node(), [policy("cpu", node_selector={"pool": "cpu"})], SEEN).policy == ""


def test_a_policy_that_is_wrong_lets_nothing_be_done():
    wrong = policy("wrong", "act", windows=(Window("no schedule", 10),))
    found = permission(of_app(), [wrong], SEEN)
    assert found.mode == "observe"
    assert "windows[0]" in found.wrong


def test_what_could_lose_data_needs_a_person_or_a_proof():
    risky = remedy(Safety.DATA)
    assert needs_approval(permitted(), of_app(), risky)
    assert not needs_approval(permitted(), of_app(proof="it is fenced"), risky)
    assert not needs_approval(permitted(), of_app(), remedy())
    assert needs_approval(permitted("approve"), of_app(), remedy())


@pytest.mark.parametrize(
    ("spec", "book", "finding", "expected"),
    [
        ({}, Book(), of_app(), ""),
        ({"windows": (Window("0 3 * * *", 1),)}, Book(), of_app(), "windows"),
        ({"limits": HealingLimits(2)}, Book(begun=((NOW - 5, "p"), (NOW - 9, "p"))), of_app(), "within the hour"),
        ({"limits": HealingLimits(2)}, Book(begun=((NOW - 5, "p"), (NOW - 9, "q"))), of_app(), ""),
        ({"limits": HealingLimits(2)}, Book(begun=((NOW - 5, "p"), (NOW - 4000, "p"))), of_app(), ""),
        ({"limits": HealingLimits(60, 3, 1)}, Book(nodes=frozenset({"n2"})), of_node(), "at once"),
        ({"limits": HealingLimits(60, 3, 1)}, Book(nodes=frozenset({"n1"})), of_node(), ""),
        ({}, Book(ill=3, of=10), of_node(), "a person"),
        ({}, Book(ill=3, of=10), of_app(), ""),
        ({}, Book(ill=2, of=4), of_node(), ""),
        ({}, Book(ill=1, of=10, storms={"p": NOW - 100}), of_node(), "a moment ago"),
        ({}, Book(ill=1, of=10, storms={"p": NOW - 1000}), of_node(), ""),
    ],
)
def test_limits_hold_it_back(spec, book, finding, expected):
    safety = Safety.NODE if finding.about.resource is NODES else Safety.LOCAL
    said = held_back(permitted(**spec), finding, remedy(safety), book, NOW)
    assert expected in said if expected else said == ""


def test_policies_that_mean_the_same_and_differ_are_told():
    bold, careful, other = policy("bold"), policy("careful", "observe"), policy("other", "off", teams=("a",))
    assert len(contradictions(bold, [bold, careful, other])) == 1
    assert contradictions(other, [bold, careful, other]) == []
