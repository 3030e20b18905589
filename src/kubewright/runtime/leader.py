"""One of several replicas leads: election on a Lease, with client-go's rules and figures (15 s, 10 s, 2 s).

`app.py` wraps everything that writes in `LeaderElector.run`. A replica that leads renews every 2 s; if the last renewal
that succeeded was begun 10 s ago it stops what it leads, 5 s before anyone else may begin. A replica that waits takes
over when the Lease has not changed for its whole duration *as this replica saw it*: clocks of different machines are
never compared. A leader that ends in good order lets go, so that the next need not wait.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kubewright.api.coordination import LEASES, Lease, LeaseSpec
from kubewright.api.meta import Manifest, ObjectKey, ObjectMeta, rfc3339_micro
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.metrics import RuntimeMetrics

_log = logging.getLogger(__name__)

_RETRY_JITTER = 1.2
_RELEASE_SECONDS = 5.0


class LeadershipLostError(Exception):
    """This process led and may do so no longer; what it led has been cancelled."""


@dataclass(frozen=True, slots=True)
class _Observation:
    """The Lease as last seen, and the loop's time when it was first seen so."""

    lease: Lease
    at_seconds: float

    def expired(self, now: float) -> bool:
        return self.at_seconds + (self.lease.spec.lease_duration_seconds or 0) < now


class LeaderElector:
    """Competes for a Lease, and runs something while it holds it."""

    def __init__(
        self,
        client: Client,
        clock: Clock,
        key: ObjectKey,
        identity: str,
        *,
        lease_seconds: float = 15.0,
        renew_seconds: float = 10.0,
        retry_seconds: float = 2.0,
        rng: random.Random | None = None,
        metrics: RuntimeMetrics | None = None,
    ) -> None:
        if not lease_seconds > renew_seconds > retry_seconds * _RETRY_JITTER:
            raise ValueError("a lease must outlast the renewals, and these several tries")
        self._client = client
        self._clock = clock
        self._key = key
        self._identity = identity
        self._lease_seconds = lease_seconds
        self._renew_seconds = renew_seconds
        self._retry_seconds = retry_seconds
        self._rng = rng or random.Random(identity)  # noqa: S311  jitter
        self._status = (metrics or RuntimeMetrics()).leader_status.labels(key.name)
        self._seen: _Observation | None = None
        self._held_since = 0.0
        self._leading = False
        self._status.set(0)

    @property
    def leading(self) -> bool:
        """Whether it is this replica that runs what it leads."""
        return self._leading

    @property
    def leader(self) -> str:
        """Return the identity of the leader as last seen; empty when there is none."""
        return (self._seen.lease.spec.holder_identity or "") if self._seen else ""

    async def run(self, main: Callable[[], Awaitable[None]]) -> None:
        """Wait to be the leader, then run `main` to its end while the Lease can be kept.

        Raises LeadershipLostError when it cannot, after `main` has ended. When `main` has ended the Lease is given up.
        """
        await self._acquire()
        _log.info("%s: %s leads", self._key, self._identity)
        self._leading = True
        self._status.set(1)
        try:
            await self._lead(main)
        finally:
            self._leading = False
            self._status.set(0)
            await self._release()

    async def _acquire(self) -> None:
        while True:
            # An answer that took longer is about a lease that others may hold expired by now.
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._renew_seconds):
                    if await self._try():
                        return
            await asyncio.sleep(self._retry_seconds * (1 + _RETRY_JITTER * self._rng.random()))

    async def _lead(self, main: Callable[[], Awaitable[None]]) -> None:
        try:
            async with asyncio.TaskGroup() as group:
                renewing = group.create_task(self._renew(), name=f"renew {self._key}")
                await main()
                renewing.cancel()
        except BaseExceptionGroup as group:
            if len(group.exceptions) == 1:
                raise group.exceptions[0] from group.exceptions[0].__cause__
            raise

    async def _renew(self) -> None:
        while True:
            try:
                # Others count from when they see the renewal, which is later than when it was begun.
                async with asyncio.timeout_at(self._held_since + self._renew_seconds):
                    await self._renew_once()
            except TimeoutError as error:
                raise LeadershipLostError(f"{self._key} could not be renewed in {self._renew_seconds:g} s") from error

    async def _renew_once(self) -> None:
        while True:
            await asyncio.sleep(self._retry_seconds)
            if await self._try():
                return
            if self.leader not in {"", self._identity}:
                raise LeadershipLostError(f"{self._key} is held by {self.leader}")

    async def _try(self) -> bool:
        """Take or renew the Lease; return whether it is ours."""
        begun_at = asyncio.get_running_loop().time()
        try:
            if not await self._take():
                return False
        except OpError as error:
            faster = error.kind in {ErrorKind.CONFLICT, ErrorKind.ALREADY_EXISTS}
            _log.log(logging.DEBUG if faster else logging.WARNING, "%s: %s", self._key, error)
            return False
        self._held_since = begun_at
        return True

    async def _take(self) -> bool:
        loop = asyncio.get_running_loop()
        try:
            self._observe(await self._client.get(LEASES, self._key))
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            self._observe(await self._client.create(LEASES, self._manifest(None), namespace=self._key.namespace))
            return True
        seen = self._seen
        if seen is None or (self.leader not in {"", self._identity} and not seen.expired(loop.time())):
            return False
        self._observe(await self._client.update(LEASES, self._manifest(seen.lease)))
        return True

    def _observe(self, lease: Lease) -> None:
        if self._seen is None or self._seen.lease.spec != lease.spec:
            at_seconds = asyncio.get_running_loop().time()
        else:
            at_seconds = self._seen.at_seconds
        self._seen = _Observation(lease, at_seconds)

    async def _release(self) -> None:
        """Let go of the Lease if it is still ours; failing that, it expires by itself."""
        try:
            async with asyncio.timeout(_RELEASE_SECONDS):
                lease = await self._client.get(LEASES, self._key)
                if lease.spec.holder_identity == self._identity:
                    self._observe(await self._client.update(LEASES, self._manifest(lease, release=True)))
        except (OpError, TimeoutError) as error:
            _log.warning("%s: not released: %s", self._key, error or "no answer")

    def _manifest(self, lease: Lease | None, *, release: bool = False) -> Manifest:
        """Write the whole Lease as it is to be: held by us from now on, or by nobody."""
        now = rfc3339_micro(self._clock.now())
        old = lease.spec if lease else LeaseSpec()
        ours = old.holder_identity == self._identity
        spec = {
            "holderIdentity": "" if release else self._identity,
            "leaseDurationSeconds": 1 if release else int(self._lease_seconds),
            "acquireTime": old.acquire_time if ours and old.acquire_time else now,
            "renewTime": now,
            "leaseTransitions": old.lease_transitions + (lease is not None and not ours),
        }
        metadata = _metadata(lease.metadata) if lease else {}
        return {
            "apiVersion": LEASES.api_version,
            "kind": LEASES.kind,
            "metadata": {"name": self._key.name, "namespace": self._key.namespace, **metadata},
            "spec": spec,
        }


def _metadata(old: ObjectMeta) -> Manifest:
    """Keep what others wrote, and the version, so that only one of two replicas succeeds."""
    kept: Manifest = {"resourceVersion": old.resource_version, "uid": old.uid}
    if old.labels:
        kept["labels"] = dict(old.labels)
    if old.annotations:
        kept["annotations"] = dict(old.annotations)
    return kept
