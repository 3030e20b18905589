"""Documents as Go prints them."""

from kubewright.store.patch.printing import go_text


def test_maps_are_sorted_and_nothing_is_quoted():
    assert go_text({"b": [1, "x", None], "a": {"t": True}}) == "map[a:map[t:true] b:[1 x <nil>]]"
