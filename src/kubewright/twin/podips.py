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
        self._held: dict[str, tuple[str, str]] = {}
        self._next: dict[str, int] = {}

    def copy(self) -> PodAddresses:
        """Return an independent book of the same addresses."""
        copied = PodAddresses()
        copied._taken = {cidr: dict(taken) for cidr, taken in self._taken.items()}
        copied._held = dict(self._held)
        copied._next = dict(self._next)
        return copied

    def take(self, node: Node | None, uid: str, present: str = "") -> str:
        """Return the pod's address, the one that it has if any; "" when the node has none left.

        A pod that was given one has it, even while its status, as a cache shows it, does not say so yet.
        """
        cidr = (node.spec.pod_cidr if node is not None else "") or _FALLBACK
        if uid in self._held and present in {"", self._held[uid][1]}:
            return self._held[uid][1]
        address = present or self._free(cidr)
        if address:
            self.release(uid)
            self._taken.setdefault(cidr, {})[address] = uid
            self._held[uid] = cidr, address
        return address

    def release(self, uid: str) -> None:
        """Give a pod's address back."""
        cidr, address = self._held.pop(uid, ("", ""))
        if self._taken.get(cidr, {}).get(address) == uid:
            del self._taken[cidr][address]

    def _free(self, cidr: str) -> str:
        taken, network = self._taken.get(cidr, {}), ipaddress.ip_network(cidr)
        usable = network.num_addresses - 3
        for _ in range(usable):
            number = self._next.get(cidr, 0)
            self._next[cidr] = (number + 1) % usable
            address = str(network[number + 2])
            if address not in taken:
                return address
        return ""
