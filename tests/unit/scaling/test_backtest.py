"""Recorded load, replayed."""

import numpy as np
import pytest

from kubewright.scaling.backtest import Tried, Window, choose, pareto_front, replay
from kubewright.scaling.queueing import Conditions, Outcome
from kubewright.scaling.recorded import SeriesError, read_series


def lines(*rows):
    return ["minute,requests", *rows]


def test_a_series_is_spread_over_steps_and_gaps_are_filled():
    recorded = read_series(lines("1998-06-08 00:00:00,60", "1998-06-08 00:01:00,120", "1998-06-08 00:03:00,240"))
    assert recorded.means.tolist() == [15] * 4 + [30] * 4 + [45] * 4 + [60] * 4
    assert recorded.step_at(recorded.start + 60) == 4
    assert recorded.step_at(recorded.start - 60) == 0
    assert recorded.step_at(recorded.start + 1e9) == 16


def test_arrivals_are_by_chance_and_the_same_for_a_seed():
    recorded = read_series(
        lines(*(f"1998-06-08T{hour:02}:{minute:02}:00Z,4000" for hour in range(10) for minute in range(60)))
    )
    first, again, other = (recorded.arrivals(np.random.Generator(np.random.PCG64(seed))) for seed in (1, 1, 2))
    assert first.tolist() == again.tolist()
    assert first.tolist() != other.tolist()
    assert first.mean() == pytest.approx(1000, rel=0.01)
    assert first.std() == pytest.approx(1000**0.5, rel=0.1)


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([], "at least two rows"),
        (["1998-06-08,1"], "at least two rows"),
        (["yesterday,1"], "line 2: 'yesterday,1' is no time and count"),
        (["1998-06-08"], "line 2: '1998-06-08' is no time and count"),
        (["1998-06-08 00:00:00,-1"], "line 2: -1 is no count"),
        (["1998-06-08 00:00:00,nan"], "line 2: nan is no count"),
        (["1998-06-08 00:01:00,1", "1998-06-08 00:01:00,1"], "line 3: times do not rise"),
        (["1998-06-08 00:00:00,1", "1998-06-08 00:00:01,1"], "15 seconds to an hour apart, not 1 seconds"),
        (["1998-06-08 00:00:00,1", "1998-06-08 00:01:00,1", "2098-06-08 00:01:00,1"], "at most 400 days"),
    ],
)
def test_what_is_no_series_is_refused_with_its_line(rows, problem):
    with pytest.raises(SeriesError, match=problem):
        read_series(lines(*rows))


def tried(**pairs):
    return [Tried(name, Outcome(minutes, 0, hours)) for name, (minutes, hours) in pairs.items()]


def test_the_front_and_the_choice():
    found = tried(cheap=(50, 100), good=(0, 150), worse=(60, 120), dear=(0, 200))
    assert [each.name for each in pareto_front(found)] == ["cheap", "good"]
    assert choose(found, 10).name == "good"
    assert choose(found, 55).name == "cheap"
    assert choose(found[:1] + found[2:3], 10).name == "cheap"


def test_the_same_load_is_replayed_under_each_policy():
    load = np.array([500.0 if 100 <= step < 200 else 100.0 for step in range(400)])
    found = replay(Window(load, 50, 400), Conditions(15.0, 25.0, least=1), [0.5, 0.8])
    assert [each.name for each in found] == ["predictive", "hpa 50%", "hpa 80%"]
    hours = {each.name: each.outcome.replica_hours for each in found}
    assert hours["hpa 80%"] < hours["hpa 50%"]
    assert all(each.outcome.scale_events for each in found)


@pytest.mark.parametrize(("start", "end"), [(5, 5), (0, 11), (-1, 5)])
def test_a_window_lies_within_the_series(start, end):
    with pytest.raises(ValueError, match="nothing of the series"):
        Window(np.ones(10), start, end)
