import pytest

from kubewright.errors import ErrorKind, OpError
from kubewright.placement.policy import GPU, PACK, SPREAD
from kubewright.replay.configuration import OURS, STOCK, read_configuration


def test_a_configuration_is_one_of_two_with_changes_and_bears_what_was_written_as_its_name():
    found = read_configuration("ours,sizes=no,scaling=hpa:60,profile=spread")
    assert (found.name, found.sizes, found.target, found.nodes) == (
        "ours,sizes=no,scaling=hpa:60,profile=spread",
        False,
        0.6,
        True,
    )
    assert read_configuration("stock") == STOCK


def test_gpus_that_are_shared_are_placed_by_what_that_costs_others():
    assert OURS.policy(gpus=True) is GPU
    assert OURS.policy(gpus=False) is PACK
    assert STOCK.policy(gpus=True) is SPREAD


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("theirs", "begins with one of ours, stock"),
        ("ours,colour=red", "colour is not among"),
        ("ours,", "nothing is not among"),
        ("ours,sizes=maybe", "sizes is yes or no"),
        ("stock,scaling=hpa:0", "hpa:N"),
        ("stock,scaling=hpa:x", "hpa:N"),
        ("stock,profile=best", "profile is one of"),
    ],
)
def test_what_is_not_understood_is_refused_with_what_would_be(text, why):
    with pytest.raises(OpError) as caught:
        read_configuration(text)
    assert caught.value.kind is ErrorKind.INVALID
    assert why in str(caught.value)
