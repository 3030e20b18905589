"""Bounds by the hour."""

from datetime import UTC, datetime

import pytest

from kubewright.api.crds.scalepolicy import Behavior, BehaviorRules, BehaviorStep, ScalePolicySpec, ScaleSchedule
from kubewright.autoscaler.bounds import behavior_of, is_active, range_at

OFFICE = ScaleSchedule("office", "0 8 * * 1-5", "0 18 * * 1-5", "Europe/Berlin", min=5)


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()


@pytest.mark.parametrize(
    ("text", "active"),
    [
        pytest.param("2026-01-07 06:59:59", False, id="before eight in winter"),
        pytest.param("2026-01-07 07:00:00", True, id="at eight in winter"),
        pytest.param("2026-07-08 06:00:00", True, id="at eight in summer"),
        pytest.param("2026-07-08 05:59:00", False, id="before eight in summer"),
        pytest.param("2026-01-07 16:59:59", True, id="before six"),
        pytest.param("2026-01-07 17:00:00", False, id="at six"),
        pytest.param("2026-01-10 12:00:00", False, id="on a Saturday"),
        pytest.param("2026-03-29 01:00:00", False, id="in the hour that is not there"),
    ],
)
def test_hours_are_those_of_the_wall(text, active):
    assert is_active(OFFICE, at(text)) is active


def test_a_time_that_never_comes_ends_nothing():
    never = ScaleSchedule("never", "0 0 * * *", "0 0 30 2 *", min=5)
    assert not is_active(never, at("2026-01-07 12:00:00"))


def test_of_several_schedules_the_most_counts_and_goes_before_the_policy():
    noon = at("2026-01-07 12:00:00")
    more = ScaleSchedule("more", "0 11 * * *", "0 14 * * *", min=7, max=50)
    spec = ScalePolicySpec(min=2, max=10, schedules=(OFFICE, more))
    found = range_at(spec, (), noon)
    assert (found.least, found.most, found.schedules) == (7, 50, ("office", "more"))
    less = ScaleSchedule("less", "0 11 * * *", "0 14 * * *", max=3)
    found = range_at(ScalePolicySpec(min=2, max=10, schedules=(less,)), (), noon)
    assert (found.least, found.most) == (2, 3)


def test_rules_are_filled_in_as_an_api_server_does():
    assert behavior_of(None) is None
    step = BehaviorStep("Pods", 1, 60)
    made = behavior_of(Behavior(scale_down=BehaviorRules(60, policies=(step,))))
    assert made.scale_up.stabilization_window_seconds == 0
    assert [each.value for each in made.scale_up.policies] == [4, 100]
    assert (made.scale_down.stabilization_window_seconds, len(made.scale_down.policies)) == (60, 1)
