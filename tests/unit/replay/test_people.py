import pytest

from kubewright.replay.people import ALERT_SECONDS, MEDIAN_SECONDS, mended_after


def test_half_of_all_faults_take_a_person_longer_than_the_alert_and_the_median():
    assert mended_after(0.5, told_at=None) == ALERT_SECONDS + MEDIAN_SECONDS
    assert mended_after(0.5, told_at=7.0) == 7.0 + MEDIAN_SECONDS


@pytest.mark.parametrize("place", [0.0, 1.0])
def test_no_draw_lasts_for_ever_or_no_time(place):
    assert ALERT_SECONDS < mended_after(place, told_at=None) < 10 * 86_400
