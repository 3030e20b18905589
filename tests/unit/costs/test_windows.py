"""Windows, steps and parts."""

from datetime import UTC, datetime
from itertools import pairwise

import pytest

from kubewright.costs.windows import parse_window

NOW = datetime(2026, 11, 27, 10, 17, 30, tzinfo=UTC).timestamp()


def shown(window):
    begin, end = (datetime.fromtimestamp(each, UTC).strftime("%m-%dT%H:%M") for each in (window.start, window.end))
    return begin, end, window.resolution_seconds


@pytest.mark.parametrize(
    ("text", "step", "found"),
    [
        ("24h", "", ("11-26T10:15", "11-27T10:15", 300)),
        ("1h", "", ("11-27T09:17", "11-27T10:17", 60)),
        ("7d", "1d", ("11-20T10:00", "11-27T10:00", 3600)),
        ("today", "", ("11-27T00:00", "11-27T10:15", 300)),
        ("yesterday", "1h", ("11-26T00:00", "11-27T00:00", 300)),
        ("month", "1d", ("11-01T00:00", "11-27T09:00", 10_800)),
        ("lastmonth", "", ("10-01T00:00", "11-01T00:00", 10_800)),
        ("2026-11-01,2026-11-03", "", ("11-01T00:00", "11-03T00:00", 900)),
        ("2026-11-27T08:00:00+02:00,2026-11-27T09:00Z", "30m", ("11-27T06:00", "11-27T09:00", 60)),
        ("2026-11-27,2026-12-31", "", ("11-27T00:00", "11-27T09:00", 10_800)),
    ],
)
def test_a_window_is_whole_parts_and_ends_no_later_than_now(text, step, found):
    assert shown(parse_window(text, NOW, step=step)) == found


def test_steps_cover_the_window_and_the_last_may_be_shorter():
    steps = list(parse_window("month", NOW, step="1w").steps)
    assert [end - begin for begin, end in steps] == [604_800] * 3 + [5 * 86_400 + 9 * 3600]
    assert all(end == begin for (_, end), (begin, _) in pairwise(steps))


@pytest.mark.parametrize(
    ("text", "more", "said"),
    [
        ("soon", {}, "'soon': a duration is a number"),
        ("0h", {}, "'0h': a duration is"),
        ("2026-11-03,2026-11-01", {}, "it ends before it begins"),
        ("2026-12-01,2026-12-02", {}, "nothing of it has passed"),
        ("2026-11-01,then", {}, "'then' is no date or time"),
        ("24h", {"step": "1h", "resolution": "7m"}, "a step of 1h is no whole number of parts"),
        ("52w", {"resolution": "1m"}, "choose a coarser resolution"),
        ("7d", {"step": "5m"}, "more than 1000 steps"),
    ],
)
def test_what_makes_no_sense_is_said(text, more, said):
    with pytest.raises(ValueError, match=said):
        parse_window(text, NOW, **more)
