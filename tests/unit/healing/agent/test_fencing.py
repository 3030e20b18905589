"""When an agent may let what runs on its node go on."""

import pytest

from kubewright.healing.agent.fencing import may_run


@pytest.mark.parametrize(
    ("since", "neighbours", "may"),
    [
        (5, [], True),
        (59, [None, None, None], True),
        (60, [], False),
        (60, [None, None, None], False),
        (60, [3.0, 9.0, 12.0], False),
        (60, [45.0, 50.0, 3.0], True),
        (60, [45.0, None, None], False),
        (60, [45.0, 12.0], False),
        (600, [600.0, 600.0, 600.0], True),
    ],
    ids=[
        "just renewed",
        "not for long",
        "alone",
        "hears nobody",
        "cut off alone",
        "the API server is away",
        "one that says so is too few of all",
        "half of them is too few",
        "the API server is away for long",
    ],
)
def test_who_is_cut_off_alone_ends_and_who_shares_an_outage_goes_on(since, neighbours, may):
    assert may_run(since, neighbours) is may
