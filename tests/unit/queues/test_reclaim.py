"""Who has to give back what, and who has not."""

import pytest

from kubewright.queues.reclaim import Claim, pods_of, reclaim
from kubewright.queues.units import units_of
from tests.unit.queues.build import gpus, holder, queue, tree


class Nodes:
    """Nodes with so many GPUs each; the claimant takes the first that have enough."""

    def __init__(self, wanted, holders, **sizes):
        self.wanted, self.holders, self.sizes = wanted, holders, sizes

    def nodes_for(self, without):
        free = dict(self.sizes)
        for each in self.holders:
            if each.key not in without:
                free[each.node] -= each.amounts["nvidia.com/gpu"]
        used = []
        for amount in self.wanted:
            node = next((name for name, left in free.items() if left >= amount), None)
            if node is None:
                return None
            free[node] -= amount
            used.append(node)
        return frozenset(used)


def taken(quotas, claim, holders, wanted, *, now=1000.0, needed=None, **sizes):
    for each in holders:
        if each.queue:
            quotas.charge(each.queue, each.amounts)
    found = reclaim(claim, quotas, units_of(holders, needed or {}), Nodes(wanted, holders, **sizes), now)
    return None if found is None else sorted(each.key.name for each in pods_of(found))


def two(**b):
    return tree(queue("all"), queue("a", gpus=4, parent="all"), queue("b", gpus=4, parent="all", **b))


def test_what_is_ones_own_is_taken_back_from_who_borrowed_it_the_latest_first():
    holders = [holder(f"b{n}", "b", since=n) for n in range(8)]
    assert taken(two(), Claim("a", gpus(2), 0), holders, [2], n=8) == ["b6", "b7"]


def test_no_more_is_taken_back_than_is_lent():
    holders = [*(holder(f"b{n}", "b", since=n) for n in range(6)), *(holder(f"a{n}", "a") for n in range(2))]
    assert taken(two(), Claim("a", gpus(3), 0), holders, [3], n=8) is None


def test_nothing_is_taken_when_even_all_of_it_would_not_do():
    holders = [holder(f"b{n}", "b", node=f"n{n}", since=n) for n in range(8)]
    sizes = {f"n{n}": 1 for n in range(8)}
    assert taken(two(), Claim("a", gpus(2), 0), holders, [2], **sizes) is None


def test_only_nodes_that_the_claimant_can_use_are_freed():
    holders = [
        *(holder(f"small{n}", "b", node=f"s{n}", since=100 + n) for n in range(4)),
        holder("large", "b", 4, node="l", since=1),
    ]
    assert taken(two(), Claim("a", gpus(4), 0), holders, [4], s0=1, s1=1, s2=1, s3=1, l=4) == ["large"]


def test_a_gang_goes_whole_but_first_what_it_can_do_without():
    gang = [holder(f"g{n}", "b", since=5, gang="g") for n in range(8)]
    assert len(taken(two(), Claim("a", gpus(2), 0), gang, [2], n=8)) == 8
    excess = taken(two(), Claim("a", gpus(2), 0), gang, [2], n=8, needed={"g": 6})
    assert len(excess) == 2
    assert len(taken(two(), Claim("a", gpus(3), 0), gang, [3], n=8, needed={"g": 6})) == 8


def test_who_has_only_just_begun_is_left_alone():
    holders = [holder(f"b{n}", "b", since=950 + n) for n in range(8)]
    assert taken(two(minimum_runtime_seconds=60), Claim("a", gpus(2), 0), holders, [2], n=8) is None
    assert taken(two(minimum_runtime_seconds=43), Claim("a", gpus(2), 0), holders, [2], n=8) == ["b6", "b7"]


@pytest.mark.parametrize(
    ("policy", "priority", "expected"),
    [("Never", 9, None), ("LowerPriority", 5, None), ("LowerPriority", 6, ["b7"]), ("Any", 0, ["b7"])],
)
def test_the_policy_of_who_reclaims_says_from_whom(policy, priority, expected):
    quotas = tree(queue("all"), queue("a", gpus=4, parent="all", reclaim=policy), queue("b", gpus=4, parent="all"))
    holders = [holder(f"b{n}", "b", since=n, priority=5) for n in range(8)]
    assert taken(quotas, Claim("a", gpus(1), priority), holders, [1], n=8) == expected


def fair():
    return tree(
        queue("all", gpus=8),
        queue("a", parent="all", reclaim="FairShare"),
        queue("b", parent="all", reclaim="FairShare", weight=3),
    )


def test_a_fair_share_is_taken_from_who_has_more_and_not_taken_back():
    holders = [holder(f"b{n}", "b", since=n) for n in range(8)]
    assert taken(fair(), Claim("a", gpus(1), 0), holders, [1], n=8) == ["b7"]
    after = [*holders[:6], holder("a0", "a"), holder("a1", "a")]
    assert taken(fair(), Claim("b", gpus(1), 0), after, [1], n=8) is None
    assert taken(fair(), Claim("a", gpus(1), 0), after, [1], n=8) is None


def of_shares(total):
    """Six of them are a's own."""
    return tree(
        queue("all", gpus=total - 6), queue("a", gpus=6, parent="all"), queue("b", parent="all", reclaim="FairShare")
    )


def test_a_fair_share_is_of_what_is_lent_and_leaves_everybody_its_own():
    own = [holder(f"a{n}", "a", 2, since=n) for n in range(3)]
    assert taken(of_shares(6), Claim("b", gpus(1), 0), own, [1], n=6) is None
    borrowing = [*own, holder("a3", "a", since=9)]
    assert taken(of_shares(7), Claim("b", gpus(1), 0), borrowing, [1], n=7) == ["a3"]
    assert taken(of_shares(7), Claim("b", gpus(2), 0), borrowing, [2], n=7) is None


def test_who_has_its_own_back_does_not_lose_it_to_a_fair_share():
    holders = [*(holder(f"a{n}", "a", since=n) for n in range(5)), holder("b0", "b", since=9)]
    assert taken(of_shares(6), Claim("a", gpus(1), 0), holders, [1], n=6) == ["b0"]
    after = [*holders[:5], holder("a5", "a", since=10)]
    assert taken(of_shares(6), Claim("b", gpus(1), 0), after, [1], n=6) is None


def back(queue, n_gpus, priority=0):
    return Claim(queue, gpus(n_gpus), priority, is_back=True)


def test_who_was_pushed_aside_has_its_own_back_all_the_same():
    holders = [holder(f"b{n}", "b", since=n) for n in range(8)]
    assert taken(two(), back("a", 2), holders, [2], n=8) == ["b6", "b7"]
    gang = [holder(f"g{n}", "b", since=5, gang="g") for n in range(6)]
    assert len(taken(two(), back("a", 3), gang, [3], n=8)) == 6


def test_who_was_pushed_aside_takes_no_share_of_what_is_lent_again():
    holders = [holder(f"b{n}", "b", since=n) for n in range(8)]
    assert taken(fair(), back("a", 1), holders, [1], n=8) is None


def test_who_was_pushed_aside_outranks_others_but_not_those_whose_own_it_would_only_borrow():
    assert taken(tree(queue("a", gpus=4)), back("a", 2, 1), [holder("low", "a", 4)], [2], n=8) == ["low"]
    low = [holder("a0", "a", 2, since=1), holder("a1", "a", 2, since=2), holder("a2", "a", since=3)]
    assert taken(two(), back("a", 4, 1), low, [4], n=5) == ["a0", "a1"]
    assert taken(two(), Claim("a", gpus(5), 1), low, [5], n=5) == ["a0", "a1", "a2"]
    assert taken(two(), back("a", 5, 1), low, [5], n=5) is None


def test_within_a_queue_priority_counts():
    quotas = tree(queue("a", gpus=4))
    holders = [holder(f"a{n}", "a", since=n, priority=n) for n in range(4)]
    assert taken(quotas, Claim("a", gpus(2), 3), holders, [2], n=8) == ["a0", "a1"]
    never = tree(queue("a", gpus=4, preemption="Never"))
    assert taken(never, Claim("a", gpus(2), 3), holders, [2], n=8) is None


def test_another_cohort_is_not_touched_and_a_sibling_within_its_own_is_not_either():
    quotas = tree(
        queue("all"),
        queue("west", parent="all"),
        queue("east", parent="all"),
        queue("a", gpus=4, parent="west"),
        queue("b", gpus=4, parent="east"),
        queue("c", gpus=0, parent="east"),
        queue("foreign", gpus=9),
    )
    holders = [
        *(holder(f"b{n}", "b", since=50 + n) for n in range(4)),
        *(holder(f"c{n}", "c", since=n) for n in range(4)),
        *(holder(f"f{n}", "foreign", since=99) for n in range(2)),
    ]
    assert taken(quotas, Claim("a", gpus(2), 9), holders, [2], n=10) == ["c2", "c3"]


def test_pods_without_a_queue_are_only_outranked_by_pods_without_one():
    holders = [holder("low", "", 4, priority=1), holder("b", "b", 4, priority=1)]
    assert taken(two(), Claim("a", gpus(4), 9), holders, [4], n=8) is None
    assert taken(two(), Claim("", gpus(4), 9), holders, [4], n=8) in (["b"], ["low"])


def test_those_that_a_budget_protects_go_last():
    holders = [holder("safe", "b", 1, since=9, protected=True), *(holder(f"b{n}", "b", since=n) for n in range(7))]
    assert taken(two(), Claim("a", gpus(1), 0), holders, [1], n=8) == ["b6"]
