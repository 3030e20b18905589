"""Between the operator and the server: counts and writes down what is written, and does the harm.

A Wire is one incarnation's; what it notes goes into the life's Log. The fault is the first incarnation's: the next ones
find the cluster as it is, but for those that read from a stale server at first.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kubewright.client.transport import Request, Response
from kubewright.errors import ErrorKind, OpError
from kubewright.harness.faults import STALE_SECONDS, Fault, Harm
from kubewright.harness.quiet import LastingWatches
from kubewright.twin.routes import Route, parse_route
from kubewright.twin.server import ApiServer
from kubewright.twin.watch import WatchStream

_NOT_COUNTED = frozenset({("", "events"), ("events.k8s.io", "events"), ("coordination.k8s.io", "leases")})
_MOST_REQUESTS = 4_000
_TIMES = {Harm.CONFLICT: 1, Harm.CONFLICTS: 4, Harm.REFUSED: 1}
_OUTAGE_SECONDS, _FORBIDDEN_SECONDS = 60.0, 120.0
_REASONS = {409: "Conflict", 500: "InternalError", 503: "ServiceUnavailable", 403: "Forbidden"}
_EXPIRED = b'{"type":"ERROR","object":{"kind":"Status","apiVersion":"v1","metadata":{},"status":"Failure",'
_TOO_OLD = _EXPIRED + b'"message":"too old resource version","reason":"Expired","code":410}}\n'


@dataclass(frozen=True, slots=True)
class Write:
    """One request to change something, and what became of it; `since` and `until` are revisions around it."""

    number: int
    at_seconds: float
    request: Request
    route: Route
    status: int
    since: int
    until: int

    @property
    def body(self) -> Any:
        """Return what was sent."""
        return msgspec.json.decode(self.request.body) if self.request.body else None

    def __str__(self) -> str:
        return f"{self.number}. {self.at_seconds:g} s: {self.request.method} {self.request.path} -> {self.status}"


@dataclass(slots=True)
class Log:
    """What one life did on the wire. `acting` begins with the user's first act: before, nothing counts."""

    writes: list[Write] = field(default_factory=list[Write])
    requests: int = 0
    requests_at: list[float] = field(default_factory=list[float])
    events: dict[str, int] = field(default_factory=dict[str, int])
    kinds: set[tuple[str, str]] = field(default_factory=set[tuple[str, str]])
    acting: bool = False
    writes_before: int = 0
    done: bool = False
    """Whether the fault was reached and took place."""
    killed: asyncio.Event = field(default_factory=asyncio.Event)
    runaway: bool = False
    late: Request | None = None
    stale: ApiServer | None = None
    interfering: asyncio.Queue[Write] = field(default_factory=asyncio.Queue[Write])


class Wire:
    """The Transport of one incarnation."""

    def __init__(
        self,
        server: ApiServer,
        log: Log,
        fault: Fault,
        *,
        interfere: Any = None,
        stale: ApiServer | None = None,
        own: str = "",
    ) -> None:
        """Carry requests to a server; `interfere(route)` is called where somebody else acts in between.

        `own` is the plural of the sample's kind.
        With `stale`, what is read in the first seconds comes from there.
        """
        self._server = server
        self._inner = LastingWatches(server)
        self._log = log
        self._fault = fault
        self._interfere = interfere
        self._stale = stale
        self._own = own
        self._blind_until = 0.0
        self._fails_until: float | None = None
        self._fails_kind = ""
        self._left = 0
        self._streams: list[WatchStream] = []

    def catch_up(self) -> None:
        """Read from the present server from now on; what is followed on the stale one ends."""
        self._stale = None
        for stream in self._streams:
            stream.end()

    async def deliver_late(self) -> None:
        """Let the write that was held back arrive after all."""
        request, self._log.late = self._log.late, None
        route = parse_route(request.path) if request is not None else None
        if request is not None and route is not None:
            await self._forward(request, route)

    async def close(self) -> None:
        """Do nothing: there is no connection."""

    async def send(self, request: Request, *, stream: bool = False) -> Response:
        """Carry one request, or what the fault makes of it."""
        self._log.requests += 1
        if self._log.acting:
            self._log.requests_at.append(asyncio.get_running_loop().time())
        if self._log.requests > _MOST_REQUESTS:
            self._log.runaway = True
            self._log.killed.set()
            await asyncio.Future()
        route = parse_route(request.path)
        if request.method == "GET" or route is None:
            return await self._read(request, route, stream=stream)
        bucket = (route.group, route.plural)
        if bucket in _NOT_COUNTED:
            return await self._inner.send(request)
        self._log.kinds.add(bucket)
        if not self._log.acting:
            self._log.writes_before += 1
            return await self._inner.send(request)
        return await self._write(request, route)

    # Reads ------------------------------------------------------------------------------------------------------

    async def _read(self, request: Request, route: Route | None, *, stream: bool) -> Response:
        if self._stale is not None and route is not None:
            response = await LastingWatches(self._stale).send(request, stream=stream)
            if isinstance(response.stream, WatchStream):
                self._streams.append(response.stream)
            return response
        response = await self._inner.send(request, stream=stream)
        if response.stream is None or route is None or (route.group, route.plural) in _NOT_COUNTED:
            return response
        self._log.kinds.add((route.group, route.plural))
        return Response(response.status, response.headers, stream=self._events(response.stream, route.plural))

    async def _events(self, inner: AsyncIterator[bytes], plural: str) -> AsyncIterator[bytes]:
        fault, log = self._fault, self._log
        try:
            async for line in inner:
                if log.acting and b'"BOOKMARK"' not in line[:24]:
                    log.events[plural] = log.events.get(plural, 0) + 1
                    if fault.plural == plural and not log.done and log.events[plural] == fault.at:
                        log.done = True
                        match fault.harm:
                            case Harm.FREEZE:
                                await asyncio.sleep(STALE_SECONDS)
                            case Harm.CUT:
                                raise OpError("client.watch", ErrorKind.UNAVAILABLE, plural, "connection reset")
                            case Harm.GAP | Harm.DROP:
                                await asyncio.sleep(STALE_SECONDS if fault.harm is Harm.GAP else 1.0)
                                yield _TOO_OLD
                                return
                            case _:
                                pass
                if plural == self._own and self._blind_until:
                    await asyncio.sleep(self._blind_until - asyncio.get_running_loop().time())
                yield line
        finally:
            await inner.aclose()  # type: ignore[attr-defined]  streams of servers can be closed

    # Writes -----------------------------------------------------------------------------------------------------

    async def _write(self, request: Request, route: Route) -> Response:
        log, fault = self._log, self._fault
        number = len(log.writes) + 1
        reached = number == fault.at and not fault.plural and not log.done
        if reached and fault.harm is not Harm.NONE:
            log.done = True
            return await self._harmed(request, route)
        refused = self._refusal(route)
        if refused:
            return self._note(request, route, _refused(refused))
        return await self._forward(request, route)

    async def _forward(self, request: Request, route: Route) -> Response:
        since = self._server.store.revision
        response = await self._inner.send(request)
        return self._note(request, route, response, since)

    def _note(self, request: Request, route: Route, response: Response, since: int | None = None) -> Response:
        revision, now = self._server.store.revision, asyncio.get_running_loop().time()
        known = revision if since is None else since
        number = len(self._log.writes) + 1
        self._log.writes.append(Write(number, now, request, route, response.status, known, revision))
        return response

    def _refusal(self, route: Route) -> int:
        if self._left:
            self._left -= 1
            return 500 if self._fault.harm is Harm.REFUSED else 409
        now = asyncio.get_running_loop().time()
        if self._fails_until is None or now >= self._fails_until or self._fails_kind not in {"", route.plural}:
            return 0
        return 403 if self._fails_kind else 503

    async def _harmed(self, request: Request, route: Route) -> Response:
        now = asyncio.get_running_loop().time()
        match self._fault.harm:
            case Harm.CRASH_BEFORE:
                return await self._die()
            case Harm.LATE:
                self._log.late = request
                return await self._die()
            case Harm.CRASH_AFTER | Harm.TIME_TRAVEL | Harm.STALE_REPLICA:
                if self._fault.harm is Harm.STALE_REPLICA:
                    self._log.stale = self._server.fork()
                await self._forward(request, route)
                return await self._die()
            case Harm.LOST_ANSWER:
                await self._forward(request, route)
                raise OpError("client.connect", ErrorKind.UNAVAILABLE, "the server", "connection reset")
            case Harm.OTHER_WRITER | Harm.OTHER_FINALIZER | Harm.OTHER_SPEC | Harm.UNSEEN_SPEC:
                if self._fault.harm is Harm.UNSEEN_SPEC:
                    self._blind_until = now + STALE_SECONDS
                self._log.done = await self._interfere(self._fault.harm, route)
                return await self._forward(request, route)
            case Harm.OUTAGE:
                self._fails_until = now + _OUTAGE_SECONDS
            case Harm.FORBIDDEN:
                self._fails_until, self._fails_kind = now + _FORBIDDEN_SECONDS, route.plural
            case _:
                self._left = _TIMES[self._fault.harm]
        return self._note(request, route, _refused(self._refusal(route)))

    async def _die(self) -> Response:
        self._log.killed.set()
        return await asyncio.Future()


def _refused(code: int) -> Response:
    reason = _REASONS[code]
    status = {"kind": "Status", "apiVersion": "v1", "status": "Failure", "reason": reason, "code": code}
    body = msgspec.json.encode({**status, "message": f"injected: {reason}"})
    return Response(code, {"content-type": "application/json"}, body)
