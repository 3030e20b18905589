"""Who is silent, as far as somebody who hears can tell."""

import pytest

from kubewright.signals.leases import Leases
from kubewright.signals.nodes import SILENT_SECONDS


def listening(until, *, silent_from, nodes=3, tenths=100, leader=True):
    """Return when which node was found to be silent; each renews a third of a turn after the one before."""
    leases, found = Leases(), {}
    for tenth in range(until * 10):
        now = tenth / 10
        for number in range(nodes):
            turn = (tenth - number * tenths // nodes) % tenths
            if turn == 0 and now < silent_from.get(number, until):
                leases.hear(f"n{number}", now)
        if leader and tenth % 20 == 0 and now < silent_from.get("leader", until):
            leases.hear_other(now)
        if tenth % 10 == 0:
            found |= dict.fromkeys(leases.overdue(now, nodes), now)
    return found


def test_a_node_that_misses_its_turn_is_silent_and_the_others_are_not():
    (name, at), *more = listening(100, silent_from={0: 45}).items()
    assert (name, more) == ("n0", [])
    assert 40 + SILENT_SECONDS <= at <= 45 + 15


def test_nobody_is_silent_when_nothing_at_all_is_heard():
    assert listening(100, silent_from={0: 45, 1: 45, 2: 45, "leader": 45}) == {}


def test_all_nodes_are_silent_when_only_leaders_are_heard():
    assert listening(100, silent_from={0: 45, 1: 45, 2: 45}).keys() == {"n0", "n1", "n2"}


def test_the_only_node_needs_nobody_beside_it():
    assert listening(100, silent_from={0: 45}, nodes=1, leader=False).keys() == {"n0"}


def test_whoever_was_deaf_gives_everybody_time():
    leases = Leases()
    for name in ("a", "b", "c"):
        leases.hear(name, 0.0)
    leases.hear("a", 60.0)
    assert leases.overdue(61.0, 3) == []
    leases.hear("a", 70.0)
    leases.hear("b", 70.5)
    leases.hear("a", 80.0)
    assert leases.overdue(80.0, 3) == ["c"]
    assert leases.silent == {"c": 60.0}


def test_a_node_that_is_heard_again_or_gone_is_not_silent():
    leases = Leases()
    leases.hear("a", 0.0)
    leases.hear("b", 0.0)
    leases.hear_other(11.0)
    leases.hear_other(13.0)
    assert leases.overdue(13.0, 2) == ["a", "b"]
    assert leases.overdue(14.0, 2) == [], "that was told already"
    assert leases.hear("a", 15.0)
    leases.forget("b")
    assert leases.silent == {}


@pytest.mark.parametrize("tenths", [104, 125])
def test_a_renewal_that_is_a_little_late_is_nothing(tenths):
    assert listening(200, silent_from={}, tenths=tenths) == {}
