"""Signs of trouble that take their time, looked for once a minute, kind by kind: what nobody watches is listed for it.

Two things are looked for: what was deleted and stays, since a finalizer is on it, and certificates that end. Secrets
are not read: a webhook's authorities stand in its configuration, and what cert-manager renews in its Certificates.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import logging
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from cryptography import x509

from kubewright.api.apiextensions import CRDS
from kubewright.api.apps import DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.batch import JOBS
from kubewright.api.core import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS, SERVICES
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import KubeObject, PartialObject, Resource, seconds_of
from kubewright.api.networking import INGRESSES
from kubewright.api.volumes import CLAIMS, VOLUMES
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.rounds import surviving
from kubewright.signals.intake import Rounds
from kubewright.signals.shown import WARNED_SECONDS, Shown, ShownCertificates, ending
from kubewright.signals.signal import Fault, Signal, Standing, Witness
from kubewright.signals.signs import Subject
from kubewright.store.index import Index

LOOK_SECONDS = 60.0
HELD_SECONDS = 30.0
"""Whoever takes a finalizer off has done so by then; load balancers are taken down in as long."""
RENEWAL_LATE_SECONDS = 3600.0
_FIRST_SECONDS = 15.0


LEFTOVERS: tuple[Resource[PartialObject], ...] = tuple(
    Resource(each.group, each.version, each.plural, each.kind, PartialObject, namespaced=each.namespaced)
    for each in (
        CONFIG_MAPS,
        SERVICES,
        SERVICE_ACCOUNTS,
        NAMESPACES,
        CLAIMS,
        VOLUMES,
        INGRESSES,
        DEPLOYMENTS,
        STATEFUL_SETS,
        JOBS,
        CRDS,
        APP_SERVICES,
    )
)
"""Kinds in which finalizers are known to be left behind; pods have signs of their own."""
_GROUP = "admissionregistration.k8s.io"
_PROTECTION = frozenset({"kubernetes.io/pvc-protection", "kubernetes.io/pv-protection"})
"""These wait for whoever uses the object, which may rightly take for ever."""


class LiveHooks(KubeObject, frozen=True, kw_only=True):
    """A configuration of webhooks, as far as it says whom the API server trusts."""

    webhooks: Sequence[Mapping[str, Any]] = ()


TRUSTING: tuple[Resource[LiveHooks], ...] = tuple(
    Resource(_GROUP, "v1", f"{kind.lower()}s", kind, LiveHooks, namespaced=False)
    for kind in ("ValidatingWebhookConfiguration", "MutatingWebhookConfiguration")
)
CERTIFICATES: Resource[LiveObject] = live_resource(
    Resource("cert-manager.io", "v1", "certificates", "Certificate", LiveObject)
)
"""Of cert-manager, where that is installed."""

_log = logging.getLogger(__name__)


def of_leftover(resource: Resource[Any], obj: KubeObject, now: float) -> Iterator[Signal]:
    """Yield the signal of an object that was deleted and stays."""
    deleted_at = seconds_of(obj.metadata.deletion_timestamp)
    held = [each for each in obj.metadata.finalizers if each not in _PROTECTION]
    spaces = resource.plural == NAMESPACES.plural  # what keeps one stands in its spec, and is taken off last
    if not deleted_at or now - deleted_at < HELD_SECONDS or not (held or spaces):
        return
    by = ", ".join(held) or "what is in it"
    text = f"it was deleted {now - deleted_at:.0f} s ago, and waits for whoever is to take off {by}"
    yield Subject(resource, obj).sign(Fault.STUCK_TERMINATING, text, deleted_at, Witness.CONTROLLER).signal


def of_hooks(resource: Resource[Any], hooks: LiveHooks, now: float) -> Iterator[Signal]:
    """Yield a signal for each webhook whose every authority has ended, or is about to."""
    for each in hooks.webhooks:
        config: Mapping[str, Any] = each.get("clientConfig") or {}
        ends_at = last_end(config.get("caBundle") or "")
        if ends_at is None or ends_at - now > WARNED_SECONDS:
            continue
        name = each.get("name", "")
        text = f"the authorities that the API server trusts for webhook {name} {ending(ends_at, now)}"
        yield _ending(Subject(resource, hooks), text, min(ends_at, now), name)


def of_certificate(found: LiveObject, now: float) -> Iterator[Signal]:
    """Yield the signal of a Certificate that has ended, is about to, or was to be renewed and is not."""
    ends_at, renewal = seconds_of(found.status.get("notAfter")), seconds_of(found.status.get("renewalTime"))
    late = bool(renewal) and now - renewal > RENEWAL_LATE_SECONDS
    if not ends_at or (ends_at - now > WARNED_SECONDS and not late):
        return
    why = f"; it was to be renewed {(now - renewal) / 3600:.0f} h ago" if late else ""
    text = f"it {ending(ends_at, now)}{why}"
    yield _ending(Subject(CERTIFICATES, found), text, min(renewal if late else ends_at, now))


def last_end(bundle: str) -> float | None:
    """Return when the last of the certificates of a bundle (PEM in base64) ends; None where there is none to read."""
    try:
        found = x509.load_pem_x509_certificates(base64.b64decode(bundle, validate=True)) if bundle else []
    except (ValueError, binascii.Error):
        return None
    return max((each.not_valid_after_utc.timestamp() for each in found), default=None)


def _ending(subject: Subject, text: str, since: float, part: str = "") -> Signal:
    return subject.sign(Fault.CERTIFICATE_ENDS, text, since, Witness.CONTROLLER, part=part).signal


@dataclass(slots=True)
class LookingSignals:
    """Feeds `standing`; `tell` is called with the key of each signal that is news."""

    client: Client
    clock: Clock
    standing: Standing
    tell: Callable[[str], None]
    watched: Mapping[str, Index[Any]] = field(default_factory=dict[str, Index[Any]])
    """By the plural, what is watched all the same: it is not listed."""
    shown: Shown | None = None
    """Who asks for the certificates that Ingresses show, if anybody does."""
    _certificates: ShownCertificates | None = None
    _rounds: dict[str, Rounds] = field(default_factory=dict[str, Rounds])
    """By kind: one that cannot be read now says nothing, rather than that all is well."""

    async def run(self) -> None:
        """Look until cancelled."""
        await asyncio.sleep(_FIRST_SECONDS)
        while True:
            await self.look()
            await asyncio.sleep(LOOK_SECONDS)

    async def look(self) -> None:
        """Look once through all kinds, one after another."""
        for kind in LEFTOVERS:
            await self._through(kind, partial(of_leftover, kind))
        for kind in TRUSTING:
            await self._through(kind, partial(of_hooks, kind))
        await self._through(CERTIFICATES, of_certificate)
        if self.shown is not None:
            with surviving("certificates of Ingresses"):
                await self._through_shown(self.shown)

    async def _through_shown(self, shown: Shown) -> None:
        self._certificates = self._certificates or ShownCertificates(shown, self.clock.now)
        try:
            signals = await self._certificates.look(await self._all(INGRESSES))
        except OpError as error:
            _log.info("certificates of Ingresses are not looked at: %s", error)
            return
        self._rounds.setdefault("shown", Rounds(self.standing, self.tell)).take(signals)

    async def _through(self, kind: Resource[Any], signs: Callable[[Any, float], Iterator[Signal]]) -> None:
        rounds = self._rounds.setdefault(f"{kind.group}/{kind.plural}", Rounds(self.standing, self.tell))
        try:
            found = await self._all(kind)
        except OpError as error:
            _log.info("%s are not looked at: %s", kind.plural, error)
            return
        now = self.clock.now()
        signals: list[Signal] = []
        for each in found:
            with surviving(f"signs of {kind.target(each.key)}"):
                signals += signs(each, now)
        rounds.take(signals)

    async def _all(self, kind: Resource[Any]) -> Iterable[Any]:
        """Return a kind's objects; none where it is not served. An OpError means that they could not be read."""
        if kind.plural in self.watched:
            return self.watched[kind.plural].values()
        try:
            return (await self.client.list(kind)).items
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            return ()
