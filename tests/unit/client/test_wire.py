"""Writes over kept connections: what goes over the wire, and what becomes of a connection that ends."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

import pytest

from kubewright.client import wire
from kubewright.client.config import ConnectionConfig, Impersonation
from kubewright.client.connection_errors import Timeouts
from kubewright.client.http import HttpTransport
from kubewright.client.transport import Request
from kubewright.errors import ErrorKind, OpError
from tests.timing import put_forward

OK = b"HTTP/1.1 201 Created\r\nContent-Length: 2\r\nWarning: one\r\nWarning: two\r\n\r\nok"
CHUNKED = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"


@dataclass
class Server:
    """Answers each request with the next of `answers`; None closes the connection instead."""

    answers: list[bytes | None]
    url: str = ""
    connections: int = 0
    requests: list[str] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    together: asyncio.Barrier | None = None
    """So many are answered at the same moment."""
    serving: list[asyncio.Task[None] | None] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.serving.append(asyncio.current_task())
        with suppress(ConnectionError):  # the client has had enough
            await self._answer(reader, writer)
        writer.close()

    async def _answer(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await _head(reader):
            self.requests.append(head.partition(" HTTP")[0])
            self.asked.set()
            answer = self.answers.pop(0)
            if answer is None:
                break
            if self.together is not None:
                await self.together.wait()
                writer.write(answer)
                continue
            for at in range(0, len(answer), 7):  # in pieces that end anywhere
                writer.write(answer[at : at + 7])
                await writer.drain()
                await asyncio.sleep(0)


async def _head(reader: asyncio.StreamReader) -> str:
    try:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
    except asyncio.IncompleteReadError:
        return ""
    length = next((line for line in head.lower().splitlines() if line.startswith("content-length")), ":0")
    await reader.readexactly(int(length.partition(":")[2]))
    return head


@asynccontextmanager
async def serving(*answers: bytes | None) -> AsyncIterator[Server]:
    server = Server(list(answers))
    listener = await asyncio.start_server(server.serve, "127.0.0.1", 0)
    server.url = f"http://127.0.0.1:{listener.sockets[0].getsockname()[1]}"
    try:
        yield server
    finally:
        listener.close()
        await asyncio.gather(*(task for task in server.serving if task is not None))


@asynccontextmanager
async def sending(url: str) -> AsyncIterator[Callable[[Request], asyncio.Future[object]]]:
    transport = HttpTransport(ConnectionConfig(url))
    try:
        yield transport.send
    finally:
        await transport.close()


POST = Request("POST", "/api/v1/pods", {"fieldManager": "me"}, {"content-type": "application/json"}, b"{}")


async def test_one_connection_carries_one_write_after_the_other() -> None:
    async with serving(OK, CHUNKED, OK) as server, sending(server.url) as send:
        first, second, third = [await send(POST) for _ in range(3)]
    assert (first.status, first.body, first.headers["warning"]) == (201, b"ok", "one, two")
    assert (second.status, second.body, third.status) == (200, b"abcde", 201)
    assert server.connections == 1
    assert server.requests == ["POST /api/v1/pods?fieldManager=me"] * 3


async def test_an_interim_answer_is_not_the_answer() -> None:
    async with serving(b"HTTP/1.1 103 Early Hints\r\n\r\n" + OK) as server, sending(server.url) as send:
        assert (await send(POST)).status == 201


async def test_a_connection_that_the_server_ends_is_not_used_again() -> None:
    last = OK.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n")
    async with serving(last, OK) as server, sending(server.url) as send:
        assert [(await send(POST)).status for _ in range(2)] == [201, 201]
    assert server.connections == 2


async def test_what_a_kept_connection_lost_is_sent_again_only_if_that_cannot_do_a_thing_twice() -> None:
    async with serving(OK, None, OK, OK, None) as server, sending(server.url) as send:
        await send(POST)
        assert (await send(Request("DELETE", "/x"))).status == 201
        await send(POST)
        with pytest.raises(OpError, match="was lost") as caught:
            await send(POST)
    assert caught.value.kind is ErrorKind.UNAVAILABLE
    assert [each.partition(" ")[0] for each in server.requests] == ["POST", "DELETE", "DELETE", "POST", "POST"]


async def test_an_answer_that_is_no_http_is_a_lost_connection() -> None:
    async with serving(b"SSH-2.0-OpenSSH_9.2\r\n") as server, sending(server.url) as send:
        with pytest.raises(OpError, match="this is no http") as caught:
            await send(POST)
    assert caught.value.kind is ErrorKind.UNAVAILABLE


async def test_a_write_without_an_answer_ends_in_time_and_its_connection_is_not_used_again() -> None:
    async with serving(b"", OK) as server, sending(server.url) as send:

        async def wait_in_vain() -> None:
            await server.asked.wait()
            put_forward(Timeouts().request_seconds)

        with pytest.raises(OpError, match="gave no answer") as caught:
            await asyncio.gather(send(POST), wait_in_vain())
        assert (await send(POST)).status == 201
    assert caught.value.kind is ErrorKind.TIMEOUT
    assert server.connections == 2


async def test_a_cancelled_write_leaves_no_answer_behind_for_the_next() -> None:
    async with serving(b"", OK) as server, sending(server.url) as send:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(send(POST))
            await server.asked.wait()
            task.cancel()
        assert (await send(POST)).status == 201


async def test_who_is_cancelled_as_the_answer_comes_leaves_the_connection_to_the_next(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    whole = wire._Connection.on_message_complete
    waiting: list[asyncio.Task[None]] = []

    def cancel_too(connection: wire._Connection) -> None:
        whole(connection)
        while waiting:
            waiting.pop().cancel()

    monkeypatch.setattr(wire._Connection, "on_message_complete", cancel_too)
    async with serving(OK, OK) as server, sending(server.url) as send:

        async def cleans_up() -> None:
            try:
                await send(POST)
            finally:
                assert (await send(POST)).status == 201

        async with asyncio.TaskGroup() as tasks:
            waiting.append(tasks.create_task(cleans_up()))
    assert server.requests == ["POST /api/v1/pods?fieldManager=me"] * 2
    assert server.connections == 1


async def test_headers_with_line_breaks_are_not_sent() -> None:
    async with serving(OK) as server:
        transport = HttpTransport(ConnectionConfig(server.url, impersonation=Impersonation("ann\r\nx: y")))
        with pytest.raises(ValueError, match="line break"):
            await transport.send(POST)
        await transport.close()
    assert server.requests == []


async def test_writes_at_once_have_connections_of_their_own() -> None:
    async with serving(*[OK] * 8) as server, sending(server.url) as send:
        await asyncio.gather(*(send(POST) for _ in range(4)))
        await asyncio.gather(*(send(POST) for _ in range(4)))
    assert server.connections == 4


async def test_a_connection_may_be_taken_before_the_one_who_had_it_before_goes_on() -> None:
    async with serving(*[OK] * 20) as server, sending(server.url) as send:
        server.together = asyncio.Barrier(2)

        async def work() -> list[int]:
            return [(await send(POST)).status for _ in range(10)]

        async with asyncio.timeout(30):
            assert await asyncio.gather(work(), work()) == [[201] * 10] * 2


def test_on_uvloop_it_is_the_same() -> None:
    uvloop = pytest.importorskip("uvloop")

    async def main() -> int:
        async with serving(OK, OK) as server, sending(server.url) as send:
            for _ in range(2):
                await send(POST)
        return server.connections

    assert uvloop.run(main()) == 1
