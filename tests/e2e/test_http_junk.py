"""What only a socket can bring: broken HTTP, clients that never end or never read. Others are answered all along."""

import asyncio
import json
import resource
import socket
import ssl
from contextlib import AsyncExitStack, asynccontextmanager, suppress

import pytest

from kubewright.clock import Clock
from kubewright.runtime import serving as http
from kubewright.twin import asgi
from kubewright.twin.kinds import KindTable
from kubewright.twin.serve import serving
from kubewright.twin.server import ApiServer
from tests.e2e.beside import PATIENCE_SECONDS

MAPS = "/api/v1/namespaces/default/configmaps"
MANY = 200
MEBIBYTE = 1024 * 1024


class Twin:
    """A served twin, asked byte by byte."""

    def __init__(self, server, endpoint):
        self.server = server
        self.port = int(endpoint.url.rpartition(":")[2])
        self.trust = ssl.create_default_context(cadata=endpoint.authority.decode())
        self.authorization = f"host: twin\r\nauthorization: Bearer {endpoint.token}\r\n"

    @asynccontextmanager
    async def connected(self, **options):
        """Give a reader and a writer; nothing of the connection outlasts the block."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, **{"ssl": self.trust, **options})
        try:
            yield reader, writer
        finally:
            # TLS's farewell would wait for the other side.
            writer.transport.abort()
            with suppress(OSError):
                await writer.wait_closed()

    def head(self, request, *headers):
        lines = "".join(f"{each}\r\n" for each in headers)
        return f"{request} HTTP/1.1\r\n{self.authorization}{lines}\r\n".encode()

    async def send(self, data):
        """Send bytes on a connection of their own, and give all that comes until the server closes it."""
        async with self.connected() as (reader, writer):
            writer.write(data)
            try:
                return await reader.read()
            except ConnectionError:  # it was closed before all was sent
                return b""

    async def ask(self, request, body=b"", *headers):
        """Give the code and the document of a request that is as it should be."""
        head = self.head(request, f"content-length: {len(body)}", "connection: close", *headers)
        answer = await self.send(head + body)
        return code_of(answer), json.loads(answer.partition(b"\r\n\r\n")[2])


def code_of(answer):
    return int(answer.split(b" ", 2)[1]) if answer else None


@asynccontextmanager
async def served(folder):
    server = ApiServer(Clock.wall(), KindTable.builtin())
    async with asyncio.timeout(PATIENCE_SECONDS), serving(server, folder / "kubeconfig") as endpoint:
        twin = Twin(server, endpoint)
        assert (await twin.ask("POST /api/v1/namespaces", b'{"metadata":{"name":"default"}}'))[0] == 201
        yield twin
        # Whatever came, the next client is answered.
        assert (await twin.ask(f"GET {MAPS}"))[0] == 200


@pytest.fixture
def on_twin(tmp_path):
    def run(scenario):
        async def main():
            async with served(tmp_path) as twin:
                await scenario(twin)

        asyncio.run(main())

    return run


JUNK = {
    "no HTTP at all": b"\x16\x03\x01 nonsense\r\n\r\n",
    "an unknown method": b"BREW / HTTP/1.1\r\nhost: a\r\n\r\n",
    "an unknown version": b"GET / HTTP/9.9\r\nhost: a\r\n\r\n",
    "no path": b"GET  HTTP/1.1\r\nhost: a\r\n\r\n",
    "a path of no characters of ASCII": "GET /é HTTP/1.1\r\nhost: a\r\n\r\n".encode("latin-1"),
    "a header without a name": b"GET / HTTP/1.1\r\n: a\r\n\r\n",
    "a NUL in a header": b"GET / HTTP/1.1\r\na: b\0c\r\n\r\n",
    "a length that is no number": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: x\r\n\r\n",
    "a length below nothing": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: -1\r\n\r\n",
    "two lengths": b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 1\r\ncontent-length: 2\r\n\r\nab",
    "a length and chunks": b"POST / HTTP/1.1\r\ncontent-length: 1\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK.keys())
def test_what_is_no_http_is_refused_and_the_connection_closed(on_twin, junk):
    async def scenario(twin):
        assert code_of(await twin.send(junk)) == 400

    on_twin(scenario)


@pytest.mark.parametrize("chunks", [b"zz\r\nab\r\n", b"2\r\nabc\r\n", b"f" * 40 + b"\r\n", b"-1\r\n"])
def test_chunks_that_are_none_are_refused(on_twin, chunks):
    async def scenario(twin):
        head = twin.head(f"POST {MAPS}", "transfer-encoding: chunked")
        assert code_of(await twin.send(head + chunks)) == 400
        assert (await twin.ask(f"GET {MAPS}"))[1]["items"] == []

    on_twin(scenario)


@pytest.mark.parametrize(
    "head",
    [
        b"GET /" + b"a" * MEBIBYTE,
        b"GET / HTTP/1.1\r\na: " + b"a" * MEBIBYTE,
        b"GET / HTTP/1.1\r\n" + b"a: b\r\n" * (MEBIBYTE // 6),
    ],
    ids=["line", "header", "headers"],
)
def test_a_request_whose_head_grows_without_end_is_refused(on_twin, head):
    async def scenario(twin):
        assert code_of(await twin.send(head)) == 431

    on_twin(scenario)


def test_a_hundred_thousand_headers_of_one_name_are_read_in_a_moment(on_twin):
    async def scenario(twin):
        assert (await twin.ask(f"GET {MAPS}", b"", *["accept: a"] * 80_000, "accept: */*"))[0] == 200

    on_twin(scenario)


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"GET / HTTP/1.1\r\nhost: a\r\nx: ", b"\r\n"])
def test_a_client_that_never_ends_its_headers_is_cut_off(on_twin, monkeypatch, begun):
    async def scenario(twin):
        # Only here: the scenario's other requests have their time.
        with monkeypatch.context() as here:
            here.setattr(http, "HEAD_SECONDS", 0.1)
            assert await twin.send(begun) == b""

    on_twin(scenario)


def test_a_client_that_never_ends_its_body_is_told_so(on_twin, monkeypatch):
    async def scenario(twin):
        with monkeypatch.context() as here:
            here.setattr(asgi, "BODY_SECONDS", 0.1)
            async with twin.connected() as (reader, writer):
                writer.write(twin.head(f"POST {MAPS}", "content-length: 100") + b'{"meta')
                assert code_of(await reader.readline()) == 504

    on_twin(scenario)


def test_half_a_body_is_not_acted_on(on_twin):
    async def scenario(twin):
        body = b"metadata: {name: a}\n"
        for end in (b"", b"data: {a: b}"):
            head = twin.head(f"POST {MAPS}", "content-type: application/yaml", f"content-length: {len(body) + 12}")
            async with twin.connected() as (reader, writer):
                writer.write(head + body + end)
                if end:
                    assert code_of(await reader.readline()) == 201
                writer.close()
                await writer.wait_closed()
            assert len((await twin.ask(f"GET {MAPS}"))[1]["items"]) == bool(end)

    on_twin(scenario)


@pytest.mark.parametrize("begun", [b"", b"GET / HT", b"POST / HTTP/1.1\r\nhost: a\r\ncontent-length: 9\r\n\r\n"])
def test_a_connection_that_is_half_closed_is_closed(on_twin, begun):
    async def scenario(twin):
        async with twin.connected() as (reader, writer):
            writer.write(begun)
            writer.get_extra_info("socket").shutdown(socket.SHUT_WR)
            assert code_of(await reader.read()) in {None, 403}
        async with twin.connected(ssl=None) as (reader, writer):
            writer.write_eof()
            assert await reader.read() == b""

    on_twin(scenario)


def test_a_body_that_is_announced_as_too_large_is_refused_before_it_comes(on_twin):
    async def scenario(twin):
        async with twin.connected() as (reader, writer):
            writer.write(twin.head(f"POST {MAPS}", f"content-length: {100 * MEBIBYTE}", "expect: 100-continue"))
            assert code_of(await reader.readline()) == 413

    on_twin(scenario)


def test_a_hundred_megabytes_in_chunks_are_refused_and_not_kept(on_twin):
    chunk = b"%x\r\n%b\r\n" % (MEBIBYTE, b" " * MEBIBYTE)

    async def scenario(twin):
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        async with twin.connected() as (reader, writer):
            writer.write(twin.head(f"POST {MAPS}", "transfer-encoding: chunked"))
            for _ in range(100):
                writer.write(chunk)
                await writer.drain()
            assert code_of(await reader.readline()) == 413
        assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 50 * 1024

    on_twin(scenario)


def test_hundreds_of_watches_are_told_and_those_that_do_not_read_are_cut_off(on_twin, monkeypatch):
    large = json.dumps({"metadata": {"generateName": "a"}, "data": {"k": "x" * MEBIBYTE}}).encode()
    # Of answers this small nothing waits to be sent: however slowly they are read, nobody is cut off for them.
    brief = "accept: application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1"

    async def scenario(twin):
        async with AsyncExitStack() as connections:
            readers = [await connections.enter_async_context(twin.connected()) for _ in range(MANY)]
            for reader, writer in readers:
                writer.write(twin.head(f"GET {MAPS}?watch=1&fieldSelector=metadata.name=a"))
                assert code_of(await reader.readline()) == 200
            asleep = [await connections.enter_async_context(twin.connected()) for _ in range(5)]
            with monkeypatch.context() as here:
                here.setattr(http, "STALLED_SECONDS", 0.5)
                for _, writer in asleep:
                    writer.transport.pause_reading()
                    writer.write(twin.head(f"GET {MAPS}?watch=1"))
                for _ in range(10):
                    assert (await twin.ask(f"POST {MAPS}", large, brief))[0] == 201
                assert (await twin.ask(f"POST {MAPS}", b'{"metadata":{"name":"a"}}'))[0] == 201
                for reader, _ in readers:
                    assert b'"ADDED"' in await reader.readuntil(b'"ADDED"')
                while sum(map(len, twin.server.hub._following.values())) > MANY:
                    assert (await twin.ask("GET /version"))[0] == 200

    on_twin(scenario)
