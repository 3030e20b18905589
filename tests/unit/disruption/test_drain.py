"""Who of a node goes now, who waits for what, and what becomes of those who never may."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from kubewright.api.meta import rfc3339
from kubewright.api.policy import PodDisruptionBudgetStatus
from kubewright.disruption.budget import Allowance
from kubewright.disruption.drain import turn

from .worlds import NOW, budget, pod


def important(given, priority):
    return replace(given, spec=replace(given.spec, priority=priority))


def drained(pods, budgets=(), **given):
    found = turn(pods, Allowance(budgets, 0), **given)
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
    ("well", "expected"), [(2, ["a"]), (1, [])], ids=["all are well, so it never will", "one is ill, so it may yet"]
)
def test_past_its_deadline_goes_whom_a_budget_never_lets_go(well, expected):
    status = PodDisruptionBudgetStatus(disruptions_allowed=0, current_healthy=well, expected_pods=2)
    held = replace(budget("web", 0), status=status)
    assert drained([pod("a")], [held])[:2] == ([], [])
    assert drained([pod("a")], [held], past_budgets=True)[:2] == ([], expected)


def test_a_pod_that_nobody_makes_anew_stays_even_past_budgets():
    alone = pod("a", app="")
    assert drained([alone])[2].blocked == ("shop/a is made anew by nobody",)
    assert drained([alone], past_budgets=True)[:2] == ([], [])


def test_who_is_on_its_way_is_waited_for_and_who_has_ended_is_not():
    going = replace(pod("a"), metadata=replace(pod("a").metadata, deletion_timestamp=rfc3339(NOW)))
    ended = replace(pod("b"), status=replace(pod("b").status, phase="Succeeded"))
    assert drained([going])[2].left
    assert not drained([ended])[2].left
    assert not drained([])[2].left
