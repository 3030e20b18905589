"""Copies of a sharded dict go their own ways."""

from hypothesis import given
from hypothesis import strategies as st

from kubewright.placement.sharded import Sharded

STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 1), st.integers(0, 400), st.integers()))


@given(STEPS)
def test_a_sharded_dict_and_its_copy_do_what_dicts_do(steps):
    ours, theirs = [Sharded()], [{}]
    ours[0].put(1, 1)
    theirs[0][1] = 1
    ours.append(ours[0].copy())
    theirs.append(theirs[0].copy())
    for put, which, key, value in steps:
        if put:
            ours[which].put(key, value)
            theirs[which][key] = value
        else:
            assert ours[which].pop(key) == theirs[which].pop(key, None)
    for one, other in zip(ours, theirs, strict=True):
        assert dict(one) == other
        assert len(one) == len(other)
