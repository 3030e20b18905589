"""When cron schedules are due, and what is wrong with those that do not parse."""

import re
from datetime import UTC, datetime

import pytest

from kubewright.api.cron import load_zone, parse_cron


def at(text, zone="UTC"):
    return datetime.fromisoformat(text).replace(tzinfo=load_zone(zone)).timestamp()


def due(schedule, after, count=1, zone="UTC"):
    parsed = parse_cron(schedule)
    seconds, times = at(after, zone), []
    for _ in range(count):
        seconds = parsed.next_after(seconds)
        times.append(datetime.fromtimestamp(seconds, load_zone(zone)).strftime("%a %m-%d %H:%M"))
    return times


CASES = {
    "every minute": ("* * * * *", ["Thu 01-01 00:01", "Thu 01-01 00:02"]),
    "every five minutes": ("*/5 * * * *", ["Thu 01-01 00:05", "Thu 01-01 00:10"]),
    "a step from a number goes to the end": ("50/5 * * * *", ["Thu 01-01 00:50", "Thu 01-01 00:55"]),
    "a list": ("0 6,18 * * *", ["Thu 01-01 06:00", "Thu 01-01 18:00"]),
    "working days": ("30 9 * * mon-fri", ["Thu 01-01 09:30", "Fri 01-02 09:30", "Mon 01-05 09:30"]),
    "days by date or by weekday": ("0 0 13 * 5", ["Fri 01-02 00:00", "Fri 01-09 00:00", "Tue 01-13 00:00"]),
    "with a star both must hold": ("0 0 */2 * 5", ["Fri 01-02 00:00", "Sat 01-03 00:00"]),
    "a month by name": ("0 0 1 MAR ?", ["Sun 03-01 00:00", "Mon 03-01 00:00"]),
    "the next year": ("0 0 31 12 *", ["Thu 12-31 00:00", "Fri 12-31 00:00"]),
    "weekly": ("@weekly", ["Sun 01-04 00:00"]),
    "an interval": ("@every 1h30m", ["Thu 01-01 01:30", "Thu 01-01 03:00"]),
}


@pytest.mark.parametrize(("schedule", "expected"), CASES.values(), ids=CASES)
def test_due_times(schedule, expected):
    assert due(schedule, "2026-01-01T00:00:00", len(expected)) == expected


def test_a_zone_has_its_own_midnight():
    assert due("TZ=Asia/Tokyo 0 0 * * *", "2026-01-01T00:00:00") == ["Thu 01-01 15:00"]


def test_an_hour_that_is_skipped_in_spring_is_not_made_up_for():
    berlin = due("TZ=Europe/Berlin 30 2 * * *", "2026-03-28T12:00:00", 2, "Europe/Berlin")
    assert berlin == ["Mon 03-30 02:30", "Tue 03-31 02:30"]


def test_an_hour_that_comes_twice_in_autumn_counts_twice():
    berlin = due("TZ=Europe/Berlin 30 2 * * *", "2026-10-24T12:00:00", 3, "Europe/Berlin")
    assert berlin == ["Sun 10-25 02:30", "Sun 10-25 02:30", "Mon 10-26 02:30"]


def test_a_date_that_does_not_exist_never_comes():
    assert parse_cron("0 0 30 2 *").next_after(datetime(2026, 1, 1, tzinfo=UTC).timestamp()) is None


FAULTS = {
    "* * * *": "expected exactly 5 fields, found 4: [* * * *]",
    "60 * * * *": "end of range (60) above maximum (59): 60",
    "* * 0 * *": "beginning of range (0) below minimum (1): 0",
    "5-1 * * * *": "beginning of range (5) beyond end of range (1): 5-1",
    "*/0 * * * *": "step of range should be a positive number: */0",
    "1-2-3 * * * *": "too many hyphens: 1-2-3",
    "1/2/3 * * * *": "too many slashes: 1/2/3",
    "x * * * *": 'failed to parse int from x: strconv.Atoi: parsing "x": invalid syntax',
    "* * * foo *": 'failed to parse int from foo: strconv.Atoi: parsing "foo": invalid syntax',
    "@often": "unrecognized descriptor: @often",
    "@every 1d": 'failed to parse duration @every 1d: time: unknown unit "d" in duration "1d"',
    "@every 5": 'failed to parse duration @every 5: time: missing unit in duration "5"',
    "@every x": 'failed to parse duration @every x: time: invalid duration "x"',
    "TZ=Mars/Base * * * * *": "provided bad location Mars/Base: unknown time zone Mars/Base",
    "": "empty spec string",
}


@pytest.mark.parametrize(("schedule", "problem"), FAULTS.items(), ids=FAULTS)
def test_problems_are_told_in_the_parsers_words(schedule, problem):
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        parse_cron(schedule)
