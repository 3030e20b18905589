"""Numbers of replicas from what was seen."""

from fractions import Fraction

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from kubewright.scaling.podset import PodSet
from kubewright.scaling.policies import Predictive, Prudence, Reactive
from kubewright.scaling.queueing import Conditions, Seen
from kubewright.scaling.usage import Pool, Sample, Tolerances, by_average
from tests.unit.twin.controllers.build import NOW, pod

CONDITIONS = Conditions(60.0, rate_per_pod=25.0)
STEP = 15.0


def seen(now=1000.0, ready=10, starting=0, arrived=0.0, utilization=0.5):
    return Seen(now, ready, starting, arrived, utilization)


@given(st.integers(1, 20), st.integers(0, 20), st.integers(0, 100), st.integers(10, 100))
def test_alike_pods_are_scaled_as_the_autoscaler_scales_them(ready, starting, percent, target):
    # Of a number that is whole the autoscaler's floats may make one more.
    assume(Fraction(percent * ready, target).denominator > 1)
    running = [pod(f"r{number}", phase="Running") for number in range(ready)]
    pending = [pod(f"p{number}", phase="Pending") for number in range(starting)]
    used = {each.metadata.name: Sample(percent * 1000, NOW, 15) for each in running}
    pool = Pool(PodSet((*running, *pending)), ready + starting, Tolerances(), NOW)
    wanted = by_average(pool, used, "memory", target * 1000).replicas
    # Exact shares, since a float that is next to a whole number decides about one replica.
    policy = Reactive(Fraction(target, 100), Conditions(60.0, 25.0, least=0))
    at = seen(NOW, ready, starting, utilization=Fraction(percent, 100))
    floor = at.replicas  # Its first proposal is what there is: nothing ends at once.
    ceiling = max(2 * at.replicas, 4)
    assert policy.replicas(at) == min(max(wanted, floor), ceiling)


def test_fewer_are_wanted_only_after_five_minutes():
    policy = Reactive(0.5, CONDITIONS)
    wanted = [policy.replicas(seen(now=step * STEP, utilization=0.1)) for step in range(25)]
    assert wanted[0] == 10
    assert set(wanted[:20]) == {10}
    assert wanted[-1] == 2


@pytest.mark.parametrize("target", [0.0, -1.0, 1.01])
def test_a_target_is_a_share(target):
    with pytest.raises(ValueError, match="share"):
        Reactive(target, CONDITIONS)


def test_a_forecast_has_room_for_growth_and_holds_it():
    policy = Predictive(CONDITIONS, Prudence(margin=1.0, novel_margin=1.0, hold_seconds=60.0))
    full = 10 * 25 * STEP
    first = [policy.replicas(seen(arrived=full)) for _ in range(10)]
    # Nothing is known yet: half as much again, at 95 % of what pods can do.
    assert first[-1] == 16
    after = [policy.replicas(seen(arrived=0.0)) for _ in range(12)]
    assert after[0] >= 12
    assert after[-1] == 1


def test_a_novel_load_gets_more_room():
    usual = Predictive(CONDITIONS, Prudence(novel_margin=1.0))
    careful = Predictive(CONDITIONS, Prudence(novel_margin=2.0))
    both = [policy.replicas(seen(arrived=1000.0)) for policy in (usual, careful) for _ in range(4)]
    assert both[7] == pytest.approx(2 * both[3], abs=1)
