"""The machines below nodes that have fallen silent: whether somebody can switch them off, and whether they are.

That is a proof that nothing runs there any more which needs no agent (ADR 71). Machines are read for nodes that are
silent, or held, alone; what has not been read, or could not be, is no proof.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import Protocol

from kubewright.api.core import Node
from kubewright.api.plan import Write
from kubewright.errors import OpError
from kubewright.runtime.rounds import surviving

LOOK_SECONDS = 2.0
MOST_AT_ONCE = 64
"""So many are looked at; more nodes that fall silent at once have another cause, and wait for a person."""

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Machine:
    """A machine as whoever runs it tells of it."""

    about: str
    is_off: bool
    """Whether it has no power, by what its management controller said last."""
    is_held: bool
    """Whether it is kept off, or is to be, until the healer lets it go."""
    turn_off: Write
    """Has it switched off at once, and kept off; on the very version that was seen."""
    let_go: Write
    """Has it switched on again."""


class MachineSource(Protocol):
    """Who runs machines."""

    async def machine_of(self, node: Node) -> Machine | None:
        """Return a node's machine; None where it is not theirs. Raises OpError."""
        ...


class Machines:
    """Looks at the machines of the nodes that it is told of, every two seconds."""

    def __init__(self, source: MachineSource, nodes: Callable[[], Collection[Node]], found: dict[str, Machine]) -> None:
        """Put it together; by a node's name, what was `found` is there for whoever decides."""
        self._source = source
        self._nodes = nodes
        self._found = found

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with surviving("machines"):
                await self.look()

    async def look(self) -> None:
        """Look once; of whom nothing can be read, nothing is known."""
        asked = sorted(self._nodes(), key=lambda each: each.metadata.name)[:MOST_AT_ONCE]
        for gone in self._found.keys() - {each.metadata.name for each in asked}:
            del self._found[gone]
        for node in asked:
            try:
                machine = await self._source.machine_of(node)
            except OpError as error:
                _log.info("the machine of %s is not read: %s", node.metadata.name, error)
                machine = None
            if machine is not None:
                self._found[node.metadata.name] = machine
            else:
                self._found.pop(node.metadata.name, None)
