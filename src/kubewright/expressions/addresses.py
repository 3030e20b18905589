"""IP addresses and networks in expressions: `ip('10.0.0.1').family() == 4`, `cidr('10.0.0.0/8').containsIP(...)`."""

from __future__ import annotations

import ipaddress
from typing import Any, TypeAlias

from kubewright.api.meta import Manifest

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Interface | ipaddress.IPv6Interface
_IP, _CIDR = "ip", "cidr"


def _parse_ip(text: str) -> Address:
    try:
        found = ipaddress.ip_address(text)
    except ValueError as error:
        raise ValueError(
            f'IP Address "{text}" parse error during conversion from string: unable to parse IP'
        ) from error
    if "%" in text:
        raise ValueError(f'IP address "{text}" with zone value is not allowed')
    if isinstance(found, ipaddress.IPv6Address) and found.ipv4_mapped:
        raise ValueError(f'IPv4-mapped IPv6 address "{text}" is not allowed')
    return found


def _parse_cidr(text: str) -> Network:
    prefix = text.rpartition("/")[2]
    try:
        # A mask such as 255.0.0.0, or none at all, is not read as a network.
        return ipaddress.ip_interface(text if "/" in text and prefix.isdigit() else "")
    except ValueError as error:
        raise ValueError(f"network address parse error during conversion from string: {error}") from error


def to_ip(text: str) -> Manifest:
    """Read an address."""
    return {_IP: str(_parse_ip(text))}


def to_cidr(text: str) -> Manifest:
    """Read a network."""
    return {_CIDR: str(_parse_cidr(text))}


def is_ip(text: str) -> bool:
    """Tell whether a text is an address."""
    return _reads(_parse_ip, text)


def is_cidr(text: str) -> bool:
    """Tell whether a text is a network."""
    return _reads(_parse_cidr, text)


def _reads(parse: Any, text: str) -> bool:
    try:
        parse(text)
    except ValueError:
        return False
    return True


def is_canonical(text: str) -> bool:
    """Tell whether an address is written in its one canonical form."""
    return str(_parse_ip(text)) == text


def family(ip: Manifest) -> int:
    """Return 4 or 6."""
    return ipaddress.ip_address(ip[_IP]).version


def is_unspecified(ip: Manifest) -> bool:
    """Tell whether it is 0.0.0.0 or ::."""
    return ipaddress.ip_address(ip[_IP]).is_unspecified


def is_loopback(ip: Manifest) -> bool:
    """Tell whether it is this machine's own."""
    return ipaddress.ip_address(ip[_IP]).is_loopback


def is_link_local_unicast(ip: Manifest) -> bool:
    """Tell whether it is of 169.254.0.0/16 or fe80::/10."""
    return ipaddress.ip_address(ip[_IP]).is_link_local


def ip_of(cidr: Manifest) -> Manifest:
    """Return the address that a network was written with."""
    return {_IP: str(ipaddress.ip_interface(cidr[_CIDR]).ip)}


def prefix_length(cidr: Manifest) -> int:
    """Return how many bits are the network's."""
    return ipaddress.ip_interface(cidr[_CIDR]).network.prefixlen


def masked(cidr: Manifest) -> Manifest:
    """Return the network with its host bits cleared."""
    return {_CIDR: str(ipaddress.ip_interface(cidr[_CIDR]).network)}


def contains_ip(cidr: Manifest, ip: Manifest) -> bool:
    """Tell whether an address is in a network."""
    return ipaddress.ip_address(ip[_IP]) in ipaddress.ip_interface(cidr[_CIDR]).network


def contains_ip_text(cidr: Manifest, text: str) -> bool:
    """Tell whether an address is in a network."""
    return _parse_ip(text) in ipaddress.ip_interface(cidr[_CIDR]).network


def contains_cidr(cidr: Manifest, other: Manifest) -> bool:
    """Tell whether all of another network is in a network."""
    outer, inner = (ipaddress.ip_interface(each[_CIDR]).network for each in (cidr, other))
    return outer.version == inner.version and inner.prefixlen >= outer.prefixlen and inner.network_address in outer


def contains_cidr_text(cidr: Manifest, text: str) -> bool:
    """Tell whether all of another network is in a network."""
    return contains_cidr(cidr, to_cidr(text))
