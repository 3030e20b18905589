"""CustomResourceDefinitions that must be there before anything watches their kinds."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Iterable

from kubewright.api.apiextensions import CRDS
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.children import get_or_none

INSTALLER = "kubewright-install"
ESTABLISH_SECONDS = 30.0
ESTABLISH_POLL_SECONDS = 0.1

_log = logging.getLogger(__name__)


async def install(client: Client, definitions: Iterable[Manifest]) -> None:
    """Create the definitions that the cluster lacks; those that somebody applied are left as they are.

    Returns when the API server serves all of them; raises OpError (TIMEOUT) when it does not in time.
    """
    manifests = list(definitions)
    for manifest in await missing(client, manifests):
        await client.apply(CRDS, manifest, field_manager=INSTALLER)
        _log.info("created the definition of %s", manifest["metadata"]["name"])
    for manifest in manifests:
        await established(client, _key(manifest))


async def missing(client: Client, definitions: Iterable[Manifest]) -> list[Manifest]:
    """Return the definitions that the cluster lacks."""
    return [each for each in definitions if await get_or_none(client, CRDS, _key(each)) is None]


def _key(manifest: Manifest) -> ObjectKey:
    return ObjectKey("", manifest["metadata"]["name"])


async def established(client: Client, key: ObjectKey) -> None:
    """Return when the API server serves a definition's kind; raises OpError (TIMEOUT) when it does not in time."""
    try:
        async with asyncio.timeout(ESTABLISH_SECONDS):
            while not (await client.get(CRDS, key)).is_established:  # noqa: ASYNC110  it is the server's to say
                await asyncio.sleep(ESTABLISH_POLL_SECONDS)
    except TimeoutError as error:
        detail = "the API server has not established the definition"
        raise OpError("install", ErrorKind.TIMEOUT, CRDS.target(key), detail) from error
