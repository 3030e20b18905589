"""How long what a browser keeps for us is good."""

import pytest

from kubewright.dashboard.sealing import Session, lasts

SINCE = 1_700_000_000.0


@pytest.mark.parametrize(
    ("later", "is_good"),
    [
        pytest.param(0.0, True, id="at once"),
        pytest.param(600.0, True, id="at its end"),
        pytest.param(600.1, False, id="after it"),
        pytest.param(-30.0, True, id="sealed by a replica whose clock is ahead"),
        pytest.param(-3600.0, False, id="sealed in an hour"),
    ],
)
def test_a_session_lasts_also_where_clocks_differ_a_little(later, is_good):
    assert lasts(Session("token", SINCE), 600.0, SINCE + later) is is_good
