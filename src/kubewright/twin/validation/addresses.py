"""IP addresses and networks in fields: what is one, and which of them traffic may be sent to."""

from __future__ import annotations

import ipaddress
from typing import TypeAlias

from kubewright.twin.validation.fields import FieldError, invalid

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network

BAD_ADDRESS = "must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)"
BAD_NETWORK = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"


def address_of(text: str) -> Address | None:
    """Read an address of either family; None for what is none."""
    try:
        return ipaddress.ip_address(text)
    except ValueError:
        return None


def is_address(text: str) -> bool:
    """Tell whether a text is an address of either family."""
    return address_of(text) is not None


def network_of(text: str) -> Network | None:
    """Read a network, also one that is written with bits of a host; None for what is none."""
    try:
        return ipaddress.ip_network(text, strict=False) if "/" in text else None
    except ValueError:
        return None


def canonical_address(value: str) -> list[str]:
    """Addresses, in the one form that Go writes: names of IPAddress objects."""
    address = address_of(value)
    if address is None:
        return [BAD_ADDRESS]
    return [] if str(address) == value else [f'must be in canonical form ("{address}")']


def reachable_address(value: str, path: str) -> list[FieldError]:
    """Check an IP that traffic is sent to; special ones are refused."""
    ip = address_of(value)
    if ip is None:
        return [invalid(path, value, BAD_ADDRESS)]
    rules = (
        (ip.is_unspecified, f"may not be unspecified ({value})"),
        (ip.is_loopback, "may not be in the loopback range (127.0.0.0/8, ::1/128)"),
        (ip.is_link_local, "may not be in the link-local range (169.254.0.0/16, fe80::/10)"),
        (_is_local_group(ip), "may not be in the link-local multicast range (224.0.0.0/24, ff02::/10)"),
    )
    return [invalid(path, value, message) for broken, message in rules if broken]


def _is_local_group(ip: Address) -> bool:
    """Tell whether an address is multicast that no router passes on: 224.0.0.0/24 and the scope 2 of IPv6."""
    return ip.packed[:3] == b"\xe0\0\0" if ip.version == 4 else ip.packed[0] == 0xFF and ip.packed[1] & 0xF == 2  # noqa: PLR2004
