"""What would let a queue have what it is short of."""

import pytest

from kubewright.queues.helps import advice, borrowers, helps
from tests.unit.queues.build import gpus, queue, tree


def used(quotas, **uses):
    for name, amount in uses.items():
        quotas.charge(name, gpus(amount))
    return quotas


def cohort(**a):
    return tree(queue("all", gpus=2), queue("a", gpus=4, parent="all", **a), queue("b", gpus=4, parent="all"))


def test_nothing_helps_who_lacks_nothing():
    assert helps(cohort(), "a", gpus(8)) == ()


def test_more_quota_or_a_smaller_request():
    found = helps(used(cohort(), a=3, b=5), "a", gpus(4))
    assert found == ("2 more nvidia.com/gpu of queue a's quota", "request 2 nvidia.com/gpu at most")
    assert advice(found) == f"{found[0]}, or {found[1]}."


def test_a_gang_is_not_told_to_ask_for_less_and_nobody_is_for_nothing():
    assert helps(used(cohort(), a=3, b=5), "a", gpus(4), divisible=False) == (
        "2 more nvidia.com/gpu of queue a's quota",
    )
    assert helps(used(cohort(), a=5, b=5), "a", gpus(1)) == ("1 more nvidia.com/gpu of queue a's quota",)


def test_a_limit_to_what_is_borrowed_is_named_where_lifting_it_helps():
    found = helps(used(cohort(borrowing=1), a=4), "a", gpus(3))
    assert found == (
        "2 more nvidia.com/gpu of queue a's quota",
        "a borrowingLimit of 3 nvidia.com/gpu for queue a",
        "request 1 nvidia.com/gpu at most",
    )
    assert len(helps(used(cohort(borrowing=1), a=4, b=6), "a", gpus(3))) == 1


@pytest.mark.parametrize("lending", [None, 0, 2])
def test_what_is_told_was_tried_whatever_is_lent(lending):
    quotas = used(cohort(lending=lending), a=6, b=4)
    (found,) = helps(quotas, "a", gpus(2))
    assert found == "2 more nvidia.com/gpu of queue a's quota"


def test_of_several_things_all_that_is_short_is_named():
    quotas = tree(queue("a", gpus=1))
    assert helps(quotas, "a", {"nvidia.com/gpu": 3, "cpu": 1000}) == (
        "2 more nvidia.com/gpu of queue a's quota",
        "request 1 nvidia.com/gpu at most",
    )


def test_a_queue_above_its_quota_is_told_what_it_has_too_much_as_well():
    assert helps(used(cohort(), a=12), "a", gpus(1))[0] == "3 more nvidia.com/gpu of queue a's quota"


def test_who_borrows_is_named():
    quotas = used(cohort(), a=3, b=7)
    assert borrowers(quotas, "a", quotas.short("a", gpus(1))) == ("queue b borrows 3 nvidia.com/gpu",)
