"""The twin on a socket: TLS with an authority of its own, and a kubeconfig with users who may everything and nothing.

`kubewright twin serve` and the contract suite run it.
"""

from __future__ import annotations

import asyncio
import base64
import secrets
import tempfile
from collections.abc import AsyncGenerator, Generator, Mapping
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path

import yaml

from kubewright.errors import ErrorKind, OpError
from kubewright.files import replacing
from kubewright.runtime.serving import KeyFiles, listen, serve_asgi
from kubewright.twin.access.credentials import read_token_file
from kubewright.twin.access.users import AUTHENTICATED, MASTERS, User
from kubewright.twin.asgi import AsgiApp
from kubewright.twin.certificates import Authority, KeyPair
from kubewright.twin.server import ApiServer

_TOKEN_BYTES = 32
_ADMIN = User("kubernetes-admin", groups=(MASTERS, AUTHENTICATED))
_POWERLESS = User("powerless", "powerless", (AUTHENTICATED,))


@dataclass(frozen=True, slots=True)
class Endpoint:
    """Where the server answers, and how to reach it: as an administrator by `token`, as others by the kubeconfig."""

    url: str
    token: str
    authority: bytes
    kubeconfig: Path


@asynccontextmanager
async def serving(
    server: ApiServer,
    kubeconfig: Path,
    host: str = "127.0.0.1",
    port: int = 0,
    *,
    authority: Authority | None = None,
    token_file: Path | None = None,
) -> AsyncGenerator[Endpoint]:
    """Serve within the block; `port` 0 takes a free one. The kubeconfig is written before the block begins.

    `token_file` names more users, as kube-apiserver's does; raises OpError when it cannot be read.
    """
    for token, user in _users_of(token_file).items():
        server.tokens.accept(token, user)
    authority = authority or Authority(server.clock.now())
    token, powerless = (secrets.token_urlsafe(_TOKEN_BYTES) for _ in range(2))
    server.tokens.accept(token, _ADMIN)
    server.tokens.accept(powerless, _POWERLESS)
    listener = listen(host, port)
    endpoint = Endpoint(f"https://{host}:{listener.getsockname()[1]}", token, authority.certificate, kubeconfig)
    with _key_files(authority, host) as files:
        async with asyncio.TaskGroup() as group:
            running = group.create_task(serve_asgi(AsgiApp(server), listener, files))
            bearer = authority.client("certificate-admin", (MASTERS,))
            users = {"admin": {"token": token}, "certificate": _shown(bearer), "powerless": {"token": powerless}}
            write_kubeconfig(endpoint, users)
            try:
                yield endpoint
            finally:
                server.hub.close()
                running.cancel()


def _users_of(token_file: Path | None) -> dict[str, User]:
    if token_file is None:
        return {}
    try:
        content = token_file.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise OpError("twin.token-file", ErrorKind.INVALID, str(token_file), str(error)) from error
    return read_token_file(content, str(token_file))


@contextmanager
def _key_files(authority: Authority, host: str) -> Generator[KeyFiles]:
    """Lay the certificates out as files, which is how OpenSSL wants them; they are gone afterwards."""
    pair = authority.serving(host)
    with tempfile.TemporaryDirectory(prefix="kubewright-twin-") as folder:
        files = KeyFiles(Path(folder, "serving.crt"), Path(folder, "serving.key"), Path(folder, "ca.crt"))
        files.certificate.write_bytes(pair.certificate)
        write_private(files.key, pair.key)
        Path(folder, "ca.crt").write_bytes(authority.certificate)
        yield files


def _shown(pair: KeyPair) -> dict[str, str]:
    return {"client-certificate-data": _encoded(pair.certificate), "client-key-data": _encoded(pair.key)}


def _encoded(content: bytes) -> str:
    return base64.b64encode(content).decode()


def write_kubeconfig(endpoint: Endpoint, users: Mapping[str, Mapping[str, str]]) -> None:
    """Write a kubeconfig with one context a user; only its owner may read it. `twin` is the first user's, too."""
    contexts = {"twin": next(iter(users)), **{name: name for name in users}}
    cluster = {"server": endpoint.url, "certificate-authority-data": _encoded(endpoint.authority)}
    document = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "twin",
        "contexts": [
            {"name": name, "context": {"cluster": "twin", "user": f"twin-{user}"}} for name, user in contexts.items()
        ],
        "clusters": [{"name": "twin", "cluster": cluster}],
        "users": [{"name": f"twin-{name}", "user": dict(user)} for name, user in users.items()],
    }
    endpoint.kubeconfig.parent.mkdir(parents=True, exist_ok=True)
    write_private(endpoint.kubeconfig, yaml.safe_dump(document, sort_keys=False).encode())


def write_private(path: Path, content: bytes) -> None:
    """Replace a file by one that only its owner may read, never half written."""
    with replacing(path, private=True) as file:
        file.write(content)
