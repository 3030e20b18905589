"""Alerts as Alertmanager posts them, and the signals that they are, each by its fingerprint. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.autoscaling import AUTOSCALERS
from kubewright.api.batch import JOBS
from kubewright.api.core import NAMESPACES, NODES, PODS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import EMPTY, ObjectKey, Resource, seconds_of
from kubewright.api.volumes import CLAIMS
from kubewright.errors import ErrorKind, OpError
from kubewright.signals.signal import Signal, Witness

FIRING, RESOLVED = "firing", "resolved"
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
    starts_at: str = ""

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

    @property
    def signal(self) -> Signal:
        """Return it as a signal, which is what is acted on."""
        said = self.annotations.get("description") or self.annotations.get("summary") or self.name
        node = self.labels.get("node") or self.labels.get("Hostname", "")
        ended = self.status == RESOLVED
        since = seconds_of(self.starts_at)
        fault = self.name or "Alert"
        return Signal(self.fingerprint, fault, self.about, said, since, Witness.ALERT, node, ended)


class _Notification(msgspec.Struct):
    version: str
    alerts: tuple[Incoming, ...]


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
