"""What the client's tests share: a scripted server in process, an HTTP server on loopback, and a small CA."""

from __future__ import annotations

import json
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from kubewright.client.transport import Request, Response
from tests import loopback

VALID_FROM = datetime(2020, 1, 1, tzinfo=UTC)
VALID_TO = datetime(2120, 1, 1, tzinfo=UTC)


def answer(document: Any, status: int = 200, **headers: str) -> Response:
    """Return a JSON answer; header names are written with underscores."""
    names = {name.replace("_", "-"): value for name, value in headers.items()}
    return Response(status, {"content-type": "application/json", **names}, json.dumps(document).encode())


def chunks(*parts: bytes) -> Response:
    """Return a streamed answer."""

    async def stream() -> AsyncIterator[bytes]:
        for part in parts:
            yield part

    return Response(200, {}, stream=stream())


@dataclass
class Scripted:
    """A server in process that gives the answers it was given, in order, and remembers what was asked."""

    answers: list[Response]
    requests: list[Request] = field(default_factory=list)

    async def handle(self, request: Request) -> Response:
        self.requests.append(request)
        return self.answers.pop(0)


@pytest.fixture
def scripted() -> Callable[..., Scripted]:
    return lambda *answers: Scripted(list(answers))


@dataclass
class Issued:
    """A certificate with its key, and as files for a server."""

    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey
    folder: Path

    @property
    def cert_pem(self) -> bytes:
        return self.certificate.public_bytes(serialization.Encoding.PEM)

    @property
    def key_pem(self) -> bytes:
        return self.key.private_bytes(
            serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
        )

    def server_context(self, client_ca: bytes = b"") -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        path = self.folder / "server.pem"
        path.write_bytes(self.cert_pem + self.key_pem)
        context.load_cert_chain(path)
        if client_ca:
            context.verify_mode = ssl.CERT_OPTIONAL
            context.load_verify_locations(cadata=client_ca.decode())
        return context


@dataclass
class Authority:
    """A CA that issues what a test needs, expired certificates included."""

    folder: Path
    root: Issued = field(init=False)

    def __post_init__(self) -> None:
        self.root = self._issue("test CA", [], None, VALID_FROM, VALID_TO)

    @property
    def pem(self) -> bytes:
        return self.root.cert_pem

    def issue(
        self,
        names: Sequence[str] = ("127.0.0.1", "localhost"),
        *,
        begins: datetime = VALID_FROM,
        ends: datetime = VALID_TO,
    ) -> Issued:
        return self._issue(names[0], names, self.root, begins, ends)

    def _issue(
        self, name: str, names: Sequence[str], issuer: Issued | None, begins: datetime, ends: datetime
    ) -> Issued:
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        builder = (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(issuer.certificate.subject if issuer else subject)
            .public_key(key.public_key())
            .serial_number(x509.random_serial_number())
            .not_valid_before(begins)
            .not_valid_after(ends)
            .add_extension(x509.BasicConstraints(ca=issuer is None, path_length=None), critical=True)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName([_name(each) for each in names]), False)
        return Issued(builder.sign(issuer.key if issuer else key, hashes.SHA256()), key, self.folder)


def _name(text: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ip_address(text))
    except ValueError:
        return x509.DNSName(text)


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


@asynccontextmanager
async def serving(handler: Handler, tls: ssl.SSLContext | None = None) -> AsyncIterator[str]:
    """Serve on loopback and give the address."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    async with loopback.serving(app, tls, shutdown_timeout=0.01, handler_cancellation=True) as port:
        yield f"{'https' if tls else 'http'}://127.0.0.1:{port}"


@pytest.fixture
def serve() -> Callable[..., Any]:
    return serving
