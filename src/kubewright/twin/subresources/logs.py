"""`pods/log`: which container's log is meant, how much of it, and following it.

What is written is simulated (`kubelet.loglines`); the options, and what is answered where there is nothing to show, are
those of the API server and the kubelet.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

import msgspec

from kubewright.api.core import Container, Pod
from kubewright.api.meta import parse_time, rfc3339_micro
from kubewright.client.transport import Response
from kubewright.errors import OpError
from kubewright.twin import status
from kubewright.twin.answers import plain
from kubewright.twin.call import Call
from kubewright.twin.kubelet.life import all_containers
from kubewright.twin.kubelet.loglines import Line, LoggedRun, NoLogError, lines, run_of
from kubewright.twin.options import boolean, number
from kubewright.twin.registry import Target
from kubewright.twin.validation.fields import FieldError, forbidden, invalid

POLL_SECONDS = 1.0
_PLAIN = {"content-type": "text/plain"}
_NEGATIVE = "must be greater than or equal to 0"
_NOT_POSITIVE = "must be greater than 0"


@dataclass(frozen=True, slots=True)
class LogOptions:
    """How much of a log is asked for."""

    container: str = ""
    follow: bool = False
    previous: bool = False
    timestamps: bool = False
    since_seconds: int | None = None
    since_time: float | None = None
    tail_lines: int | None = None
    limit_bytes: int | None = None

    def since(self, now: float) -> float:
        """Return the moment from which on lines are shown."""
        if self.since_seconds is not None:
            return now - self.since_seconds
        return self.since_time or 0.0

    def text(self, line: Line) -> str:
        """Return a line as it is sent."""
        stamp = f"{rfc3339_micro(line.at)} " if self.timestamps else ""
        return f"{stamp}{line.text}\n"


def log(call: Call) -> Response:
    """Answer a container's log, whole or as it is written."""
    options = _options(call.query, call.name)
    pod = _pod(call)
    spec = _container(pod, options.container)
    if not pod.spec.node_name:
        return Response(204)
    try:
        run = run_of(pod, spec.name, previous=options.previous)
    except NoLogError as error:
        raise status.bad_request(str(error)) from None
    now = call.now()
    shown = [line for line in lines(pod, spec, run, now) if line.at >= options.since(now)]
    if options.tail_lines is not None:
        shown = shown[len(shown) - min(options.tail_lines, len(shown)) :]
    text = "".join(map(options.text, shown))
    if options.follow and run.ended_at is None:
        return Response(200, _PLAIN, stream=_stream(call, options, spec, run, text))
    return plain(_limited(text, options.limit_bytes))


class LogStream:
    """A log that is followed: it ends with the container's run, its budget of bytes, or when it is closed."""

    def __init__(self, first: str, more: Callable[[], tuple[str, bool]], limit_bytes: int | None) -> None:
        """Begin with what is there; `more` returns what was written since, and whether that was all."""
        self._next = first
        self._more = more
        self._left = limit_bytes
        self._closed = asyncio.Event()
        self._done = False

    def __aiter__(self) -> LogStream:
        return self

    async def __anext__(self) -> bytes:
        while not self._next:
            if self._done or self._closed.is_set():
                raise StopAsyncIteration
            await self._pause()
            self._next, self._done = self._more()
        chunk, self._next = _limited(self._next, self._left).encode(), ""
        if self._left is not None:
            self._left -= len(chunk)
            self._done = self._done or self._left <= 0
        return chunk

    async def aclose(self) -> None:
        """End it."""
        self.end()

    def end(self) -> None:
        """Let it end at once."""
        self._next, self._done = "", True
        self._closed.set()

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(POLL_SECONDS):
                await self._closed.wait()
        except TimeoutError:
            return


def _stream(call: Call, options: LogOptions, spec: Container, run: LoggedRun, text: str) -> LogStream:
    shown_until = call.now()

    def more() -> tuple[str, bool]:
        nonlocal shown_until
        try:
            pod = _pod(call)
            present = run_of(pod, spec.name)
        except (status.StatusError, NoLogError, OpError):
            return "", True
        is_over = present.began_at != run.began_at or present.ended_at is not None
        if present.began_at != run.began_at:
            present = run_of_previous(pod, spec.name, run)
        after, shown_until = shown_until, call.now()
        new = [line for line in lines(pod, spec, present, shown_until) if after < line.at <= shown_until]
        return "".join(map(options.text, new)), is_over

    stream = LogStream(text, more, options.limit_bytes)
    call.services.hub.keep(stream)
    return stream


def run_of_previous(pod: Pod, container: str, run: LoggedRun) -> LoggedRun:
    """Return how a run ended after which another began, as far as the status tells."""
    try:
        ended = run_of(pod, container, previous=True)
    except NoLogError:
        return run
    return ended if ended.began_at == run.began_at else run


def _pod(call: Call) -> Pod:
    return msgspec.convert(call.registry.read(Target(call.kind, call.namespace, call.name)).obj, Pod)


def _limited(text: str, limit: int | None) -> str:
    return text if limit is None else text.encode()[:limit].decode(errors="ignore")


def _container(pod: Pod, asked: str) -> Container:
    name, containers = pod.metadata.name, all_containers(pod)
    if asked:
        found = next((each for each in containers if each.name == asked), None)
        if found is None:
            raise status.bad_request(f"container {asked} is not valid for pod {name}")
        return found
    if len(pod.spec.containers) != 1:
        names = " ".join(each.name for each in containers)
        raise status.bad_request(f"a container name must be specified for pod {name}, choose one of: [{names}]")
    return pod.spec.containers[0]


def _options(query: Mapping[str, str], pod: str) -> LogOptions:
    numbers = {name: number(query[name]) for name in ("sinceSeconds", "tailLines", "limitBytes") if query.get(name)}
    since_time = _moment(query.get("sinceTime", ""))
    problems: list[FieldError] = []
    if numbers.get("tailLines", 0) < 0:
        problems.append(invalid("tailLines", numbers["tailLines"], _NEGATIVE))
    if numbers.get("limitBytes", 1) < 1:
        problems.append(invalid("limitBytes", numbers["limitBytes"], _NOT_POSITIVE))
    if "sinceSeconds" in numbers and since_time is not None:
        problems.append(forbidden("", "at most one of `sinceTime` or `sinceSeconds` may be specified"))
    elif numbers.get("sinceSeconds", 1) < 1:
        problems.append(invalid("sinceSeconds", numbers["sinceSeconds"], _NOT_POSITIVE))
    if "stream" in query:
        problems.append(forbidden("stream", "may not be specified"))
    if problems:
        raise status.invalid("", "PodLogOptions", pod, problems)
    return LogOptions(
        container=query.get("container", ""),
        follow=bool(boolean(query, "follow")),
        previous=bool(boolean(query, "previous")),
        timestamps=bool(boolean(query, "timestamps")),
        since_seconds=numbers.get("sinceSeconds"),
        since_time=since_time,
        tail_lines=numbers.get("tailLines"),
        limit_bytes=numbers.get("limitBytes"),
    )


def _moment(text: str) -> float | None:
    if not text:
        return None
    try:
        datetime.fromisoformat(text)
    except ValueError:
        raise status.bad_request(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse') from None
    return parse_time(text)
