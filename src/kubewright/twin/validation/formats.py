"""The string formats that custom resources may demand; a format that is not here restricts nothing."""

from __future__ import annotations

import base64
import binascii
import ipaddress
import re
import uuid
from collections.abc import Callable, Mapping
from datetime import date
from urllib.parse import urlsplit

from kubewright.api.meta import parse_time
from kubewright.twin.validation.names import dns_label, dns_subdomain

_HOST = re.compile(r"^([a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?\.)*[a-zA-Z0-9]([-a-zA-Z0-9]{0,61}[a-zA-Z0-9])?$")
_DURATION = re.compile(
    r"^[+-]?(\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w)((\d+(\.\d*)?|\.\d+)(ns|us|µs|ms|s|m|h|d|w))*$|^0$"
)
_EMAIL = re.compile(r"^[^@\s]+@[^@\s]+$")
_MAC = re.compile(r"^([0-9A-Fa-f]{2}[:-]){5}[0-9A-Fa-f]{2}$")


def has_format(value: str, name: str) -> bool:
    """Tell whether a string has a format."""
    check = _FORMATS.get(name)
    return True if check is None else check(value)


def _parses(parse: Callable[[str], object]) -> Callable[[str], bool]:
    def check(value: str) -> bool:
        try:
            parse(value)
        except (ValueError, binascii.Error):
            return False
        return True

    return check


def _matches(pattern: re.Pattern[str]) -> Callable[[str], bool]:
    return lambda value: pattern.match(value) is not None


def _is_uri(value: str) -> bool:
    try:
        parts = urlsplit(value)
    except ValueError:
        return False
    return bool(parts.scheme) or value.startswith("/")


def _is_moment(value: str) -> bool:
    return (
        "T" in value.upper() and _parses(parse_time)(value) and re.search(r"(?i)(z|[+-]\d\d:\d\d)$", value) is not None
    )


_FORMATS: Mapping[str, Callable[[str], bool]] = {
    "byte": _parses(lambda value: base64.b64decode(value, validate=True)),
    "cidr": lambda value: "/" in value and _parses(lambda text: ipaddress.ip_network(text, strict=False))(value),
    "date": _parses(date.fromisoformat),
    "date-time": _is_moment,
    "datetime": _is_moment,
    "duration": _matches(_DURATION),
    "email": _matches(_EMAIL),
    "hostname": _matches(_HOST),
    "ipv4": _parses(ipaddress.IPv4Address),
    "ipv6": _parses(ipaddress.IPv6Address),
    "k8s-long-name": lambda value: not dns_subdomain(value),
    "k8s-short-name": lambda value: not dns_label(value),
    "mac": _matches(_MAC),
    "uri": _is_uri,
    "uuid": _parses(uuid.UUID),
}
