"""Kinds that a cluster may lack: watched while they are served, and noticed when that begins or ends.

Each has the name of its definition watched, and nothing else is asked of a cluster that lacks it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass, field

from kubewright.api.apiextensions import CustomResourceDefinition
from kubewright.api.live import LiveObject
from kubewright.api.meta import Resource
from kubewright.client.protocol import Client
from kubewright.runtime.children import OWNER_INDEXERS
from kubewright.runtime.informer import Change, Informer


@dataclass(slots=True)
class OptionalKind:
    """One such kind: its definition's cache, and the cache of its objects while there is one."""

    client: Client
    resource: Resource[LiveObject]
    definition: Informer[CustomResourceDefinition]
    label_selector: str
    on_informer: Callable[[Informer[LiveObject]], None] = lambda _: None
    """Told of each cache before it runs: it adds its handlers."""
    on_change: Callable[[], None] = lambda: None
    """Told when the kind has come, whole, and when it has gone."""
    informer: Informer[LiveObject] | None = None
    _news: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.definition.add_handler(self._on_definition)

    @property
    def served(self) -> bool:
        """Whether the cluster serves the kind and its objects are known."""
        return self.informer is not None and self.informer.synced

    @property
    def synced(self) -> bool:
        """Whether it is known if the kind is served and, if it is, what there is of it."""
        return self.definition.synced and (self.served or not self._is_defined())

    async def run(self) -> None:
        """Follow the definition until cancelled."""
        while True:
            self._news.clear()
            if self._is_defined():
                await self._follow()
            else:
                await self._news.wait()

    async def _follow(self) -> None:
        """Keep the objects' cache for as long as they are served."""
        self.informer = Informer(
            self.client, self.resource, label_selector=self.label_selector, indexers=OWNER_INDEXERS
        )
        self.on_informer(self.informer)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(self.informer.run())
            telling = tasks.create_task(self._tell_when_whole(self.informer))
            while self._is_defined():
                self._news.clear()
                await self._news.wait()
            running.cancel()
            telling.cancel()
        self.informer = None
        self.on_change()

    async def _tell_when_whole(self, informer: Informer[LiveObject]) -> None:
        await informer.wait_synced()
        self.on_change()

    def _is_defined(self) -> bool:
        return any(
            definition.is_established
            and definition.metadata.deletion_timestamp is None
            and any(version.name == self.resource.version and version.served for version in definition.spec.versions)
            for definition in self.definition.index.values()
        )

    def _on_definition(self, _: Change[CustomResourceDefinition]) -> None:
        self._news.set()
