"""What is concluded from what node agents say, and from their silence."""

import pytest

from kubewright.api.coordination import Lease, LeaseSpec
from kubewright.api.meta import ObjectMeta
from kubewright.api.nodeagent import SELF_FENCING, UNREACHED
from kubewright.signals.agents import Agents, Views


def lease(renewed, unreached="", promised="80"):
    notes = {SELF_FENCING: promised, UNREACHED: unreached}
    metadata = ObjectMeta(name="x", annotations={key: text for key, text in notes.items() if text})
    return Lease(metadata=metadata, spec=LeaseSpec(renew_time=str(renewed)))


def heard(*renewals):
    agents = Agents()
    for node, at in renewals:
        agents.hear(node, lease(at), at)
    return agents


def steady(*nodes, start=0, until=200):
    return [(node, at) for at in range(start, until + 1, 20) for node in nodes]


def test_only_observers_that_are_heard_have_a_view():
    agents = Agents()
    agents.hear("a", lease(100, unreached="x"), 100)
    agents.hear("b", lease(100), 100)
    agents.hear("c", lease(10, unreached="x"), 10)
    assert agents.views("x", ("a", "b", "c", "d"), 110) == Views(("a",), ("b",))


def test_a_promise_counts_from_when_the_last_renewal_was_seen():
    agents = heard(("x", 100), *steady("a", "b", "c"))
    assert agents.ended_at("x", ("a", "b", "c"), 200) == 100 + 80 * 1.05 + 5


@pytest.mark.parametrize(
    ("renewals", "counts"),
    [
        ([("x", 100), *steady("a", "b")], True),
        ([("x", 100), *steady("a", until=120), *steady("b", "c")], True),
        ([("x", 100), *steady("a", "b", until=120), *steady("c")], False),
        ([("x", 100), *steady("a", "b", until=100), *steady("a", "b", start=160), *steady("c")], False),
        ([("x", 100), *steady("a", "b", "c", until=20), *steady("a", "b", "c", start=80)], True),
    ],
    ids=[
        "most are heard",
        "one is silent",
        "most are silent, too",
        "most were silent for long since",
        "most were silent before, and it has been heard since",
    ],
)
def test_a_promise_counts_only_while_most_neighbours_have_been_heard_ever_since(renewals, counts):
    agents = Agents()
    for node, at in sorted(renewals, key=lambda each: each[1]):
        agents.hear(node, lease(at), at)
    assert (agents.ended_at("x", ("a", "b", "c"), 200) is not None) is counts


def test_who_promised_nothing_or_has_no_neighbours_proves_nothing():
    agents = heard(*steady("a", "b", "c"))
    agents.hear("x", lease(100, promised=""), 100)
    assert agents.ended_at("x", ("a", "b", "c"), 200) is None
    agents.hear("x", lease(101), 101)
    assert agents.ended_at("x", (), 200) is None
    assert agents.ended_at("unknown", ("a", "b"), 200) is None


def test_what_others_write_on_a_lease_is_no_sign_of_life():
    agents = heard(("x", 100))
    agents.hear("x", lease(100, unreached="y"), 150)
    assert agents.words["x"].heard_at == 100
    agents.forget("x")
    assert not agents.is_fresh("x", 101)
