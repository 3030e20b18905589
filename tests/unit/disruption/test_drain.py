"""Who of a node goes now, who waits for what, and what becomes of those who never may."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kubewright.api.meta import rfc3339
from kubewright.disruption.drain import DELETE, GIVE_UP, WAIT, Order, turn

from .worlds import NOW, budget, pod


def important(given, priority):
    return replace(given, spec=replace(given.spec, priority=priority))


def drained(pods, budgets=(), **order):
    found = turn(Order(by="me", since=rfc3339(NOW), **order), pods, budgets, NOW + order.pop("at", 1))
    return [each.metadata.name for each in found.evictions], [each.metadata.name for each in found.deletions], found


def test_the_least_important_go_first_and_what_the_cluster_needs_last():
    pods = [important(pod("dns"), 2_000_000_000), important(pod("db"), 1000), pod("web")]
    evictions, _, found = drained(pods)
    assert evictions == ["web", "db"]
    assert found.blocked == ("shop/dns goes when all others have gone",)
    assert drained(pods[:1])[0] == ["dns"]


def test_each_goes_as_its_budget_lets_it():
    evictions, deletions, found = drained([pod("a"), pod("b"), pod("c", "other")], [budget("web", 1)])
    assert (evictions, deletions) == (["a", "c"], [])
    assert found.blocked == ("shop/b may not go by its PodDisruptionBudget",)


@pytest.mark.parametrize(
    ("when_late", "expected"),
    [(WAIT, ([], [], False)), (GIVE_UP, ([], [], True)), (DELETE, ([], ["a"], False))],
)
def test_after_the_deadline_the_order_says_what_becomes_of_the_rest(when_late, expected):
    order = Order(by="me", since=rfc3339(NOW), deadline_seconds=60, when_late=when_late)
    early = turn(order, [pod("a")], [budget("web", 0)], NOW + 59)
    assert (early.evictions, early.deletions, early.gave_up) == ((), (), False)
    late = turn(order, [pod("a")], [budget("web", 0)], NOW + 61)
    names = [[each.metadata.name for each in pods] for pods in (late.evictions, late.deletions)]
    assert (*names, late.gave_up) == expected
    assert not late.is_empty


def test_a_pod_that_nobody_makes_anew_goes_only_by_force():
    alone = pod("a", app="")
    assert drained([alone])[2].blocked == ("shop/a is made anew by nobody",)
    assert drained([alone], force=True)[0] == ["a"]


def test_who_is_on_its_way_is_waited_for_and_who_has_ended_is_not():
    going = replace(pod("a"), metadata=replace(pod("a").metadata, deletion_timestamp=rfc3339(NOW)))
    ended = replace(pod("b"), status=replace(pod("b").status, phase="Succeeded"))
    assert not drained([going])[2].is_empty
    assert drained([ended])[2].is_empty
    assert drained([])[2].is_empty
