"""Simulated node agents: what `kubewright agent node` would say and do on the twin's nodes.

They renew their leases, say which neighbours they do not reach, boot their machine when the healer asks for it, and
when they have been cut off for too long, as the agent's watchdog does. What reaches whom follows from the faults in
force. A twin has none unless somebody runs them beside it; `TwinReach` is how its nodes answer whoever asks.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass, field

from kubewright.api.coordination import LEASES
from kubewright.api.core import NAMESPACES, PODS, Node
from kubewright.api.meta import rfc3339_micro
from kubewright.api.nodeagent import (
    FENCE,
    FENCED,
    FENCED_AFTER_SECONDS,
    GIVE_UP_SECONDS,
    LOOK_SECONDS,
    NAMESPACE,
    NEIGHBOURS,
    RENEW_SECONDS,
    SELF_FENCING,
    UNREACHED,
    Answer,
    lease_manifest,
    read_neighbours,
)
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import OpError
from kubewright.twin.kubelet.driver import Kubelet
from kubewright.twin.kubelet.faults import NodeTrouble, OnNodes, node_named
from kubewright.twin.kubelet.life import all_containers

FIELD_MANAGER = "kubewright-node-agent"
_BOOT_SECONDS = 30.0
_LOST_CODE = 255


class TwinReach:
    """How the nodes of a twin answer at their kubelet's port."""

    def __init__(self, kubelet: Kubelet) -> None:
        self._kubelet = kubelet

    async def ask(self, node: Node) -> Answer:
        """Return what comes back."""
        trouble = self._kubelet.trouble(node.metadata.name)
        if node.metadata.name not in self._kubelet.nodes or trouble.unreachable:
            return Answer.NOTHING
        return Answer.MACHINE if trouble.hung else Answer.KUBELET


@dataclass(slots=True)
class _Agent:
    """What one of them remembers."""

    renewed_at: float = 0.0
    neighbours: tuple[str, ...] = ()
    unreached: tuple[str, ...] = ()
    missed: dict[str, None] = field(default_factory=dict[str, None])
    """Neighbours that did not answer once."""
    ordered: str = ""
    """The incident for which it is to boot."""
    done: str = ""
    boots_until: float | None = None


class SimulatedAgents:
    """One for each node, in one loop."""

    def __init__(self, client: Client, clock: Clock, kubelet: Kubelet, *, self_fencing: bool = True) -> None:
        self._client = client
        self._clock = clock
        self._kubelet = kubelet
        self._self_fencing = self_fencing
        self._agents: dict[str, _Agent] = {}
        self.fenced: dict[str, float] = {}
        """Nodes whose agent has stopped all that ran, and when."""

    async def run(self) -> None:
        """Look every five seconds until cancelled."""
        with contextlib.suppress(OpError):  # it is there already
            await self._client.create(
                NAMESPACES, {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
            )
        while True:
            for name in tuple(self._kubelet.nodes):
                await self._turn(name, self._agents.setdefault(name, _Agent(self._clock.now() - RENEW_SECONDS)))
            await asyncio.sleep(LOOK_SECONDS)

    async def _turn(self, name: str, agent: _Agent) -> None:
        now = self._clock.now()
        if name in self.fenced:
            await self._boot(name, agent, now)
        trouble = self._kubelet.trouble(name)
        if trouble.down:
            return
        if trouble.partitioned:
            if self._self_fencing and now - agent.renewed_at >= GIVE_UP_SECONDS:
                self._stop(name)
            return
        if agent.ordered != agent.done:
            self._stop(name)
            agent.boots_until = now + _BOOT_SECONDS
            return
        unreached = self._look(agent)
        if unreached != agent.unreached or now - agent.renewed_at >= RENEW_SECONDS:
            with contextlib.suppress(OpError):
                await self._renew(name, agent, unreached, now)

    def _look(self, agent: _Agent) -> tuple[str, ...]:
        """Return the neighbours that have not answered twice; a kubelet that hangs has a machine that answers."""
        missing = [each for each in agent.neighbours if self._kubelet.trouble(each).unreachable]
        found = tuple(each for each in missing if each in agent.missed)
        agent.missed = dict.fromkeys(missing)
        return found

    async def _renew(self, name: str, agent: _Agent, unreached: tuple[str, ...], now: float) -> None:
        notes = {UNREACHED: ",".join(unreached), FENCED: agent.done}
        if self._self_fencing:
            notes[SELF_FENCING] = f"{FENCED_AFTER_SECONDS:.0f}"
        notes = {key: text for key, text in notes.items() if text}
        written = await self._client.apply(
            LEASES, lease_manifest(name, notes, rfc3339_micro(now)), field_manager=FIELD_MANAGER
        )
        agent.renewed_at, agent.unreached = now, unreached
        said = written.metadata.annotations
        agent.neighbours = tuple(read_neighbours(said.get(NEIGHBOURS, "")))
        agent.ordered = said.get(FENCE, "") or agent.done

    def _stop(self, name: str) -> None:
        self.fenced[name] = self._clock.now()
        self._hold_down(name)

    def _hold_down(self, name: str) -> None:
        self._kubelet.inject(_rule(name), OnNodes(node_named(name), NodeTrouble(down=True)))

    async def _boot(self, name: str, agent: _Agent, now: float) -> None:
        """Come up again once nothing holds the node down any more: what ran there starts anew."""
        self._kubelet.lift(_rule(name))
        booting = agent.boots_until is not None and now < agent.boots_until
        if booting or self._kubelet.trouble(name).unreachable:
            self._hold_down(name)
            return
        agent.done, agent.boots_until = agent.ordered, None
        del self.fenced[name]
        for pod in (await self._client.list(PODS, field_selector=f"spec.nodeName={name}")).items:
            for container in all_containers(pod):
                self._kubelet.crash(pod.key, _LOST_CODE, container=container.name)


def _rule(name: str) -> str:
    return f"self-fenced {name}"
