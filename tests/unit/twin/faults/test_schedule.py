"""When a fault is in force."""

import pytest

from kubewright.twin.faults.fault import Schedule
from kubewright.twin.faults.schedule import Window, window

ALWAYS = Schedule()
LATER = Schedule(start_after_seconds=30)
ONCE = Schedule(start_after_seconds=30, duration_seconds=60)
AGAIN = Schedule(duration_seconds=10, period_seconds=60)
TWICE = Schedule(start_after_seconds=5, duration_seconds=10, period_seconds=60, times=2)


@pytest.mark.parametrize(
    ("schedule", "age", "expected"),
    [
        (ALWAYS, 0, Window("InForce", 1, 0)),
        (ALWAYS, 1e6, Window("InForce", 1, 0)),
        (LATER, 29.9, Window("Pending", next_start=30)),
        (LATER, 30, Window("InForce", 1, 30)),
        (ONCE, 89.9, Window("InForce", 1, 30, 90)),
        (ONCE, 90, Window("Over", 1)),
        (AGAIN, 0, Window("InForce", 1, 0, 10, 60)),
        (AGAIN, 10, Window("Waiting", 1, next_start=60)),
        (AGAIN, 125, Window("InForce", 3, 120, 130, 180)),
        (TWICE, 4, Window("Pending", next_start=5)),
        (TWICE, 66, Window("InForce", 2, 65, 75)),
        (TWICE, 80, Window("Over", 2)),
        (TWICE, 1e6, Window("Over", 2)),
    ],
    ids=[
        "from its creation on",
        "without an end",
        "not before its delay",
        "after its delay",
        "until its duration is over",
        "no longer",
        "at once when it comes again",
        "between two times",
        "the third time",
        "not before the first of two times",
        "the last of two times has no next one",
        "after the last of two times",
        "long after the last of two times",
    ],
)
def test_a_window(schedule, age, expected):
    assert window(schedule, 0.0, age) == expected


def test_a_window_says_when_it_turns():
    assert window(TWICE, 0.0, 0.0).turns_at == 5
    assert window(TWICE, 0.0, 6.0).turns_at == 15
    assert window(TWICE, 0.0, 20.0).turns_at == 65
    assert window(TWICE, 0.0, 100.0).turns_at is None
