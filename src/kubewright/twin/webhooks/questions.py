"""Questions to webhooks, and what one request has drawn and learned so far.

Admission asks by `Memory.replies`; the server sends what is missing and runs the request again.
"""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol

import msgspec

from kubewright.api.meta import Manifest

Draw = tuple[int, float]
"""What was asked of the generator (bits, or 0 for a float), and what it gave."""


@dataclass(frozen=True, slots=True)
class Address:
    """Where a webhook answers: the URL that errors show, and where to connect if that is elsewhere."""

    url: str
    ca_bundle: bytes = b""
    dial: str = ""
    """`host:port` instead of the URL's, whose host then is only the name in the certificate."""
    problem: str = ""
    """Why it cannot even be tried."""


@dataclass(frozen=True, slots=True)
class Question:
    """A review without its uid: what is asked twice within a request gets the first answer."""

    configuration: str
    webhook: str
    """Who is asked: a configuration, and a name in it."""
    address: Address
    api_version: str
    kind: str
    request: bytes
    """JSON of the review's `request`."""
    timeout_seconds: float

    @property
    def shown_url(self) -> str:
        """Return the URL with its query, as errors show it."""
        return f"{self.address.url}?timeout={self.timeout_seconds:g}s"

    def body(self, uid: str) -> bytes:
        """Return the review as it is sent."""
        request: Manifest = {"uid": uid, **msgspec.json.decode(self.request)}
        return msgspec.json.encode({"kind": self.kind, "apiVersion": self.api_version, "request": request})


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """What came back, whatever its status."""

    status: int
    body: bytes
    content_type: str = "application/json"


@dataclass(frozen=True, slots=True)
class Reply:
    """The answer to a question that was sent under a uid; `failure` says why there is none, as Go's client words it."""

    uid: str
    answer: HttpAnswer | None = None
    failure: str = ""


class UnreachableError(Exception):
    """No answer came; its text is the cause in Go's words: `dial tcp 127.0.0.1:1: connect: connection refused`."""


class WebhookTransport(Protocol):
    """Carries reviews to webhooks: over HTTPS for a served twin, by a function call in simulations."""

    async def post(self, question: Question, body: bytes) -> HttpAnswer:
        """Send one review; raises UnreachableError."""
        ...


class NoWay:
    """A server of its own, on no network."""

    async def post(self, question: Question, body: bytes) -> HttpAnswer:  # noqa: ARG002  the Protocol's
        """Reach nobody."""
        raise UnreachableError("the twin has no way to call webhooks")


class Unanswered(Exception):  # noqa: N818  a signal, not a failure
    """A request cannot go on without these answers."""

    def __init__(self, questions: Sequence[Question]) -> None:
        super().__init__(f"{len(questions)} questions")
        self.questions = questions


class Memory:
    """What one request drew and learned, through all its runs."""

    def __init__(self, began: float) -> None:
        self.began = began
        """When the request came, in seconds since 1970: what each of its runs takes for now."""
        self.draws: list[Draw] = []
        self._replies: dict[Question, Reply] = {}

    def replies(self, questions: Sequence[Question]) -> list[Reply]:
        """Return the answers; raises Unanswered for those that are not known yet, all at once."""
        missing = [question for question in questions if question not in self._replies]
        if missing:
            raise Unanswered(missing)
        return [self._replies[question] for question in questions]

    async def learn(
        self, questions: Sequence[Question], transport: WebhookTransport, new_uid: Callable[[], str]
    ) -> None:
        """Ask, all at the same time, and remember."""
        asked = [(question, new_uid()) for question in dict.fromkeys(questions)]
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(_reply(transport, question, uid)) for question, uid in asked]
        self._replies.update({question: task.result() for (question, _), task in zip(asked, tasks, strict=True)})


async def _reply(transport: WebhookTransport, question: Question, uid: str) -> Reply:
    if question.address.problem:
        return Reply(uid, failure=question.address.problem)
    try:
        async with asyncio.timeout(question.timeout_seconds):
            return Reply(uid, await transport.post(question, question.body(uid)))
    except TimeoutError:
        return Reply(uid, failure="context deadline exceeded")
    except UnreachableError as error:
        return Reply(uid, failure=str(error))


class Draws(random.Random):
    """The server's generator, which gives a request that is run again what it drew before.

    Without a log it is an ordinary generator. A request that draws in another order than before (the state changed in
    between) draws anew from there on.
    """

    _log: list[Draw] | None = None
    _next = 0

    @contextmanager
    def repeating(self, log: list[Draw]) -> Generator[None]:
        """Give what the log has, then go on and write it down."""
        self._log, self._next = log, 0
        try:
            yield
        finally:
            self._log = None

    def random(self) -> float:
        """Return a float below 1."""
        return super().random() if self._log is None else self._drawn(self._log, 0, super().random)

    def getrandbits(self, k: int) -> int:
        """Return an integer of `k` bits."""
        if self._log is None:
            return super().getrandbits(k)
        return int(self._drawn(self._log, k, lambda: super(Draws, self).getrandbits(k)))

    def _drawn(self, log: list[Draw], what: int, draw: Callable[[], float]) -> float:
        at = self._next
        if at >= len(log) or log[at][0] != what:
            del log[at:]
            log.append((what, draw()))
        self._next += 1
        return log[at][1]
