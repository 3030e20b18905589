"""Addresses and ports of Services: given out, kept apart, and free again when the Service is gone."""

from __future__ import annotations

import ipaddress
import random
from dataclasses import dataclass, field

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.store.versioned import Change, VersionedStore
from kubewright.twin import status
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict, as_list, dicts
from kubewright.twin.validation.fields import FieldError, invalid

SERVICE_NETWORK = ipaddress.IPv4Network("10.96.0.0/16")
NODE_PORTS = range(30000, 32768)
_SERVICES = ("", "services")
_RESERVED_BELOW = 257
"""Addresses that are asked for by hand come from the low end; the API server draws from above it."""


@dataclass(slots=True)
class ServiceAddresses:
    """What is taken, by whom. It follows the store, so that a restart or a delete needs no word."""

    random: random.Random
    ips: dict[str, ObjectKey] = field(default_factory=dict[str, ObjectKey])
    ports: dict[int, ObjectKey] = field(default_factory=dict[int, ObjectKey])

    def follow(self, store: VersionedStore) -> None:
        """Learn what the stored Services hold, now and from now on."""
        for record in store.list(_SERVICES)[0]:
            self._hold(record.key, record.obj)
        store.subscribe(_SERVICES, self._changed)

    def _changed(self, change: Change) -> None:
        if change.previous is not None:
            self._release(change.record.key)
        if change.type != "DELETED":
            self._hold(change.record.key, change.record.obj)

    def _hold(self, key: ObjectKey, service: Manifest) -> None:
        spec = as_dict(service.get("spec"))
        for ip in as_list(spec.get("clusterIPs")):
            if ip != "None":
                self.ips[ip] = key
        for port in node_ports(spec):
            self.ports[port] = key

    def _release(self, key: ObjectKey) -> None:
        for taken in (self.ips, self.ports):
            for name in [name for name, holder in taken.items() if holder == key]:
                del taken[name]  # pyright: ignore[reportArgumentType]  each mapping gets its own keys

    def assign(self, kind: KindInfo, service: Manifest) -> None:
        """Fill in the addresses and ports that a Service asks for, in place; raises 422 when one is not to be had."""
        metadata = service["metadata"]
        key = ObjectKey(metadata.get("namespace", ""), metadata.get("name", ""))
        spec = service["spec"]
        error = self._assign_ip(key, spec) or self._assign_ports(key, spec)
        if error is not None:
            raise status.invalid(kind.group, kind.kind, key.name, [error])

    def _assign_ip(self, key: ObjectKey, spec: Manifest) -> FieldError | None:
        if spec.get("type") == "ExternalName":
            return None
        asked = spec.get("clusterIP") or next(iter(as_list(spec.get("clusterIPs"))), "")
        if asked and asked != "None" and self.ips.get(asked) != key:
            problem = self._refuse_ip(asked)
            if problem:
                return invalid("spec.clusterIPs", [asked], f"failed to allocate IP {asked}: {problem}")
        spec["clusterIP"] = asked or self._free_ip()
        spec["clusterIPs"] = [spec["clusterIP"]]
        return None

    def _refuse_ip(self, asked: str) -> str:
        try:
            address = ipaddress.ip_address(asked)
        except ValueError:
            return ""  # validation has its own words for what is no address
        if address not in SERVICE_NETWORK:
            return "the provided network does not match the current range"
        return "provided IP is already allocated" if asked in self.ips else ""

    def _free_ip(self) -> str:
        while True:
            offset = self.random.randrange(_RESERVED_BELOW, SERVICE_NETWORK.num_addresses - 1)
            ip = str(SERVICE_NETWORK[offset])
            if ip not in self.ips:
                return ip

    def _assign_ports(self, key: ObjectKey, spec: Manifest) -> FieldError | None:
        if spec.get("type") not in {"NodePort", "LoadBalancer"}:
            return None  # a port that is named all the same is refused by validation
        mine: set[int] = set()
        for index, port in enumerate(dicts(spec, "ports")):
            asked = port.get("nodePort")
            if asked:
                problem = self._refuse_port(key, asked, mine)
                if problem:
                    return invalid(f"spec.ports[{index}].nodePort", asked, problem)
            elif spec.get("allocateLoadBalancerNodePorts") is not False:
                port["nodePort"] = asked = self._free_port(mine)
            mine.add(asked or 0)
        if spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local":
            spec.setdefault("healthCheckNodePort", self._free_port(mine))
        return None

    def _refuse_port(self, key: ObjectKey, asked: int, mine: set[int]) -> str:
        if asked not in NODE_PORTS:
            valid = f"{NODE_PORTS.start}-{NODE_PORTS.stop - 1}"
            return f"provided port is not in the valid range. The range of valid ports is {valid}"
        if asked not in mine and self.ports.get(asked, key) != key:
            return "provided port is already allocated"
        return ""

    def _free_port(self, mine: set[int]) -> int:
        while True:
            port = self.random.choice(NODE_PORTS)
            if port not in self.ports and port not in mine:
                return port


def node_ports(spec: Manifest) -> list[int]:
    """Return the node ports that a Service's spec names."""
    ports = [port["nodePort"] for port in dicts(spec, "ports") if port.get("nodePort")]
    if spec.get("healthCheckNodePort"):
        ports.append(spec["healthCheckNodePort"])
    return ports
