"""Certificates that Ingresses show whoever calls: what is really served, whoever keeps it and wherever it is kept.

Secrets are not read for it. Each host that an Ingress speaks TLS for is asked at the address that its controller has
given it, by a handshake and no more, every ten minutes; hosts that do not answer are told of elsewhere.
"""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from itertools import islice
from typing import Protocol

from cryptography import x509

from kubewright.api.networking import INGRESSES, Ingress
from kubewright.signals.signal import Fault, Signal, Witness
from kubewright.signals.signs import Subject

ASK_SECONDS = 600.0
MOST_HOSTS = 500
"""So many are asked in each round: the first by name."""
AT_ONCE = 8
WARNED_SECONDS = 3 * 24 * 3600.0
"""Before a certificate ends."""
_PORT = 443
_LIMIT_SECONDS = 3.0


class Shown(Protocol):
    """Asks for a certificate."""

    async def ends_at(self, address: str, host: str) -> float | None:
        """Return when what is shown for a host ends, in seconds since 1970; None where nothing is. Raises nothing."""
        ...


class SocketShown:
    """Over the network. What is shown is not checked: it may have ended, and nothing is said or believed."""

    def __init__(self, port: int = _PORT) -> None:
        self._port = port
        self._tls = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._tls.check_hostname = False
        self._tls.verify_mode = ssl.CERT_NONE

    async def ends_at(self, address: str, host: str) -> float | None:
        """Shake hands, and read when the certificate ends."""
        with suppress(OSError, ValueError):
            # What is no name of DNS is refused here, before anything is open.
            self._tls.wrap_bio(ssl.MemoryBIO(), ssl.MemoryBIO(), server_hostname=host)
            async with asyncio.timeout(_LIMIT_SECONDS):
                _, writer = await asyncio.open_connection(address, self._port, ssl=self._tls, server_hostname=host)
            try:
                shown = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
                return x509.load_der_x509_certificate(shown).not_valid_after_utc.timestamp() if shown else None
            finally:
                writer.transport.abort()
        return None


@dataclass(frozen=True, slots=True)
class Asked:
    """A host of an Ingress, and where it is."""

    ingress: Ingress
    address: str
    host: str

    @property
    def name(self) -> str:
        """Return a name to ask for: any below a wildcard."""
        return f"www{self.host[1:]}" if self.host.startswith("*.") else self.host


def asked_of(ingress: Ingress) -> Iterator[Asked]:
    """Yield the hosts that an Ingress speaks TLS for, once each; none before it has an address."""
    if ingress.address:
        yield from (Asked(ingress, ingress.address, host) for host in ingress.tls_hosts)


def ending(ends_at: float, now: float) -> str:
    """Return how long ago a certificate ended, or how soon it will."""
    hours = abs(ends_at - now) / 3600
    return f"ended {hours:.0f} h ago" if ends_at <= now else f"ends in {hours:.0f} h"


def of_shown(asked: Asked, ends_at: float, now: float) -> Signal | None:
    """Return the signal of a certificate that has ended, or is about to."""
    if ends_at - now > WARNED_SECONDS:
        return None
    text = f"the certificate that {asked.address} shows for {asked.host} {ending(ends_at, now)}"
    sign = Subject(INGRESSES, asked.ingress).sign(
        Fault.CERTIFICATE_ENDS, text, min(ends_at, now), Witness.CONTROLLER, part=asked.host
    )
    return sign.signal


@dataclass(slots=True)
class ShownCertificates:
    """Asks all hosts in rounds, few at once; between rounds what was found stands."""

    shown: Shown
    now: Callable[[], float]
    _asked_at: float | None = None
    _found: dict[tuple[str, str, str], tuple[Asked, float]] = field(
        default_factory=dict[tuple[str, str, str], tuple[Asked, float]]
    )

    async def look(self, ingresses: Iterable[Ingress]) -> list[Signal]:
        """Return a signal for each that ends."""
        now = self.now()
        if self._asked_at is None or now - self._asked_at >= ASK_SECONDS:
            self._asked_at = now
            every = sorted(ingresses, key=lambda each: each.key)
            await self._ask(list(islice((one for each in every for one in asked_of(each)), MOST_HOSTS)))
        return [signal for each, ends_at in self._found.values() if (signal := of_shown(each, ends_at, now))]

    async def _ask(self, hosts: list[Asked]) -> None:
        self._found.clear()
        rest = iter(hosts)

        async def asking() -> None:
            for each in rest:
                ends_at = await self.shown.ends_at(each.address, each.name)
                if ends_at is not None:
                    self._found[*_key(each.ingress), each.host] = each, ends_at

        async with asyncio.TaskGroup() as tasks:
            for _ in range(AT_ONCE):
                tasks.create_task(asking())


def _key(ingress: Ingress) -> tuple[str, str]:
    return ingress.metadata.namespace, ingress.metadata.name
