"""What a container should request, by what it and its like have used."""

import pytest

from kubewright.scaling.sizing import BYTES, CORES, DAY_SECONDS, ContainerUse, Recommendation, Unknown

NOW = 1_800_000_000.0 // DAY_SECONDS * DAY_SECONDS
MIB = float(1 << 20)


def used(days, cores=0.5, memory=500 * MIB, pods=("a",), step=300.0):
    use = ContainerUse()
    times = [NOW - n * step for n in range(int(days * DAY_SECONDS / step), -1, -1)]
    for pod in pods:
        use.used_cpu(times, [cores] * len(times), step)
        use.used_memory(pod, times, [memory] * len(times), step)
    return use


def test_what_is_steady_is_recommended_with_a_margin():
    advice = used(8).advise(CORES, NOW)
    assert advice.target == pytest.approx(0.5 * 1.15, rel=0.06)
    assert advice.upper == pytest.approx(0.5 * 1.15 * 1.125, rel=0.06)
    assert advice.lower == pytest.approx(0.5 * 1.15, rel=0.06)
    assert used(8).advise(BYTES, NOW).target == pytest.approx(500 * MIB * 1.15, rel=0.06)


def test_the_less_is_known_the_wider_are_the_bounds():
    week, day, hour = (used(days).advise(CORES, NOW) for days in (8, 1, 1 / 24))
    assert week.upper < day.upper < hour.upper
    assert hour.lower < day.lower < week.lower
    assert hour.upper > 0.5 * 20


def test_memory_goes_by_the_peaks_of_days():
    use = ContainerUse()
    for day in range(8):
        for pod in "abcdefghij":
            peak = 900.0 if day == 3 and pod == "a" else 300.0
            at = NOW - (8 - day) * DAY_SECONDS
            times = [at + n * 3600 for n in range(24)]
            use.used_memory(pod, times, [200 * MIB] * 12 + [peak * MIB] + [100 * MIB] * 11, 3600)
    advice = use.advise(BYTES, NOW - 3600)
    assert advice.target == pytest.approx(300 * MIB * 1.15, rel=0.06)
    assert advice.peak == pytest.approx(900 * MIB, rel=0.06)


@pytest.mark.parametrize("measured_first", [False, True], ids=["as it went", "what was before comes late"])
def test_the_days_before_count_whenever_they_come(measured_first):
    use = ContainerUse()
    days = [[NOW - ago * DAY_SECONDS + hour * 3600 for hour in range(24)] for ago in range(7, 0, -1)]
    today = NOW + 3600
    if measured_first:
        use.used_memory("a", [today], [100 * MIB], 60)
    for number, times in enumerate(days):
        use.used_memory("a", times[:12], [(200 + 100 * number) * MIB] * 12, 3600)
        use.used_memory("a", times[12:], [150 * MIB] * 12, 3600)
    use.used_memory("a", [NOW + 60, today], [90 * MIB, 100 * MIB], 60)
    alone = ContainerUse()
    for number, times in enumerate(days):
        alone.memory.add((times[0] + DAY_SECONDS,), ((200 + 100 * number) * MIB,))
    alone.memory.add((NOW + DAY_SECONDS,), (100 * MIB,))
    for share in (0.1, 0.3, 0.5, 0.7, 0.9):
        assert use.memory.percentile(share) == alone.memory.percentile(share)


def test_who_was_killed_needs_more_however_many_of_its_like_were_not():
    use = used(8, pods=tuple("abcdefghij"))
    use.killed("a", NOW, 1000 * MIB)
    advice = use.advise(BYTES, NOW)
    assert advice.lower >= 1200 * MIB
    use.used_memory("b", (NOW + 1.5 * DAY_SECONDS,), (500 * MIB,), 60.0)
    later = use.advise(BYTES, NOW + 1.5 * DAY_SECONDS)
    assert later.target < 800 * MIB
    assert later.peak >= 1200 * MIB


def test_what_is_small_gets_a_hundred_mebibytes_more_when_it_is_killed():
    use = used(1, memory=20 * MIB)
    use.killed("a", NOW, 64 * MIB)
    assert use.advise(BYTES, NOW).target >= 164 * MIB


@pytest.mark.parametrize(
    ("use", "at", "why"),
    [
        pytest.param(ContainerUse(), NOW, "nothing was measured", id="nothing"),
        pytest.param(used(1), NOW + 7200, "120 minutes old", id="stale"),
        pytest.param(used(1), NOW - 7200, "clocks differ", id="from the future"),
        pytest.param(used(0), NOW, "", id="one sample"),
    ],
)
def test_what_is_not_known_is_said(use, at, why):
    advice = use.advise(CORES, at)
    assert isinstance(advice, Unknown if why else Recommendation)
    assert not why or why in advice.why
