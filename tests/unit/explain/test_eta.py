"""When a pod that waits will start: by deadlines exactly, by what others took within an interval."""

import random
from math import inf

from msgspec.structs import replace

from kubewright.api.meta import rfc3339
from kubewright.explain.eta import Arrivals, Eta, Outlook, eta
from kubewright.explain.runtimes import RunTimes
from kubewright.explain.why import Ending
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod

NOW = 1_000_000.0


def running(name, since, cpu="4"):
    given = pod(name, on="a", requests={"cpu": cpu}, restart_policy="Never")
    return replace(given, status=replace(given.status, phase="Running", start_time=rfc3339(NOW - since)))


def foretold(waiting, placed, times=(), ahead=(), **known):
    learned = RunTimes({("Pod",): tuple(sorted(times))})
    outlook = Outlook(ClusterSnapshot.of([node("a")], placed), (*ahead, waiting), learned, **known)
    return eta(waiting, outlook, NOW, random.Random(1))


def test_a_deadline_is_when_it_starts():
    placed = [running("x", 10)]
    found = foretold(
        pod("w", requests={"cpu": "2"}), placed, endings=(Ending(placed[0].key, 90.0, "its deadline", "x"),)
    )
    assert (found.low, found.middle, found.high, found.known) == (90.0, 90.0, 90.0, 1)
    assert str(found) == "in 1m 30s (8 in 10: 1m 30s to 1m 30s)"


def test_what_others_took_gives_an_interval_of_what_is_left():
    found = foretold(pod("w", requests={"cpu": "2"}), [running("x", 100)], times=range(10, 1001, 10))
    assert 0 < found.low < found.middle < found.high <= 900
    assert 350 < found.middle < 550


def test_those_ahead_in_line_come_first():
    ahead = pod("first", requests={"cpu": "4"}, priority=5, restart_policy="Never")
    alone = foretold(pod("w", requests={"cpu": "2"}), [running("x", 0)], times=[100] * 5)
    behind = foretold(pod("w", requests={"cpu": "2"}), [running("x", 0)], times=[100] * 5, ahead=[ahead])
    assert (alone.middle, behind.middle) == (100.0, 200.0)


def test_small_ones_that_keep_coming_take_the_room_that_a_large_one_waits_for():
    placed = [running("x", 0, "2"), running("y", 50, "2")]
    small = pod("small", requests={"cpu": "2"}, restart_policy="Never")
    times = [100.0] * 9
    waiting = pod("w", requests={"cpu": "4"})
    quiet = foretold(waiting, placed, times)
    busy = foretold(waiting, placed, times, arrivals=Arrivals((small,) * 72, 3600.0))
    assert quiet.middle == 100.0
    assert busy.middle > quiet.middle


def test_nothing_is_foretold_of_what_nobody_knows():
    found = foretold(pod("w", requests={"cpu": "2"}), [running("x", 10)])
    assert found == Eta(inf, inf, inf, 0)
    assert str(found).startswith("not in sight")
    never = foretold(pod("w", requests={"cpu": "9"}), [running("x", 10)], times=[100] * 5)
    assert never.middle == inf


def test_one_seed_gives_one_answer():
    answers = {foretold(pod("w", requests={"cpu": "2"}), [running("x", 100)], times=range(500)) for _ in range(3)}
    assert len(answers) == 1
