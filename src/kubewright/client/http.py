"""`HttpTransport`: requests over HTTP/1.1 and TLS, on kept connections.

`connect` makes it; `RestClient` sends on it. Constructing it opens nothing: connections are made on the first request,
on the loop that runs then, and others when an exec plugin brings another client certificate.

There are two ways. Reads, watches and whatever needs a proxy go by aiohttp; writes, which are small and many, by
`Wire`. When that cannot connect they, too, go by aiohttp, so that what is wrong is found out and said in one place.

A connection lost before the answer is tried again once where that cannot do a thing twice: aiohttp and `Wire` do so
for GET, PUT and DELETE, this module for server-side apply.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Sequence
from urllib.parse import quote, urlencode, urlsplit

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from kubewright.client.auth.choose import credentials_for
from kubewright.client.auth.credentials import Credentials, Identity
from kubewright.client.auth.impersonate import impersonation_headers
from kubewright.client.auth.rejection import rejection_detail
from kubewright.client.config import ClientCertificate, ConnectionConfig
from kubewright.client.connection_errors import Timeouts, connection_error
from kubewright.client.requests import APPLY
from kubewright.client.tls import tls_context
from kubewright.client.transport import Request, Response
from kubewright.client.wire import LostError, UnopenedError, Wire
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError

MAX_CONCURRENT_REQUESTS = 64
"""Requests in flight besides watches, each of which keeps a connection of its own."""
STREAM_BUFFER_BYTES = 1 << 18
_UNAUTHORIZED = 401
_FIRST_ERROR = 300
_FAILURES = (aiohttp.ClientError, TimeoutError, OSError)
_WIRE_SCHEMES = frozenset({"http", "https"})
_PROXY_SCHEMES = frozenset({"", "http", "https"})


class HttpTransport:
    """Carries requests to the API server of a `ConnectionConfig`."""

    def __init__(
        self,
        config: ConnectionConfig,
        *,
        credentials: Credentials | None = None,
        timeouts: Timeouts | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._config = config
        self._clock = clock or Clock.wall()
        self._credentials = credentials or credentials_for(config, self._clock)
        self._timeouts = timeouts or Timeouts()
        self._impersonation = impersonation_headers(config.impersonation)
        self._slots = asyncio.Semaphore(MAX_CONCURRENT_REQUESTS)
        self._sessions: dict[ClientCertificate | None, aiohttp.ClientSession] = {}
        self._wires: dict[ClientCertificate | None, Wire] = {}
        self._has_short_way = not config.proxy_url and urlsplit(config.server).scheme in _WIRE_SCHEMES

    async def send(self, request: Request, *, stream: bool = False) -> Response:
        """Send one request; a 401 that fresh credentials do not cure raises OpError UNAUTHORIZED."""
        identity = await self._credentials.identity()
        response = await self._exchange(request, identity, stream=stream)
        if response.status != _UNAUTHORIZED:
            return response
        renewed = await self._credentials.identity(rejected=identity)
        if renewed != identity:
            response = await self._exchange(request, renewed, stream=stream)
        if response.status != _UNAUTHORIZED:
            return response
        detail = rejection_detail(self._config, renewed, self._clock.now())
        raise OpError("client.connect", ErrorKind.UNAUTHORIZED, self._config.server, detail)

    async def upgraded(
        self, path: str, query: Sequence[tuple[str, str]], protocol: str
    ) -> aiohttp.ClientWebSocketResponse | Response:
        """Open a WebSocket, or return the answer of a server that does not: for `execute` alone, which closes it."""
        identity = await self._credentials.identity()
        headers = CIMultiDict(identity.headers)
        headers.extend(self._impersonation)
        url = URL(f"{self._url(Request('GET', path))}?{urlencode(query)}", encoded=True)
        try:
            return await self._session(identity.certificate).ws_connect(
                url, protocols=(protocol,), headers=headers, proxy=self._config.proxy_url or None, max_msg_size=1 << 22
            )
        except aiohttp.WSServerHandshakeError as error:
            # What the server says stands in a body that is not kept: it is asked once more, as one asks for a page.
            plain = await self.send(Request("GET", path, dict(query)))
            return plain if plain.status == error.status else Response(error.status, body=error.message.encode())
        except _FAILURES as error:
            raise await connection_error(self._config, error, self._timeouts) from error

    async def close(self) -> None:
        """Close all connections; streams that are still read end as lost."""
        wires, sessions = list(self._wires.values()), list(self._sessions.values())
        self._wires.clear()
        self._sessions.clear()
        for wire in wires:
            await wire.close()
        for session in sessions:
            await session.close()

    async def _exchange(self, request: Request, identity: Identity, *, stream: bool) -> Response:
        try:
            return await self._attempt(request, identity, stream=stream)
        except _FAILURES as error:
            lost = isinstance(error, aiohttp.ServerDisconnectedError | aiohttp.ClientOSError)
            refused = isinstance(error, aiohttp.ClientConnectorError)
            if not lost or refused or request.headers.get("content-type") != APPLY:
                raise await connection_error(self._config, error, self._timeouts) from error
        try:
            return await self._attempt(request, identity, stream=stream)
        except _FAILURES as error:
            raise await connection_error(self._config, error, self._timeouts) from error

    async def _attempt(self, request: Request, identity: Identity, *, stream: bool) -> Response:
        if stream:
            return await self._open(request, identity)
        async with self._slots:
            if request.method != "GET" and (written := await self._write(request, identity)) is not None:
                return written
            answer = await self._request(request, identity, self._unary_timeout(), self._encoding())
            async with answer:
                return Response(answer.status, _lower(answer), await answer.read())

    async def _write(self, request: Request, identity: Identity) -> Response | None:
        """Send a write the short way; None where there is none, or no connection: aiohttp finds out why."""
        if not self._has_short_way:
            return None
        headers = (*request.headers.items(), *identity.headers.items(), *self._impersonation)
        try:
            return await self._wire(identity.certificate).send(request, headers, self._timeouts.request_seconds)
        except UnopenedError as error:
            if isinstance(error.__cause__, TimeoutError):
                raise aiohttp.ConnectionTimeoutError from error
            return None
        except LostError as error:
            raise aiohttp.ServerDisconnectedError(str(error)) from error

    async def _open(self, request: Request, identity: Identity) -> Response:
        # Servers do not compress watches, and an asked-for compressor would only hold events back.
        answer = await self._request(request, identity, self._stream_timeout(), "identity")
        if answer.status >= _FIRST_ERROR:
            async with answer:
                return Response(answer.status, _lower(answer), await answer.read())
        return Response(answer.status, _lower(answer), stream=_Stream(answer, self._config, self._timeouts))

    async def _request(
        self, request: Request, identity: Identity, limits: aiohttp.ClientTimeout, encoding: str
    ) -> aiohttp.ClientResponse:
        headers = CIMultiDict({**request.headers, **identity.headers, "accept-encoding": encoding})
        headers.extend(self._impersonation)
        return await self._session(identity.certificate).request(
            request.method,
            self._url(request),
            headers=headers,
            data=request.body or None,
            timeout=limits,
            allow_redirects=False,
            proxy=self._config.proxy_url or None,
            server_hostname=self._config.tls_server_name or None,
            read_bufsize=STREAM_BUFFER_BYTES,
        )

    def _url(self, request: Request) -> URL:
        path = quote(request.path, safe="/:@!$&'()*+,;=~")
        query = f"?{urlencode(request.query)}" if request.query else ""
        return URL(f"{self._config.server.rstrip('/')}{path}{query}", encoded=True)

    def _encoding(self) -> str:
        return "gzip" if self._config.compression else "identity"

    def _unary_timeout(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(total=self._timeouts.request_seconds, sock_connect=self._timeouts.connect_seconds)

    def _stream_timeout(self) -> aiohttp.ClientTimeout:
        return aiohttp.ClientTimeout(
            total=None, sock_connect=self._timeouts.connect_seconds, sock_read=self._timeouts.silence_seconds
        )

    def _session(self, certificate: ClientCertificate | None) -> aiohttp.ClientSession:
        """Return the session for a client certificate; TLS contexts cannot change it once they are in use."""
        session = self._sessions.get(certificate)
        if session is None:
            session = self._sessions[certificate] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=0, ssl=self._tls(certificate)),
                cookie_jar=aiohttp.DummyCookieJar(),
            )
        return session

    def _wire(self, certificate: ClientCertificate | None) -> Wire:
        """Return the short way for a client certificate."""
        wire = self._wires.get(certificate)
        if wire is None:
            tls = self._tls(certificate)
            context = tls if isinstance(tls, ssl.SSLContext) else None
            wire = self._wires[certificate] = Wire(self._config, context, self._timeouts.connect_seconds)
        return wire

    def _tls(self, certificate: ClientCertificate | None) -> ssl.SSLContext | bool:
        config = self._config
        if urlsplit(config.proxy_url).scheme not in _PROXY_SCHEMES:
            detail = f"{urlsplit(config.proxy_url).scheme} proxies are not supported; use one that speaks http"
            raise OpError("client.connect", ErrorKind.INVALID, config.server, detail)
        if urlsplit(config.server).scheme != "https":
            return False
        return tls_context(
            ca_pem=config.ca_pem,
            insecure=config.insecure_skip_tls_verify,
            certificate=certificate,
            target=config.server,
        )


class _Stream:
    """The chunks of a streamed answer as they arrive, until it ends or is silent; closing it drops the connection."""

    def __init__(self, answer: aiohttp.ClientResponse, config: ConnectionConfig, timeouts: Timeouts) -> None:
        self._answer = answer
        self._config = config
        self._timeouts = timeouts

    def __aiter__(self) -> _Stream:
        return self

    async def __anext__(self) -> bytes:
        try:
            chunk = await self._answer.content.readany()
        except aiohttp.SocketTimeoutError:
            raise StopAsyncIteration from None
        except _FAILURES as error:
            raise await connection_error(self._config, error, self._timeouts) from error
        if chunk:
            return chunk
        raise StopAsyncIteration

    async def aclose(self) -> None:
        """End the request."""
        connection = self._answer.connection
        if connection is not None and connection.transport is not None:
            # It is cut: a TLS farewell would wait for a server that goes on sending, and may outlast the loop.
            connection.transport.abort()
        self._answer.close()


def _lower(answer: aiohttp.ClientResponse) -> dict[str, str]:
    """Give the headers by lower-case name; one that comes more than once, as warnings do, is joined by commas."""
    return {name.lower(): ", ".join(answer.headers.getall(name)) for name in answer.headers}
