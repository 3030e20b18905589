"""Asks after nodes that have fallen silent: at their kubelet's port, and of what their neighbours say.

Only suspects are asked after, every two seconds and each for itself, so that a node that does not answer keeps nobody.
What comes back are signals beside the lease's own; they end when the node is heard again.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, replace
from typing import Protocol

from kubewright.api.core import NODES, Node
from kubewright.api.nodeagent import Answer
from kubewright.clock import Clock
from kubewright.runtime.rounds import surviving
from kubewright.signals.agents import Agents
from kubewright.signals.signal import Fault, Signal, Witness
from kubewright.signals.signs import Subject

ASK_SECONDS = 2.0
_LIMIT_SECONDS = 3.0
MOST_AT_ONCE = 64
"""Who are asked at once; of more only these are, and so many at once have another cause."""
_SAID = {
    Answer.KUBELET: (Fault.KUBELET_ANSWERS, "its kubelet answers whoever asks"),
    Answer.MACHINE: (Fault.KUBELET_MUTE, "its machine answers, and its kubelet does not"),
    Answer.NOTHING: (Fault.KUBELET_UNREACHABLE, "nothing answers at its kubelet's port"),
}
_LOOKED_SECONDS = 30.0
"""By then neighbours have looked twice since it was heard, and have said so."""
_TIMES = 2
"""So many answers of one kind in a row count."""


@dataclass(frozen=True, slots=True)
class Suspect:
    """A node that has fallen silent."""

    node: Node
    heard_at: float
    observers: Sequence[str]
    """The nodes whose agents look at it."""

    @property
    def name(self) -> str:
        """Return its name."""
        return self.node.metadata.name


class Reach(Protocol):
    """Asks at the port of a node's kubelet."""

    async def ask(self, node: Node) -> Answer:
        """Return what comes back; it must not take longer than a few seconds, and raises nothing."""
        ...


@dataclass(slots=True)
class _Asked:
    """What a suspect has answered of late."""

    answer: Answer
    since: float
    times: int = 1


class Suspects:
    """Keeps the signals of those who are silent."""

    def __init__(
        self,
        clock: Clock,
        reach: Reach,
        silent: Callable[[], Sequence[Suspect]],
        agents: Agents,
        tell: Callable[[Sequence[Signal]], None],
    ) -> None:
        """`silent` are the suspects at a moment; `tell` takes signals in."""
        self._clock = clock
        self._reach = reach
        self._silent = silent
        self._agents = agents
        self._tell = tell
        self._asked: dict[str, _Asked] = {}
        self._told: dict[str, dict[str, Signal]] = {}
        """By node, then by fingerprint."""

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            with surviving("asking after silent nodes"):
                await self._ask_all()
            await asyncio.sleep(ASK_SECONDS)

    async def _ask_all(self) -> None:
        suspects = self._silent()[:MOST_AT_ONCE]
        self._forget_but({each.name for each in suspects})
        await asyncio.gather(*(self._ask(each) for each in suspects))
        self._forget_but({each.name for each in self._silent()})  # heard of meanwhile

    def _forget_but(self, names: Collection[str]) -> None:
        for gone in [name for name in self._asked if name not in names]:
            del self._asked[gone]
            self._say(gone, [])

    async def _ask(self, suspect: Suspect) -> None:
        try:
            async with asyncio.timeout(_LIMIT_SECONDS):
                answer = await self._reach.ask(suspect.node)
        except TimeoutError:
            answer = Answer.NOTHING
        now, name = self._clock.now(), suspect.name
        asked = self._asked.get(name)
        if asked is None or asked.answer is not answer:
            asked = self._asked[name] = _Asked(answer, now)
        else:
            asked.times += 1
        self._say(name, [*self._of_endpoint(suspect.node, asked), *self._of_neighbours(suspect, now)])

    def _of_endpoint(self, node: Node, asked: _Asked) -> list[Signal]:
        if asked.times < _TIMES and asked.answer is not Answer.KUBELET:
            return []
        fault, text = _SAID[asked.answer]
        sign = Subject(NODES, node, node.metadata.name).sign(fault, text, asked.since, Witness.ENDPOINT)
        return [sign.signal]

    def _of_neighbours(self, suspect: Suspect, now: float) -> list[Signal]:
        node, name = suspect.node, suspect.name
        views = self._agents.views(name, suspect.observers, now)
        if not views.lost and (not views.reached or now - suspect.heard_at < _LOOKED_SECONDS):
            return []
        lost = len(views.lost) > len(views.reached)
        names = ", ".join(views.lost if lost else views.reached)
        fault = Fault.NODE_UNREACHED if lost else Fault.NODE_REACHED
        text = f"{names} {'do not reach' if lost else 'reach'} its machine"
        return [Subject(NODES, node, name).sign(fault, text, now, Witness.NEIGHBOURS).signal]

    def _say(self, name: str, signals: Sequence[Signal]) -> None:
        """Tell what is new, and end what is said no more."""
        before, after = self._told.get(name, {}), {each.fingerprint: each for each in signals}
        ended = [replace(each, ended=True) for key, each in before.items() if key not in after]
        new = [each for key, each in after.items() if key not in before]
        if after:
            self._told[name] = {key: before.get(key, each) for key, each in after.items()}
        else:
            self._told.pop(name, None)
        if ended or new:
            self._tell([*ended, *new])
