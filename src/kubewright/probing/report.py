"""What a probe found, layer by layer, and what each failure means."""

from __future__ import annotations

import binascii
from base64 import b64decode
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from cryptography import x509

from kubewright.api.meta import Manifest, rfc3339
from kubewright.probing.meanings import meaning

SOON_DAYS = 14
FIRST_SERVER_ERROR = 500
"""From here on an HTTP answer is a failure of who answers."""


@dataclass(frozen=True, slots=True)
class Layer:
    """One layer of a connection."""

    name: str
    """`name`, `tcp`, `tls`, `http`."""
    ok: bool
    seconds: float | None = None
    """None where the tool at hand does not time it."""
    detail: str = ""
    error: str = ""
    meaning: str = ""
    """What a failure points at."""


@dataclass(frozen=True, slots=True)
class Certificate:
    """What a server showed."""

    subject: str
    issuer: str
    names: tuple[str, ...]
    ends: str
    """RFC 3339."""
    days_left: float


@dataclass(frozen=True, slots=True)
class Report:
    """A probe."""

    target: str
    origin: str
    """`this machine`, or the pod it was tried from."""
    by: str
    """What it was tried with."""
    layers: tuple[Layer, ...]
    failed_addresses: tuple[tuple[str, str], ...] = ()
    """Addresses of the name that did not answer, each with the error."""
    certificate: Certificate | None = None
    tools: Mapping[str, str] = field(default_factory=dict[str, str])
    untried: tuple[str, ...] = ()
    """Layers for which there was no tool."""
    notes: tuple[str, ...] = ()

    @property
    def failed(self) -> Layer | None:
        """Return the layer that failed."""
        return next((each for each in self.layers if not each.ok), None)

    @property
    def is_partial(self) -> bool:
        """Whether it works by some of the name's addresses only, or as far as it could be tried."""
        return self.failed is None and bool(self.failed_addresses or self.untried)


def report_of(found: Mapping[str, Any], target: str, origin: str, by: str, now: float) -> Report:
    """Return what `standalone.probe` found as a report."""
    layers = tuple(_layer(each) for each in found["layers"])
    failed = tuple((each["address"], each["error"]) for each in found["addresses"] if not each["ok"])
    shown = certificate(found["certificate"], now)
    notes = list[str]()
    if shown is not None and 0 <= shown.days_left < SOON_DAYS:
        notes.append(f"the certificate ends in {shown.days_left:.0f} days, on {shown.ends}")
    if layers[-1].name == "tcp" and not layers[-1].ok:
        failed = ()  # all of them: that is the layer's own error
    return Report(target, origin, by, layers, failed, shown, found["tools"], notes=tuple(notes))


def _layer(found: Mapping[str, Any]) -> Layer:
    name, ok, detail, error = found["layer"], found["ok"], found["detail"], found["error"]
    if name == "http" and ok and _status(detail) >= FIRST_SERVER_ERROR:
        ok, error = False, detail
    return Layer(name, ok, found["seconds"], detail, error, "" if ok else meaning(name, error, found.get("code")))


def _status(line: str) -> int:
    parts = line.split(" ", 2)
    return int(parts[1]) if len(parts) > 1 and parts[1].isdecimal() else 0


def certificate(encoded: str, now: float) -> Certificate | None:
    """Read a certificate from base64 DER; None for one that cannot be read."""
    try:
        found = x509.load_der_x509_certificate(b64decode(encoded, validate=True))
    except (ValueError, binascii.Error):
        return None
    ends = found.not_valid_after_utc
    left = (ends - datetime.fromtimestamp(now, UTC)).total_seconds() / 86400
    return Certificate(
        found.subject.rfc4514_string(),
        found.issuer.rfc4514_string(),
        _names(found),
        rfc3339(ends.timestamp()),
        round(left, 2),
    )


def _names(found: x509.Certificate) -> tuple[str, ...]:
    try:
        extension = found.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except (x509.ExtensionNotFound, ValueError):
        return ()
    addresses = extension.get_values_for_type(x509.IPAddress)
    return (*extension.get_values_for_type(x509.DNSName), *map(str, addresses))


def report_document(report: Report) -> Manifest:
    """Return a report as a document: stable, times in seconds."""
    shown = report.certificate
    return {
        "apiVersion": "kubewright.dev/v1alpha1",
        "kind": "Probe",
        "target": report.target,
        "from": report.origin,
        "by": report.by,
        "ok": report.failed is None and not report.is_partial,
        "failedLayer": report.failed.name if report.failed is not None else None,
        "layers": [
            {
                "layer": each.name,
                "ok": each.ok,
                "seconds": each.seconds,
                "detail": each.detail,
                "error": each.error,
                "meaning": each.meaning,
            }
            for each in report.layers
        ],
        "untriedLayers": list(report.untried),
        "failedAddresses": [{"address": address, "error": error} for address, error in report.failed_addresses],
        "certificate": None
        if shown is None
        else {
            "subject": shown.subject,
            "issuer": shown.issuer,
            "names": list(shown.names),
            "notAfter": shown.ends,
            "daysLeft": shown.days_left,
        },
        "route": report.tools.get("route", ""),
        "sockets": report.tools.get("sockets", ""),
        "notes": list(report.notes),
    }
