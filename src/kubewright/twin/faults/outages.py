"""Webhooks that faults make unreachable: a transport before the real one, while such faults are in force."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from urllib.parse import urlsplit

from kubewright.twin.faults import parameters as p
from kubewright.twin.faults.inforce import Active
from kubewright.twin.webhooks.questions import HttpAnswer, Question, UnreachableError, WebhookTransport

_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Outages:
    """Refuses or keeps silent for webhooks that a fault means; passes on what is asked of the others."""

    faults: Sequence[Active]
    transport: WebhookTransport

    async def post(self, question: Question, body: bytes) -> HttpAnswer:
        """Send one review, or fail as a fault says; raises UnreachableError."""
        for fault in self.faults:
            meant = fault.spec.target.webhooks
            if meant is not None and meant.matches(question.configuration, question.webhook):
                await _fail(fault, question)
        return await self.transport.post(question, body)


async def _fail(fault: Active, question: Question) -> None:
    outage = fault.spec.webhook_outage or p.WebhookOutage()
    if outage.mode == "Timeout":
        await asyncio.sleep(question.timeout_seconds)
        raise UnreachableError("context deadline exceeded")
    parts = urlsplit(question.address.url)
    dialled = question.address.dial or f"{parts.hostname}:{parts.port or _HTTPS_PORT}"
    raise UnreachableError(f"dial tcp {dialled}: connect: connection refused")
