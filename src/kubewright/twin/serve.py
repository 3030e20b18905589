"""The twin on a socket: TLS with an authority of its own, a random token, and a kubeconfig that has both.

`kubewright twin serve` and the contract suite run it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from kubewright.runtime.serving import KeyFiles, listen, serve_asgi
from kubewright.twin.asgi import AsgiApp
from kubewright.twin.call import User
from kubewright.twin.certificates import ServingCertificate, issue
from kubewright.twin.server import ApiServer

_TOKEN_BYTES = 32
_ADMIN = User("kubernetes-admin", groups=("system:masters", "system:authenticated"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server answers, and how to reach it."""

    url: str
    token: str
    authority: bytes
    kubeconfig: Path


@asynccontextmanager
async def serving(
    server: ApiServer, kubeconfig: Path, host: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[Endpoint]:
    """Serve within the block; `port` 0 takes a free one. The kubeconfig is written before the block begins."""
    certificate = issue(host, server.clock.now())
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    server.tokens.accept(token, _ADMIN)
    listener = listen(host, port)
    endpoint = Endpoint(f"https://{host}:{listener.getsockname()[1]}", token, certificate.authority, kubeconfig)
    with _key_files(certificate) as files:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(serve_asgi(AsgiApp(server), listener, files))
            write_kubeconfig(endpoint)
            try:
                yield endpoint
            finally:
                server.hub.close()
                running.cancel()


@contextmanager
def _key_files(certificate: ServingCertificate) -> Generator[KeyFiles]:
    """Lay the certificate out as files, which is how OpenSSL wants them; they are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="kubewright-twin-") as folder:
        cert_file, key_file = Path(folder, "serving.crt"), Path(folder, "serving.key")
        cert_file.write_bytes(certificate.certificate)
        write_private(key_file, certificate.key)
        yield KeyFiles(cert_file, key_file)


def write_kubeconfig(endpoint: Endpoint) -> None:
    """Write a kubeconfig that reaches the server as its administrator; only its owner may read it."""
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "twin",
        "contexts": [{"name": "twin", "context": {"cluster": "twin", "user": "twin-admin"}}],
        "clusters": [
            {
                "name": "twin",
                "cluster": {
                    "server": endpoint.url,
                    "certificate-authority-data": base64.b64encode(endpoint.authority).decode(),
                },
            }
        ],
        "users": [{"name": "twin-admin", "user": {"token": endpoint.token}}],
    }
    endpoint.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    write_private(endpoint.kubeconfig, yaml.safe_dump(document, sort_keys=False).encode())


def write_private(path: Path, content: bytes) -> None:
    """Replace a file by one that only its owner may read, never half written."""
    unfinished = path.with_name(f".{path.name}.new")
    unfinished.unlink(missing_ok=True)
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(content)
    unfinished.replace(path)
