"""Rounds that fail."""

import asyncio

import pytest

from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.rounds import surviving

UNREAD = OpError("client.list", ErrorKind.UNAVAILABLE, "pods", "connection refused")
BUGS = [KeyError("x"), OverflowError("too large"), ExceptionGroup("several", [ValueError("y")])]


@pytest.mark.parametrize("error", [UNREAD, *BUGS], ids=lambda each: type(each).__name__)
def test_what_fails_in_a_round_is_told_of_and_the_next_one_comes(error, caplog):
    rounds = 0
    for _ in range(2):
        with surviving("looking"):
            rounds += 1
            raise error
    assert rounds == 2
    told = [record for record in caplog.records if "looking" in record.message]
    assert [bool(record.exc_info) for record in told] == [error is not UNREAD] * 2


def test_being_cancelled_is_no_failure():
    with pytest.raises(asyncio.CancelledError), surviving("looking"):
        raise asyncio.CancelledError
