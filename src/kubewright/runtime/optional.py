"""A cache of a kind that the cluster may not serve: a custom one that nobody installed, or one behind a feature gate.

It asks now and then whether the kind is there by now, and follows it from then on. Who uses it waits until it is known
which of the two it is, not until there is something to follow.
"""

from __future__ import annotations

import asyncio
import logging
from typing import Generic, TypeVar

from kubewright.api.meta import KubeObject, Resource
from kubewright.client.paths import collection_path
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.informer import Informer

T = TypeVar("T", bound=KubeObject)

ASK_AGAIN_SECONDS = 30.0
ASK_SOON_SECONDS = 1.0

_log = logging.getLogger(__name__)


class OptionalInformer(Generic[T]):
    """Follows a kind where it is served; `informer` holds nothing as long as it is not."""

    def __init__(self, client: Client, resource: Resource[T]) -> None:
        self.informer: Informer[T] = Informer(client, resource)
        self.is_served = False
        self._client = client
        self._resource = resource
        self._known = asyncio.Event()

    @property
    def is_absent(self) -> bool:
        """Whether it is known that the kind is not served, or may not be seen."""
        return self._known.is_set() and not self.is_served

    async def wait_known(self) -> None:
        """Wait until the kind is known not to be served, or the cache holds the server's state."""
        await self._known.wait()

    async def run(self) -> None:
        """Follow the kind, once it is there, until cancelled."""
        while not await self._ask():  # noqa: ASYNC110  nobody tells of kinds that come to be served
            await asyncio.sleep(ASK_AGAIN_SECONDS if self._known.is_set() else ASK_SOON_SECONDS)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(self.informer.run(), name=f"informer {self._resource.plural}")
            await self.informer.wait_synced()
            self._known.set()

    async def _ask(self) -> bool:
        """Find out whether the kind is served; when the server does not answer, that is not known."""
        try:
            await self._client.raw("GET", collection_path(self._resource, ""), query={"limit": "1"})
        except OpError as error:
            if error.kind is ErrorKind.FORBIDDEN:
                _log.warning("%s are not followed: %s", self._resource.plural, error)
            if error.kind in {ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND}:
                self._known.set()
            return False
        self.is_served = True
        return True
