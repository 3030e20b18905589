"""A load generator in a process of its own, lean enough that the server is what is measured: HTTP/1.1 over TLS by hand.

    python -m benches.traffic KUBECONFIG create NAMESPACE COUNT
    python -m benches.traffic KUBECONFIG list NAMESPACE COUNT
    python -m benches.traffic KUBECONFIG watch NAMESPACE COUNT

Each prints one number: pods created a second, seconds for one list, or events a second that ten watchers got.
"""

from __future__ import annotations

import asyncio
import json
import ssl
import sys
import time
from pathlib import Path
from urllib.parse import urlsplit

from kubewright.client.config import Token
from kubewright.client.kubeconfig import load

CONNECTIONS = 16
WATCHERS = 10


def pod(name: str, mode: str = "production") -> bytes:
    """Return an ordinary small pod; pods of one `mode` have one spec, as those of a ReplicaSet have."""
    resources = {"requests": {"cpu": "100m", "memory": "128Mi"}, "limits": {"memory": "256Mi"}}
    container = {
        "name": "main",
        "image": "registry.example/shop:1.2.3",
        "ports": [{"containerPort": 8080}],
        "env": [{"name": "MODE", "value": mode}],
        "resources": resources,
        "readinessProbe": {"httpGet": {"path": "/ready", "port": 8080}},
    }
    metadata = {"name": name, "labels": {"app": "shop", "team": "blue"}}
    return json.dumps(
        {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": {"containers": [container]}}
    ).encode()


class Connection:
    """One kept-alive connection."""

    def __init__(self, kubeconfig: Path) -> None:
        config = load(kubeconfig)
        assert isinstance(config.auth, Token)
        self._url = urlsplit(config.server)
        self._tls = ssl.create_default_context(cadata=config.ca_pem.decode())
        self._head = f"Host: {self._url.netloc}\r\nAuthorization: Bearer {config.auth.value}\r\n"

    async def open(self) -> None:
        """Connect."""
        self.reader, self.writer = await asyncio.open_connection(
            self._url.hostname, self._url.port, ssl=self._tls, limit=2**26
        )

    def send(self, method: str, path: str, body: bytes = b"") -> None:
        """Send a request and wait for nothing."""
        length = f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n" if body else ""
        self.writer.write(f"{method} {path} HTTP/1.1\r\n{self._head}{length}\r\n".encode() + body)

    async def head(self) -> tuple[int, dict[str, str]]:
        """Return an answer's status and headers."""
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode()
        first, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(first.split()[1]), headers

    async def ask(self, method: str, path: str, body: bytes = b"") -> tuple[int, int]:
        """Return the status and how many bytes the answer had."""
        self.send(method, path, body)
        status, headers = await self.head()
        if "content-length" in headers:
            length = int(headers["content-length"])
            await self.reader.readexactly(length)
            return status, length
        length = 0
        while size := int(await self.reader.readline(), 16):
            await self.reader.readexactly(size + 2)
            length += size
        await self.reader.readline()
        return status, length


async def connections(kubeconfig: Path, count: int) -> list[Connection]:
    made = [Connection(kubeconfig) for _ in range(count)]
    for each in made:
        await each.open()
    return made


async def create(kubeconfig: Path, namespace: str, count: int) -> float:
    numbers = iter(range(count))
    opened = await connections(kubeconfig, CONNECTIONS)

    async def run(connection: Connection) -> None:
        for number in numbers:
            status, _ = await connection.ask("POST", f"/api/v1/namespaces/{namespace}/pods", pod(f"p-{number:06d}"))
            assert status == 201, status

    begun = time.perf_counter()
    await asyncio.gather(*map(run, opened))
    return count / (time.perf_counter() - begun)


async def list_once(kubeconfig: Path, namespace: str, count: int) -> float:
    (connection,) = await connections(kubeconfig, 1)
    begun = time.perf_counter()
    status, length = await connection.ask("GET", f"/api/v1/namespaces/{namespace}/pods")
    assert status == 200
    assert length > 500 * count
    return time.perf_counter() - begun


async def watch(kubeconfig: Path, namespace: str, count: int) -> float:
    """Watch ten times over while pods are created as fast as they can be."""
    opened = await connections(kubeconfig, WATCHERS)
    for each in opened:
        each.send("GET", f"/api/v1/namespaces/{namespace}/pods?watch=1&resourceVersion=0")
        assert (await each.head())[0] == 200

    async def follow(connection: Connection) -> None:
        seen = 0
        while seen < count:
            size = int(await connection.reader.readline(), 16)
            seen += (await connection.reader.readexactly(size + 2)).count(b'"type":"ADDED"')

    begun = time.perf_counter()
    await asyncio.gather(create(kubeconfig, namespace, count), *map(follow, opened))
    return count * WATCHERS / (time.perf_counter() - begun)


def main() -> None:
    kubeconfig, what, namespace, count = sys.argv[1:]
    measure = {"create": create, "list": list_once, "watch": watch}[what]
    print(asyncio.run(measure(Path(kubeconfig), namespace, int(count))))


if __name__ == "__main__":
    main()
