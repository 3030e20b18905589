"""`/debug/*` beside the health endpoints: each request is let in by the gatekeeper, and one profile runs at a time."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from urllib.parse import parse_qs

from kubewright.runtime.diagnostics import views
from kubewright.runtime.diagnostics.gatekeeper import Gatekeeper
from kubewright.runtime.exchange import PLAIN, answer
from kubewright.runtime.serving import AsgiApp, Receive, Scope, Send
from kubewright.runtime.traces import Traces

PREFIX = "/debug/"
MOST_SECONDS = 60.0
_JSON = "application/json"
_INDEX = """/debug/tasks                         every task and where it waits
/debug/profile?seconds=10            where the processor's time goes, for speedscope.app; &format=text to read it here
/debug/heap                          objects by type; ?seconds=10 for what is allocated meanwhile and stays
/debug/trace?controller=&key=        the last reconciles: causes, requests, outcome, time
"""


class _BadRequestError(Exception):
    """A query that cannot be answered."""


@dataclass(slots=True)
class DiagnosticsApp:
    """An application that answers `/debug/*` itself and leaves all else to another."""

    inner: AsgiApp
    gatekeeper: Gatekeeper
    traces: Traces
    _busy: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        path: str = scope.get("path", "")
        if scope["type"] != "http" or not path.startswith(PREFIX):
            await self.inner(scope, receive, send)
            return
        status, content_type, body = await self._answer(scope, path)
        challenge = [(b"www-authenticate", b"Bearer")] if status == 401 else []  # noqa: PLR2004  unauthorized
        await answer(send, status, content_type, body, *challenge, method=scope["method"])

    async def _answer(self, scope: Scope, path: str) -> tuple[int, str, bytes]:
        if scope["method"] not in {"GET", "HEAD"}:
            return 405, PLAIN, b"method not allowed\n"
        shown = next((value.decode("latin-1") for name, value in scope["headers"] if name == b"authorization"), "")
        refusal = await self.gatekeeper.refusal(shown, path)
        if refusal is not None:
            return refusal.status, PLAIN, f"{refusal.message}\n".encode()
        asked = parse_qs(scope.get("query_string", b"").decode("latin-1"))
        query = {name: values[-1] for name, values in asked.items()}
        try:
            return await self._view(path, query)
        except _BadRequestError as error:
            return 400, PLAIN, f"{error}\n".encode()

    async def _view(self, path: str, query: dict[str, str]) -> tuple[int, str, bytes]:
        match path.removeprefix(PREFIX):
            case "":
                return 200, PLAIN, _INDEX.encode()
            case "tasks":
                return 200, PLAIN, views.tasks().encode()
            case "heap" if "seconds" not in query:
                return 200, PLAIN, views.objects().encode()
            case "trace":
                found = self.traces.last(query.get("controller", ""), query.get("key", ""))
                return 200, _JSON, views.reconciles(found, asyncio.get_running_loop().time())
            case "heap" | "profile" as name:
                return await self._measured(name, query)
            case _:
                return 404, PLAIN, b"not found; see /debug/\n"

    async def _measured(self, name: str, query: dict[str, str]) -> tuple[int, str, bytes]:
        seconds, form = _seconds(query), query.get("format", "speedscope")
        if form not in {"speedscope", "text"}:
            raise _BadRequestError(f"format is speedscope or text, not {form}")
        if self._busy.locked():
            return 409, PLAIN, b"another measurement is under way\n"
        async with self._busy:
            if name == "heap":
                return 200, PLAIN, (await views.growth(seconds)).encode()
            profile = await views.profile(seconds, as_text=form == "text")
            return 200, PLAIN if form == "text" else _JSON, profile.encode()


def _seconds(query: dict[str, str]) -> float:
    text = query.get("seconds", "10")
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds <= MOST_SECONDS:
        raise _BadRequestError(f"seconds are a number up to {MOST_SECONDS:g}, not {text}")
    return seconds
