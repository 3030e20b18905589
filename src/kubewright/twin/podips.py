"""The addresses of pods, from the podCIDR of their node."""

from __future__ import annotations

import ipaddress

from kubewright.api.core import Node

_FALLBACK = "10.255.0.0/16"
"""For a node without a podCIDR, as a control plane that allocates none leaves it."""


class PodAddresses:
    """Hands out addresses by node; one is used again only after all the others of its range."""

    def __init__(self) -> None:
        self._taken: dict[str, dict[str, str]] = {}
        self._next: dict[str, int] = {}

    def copy(self) -> PodAddresses:
        """Return an independent book of the same addresses."""
        copied = PodAddresses()
        copied._taken = {cidr: dict(taken) for cidr, taken in self._taken.items()}
        copied._next = dict(self._next)
        return copied

    def take(self, node: Node | None, uid: str, present: str = "") -> str:
        """Return the pod's address, the one that it has if any; "" when the node has none left."""
        cidr = (node.spec.pod_cidr if node is not None else "") or _FALLBACK
        taken = self._taken.setdefault(cidr, {})
        if present:
            taken[present] = uid
            return present
        network = ipaddress.ip_network(cidr)
        usable = network.num_addresses - 3
        for _ in range(usable):
            number = self._next.get(cidr, 0)
            self._next[cidr] = (number + 1) % usable
            address = str(network[number + 2])
            if address not in taken:
                taken[address] = uid
                return address
        return ""

    def release(self, node: Node | None, address: str) -> None:
        """Give an address back."""
        cidr = (node.spec.pod_cidr if node is not None else "") or _FALLBACK
        self._taken.get(cidr, {}).pop(address, None)
