"""Permits from the one budget for whoever takes pods off nodes or nodes out of service: asked for before acting.

    asked = permits(operator)                  # `watching.permits`, in `build`, after the service's own informers
    drained, = await asked.take(Request(NAME, f"repair/{node}", why, urgency=Urgency.REPAIR, nodes=(node,)))
    match drained:
        case Refused():   ...  # say so on the object (str(drained)), come back at drained.again_at
        case Granted():   ...  # act; once the node is back, or gone: await asked.give_back(f"repair/{node}")

Several requests are judged together, the most urgent first, and written at once. What is granted is in the
DisruptionLedger before `take` returns, by a write on condition that nobody else has written: no two services are ever
given the same room, and a restart forgets nothing. Where the API cannot be reached `take` raises OpError, and whoever
asked does nothing. Asking again for what one holds costs no request.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from kubewright.api.core import NODES, PODS
from kubewright.api.crds.disruptionledger import (
    DISRUPTION_LEDGERS,
    LEDGER_NAME,
    DisruptionLedger,
    LedgerStatus,
)
from kubewright.api.meta import ObjectKey
from kubewright.client.protocol import Client, PatchType
from kubewright.disruption.ledger import settled, without, written
from kubewright.disruption.limits import already, judge
from kubewright.disruption.requests import Decision, Request
from kubewright.disruption.world import World, is_well
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.children import get_or_none

_KEY = ObjectKey("", LEDGER_NAME)
_ATTEMPTS = 10
_TRUSTED_SECONDS = 60.0
"""For so long what one holds is believed to be held, without asking the server."""


@dataclass(slots=True)
class Permits:
    """What one service asks for permits by; it may be asked by many tasks."""

    client: Client
    requester: str
    world: Callable[[], World]
    """The cluster as the service's caches have it now."""
    _known: DisruptionLedger | None = None
    _known_at: float = 0.0
    _turn: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def take(self, *requests: Request) -> list[Decision]:
        """Ask for permits; return the decisions in the order of the requests. Without any it does nothing."""
        if not requests:
            return []
        async with self._turn:
            held = self._already(requests)
            if held is not None:
                return held
            decisions: list[Decision] = []

            def change(ledger: LedgerStatus, world: World) -> LedgerStatus:
                nonlocal decisions
                decisions, after = judged(requests, ledger, world)
                return after

            await self._write(change, requests)
            return decisions

    async def give_back(self, *abouts: str) -> None:
        """Give permits back, by what they were about: what they were about is back in service, or gone for good."""
        ids = [f"{self.requester}/{each}" for each in abouts]
        if ids:
            async with self._turn:
                await self._write(lambda ledger, _: without(ledger, ids))

    async def standing(self) -> list[str]:
        """Return what this service holds permits about, as a service that has begun anew finds it."""
        ledger = await self._read()
        mark = f"{self.requester}/"
        return [each.id.removeprefix(mark) for each in ledger.status.permits if each.id.startswith(mark)]

    def _already(self, requests: Sequence[Request]) -> list[Decision] | None:
        """Return the answer if all of it is held already for long enough."""
        now, known = self.world().now, self._known
        if known is None or now - self._known_at > _TRUSTED_SECONDS:
            return None
        found: list[Decision] = []
        for each in requests:
            held = already(each, known.status, now)
            if held is None:
                return None
            found.append(held)
        return found

    async def _write(
        self, change: Callable[[LedgerStatus, World], LedgerStatus], about: Sequence[Request] = ()
    ) -> None:
        """Change the ledger as it is, whoever else changes it; nothing is sent if there is nothing to change."""
        for left in reversed(range(_ATTEMPTS)):
            ledger = await self._read()
            world = await self._look(about)
            self._known, self._known_at = ledger, world.now
            clean = settled(ledger.status, world)
            after = change(clean, world)
            if after == clean:
                return
            version = {"resourceVersion": ledger.metadata.resource_version, "uid": ledger.metadata.uid}
            try:
                self._known = await self.client.patch(
                    DISRUPTION_LEDGERS,
                    _KEY,
                    {"metadata": version, "status": dict(written(after))},
                    PatchType.MERGE,
                    subresource="status",
                    field_manager=self.requester,
                )
            except OpError as error:
                if error.kind is not ErrorKind.CONFLICT or not left:
                    raise
            else:
                self._known_at = world.now
                return

    async def _look(self, requests: Sequence[Request]) -> World:
        """Return the world; what of it need no room, since it looks out of service already, is read afresh."""
        world = self.world()
        out = looked_out(requests, world)
        nodes = {name: await get_or_none(self.client, NODES, ObjectKey("", name)) for name in out.nodes}
        return world.corrected(nodes, {key: await get_or_none(self.client, PODS, key) for key in out.pods})

    async def _read(self) -> DisruptionLedger:
        return await get_or_none(self.client, DISRUPTION_LEDGERS, _KEY) or await self._create()

    async def _create(self) -> DisruptionLedger:
        head = {"apiVersion": DISRUPTION_LEDGERS.api_version, "kind": DISRUPTION_LEDGERS.kind}
        manifest = {**head, "metadata": {"name": LEDGER_NAME}}
        try:
            return await self.client.create(DISRUPTION_LEDGERS, manifest, field_manager=self.requester)
        except OpError as error:
            if error.kind is not ErrorKind.ALREADY_EXISTS:
                raise
        return await self.client.get(DISRUPTION_LEDGERS, _KEY)


@dataclass(frozen=True, slots=True)
class Looked:
    """What is asked for, and out of service already by what caches say, which may be of a moment ago."""

    nodes: tuple[str, ...]
    pods: tuple[ObjectKey, ...]


def looked_out(requests: Sequence[Request], world: World) -> Looked:
    """Return what requests ask for that would need no room."""
    nodes = {name for each in requests for name in (*each.nodes, *each.gpus) if name in world.out_of_service}
    pods = {
        ref.key
        for each in requests
        for ref in each.pods
        if (pod := world.pod_at(ref.key)) is not None and not is_well(pod)
    }
    return Looked(tuple(sorted(nodes)), tuple(sorted(pods)))


def judged(requests: Sequence[Request], ledger: LedgerStatus, world: World) -> tuple[list[Decision], LedgerStatus]:
    """Judge several requests, the most urgent first; return the decisions in the order of the requests."""
    decisions: dict[int, Decision] = {}
    for index in sorted(range(len(requests)), key=lambda each: -requests[each].urgency):
        decisions[index], ledger = judge(requests[index], ledger, world)
    return [decisions[index] for index in range(len(requests))], ledger
