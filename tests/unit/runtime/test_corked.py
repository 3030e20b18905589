"""What is written in one turn of the loop leaves as one write."""

import asyncio

from kubewright.runtime.corked import CorkedTransport


class Below(asyncio.Transport):
    def __init__(self):
        super().__init__()
        self.done = []

    def write(self, data):
        self.done.append(data)

    def close(self):
        self.done.append("closed")

    def abort(self):
        self.done.append("aborted")


def corked():
    below = Below()
    return below, CorkedTransport(below, asyncio.get_running_loop())


async def test_what_is_written_in_one_turn_is_one_write():
    below, transport = corked()
    transport.write(b"head ")
    transport.write(b"body")
    assert below.done == []
    await asyncio.sleep(0)
    transport.write(b"next")
    await asyncio.sleep(0)
    assert below.done == [b"head body", b"next"]


async def test_much_is_sent_without_waiting_so_that_the_flow_is_controlled():
    below, transport = corked()
    transport.write(bytes(100_000))
    assert below.done == [bytes(100_000)]
    await asyncio.sleep(0)
    assert len(below.done) == 1


async def test_closing_sends_what_was_written_and_aborting_does_not():
    below, transport = corked()
    transport.write(b"last")
    transport.close()
    assert below.done == [b"last", "closed"]
    below, transport = corked()
    transport.write(b"last")
    transport.abort()
    await asyncio.sleep(0)
    assert below.done == ["aborted"]
