"""The twin on a socket: TLS with an authority of its own, a random token, and a kubeconfig that has both.

`kubewright twin serve` and the contract suite run it. uvicorn is embedded: it takes no signals, the caller's
cancellation ends it.
"""

from __future__ import annotations

import asyncio
import base64
import os
import secrets
import socket
import tempfile
from collections.abc import AsyncGenerator, Generator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import uvicorn
import yaml

from kubewright.twin.asgi import AsgiApp
from kubewright.twin.call import User
from kubewright.twin.certificates import ServingCertificate, issue
from kubewright.twin.server import ApiServer

_TOKEN_BYTES = 32
_SHUTDOWN_SECONDS = 3
_POLL_SECONDS = 0.01
_ADMIN = User("kubernetes-admin", groups=("system:masters", "system:authenticated"))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server answers, and how to reach it."""

    url: str
    token: str
    authority: bytes
    kubeconfig: Path


class _EmbeddedServer(uvicorn.Server):
    """uvicorn without its signal handlers: the program that embeds it has its own."""

    @contextmanager
    def capture_signals(self) -> Generator[None]:
        yield


@asynccontextmanager
async def serving(
    server: ApiServer, kubeconfig: Path, host: str = "127.0.0.1", port: int = 0
) -> AsyncGenerator[Endpoint]:
    """Serve within the block; `port` 0 takes a free one. The kubeconfig is written before the block begins."""
    certificate = issue(host, server.clock.now())
    token = secrets.token_urlsafe(_TOKEN_BYTES)
    server.tokens.accept(token, _ADMIN)
    with socket.create_server((host, port)) as listener, _key_files(certificate) as (cert_file, key_file):
        bound_port: int = listener.getsockname()[1]
        endpoint = Endpoint(f"https://{host}:{bound_port}", token, certificate.authority, kubeconfig)
        embedded = _EmbeddedServer(_config(AsgiApp(server), cert_file, key_file))
        async with asyncio.TaskGroup() as group:
            running = group.create_task(embedded.serve(sockets=[listener]))
            while not embedded.started and not running.done():  # noqa: ASYNC110  uvicorn offers no event
                await asyncio.sleep(_POLL_SECONDS)
            write_kubeconfig(endpoint)
            try:
                yield endpoint
            finally:
                server.hub.close()
                embedded.should_exit = True


async def serve(server: ApiServer, kubeconfig: Path, host: str = "127.0.0.1", port: int = 0) -> None:
    """Serve until cancelled."""
    async with serving(server, kubeconfig, host, port):
        await asyncio.Event().wait()


def _config(app: AsgiApp, cert_file: Path, key_file: Path) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        log_config=None,
        access_log=False,
        lifespan="off",
        http="httptools",
        ws="none",
        server_header=False,
        ssl_certfile=str(cert_file),
        ssl_keyfile=str(key_file),
        timeout_graceful_shutdown=_SHUTDOWN_SECONDS,
    )


@contextmanager
def _key_files(certificate: ServingCertificate) -> Generator[tuple[Path, Path]]:
    """Lay the certificate out as files, which is how OpenSSL wants them; they are gone afterwards."""
    with tempfile.TemporaryDirectory(prefix="kubewright-twin-") as folder:
        cert_file, key_file = Path(folder, "serving.crt"), Path(folder, "serving.key")
        cert_file.write_bytes(certificate.certificate)
        write_private(key_file, certificate.key)
        yield cert_file, key_file


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
