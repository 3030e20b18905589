"""What a queue may have, and whose it is."""

import pytest

from kubewright.api.crds.queue import Quota
from kubewright.queues.rules import read_queues
from tests.unit.queues.build import gpus, queue, tree

GPU = "nvidia.com/gpu"


def left(quotas, name):
    return quotas.left(name, GPU)


def test_a_queue_has_its_own_and_what_others_leave():
    quotas = tree(queue("all"), queue("a", gpus=8, parent="all"), queue("b", gpus=4, parent="all"))
    quotas.charge("a", gpus(10))
    assert (quotas.borrowed("a", GPU), left(quotas, "a"), left(quotas, "b")) == (2, 2, 2)
    quotas.charge("a", gpus(10), -1)
    assert (quotas.borrowed("a", GPU), left(quotas, "a"), left(quotas, "b")) == (0, 12, 12)


def test_limits_on_borrowing_and_lending_hold():
    quotas = tree(
        queue("all"), queue("a", gpus=8, lending=3, parent="all"), queue("b", gpus=4, borrowing=2, parent="all")
    )
    assert (left(quotas, "a"), left(quotas, "b")) == (12, 6)
    quotas.charge("b", gpus(6))
    assert (left(quotas, "a"), left(quotas, "b")) == (6, 0)


def test_what_is_not_lent_is_there_whatever_others_use():
    quotas = tree(queue("all"), queue("a", gpus=8, lending=0, parent="all"), queue("b", gpus=4, parent="all"))
    quotas.charge("b", gpus(9))
    assert (left(quotas, "a"), left(quotas, "b")) == (8, -5)


def test_a_share_is_of_all_that_the_tree_has_lent_or_not():
    quotas = tree(queue("all", gpus=2), queue("a", gpus=6, lending=0, parent="all"), queue("b", parent="all"))
    quotas.charge("a", gpus(4))
    quotas.charge("b", gpus(2))
    assert (quotas.share("a"), quotas.share("b")) == (0.5, 0.25)


def test_cohorts_form_a_tree():
    quotas = tree(
        queue("root", gpus=2),
        queue("west", parent="root"),
        queue("east", parent="root"),
        queue("a", gpus=4, parent="west"),
        queue("b", gpus=4, parent="west"),
        queue("c", gpus=4, parent="east"),
    )
    assert quotas.path("a") == ("root", "west", "a")
    assert (left(quotas, "a"), left(quotas, "c")) == (14, 14)
    quotas.charge("c", gpus(10))
    assert (quotas.borrowed("c", GPU), quotas.borrowed("east", GPU), left(quotas, "a")) == (6, 6, 4)
    assert quotas.used("root", GPU) == 10


def test_what_no_queue_of_the_tree_names_is_not_limited():
    quotas = tree(queue("all", gpus=2), queue("a", parent="all"))
    assert quotas.left("a", "cpu") is None
    assert quotas.short("a", {"cpu": 10**9}) == ()


def test_a_shortage_says_what_is_wanted_and_what_is_left():
    quotas = tree(queue("a", gpus=32))
    quotas.charge("a", gpus(29))
    assert [str(each) for each in quotas.short("a", gpus(8))] == ["needs 8 nvidia.com/gpu, 3 left of 32"]


def test_without_borrowing_a_queue_is_held_to_its_own():
    quotas = tree(queue("all"), queue("a", gpus=8, parent="all"), queue("b", gpus=4, parent="all"))
    quotas.charge("b", gpus(3))
    assert quotas.short("b", gpus(2)) == ()
    assert [str(each) for each in quotas.short("b", gpus(2), borrowing=False)] == [
        "needs 2 nvidia.com/gpu, 1 left of 4"
    ]


def test_those_on_a_cycle_stand_alone_and_no_other_is_touched():
    rules, problems = read_queues(
        [
            queue("a", gpus=1, parent="b"),
            queue("b", gpus=2, parent="a"),
            queue("under", gpus=3, parent="a"),
            queue("self", gpus=3, parent="self"),
            queue("other", gpus=3),
        ]
    )
    assert {name: (each.reason, each.message) for name, each in problems.items()} == {
        "a": ("Cycle", "parent: a -> b -> a is a cycle; it has no parent until that is mended"),
        "b": ("Cycle", "parent: b -> a -> b is a cycle; it has no parent until that is mended"),
        "self": ("Cycle", "parent: self -> self is a cycle; it has no parent until that is mended"),
    }
    assert {name: each.parent for name, each in rules.items() if each.parent} == {"under": "a"}


def test_a_parent_that_is_not_there_is_said_and_lends_nothing():
    quotas = tree(queue("a", gpus=2, parent="gone"))
    assert left(quotas, "a") == 2
    assert read_queues([queue("a", gpus=2, parent="gone")])[1]["a"].reason == "ParentNotFound"


def test_a_chain_without_end_is_cut():
    queues = [queue(f"q{number:04}", gpus=1, parent=f"q{number + 1:04}") for number in range(3000)]
    rules, problems = read_queues([*queues, queue("q3000", gpus=1)])
    assert problems["q0000"].reason == "TooDeep"
    assert max(len(tree(*[*queues, queue("q3000")]).path(name)) for name in ("q0000", "q2990")) <= 17
    assert not rules["q0000"].parent


@pytest.mark.parametrize(
    ("nominal", "message"),
    [("1e999999999", "exponent is out of range"), ("many", "a number with an optional suffix"), (-1, "below 0")],
)
def test_a_quota_that_cannot_be_read_counts_as_nothing(nominal, message):
    bad = queue("a")
    spec = type(bad.spec)(quotas=(Quota("cpu", "", nominal),))
    rules, problems = read_queues([type(bad)(metadata=bad.metadata, spec=spec)])
    assert message in problems["a"].message
    assert rules["a"].limits["cpu"].nominal == 0
