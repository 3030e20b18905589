"""Whose turn it is."""

from kubewright.queues.turns import Backoffs, History, Turns
from tests.unit.queues.build import gpus, queue, tree


def order(quotas, history, *names, amount=1):
    turns = Turns(quotas, history)
    return sorted(names, key=lambda each: turns.turn(each, gpus(amount)))


def test_who_needs_only_its_own_is_before_who_would_borrow():
    quotas = tree(queue("all"), queue("a", gpus=8, parent="all"), queue("b", gpus=2, parent="all"))
    quotas.charge("a", gpus(7))
    quotas.charge("b", gpus(2))
    assert order(quotas, History(), "a", "b") == ["a", "b"]


def test_of_those_that_borrow_the_smaller_share_by_weight_is_first():
    quotas = tree(queue("all", gpus=10), queue("a", parent="all", weight=3), queue("b", parent="all"))
    quotas.charge("a", gpus(4))
    quotas.charge("b", gpus(2))
    assert order(quotas, History(), "a", "b") == ["a", "b"]


def test_shares_are_compared_level_by_level():
    quotas = tree(
        queue("all", gpus=10),
        queue("west", parent="all"),
        queue("east", parent="all"),
        queue("a", parent="west"),
        queue("b", parent="west"),
        queue("c", parent="east"),
    )
    quotas.charge("b", gpus(5))
    quotas.charge("c", gpus(3))
    assert order(quotas, History(), "a", "b", "c") == ["c", "a", "b"]


def test_past_use_counts_for_half_after_its_half_life():
    quotas = tree(queue("all", gpus=10), queue("a", parent="all", half_life_seconds=100), queue("b", parent="all"))
    history = History()
    history.advance(quotas, 0)
    quotas.charge("a", gpus(8))
    history.advance(quotas, 100)
    assert history.of(quotas, "a")["nvidia.com/gpu"] == 4
    quotas.charge("a", gpus(8), -1)
    history.advance(quotas, 200)
    assert history.of(quotas, "a")["nvidia.com/gpu"] == 2
    assert history.of(quotas, "b") is None
    assert order(quotas, history, "a", "b") == ["b", "a"]


def test_a_queue_that_was_taken_from_borrows_nothing_for_longer_and_longer():
    quotas, backoffs = tree(queue("a", gpus=1, backoff_seconds=10)), Backoffs()
    backoffs.hold(quotas, "a", 100)
    assert (backoffs.until("a", 109), backoffs.until("a", 110)) == (110, None)
    backoffs.hold(quotas, "a", 120)
    assert backoffs.until("a", 121) == 140
    for now in range(150, 1000, 100):
        backoffs.hold(quotas, "a", now)
    assert backoffs.until("a", 951) == 950 + 160
    backoffs.hold(quotas, "a", 5000)
    assert backoffs.until("a", 5001) == 5010
    backoffs.hold(tree(queue("b", gpus=1, backoff_seconds=10)), "b", 5002)
    assert backoffs.until("a", 5003) is None, "there is no such queue any more"
