"""Alerts as Alertmanager posts them, and as they stand here: each once, by its fingerprint. Pure.

`receiver` feeds it; whoever acts on alerts (`AlertHandler`) is given one by its key, the fingerprint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

import msgspec

from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.autoscaling import AUTOSCALERS
from kubewright.api.batch import JOBS
from kubewright.api.core import NAMESPACES, NODES, PODS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import EMPTY, ObjectKey, Resource
from kubewright.api.volumes import CLAIMS
from kubewright.errors import ErrorKind, OpError

FIRING, RESOLVED = "firing", "resolved"
MOST_ALERTS = 10_000
STALE_SECONDS = 24 * 3600.0
"""One that fires is told again sooner than this (every 12 hours by default): what is not has ended unheard."""
_VERSION = "4"
_NAMED: tuple[tuple[str, Resource[Any]], ...] = (
    ("pod", PODS),
    ("persistentvolumeclaim", CLAIMS),
    ("appservice", APP_SERVICES),
    ("deployment", DEPLOYMENTS),
    ("statefulset", STATEFUL_SETS),
    ("daemonset", DAEMON_SETS),
    ("job_name", JOBS),
    ("horizontalpodautoscaler", AUTOSCALERS),
    ("node", NODES),
    ("Hostname", NODES),
    ("namespace", NAMESPACES),
)
"""Labels that name what an alert is about, the most particular first."""


class Incoming(msgspec.Struct, frozen=True, rename="camel"):
    """One alert of a notification."""

    fingerprint: str
    status: str
    labels: Mapping[str, str] = EMPTY
    annotations: Mapping[str, str] = EMPTY

    @property
    def name(self) -> str:
        """Return which rule it is of."""
        return self.labels.get("alertname", "")

    @property
    def about(self) -> tuple[Resource[Any], ObjectKey] | None:
        """Return the object that it is about, of those that the platform knows; None if it names none."""
        for label, resource in _NAMED:
            name = self.labels.get(label, "")
            place = self.labels.get("namespace", "") if resource.namespaced else ""
            if name and (place or not resource.namespaced):
                return resource, ObjectKey(place, name)
        return None


class _Notification(msgspec.Struct):
    version: str
    alerts: tuple[Incoming, ...]


class AlertHandler(Protocol):
    """Acts on alerts, one at a time each; it may be told of the same state again."""

    async def handle(self, alert: Incoming) -> None:
        """Do what the alert calls for; an OpError is tried again later."""
        ...


def decoded(body: bytes) -> tuple[Incoming, ...]:
    """Return the alerts of a notification; raises OpError for what Alertmanager does not send."""
    try:
        found = msgspec.json.decode(body, type=_Notification)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise OpError("alerts", ErrorKind.INVALID, "notification", str(error)) from error
    if found.version != _VERSION:
        raise OpError("alerts", ErrorKind.INVALID, "notification", f"version {found.version!r}, not {_VERSION}")
    for each in found.alerts:
        if not each.fingerprint or each.status not in {FIRING, RESOLVED}:
            raise OpError("alerts", ErrorKind.INVALID, "notification", "an alert has a fingerprint and a status")
    return found.alerts


@dataclass(slots=True)
class Standing:
    """The alerts that are known, at most so many: those that fire, and what has ended until somebody has seen it."""

    most: int = MOST_ALERTS
    _known: dict[str, tuple[Incoming, float]] = field(default_factory=dict[str, tuple[Incoming, float]])
    """Each with when it was last told, the longest ago first."""

    def __len__(self) -> int:
        """Return how many are known."""
        return len(self._known)

    def take(self, alerts: tuple[Incoming, ...], now: float) -> tuple[list[str], int]:
        """Take alerts in; return the keys of those that are news, and how many there was no room for.

        Those that were not heard of for `STALE_SECONDS` are forgotten first.
        """
        self._forget_stale(now)
        news: list[str] = []
        refused = 0
        for alert in alerts:
            key, known = alert.fingerprint, self.get(alert.fingerprint)
            if known is None and alert.status == RESOLVED:
                continue  # nobody was told that it fires
            if known is None and len(self._known) >= self.most:
                refused += 1
                continue
            self._known.pop(key, None)
            if known is None or known.status != alert.status:
                known = alert
                news.append(key)
            self._known[key] = known, now
        return news, refused

    def get(self, key: str) -> Incoming | None:
        """Return an alert as it stands."""
        found = self._known.get(key)
        return None if found is None else found[0]

    def forget(self, alert: Incoming) -> None:
        """Forget one that has ended, unless it fires again."""
        if self.get(alert.fingerprint) is alert:
            del self._known[alert.fingerprint]

    def _forget_stale(self, now: float) -> None:
        while self._known:
            key, (_, heard_at) = next(iter(self._known.items()))
            if now - heard_at < STALE_SECONDS:
                return
            del self._known[key]
