"""Tells each node's agent who its neighbours are: on its lease, when that has changed."""

from __future__ import annotations

import asyncio
import logging

from kubewright.api.coordination import LEASES
from kubewright.api.nodeagent import NEIGHBOURS, notes_manifest
from kubewright.client.protocol import Client
from kubewright.errors import OpError
from kubewright.runtime.rounds import surviving
from kubewright.signals.watching import ApiSignals

FIELD_MANAGER = "kubewright-healing-neighbours"
"""Of its own: what one manager applies at one time takes the place of what it applied before."""
_LOOK_SECONDS = 5.0
_AT_ONCE = 50
"""So many leases are written in each look: 5,000 nodes that are new know their neighbours after some minutes."""

_log = logging.getLogger(__name__)


class Assigning:
    """Compares what agents' leases say with what they should, every five seconds."""

    def __init__(self, client: Client, watched: ApiSignals) -> None:
        self._client = client
        self._watched = watched

    async def run(self) -> None:
        """Look until cancelled."""
        while True:
            await asyncio.sleep(_LOOK_SECONDS)
            with surviving("neighbours"):
                await self._assign()

    async def _assign(self) -> None:
        for node, text in self._differing()[:_AT_ONCE]:
            try:
                manifest = notes_manifest(node, {NEIGHBOURS: text})
                await self._client.apply(LEASES, manifest, field_manager=FIELD_MANAGER)
            except OpError as error:
                _log.info("the neighbours of %s are not written: %s", node, error)

    def _differing(self) -> list[tuple[str, str]]:
        """Return the nodes whose agents are heard and know other neighbours than they have."""
        if not self._watched.synced:
            return []
        found = self._watched.neighbourhood
        wanted = ((node, word, found.written(node)) for node, word in self._watched.agents.words.items())
        return [
            (node, text) for node, word, text in wanted if word.lease.metadata.annotations.get(NEIGHBOURS, "") != text
        ]
