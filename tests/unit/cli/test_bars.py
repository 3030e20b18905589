import pytest

from kubewright.cli.bars import bars, narrowed


@pytest.mark.parametrize(
    ("values", "most", "drawn"),
    [([0, 7], 0, "▁█"), ([7, 14], 14, "▅█"), ([0, 0], 0, "▁▁"), ([], 0, ""), ([9, -1], 5, "█▁")],
)
def test_a_bar_is_drawn_for_each_value(values, most, drawn):
    assert bars(values, most) == drawn


def test_many_values_are_narrowed_to_the_highest_of_each_part():
    assert narrowed([1, 5, 2, 2, 9, 3, 0], 3) == [5, 2, 9]
    assert narrowed([1, 2], 3) == [1, 2]
