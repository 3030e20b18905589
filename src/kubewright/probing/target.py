"""What is probed: `https://api.shop:8443/healthz`, `db.shop.svc:5432`, or a host with a port beside it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from kubewright.errors import ErrorKind, OpError

SCHEMES = {"https": 443, "http": 80, "tcp": 0}
_USUAL = {443: "https", 6443: "https", 8443: "https", 80: "http", 8080: "http"}
_PORT_MAX = 65535


@dataclass(frozen=True, slots=True)
class ProbeTarget:
    """Where to, and how far up the layers."""

    host: str
    port: int
    scheme: str = "tcp"
    """`tcp`, `http`, or `https`."""
    path: str = "/"

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{self.scheme}://{host}:{self.port}{self.path if self.scheme != 'tcp' else ''}"


def parse_probe_target(text: str, port: int | None = None) -> ProbeTarget:
    """Read a target; without a scheme the usual ports of HTTP tell it. Raises OpError INVALID."""
    whole = text if "://" in text else f"//{_bracketed(text)}"
    try:
        parts = urlsplit(whole)
        number = port or parts.port or SCHEMES.get(parts.scheme, 0)
    except ValueError as error:
        raise _invalid(text, str(error)) from error
    if parts.scheme and parts.scheme not in SCHEMES:
        raise _invalid(text, f"expected one of {', '.join(SCHEMES)} before ://")
    if not parts.hostname or any(each.isspace() for each in whole):
        raise _invalid(text, "expected a host's name or address")
    if not 0 < number <= _PORT_MAX:
        raise _invalid(text, "say which port, from 1 to 65535: HOST:PORT, or --port")
    scheme = parts.scheme or _USUAL.get(number, "tcp")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    return ProbeTarget(parts.hostname, number, scheme, path)


def _bracketed(text: str) -> str:
    """Return a bare IPv6 address as URLs write it."""
    return f"[{text}]" if text.count(":") > 1 and not text.startswith("[") else text


def _invalid(text: str, detail: str) -> OpError:
    return OpError("net.probe", ErrorKind.INVALID, text, detail)
