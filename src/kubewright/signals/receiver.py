"""Where Alertmanager posts: an ASGI application that lets in who has the token, and nothing that is too large.

It answers at once; the work waits in a queue, each alert once. What does not fit is refused with 503, and Alertmanager
brings it again.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable

from prometheus_client import CollectorRegistry, Counter

from kubewright.errors import OpError
from kubewright.runtime.exchange import PLAIN, answer, read_body
from kubewright.runtime.serving import Receive, Scope, Send
from kubewright.signals.incoming import decoded
from kubewright.signals.intake import take_in
from kubewright.signals.signal import Standing

PATH = "/alerts"
MOST_BYTES = 4 * 1024 * 1024
LEAST_TOKEN = 16


class Receiver:
    """Takes notifications in; `tell` is called with the key of each alert that is news."""

    def __init__(
        self, token: str, standing: Standing, tell: Callable[[str], None], registry: CollectorRegistry | None = None
    ) -> None:
        """Put one together; a token that could be guessed is a ValueError."""
        if len(token) < LEAST_TOKEN:
            raise ValueError(f"a token has at least {LEAST_TOKEN} characters")
        self._expected = f"Bearer {token}".encode()
        self._standing = standing
        self._tell = tell
        self._answers = Counter(
            "kubewright_alert_notifications_total", "Notifications of alerts by answer", ("code",), registry=registry
        )
        self._refused = Counter(
            "kubewright_alerts_refused_total", "Alerts that there was no room for", registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        status, text = self._refusal(scope) or await self._take(receive)
        self._answers.labels(str(status)).inc()
        await answer(send, status, PLAIN, f"{text}\n".encode())

    def _refusal(self, scope: Scope) -> tuple[int, str] | None:
        if scope["path"] != PATH:
            return 404, "not found"
        if scope["method"] != "POST":
            return 405, "method not allowed"
        # Who is let in is decided before anything of the body is read.
        shown = next((value for name, value in scope["headers"] if name.lower() == b"authorization"), b"")
        if not hmac.compare_digest(shown, self._expected):
            return 401, "unauthorized"
        return None

    async def _take(self, receive: Receive) -> tuple[int, str]:
        body = await read_body(receive, MOST_BYTES)
        if body is None:
            return 413, "too large"
        try:
            alerts = decoded(body)
        except OpError as error:
            return 400, error.detail
        refused = take_in(self._standing, self._tell, (each.signal for each in alerts))
        if refused:
            self._refused.inc(refused)
            return 503, f"{refused} alerts too many"
        return 200, "ok"
