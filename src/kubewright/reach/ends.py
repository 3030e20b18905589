"""The two ends of a connection, as policies see them."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import TypeAlias

from kubewright.api.core import ContainerPort, Pod
from kubewright.reach.verdict import Truth

Address: TypeAlias = IPv4Address | IPv6Address
Network: TypeAlias = IPv4Network | IPv6Network
IPV4, IPV6 = 4, 6


@dataclass(frozen=True, slots=True)
class PodEnd:
    """A pod."""

    pod: Pod

    def __str__(self) -> str:
        return f"pod/{self.pod.key}"


@dataclass(frozen=True, slots=True)
class NodeEnd:
    """A node, or whatever shares its network."""

    name: str
    addresses: tuple[str, ...] = ()

    def __str__(self) -> str:
        return f"node/{self.name}"


@dataclass(frozen=True, slots=True)
class AddressEnd:
    """An address that is no pod's and no node's."""

    address: str

    def __str__(self) -> str:
        return self.address


@dataclass(frozen=True, slots=True)
class Internet:
    """Every public address at once."""

    def __str__(self) -> str:
        return "internet"


@dataclass(frozen=True, slots=True)
class Host:
    """One address that is not known: that of a name which the cluster does not resolve itself, or of some node."""

    name: str

    def __str__(self) -> str:
        return self.name


End: TypeAlias = PodEnd | NodeEnd | AddressEnd | Internet | Host


@dataclass(frozen=True, slots=True)
class Connection:
    """Who opens a connection, to whom, once services have been resolved."""

    source: End
    destination: End
    port: int
    protocol: str = "TCP"
    version: int = IPV4
    """Of IP."""


@functools.lru_cache(maxsize=4096)
def parsed(text: str) -> Address | None:
    """Read an address; None for what is none."""
    try:
        return ip_address(text)
    except ValueError:
        return None


@functools.lru_cache(maxsize=4096)
def network(text: str) -> Network | None:
    """Read a range; None for what is none."""
    try:
        return ip_network(text, strict=False)
    except ValueError:
        return None


def pod_addresses(pod: Pod) -> tuple[str, ...]:
    """Return a pod's addresses, the first one first; none before it has any."""
    listed = tuple(each.ip for each in pod.status.pod_ips if each.ip)
    return listed or ((pod.status.pod_ip,) if pod.status.pod_ip else ())


def addresses(end: End, version: int) -> list[Address]:
    """Return what an end may be seen as in one version of IP."""
    return [found for text in _texts(end) if (found := parsed(text)) is not None and found.version == version]


def first_version(end: End) -> int:
    """Return the version of IP that an end is usually reached by."""
    texts = _texts(end)
    first = parsed(texts[0]) if texts else None
    return first.version if first is not None else IPV4


def _texts(end: End) -> tuple[str, ...]:
    """Return an end's addresses as they are written, the first one first; none where they are not known."""
    match end:
        case PodEnd(pod):
            return pod_addresses(pod)
        case NodeEnd(_, listed):
            return listed
        case AddressEnd(address):
            return (address,)
        case _:
            return ()


def in_block(end: End, version: int, cidr: str, besides: tuple[str, ...] = ()) -> Truth:
    """Whether an end is in a range; None where it has no address yet, or several of which some are in it."""
    block, gaps = network(cidr), [network(each) for each in besides]
    if block is None or None in gaps:
        return None
    holes = [each for each in gaps if each is not None]
    if isinstance(end, Internet):
        return _has_internet(block, holes)
    if isinstance(end, Host):
        return True if block.prefixlen == 0 and not holes else None
    found = addresses(end, version)
    if not found:
        # An end that has addresses of the other version alone is in no range of this one.
        return None if isinstance(end, PodEnd) and not pod_addresses(end.pod) else False
    inside = [each in block and not any(each in hole for hole in holes) for each in found]
    return all(inside) if len(set(inside)) == 1 else None


def _has_internet(block: Network, holes: list[Network]) -> Truth:
    if block.prefixlen == 0:
        return True if all(_is_private(each) for each in holes) else None
    return False if _is_private(block) else None


def _is_private(block: Network) -> bool:
    """Whether no address of a range is public: both its ends are not, and it is within what one purpose is given."""
    widest = 8 if block.version == IPV4 else 7
    return block.prefixlen >= widest and not (block[0].is_global or block[-1].is_global)


def declared_ports(pod: Pod) -> list[ContainerPort]:
    """Return the ports that the containers which go on running declare."""
    return [port for container in pod.spec.staying for port in container.ports]
