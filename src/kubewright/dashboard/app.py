"""The dashboard's HTTP: the front end's files, sign-in, rows as server-sent events, details, and actions.

Who writes must be the front end itself: a request that changes something bears a header which no other site's form can
send, comes from this origin, and the session's cookie is never sent along from elsewhere. Every answer bears a policy
that lets the browser run and load nothing but the files that are shipped.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import msgspec
from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.middleware.gzip import GZipMiddleware
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response, StreamingResponse
from starlette.routing import Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from kubewright.api.meta import ObjectKey, Resource
from kubewright.api.nodes import NODES
from kubewright.api.pods import PODS
from kubewright.dashboard.access import Access, Person, Sight
from kubewright.dashboard.actions import action_named, carry_out
from kubewright.dashboard.answers import as_json, refusal
from kubewright.dashboard.explaining import Changes, what_if, why_pod
from kubewright.dashboard.login import LASTING_SECONDS, Login
from kubewright.dashboard.measured import Measured
from kubewright.dashboard.measuredpages import MeasuredPages
from kubewright.dashboard.tables import Table, Viewer
from kubewright.dashboard.views.details import node_detail
from kubewright.dashboard.world import World
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.exchange import read_body

STATIC = Path(__file__).parent / "static"
COOKIE = "kubewright"
LOGIN_COOKIE = "kubewright-login"
_LOGIN = "/api/login"
_BACK = f"{_LOGIN}/back"
HEADER = "x-kubewright"
MOST_BODY = 64 * 1024
BEAT_SECONDS = 15.0
LOOKED_AFTER_SECONDS = 30.0
"""How often it is asked whether those who look still may."""
NOT_BUILT = """The dashboard's front end is not part of this installation, which comes from sources without Node.js.
Run `make web` (Node.js 20 or newer), or install the wheel, which has it.
"""
_HEADERS = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; "
        "base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
}
_KEPT = {"cache-control": "public, max-age=31536000, immutable"}
"""Of files whose names change with what is in them: a browser asks for them once."""
_UNKEPT = {"cache-control": "no-store"}
_OK = 200
_STATUS = {
    ErrorKind.NOT_FOUND: 404,
    ErrorKind.ALREADY_EXISTS: 409,
    ErrorKind.CONFLICT: 409,
    ErrorKind.EXPIRED: 410,
    ErrorKind.INVALID: 422,
    ErrorKind.FORBIDDEN: 403,
    ErrorKind.UNAUTHORIZED: 401,
    ErrorKind.UNAVAILABLE: 503,
    ErrorKind.TIMEOUT: 504,
    ErrorKind.EXHAUSTED: 429,
}
_Handler = Callable[[Request], Awaitable[Response]]


class _Given(msgspec.Struct, frozen=True):
    """What signs somebody in."""

    token: str = ""
    key: str = ""


class _Asked(msgspec.Struct, frozen=True):
    """What is to be done to what."""

    name: str
    namespace: str = ""
    plan: str = ""
    """The digest of the plan that is approved."""


class DashboardApp:
    """The routes over a World, for whoever Access lets in."""

    def __init__(
        self,
        world: World,
        access: Access,
        *,
        cluster: str = "",
        secure: bool = False,
        login: Login | None = None,
        measured: Measured | None = None,
    ) -> None:
        """`cluster` is how it is called on the screen; `secure` when browsers reach it by HTTPS."""
        self._login = login
        self._measures = measured is not None
        pages = MeasuredPages(world, access, measured) if measured is not None else None
        self._world = world
        self._access = access
        self._cluster = cluster
        self._secure = secure
        routes = [
            Route("/api/session", self._sign_in, methods=["POST"]),
            Route("/api/session", self._sign_out, methods=["DELETE"]),
            Route("/api/ways", self._ways),
            Route(_LOGIN, self._begin_login),
            Route(_BACK, self._end_login),
            Route("/api/me", self._guarded(self._me)),
            Route("/api/stream", self._guarded(self._stream)),
            Route("/api/nodes/{name}", self._guarded(self._node)),
            Route("/api/why/{namespace}/{name}", self._guarded(self._why)),
            Route("/api/whatif", self._guarded(self._what_if), methods=["POST"]),
            Route("/api/actions/{action}", self._guarded(self._act), methods=["POST"]),
            *(pages.routes(self._guarded) if pages is not None else ()),
            Route("/healthz", self._health),
            *self._files(),
        ]
        inner = Starlette(routes=routes, middleware=[Middleware(GZipMiddleware, minimum_size=1024, compresslevel=5)])
        inner.add_exception_handler(OpError, _failed)
        self._inner: ASGIApp = inner

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, with the headers that all answers bear."""

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                kept = _KEPT if scope["path"].startswith("/assets/") and message["status"] == _OK else {}
                more = [(name.encode(), value.encode()) for name, value in (_HEADERS | kept).items()]
                message = {**message, "headers": [*message.get("headers", ()), *more]}
            await send(message)

        if scope["type"] == "http" and scope["method"] not in {"GET", "HEAD"} and not _is_of_this_site(scope):
            refused = refusal(403, "this request does not come from the dashboard's own page")
            await refused(scope, receive, with_headers)
            return
        await self._inner(scope, receive, with_headers)

    def _files(self) -> list[Any]:
        if not (STATIC / "index.html").is_file():
            return [Route("/", _not_built)]
        return [Mount("/", StaticFiles(directory=STATIC, html=True))]

    def _guarded(self, handler: Callable[[Request, Person], Awaitable[Response]]) -> _Handler:
        """Let only those in who are signed in."""

        async def guarded(request: Request) -> Response:
            person = await self._access.person(request.cookies.get(COOKIE, ""))
            if person is None:
                return refusal(401, "sign in first; a session ends when its token does")
            return await handler(request, person)

        return guarded

    async def _health(self, request: Request) -> Response:
        del request
        return Response("ok\n" if self._world.synced else "not synced\n", 200 if self._world.synced else 503)

    async def _sign_in(self, request: Request) -> Response:
        given = await _body(request, _Given)
        cookie = await self._access.sign_in(token=given.token.strip(), key=given.key)
        return self._with_session(Response(status_code=204), cookie)

    def _with_session(self, response: Response, cookie: str) -> Response:
        response.set_cookie(COOKIE, cookie, httponly=True, samesite="strict", secure=self._secure, path="/")
        return response

    async def _ways(self, request: Request) -> Response:
        """Say how people may sign in, to whoever asks."""
        del request
        return as_json({"tokens": self._access.takes_tokens, "issuer": self._login.name if self._login else ""})

    async def _begin_login(self, request: Request) -> Response:
        login = self._need_login()
        url, cookie = await login.begin(self._back(request))
        response = RedirectResponse(url, 303, _UNKEPT)
        # Lax: it must come along when the issuer sends the browser back.
        kept = int(LASTING_SECONDS)
        response.set_cookie(LOGIN_COOKIE, cookie, kept, httponly=True, samesite="lax", secure=self._secure, path=_LOGIN)
        return response

    async def _end_login(self, request: Request) -> Response:
        login = self._need_login()
        try:
            answer, attempt = request.query_params, request.cookies.get(LOGIN_COOKIE, "")
            token = await login.finish(attempt, answer, self._back(request))
            response = self._with_session(RedirectResponse("/", 303, _UNKEPT), await self._access.sign_in(token=token))
        except OpError as error:
            # A person looks at this one, without the page around it.
            text = f"You are not signed in: {error.detail}\n"
            response = Response(text, _STATUS[error.kind], _UNKEPT, media_type="text/plain")
        response.delete_cookie(LOGIN_COOKIE, httponly=True, samesite="lax", secure=self._secure, path=_LOGIN)
        return response

    def _need_login(self) -> Login:
        if self._login is None:
            raise OpError("dashboard.sign-in", ErrorKind.NOT_FOUND, "", "this dashboard knows no issuer")
        return self._login

    def _back(self, request: Request) -> str:
        """Return where the issuer sends people back to; it takes those alone that are registered with it."""
        return f"{'https' if self._secure else 'http'}://{request.headers.get('host', '')}{_BACK}"

    async def _sign_out(self, request: Request) -> Response:
        del request
        response = Response(status_code=204)
        response.delete_cookie(COOKIE, httponly=True, samesite="strict", secure=self._secure, path="/")
        return response

    async def _me(self, request: Request, person: Person) -> Response:
        del request
        return as_json(
            {
                "name": person.name,
                "owner": person.user is None,
                "cluster": self._cluster,
                "readOnly": self._access.read_only,
                "measured": self._measures,
                "synced": self._world.synced,
                "problems": self._world.problems,
            }
        )

    async def _stream(self, request: Request, person: Person) -> Response:
        wanted = dict.fromkeys(request.query_params.get("topics", "").split(","))
        tables = [table for name, table in self._world.tables.items() if name in wanted]
        if not tables:
            return refusal(400, f"topics are among {', '.join(self._world.tables)}")
        headers = {"cache-control": "no-store", "x-accel-buffering": "no"}
        cookie = request.cookies.get(COOKIE, "")
        return StreamingResponse(self._events(tables, person, cookie), media_type="text/event-stream", headers=headers)

    async def _events(self, tables: list[Table], person: Person, cookie: str) -> AsyncGenerator[bytes]:
        """Yield what the person sees, until they may no more or may see something else: the browser then asks anew."""
        sights = await self._sights(person, tables)
        refused = [table.topic.name for table, sight in zip(tables, sights, strict=True) if sight.is_blind]
        absent = self._absent(tables)
        hello = msgspec.json.encode({"refused": refused, "absent": absent})
        yield b"retry: 1000\nevent: hello\ndata: " + hello + b"\n\n"
        loop, viewer = asyncio.get_running_loop(), Viewer()
        looked = loop.time()
        with ExitStack() as stack:
            for table, sight in zip(tables, sights, strict=True):
                if not sight.is_blind:
                    stack.enter_context(table.viewed(viewer, sight))
            while not viewer.is_behind:
                yield await viewer.next(BEAT_SECONDS) or b": beat\n\n"
                if self._absent(tables) != absent:
                    return
                if loop.time() - looked < LOOKED_AFTER_SECONDS:
                    continue
                looked = loop.time()
                if await self._access.person(cookie) is None:
                    yield b"event: over\ndata: {}\n\n"
                    return
                if await self._sights(person, tables) != sights:
                    return

    def _absent(self, tables: list[Table]) -> list[str]:
        """Return the topics whose kind nobody has installed."""
        return [table.topic.name for table in tables if self._world.is_absent(table.topic.resource)]

    async def _sights(self, person: Person, tables: list[Table]) -> list[Sight]:
        return [await self._sight(person, table.topic.resource) for table in tables]

    async def _sight(self, person: Person, resource: Resource[Any]) -> Sight:
        return await self._access.sight(person, resource, [key.name for key in self._world.namespaces.index])

    async def _node(self, request: Request, person: Person) -> Response:
        key = ObjectKey("", request.path_params["name"])
        await self._access.need(person, "get", NODES, key)
        node = self._world.nodes.index.get(key)
        if node is None:
            return refusal(404, f"there is no node {key.name}")
        sight = await self._sight(person, PODS)
        return as_json(node_detail(node, self._world.pods.index.values(), sight))

    async def _why(self, request: Request, person: Person) -> Response:
        key = ObjectKey(request.path_params["namespace"], request.path_params["name"])
        async with self._access.acting(person) as client:
            return as_json(await why_pod(client, key))

    async def _what_if(self, request: Request, person: Person) -> Response:
        wanted = await _body(request, Changes)
        async with self._access.acting(person) as client:
            return as_json(await what_if(client, wanted))

    async def _act(self, request: Request, person: Person) -> Response:
        name, asked = request.path_params["action"], await _body(request, _Asked)
        action, key = action_named(name), ObjectKey(asked.namespace, asked.name)
        if self._access.read_only:
            raise OpError("dashboard.act", ErrorKind.FORBIDDEN, name, "this dashboard is read-only")
        await self._access.need(person, action.verb, action.resource, key)
        async with self._access.acting(person) as client:
            await carry_out(action, client, key, person.name, asked.plan)
        return as_json({"did": name, "command": action.command.format(name=key.name, namespace=key.namespace)})


def _is_of_this_site(scope: Scope) -> bool:
    """Whether a request that changes something comes from this page: no other site's can bear its header and origin."""
    headers: dict[bytes, str] = {name: value.decode("latin-1") for name, value in scope["headers"]}
    if headers.get(HEADER.encode()) != "1" or headers.get(b"sec-fetch-site", "same-origin") != "same-origin":
        return False
    origin = headers.get(b"origin")
    return origin is None or urlsplit(origin).netloc == headers.get(b"host", "")


async def _body(request: Request, kind: type[Any]) -> Any:
    """Read a body of bounded size; raises OpError."""
    body = await read_body(request.receive, MOST_BODY)
    if body is None:
        raise OpError("dashboard.read", ErrorKind.INVALID, "", f"a body has at most {MOST_BODY} bytes")
    try:
        return msgspec.json.decode(body, type=kind)
    except msgspec.MsgspecError as error:
        raise OpError("dashboard.read", ErrorKind.INVALID, "", str(error)) from error


async def _failed(request: Request, error: Exception) -> Response:
    del request
    assert isinstance(error, OpError)  # noqa: S101  it is registered for these alone
    return refusal(_STATUS[error.kind], error.detail)


async def _not_built(request: Request) -> Response:
    del request
    return Response(NOT_BUILT, 503, media_type="text/plain")
