"""How much of their own queues have, and what makes it more."""

from kubewright.queues.standing import shares_of, standing
from kubewright.queues.units import units_of
from tests.unit.queues.build import holder, queue, tree


def two():
    return tree(queue("all", gpus=1), queue("a", gpus=4, parent="all"), queue("b", gpus=4, parent="all"))


def of(*holders, needed=None, quotas=None):
    return standing(quotas or two(), shares_of(units_of(holders, needed or {})))


def test_what_fits_into_ones_own_counts_before_what_is_borrowed():
    own = of(holder("a0", "a", 2), holder("b0", "b", 2))
    assert own > of(holder("a0", "a", 2), holder("a1", "a", 4))
    assert own > of(holder("a0", "a", 5))


def test_who_is_more_important_having_it_counts_before_how_much():
    low = [holder(f"a{n}", "a", since=n) for n in range(4)]
    assert of(holder("high", "a", priority=1)) > of(*low)
    assert of(holder("large", "a", 5, priority=1)) < of(*low)


def test_another_that_is_placed_never_makes_it_less():
    before = [holder("a0", "a", 3, since=1), holder("b0", "b", 4, since=2)]
    for n_gpus, priority in ((1, 0), (2, 0), (2, 1), (5, 1)):
        assert of(*before, holder("new", "a", n_gpus, since=3, priority=priority)) >= of(*before)


def test_of_one_priority_those_that_began_first_have_it():
    large_first = of(holder("a0", "a", 3, since=1), holder("a1", "a", 2, since=2))
    assert large_first > of(holder("a0", "a", 3, since=2), holder("a1", "a", 2, since=1))


def test_a_gang_has_it_whole_or_not_and_its_excess_by_itself():
    gang = [holder(f"g{n}", "a", since=n, gang="g") for n in range(5)]
    assert of(*gang) == of(holder("whole", "a", 5))
    assert of(*gang, needed={"g": 4}) > of(*gang)


def test_a_queue_above_counts_what_those_below_it_borrow_from_each_other():
    quotas = tree(queue("all", gpus=2), queue("west", gpus=3, parent="all"), queue("a", parent="west"))
    inside, outside = of(holder("a0", "a", 3), quotas=quotas), of(holder("a0", "a", 4), quotas=quotas)
    assert inside > outside > of(quotas=quotas)
