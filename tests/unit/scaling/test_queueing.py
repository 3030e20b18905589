"""The queue that policies are judged on."""

import pytest

from kubewright.scaling.queueing import Conditions, Outcome, simulate

FULL_STEP = 25.0 * 15


class Always:
    """Wants the same all the time, and keeps what it saw."""

    def __init__(self, count):
        self.count, self.seen = count, []

    def replicas(self, seen):
        self.seen.append(seen)
        return self.count


class Listed(Always):
    def replicas(self, seen):
        super().replicas(seen)
        return self.count[min(len(self.seen), len(self.count)) - 1]


def conditions(startup=60.0, **more):
    return Conditions(startup, rate_per_pod=25.0, **more)


def test_a_load_that_is_served_costs_its_replicas():
    outcome = simulate([FULL_STEP] * 240, Always(2), conditions())
    assert outcome == Outcome(violation_minutes=0.0, late_requests=0.0, replica_hours=2.0, scale_events=0)


@pytest.mark.parametrize(("share", "minutes"), [(0.95, 0.0), (0.96, 1.0)])
def test_little_room_is_a_violation(share, minutes):
    outcome = simulate([2 * FULL_STEP * share] * 4, Always(2), conditions())
    assert outcome.violation_minutes == minutes
    assert outcome.late_requests == 0


def test_what_is_not_served_waits_and_is_late():
    # Twice too much for one step: fifteen seconds of work are left, and the next steps are late until it is done.
    outcome = simulate([4 * FULL_STEP, FULL_STEP, FULL_STEP, 0, 0], Always(2), conditions())
    assert outcome.late_requests == 4 * FULL_STEP + FULL_STEP
    assert outcome.violation_minutes == 2 * 0.25


def test_pods_serve_only_once_they_are_ready_and_the_youngest_go_first():
    policy = Listed([4, 4, 3, 3, 3, 3, 1, 1])
    simulate([0.0] * 8, policy, conditions(startup=60.0, least=1))
    assert [(each.ready, each.starting) for each in policy.seen] == [
        (1, 0),
        (1, 3),
        (1, 3),
        (1, 2),
        (1, 2),
        (3, 0),
        (3, 0),
        (1, 0),
    ]


def test_measurements_are_late():
    policy = Always(2)
    simulate([FULL_STEP, 2 * FULL_STEP, 0, 0, 0], policy, conditions(lag_seconds=30.0))
    assert [each.arrived for each in policy.seen] == [FULL_STEP, FULL_STEP, FULL_STEP, 2 * FULL_STEP, 0]
    assert [each.utilization for each in policy.seen] == [0.5, 0.5, 0.5, 1.0, 0.0]


def test_a_policy_is_kept_within_its_bounds():
    policy = Listed([100, 100, 0, 0])
    outcome = simulate([0.0] * 4, policy, conditions(startup=0.0, least=1, most=5))
    assert [each.replicas for each in policy.seen] == [1, 5, 5, 1]
    assert outcome.scale_events == 2


def test_with_no_pod_everything_waits():
    outcome = simulate([1.0, 0.0], Always(0), conditions(least=0))
    assert outcome.violation_minutes == 0.5


def test_only_what_is_judged_counts():
    outcome = simulate([10 * FULL_STEP] * 4 + [0.0] * 400, Always(2), conditions(), judged_from=300)
    assert outcome == Outcome(0.0, 0.0, 2 * 104 * 15 / 3600, 0)


def test_one_outcome_dominates_another_by_the_pair():
    assert Outcome(1, 0, 10).dominates(Outcome(1, 0, 11))
    assert Outcome(0, 9, 10).dominates(Outcome(1, 0, 10))
    assert not Outcome(1, 0, 10).dominates(Outcome(1, 5, 10))
    assert not Outcome(0, 0, 11).dominates(Outcome(1, 0, 10))
