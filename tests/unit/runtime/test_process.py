"""What a service says of where it listens, and that it says nothing where it cannot."""

import asyncio
import socket
import urllib.request

import pytest

from kubewright.client.inprocess import InProcessTransport
from kubewright.clock import Clock
from kubewright.errors import OpError
from kubewright.runtime.process import Process, Work, listener
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer


def process(address):
    server = ApiServer(Clock.wall(), KindTable.builtin())
    return Process("https://twin", InProcessTransport(server), address, None)


async def test_it_tells_the_port_that_it_was_given():
    told = asyncio.Queue()
    work = Work(asyncio.Event().wait, lambda: True)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(process("127.0.0.1:0").keep_up(lambda _: work, told.put_nowait))
        address = await told.get()
        with await asyncio.to_thread(urllib.request.urlopen, f"http://{address}/healthz", timeout=60) as answer:
            assert answer.status == 200
        running.cancel()
    assert not address.endswith(":0")


async def test_at_an_address_that_is_taken_it_does_not_say_that_it_is_up():
    told = []
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"
        with pytest.raises(OpError, match="in use"):
            await process(address).keep_up(lambda _: Work(asyncio.Event().wait, lambda: True), told.append)
    assert told == []


@pytest.mark.parametrize("address", ["8080", "127.0.0.1:", "127.0.0.1:http", "127.0.0.1:65536"])
def test_what_is_no_address_is_refused(address):
    with pytest.raises(OpError, match="HOST:PORT"):
        listener(address)
