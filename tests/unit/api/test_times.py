"""Timestamps, also those that API servers take and that make no sense."""

import math

import pytest

from kubewright.api.meta import parse_time, rfc3339, seconds_of

FIRST = -62_135_596_800


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("1970-01-01T00:00:01Z", 1.0),
        ("1970-01-01T01:00:01.500000000+01:00", 1.5),
        ("1970-01-01t00:00:01z", 1.0),
        ("0001-01-01T00:00:00Z", FIRST),
        ("0000-01-01T00:00:00Z", FIRST),
        ("0001-01-01T00:00:00+14:00", FIRST - 14 * 3600),
        ("9999-12-31T23:59:59-14:00", 253_402_300_799 + 14 * 3600),
    ],
)
def test_every_time_that_an_api_server_takes_is_read_and_written_again(text, seconds):
    assert parse_time(text) == seconds
    assert parse_time(rfc3339(seconds)) == pytest.approx(min(max(seconds, FIRST), 253_402_300_799), abs=1)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-01T00:00:00Z", "2026-01-01T00:00:00x5Z"])
def test_nonsense_is_no_time_or_another(text):
    with pytest.raises(ValueError, match=r".+"):
        parse_time(text)
    assert seconds_of(text) == 0.0
    assert seconds_of(text, 7.0) == 7.0


def test_what_never_ends_is_written_as_the_last_second_that_can_be():
    assert rfc3339(math.inf) == "9999-12-31T23:59:59Z"
    assert rfc3339(-math.inf) == "0001-01-01T00:00:00Z"
