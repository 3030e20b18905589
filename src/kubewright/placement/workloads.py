"""By which selector the system spreads a pod that says nothing of it: that of its services and its workload.

The rule is kube-scheduler's `helper.DefaultSelector`. Pure: what is looked up are caches that somebody else keeps, who
says when services came or went.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from kubewright.api.apps import ReplicaSet, StatefulSet
from kubewright.api.core import Pod, Service
from kubewright.api.meta import ObjectKey, controller_of
from kubewright.api.requirements import Requirement
from kubewright.api.selectors import LabelSelector
from kubewright.placement.storage import Lookup

_APPS = "apps/v1"


class Workloads(Protocol):
    """Knows what pods belong to."""

    def selector_for(self, pod: Pod) -> LabelSelector | None:
        """Return the selector that a pod is spread by, or None."""
        ...


class NoWorkloads:
    """Nothing is known: pods spread only by their own constraints."""

    def selector_for(self, pod: Pod) -> LabelSelector | None:
        """Return None."""
        del pod
        return None


NO_WORKLOADS: Workloads = NoWorkloads()


class OwnersAndServices:
    """Looks pods up in the caches of services, replica sets and stateful sets."""

    __slots__ = ("_by_namespace", "_replica_sets", "_services", "_stateful_sets")

    def __init__(
        self, services: Lookup[Service], replica_sets: Lookup[ReplicaSet], stateful_sets: Lookup[StatefulSet]
    ) -> None:
        self._services = services
        self._replica_sets = replica_sets
        self._stateful_sets = stateful_sets
        self._by_namespace: dict[str, list[Mapping[str, str]]] | None = None

    def services_changed(self) -> None:
        """Look at the services anew: one came, went or changed."""
        self._by_namespace = None

    def selector_for(self, pod: Pod) -> LabelSelector | None:
        """Return the selector that a pod is spread by; None for a pod with constraints of its own."""
        if pod.spec.topology_spread_constraints:
            return None
        labels = pod.metadata.labels
        merged: dict[str, str] = {}
        for selector in self._selectors(pod.metadata.namespace):
            if selector.items() <= labels.items():
                merged |= selector
        owner = self._owner(pod)
        if owner is None:
            return LabelSelector(merged) if merged else None
        required = tuple(Requirement(key, "In", (value,)) for key, value in owner.match_labels.items())
        found = LabelSelector(merged, (*required, *owner.match_expressions))
        return found if found.match_labels or found.match_expressions else None

    def _selectors(self, namespace: str) -> list[Mapping[str, str]]:
        if self._by_namespace is None:
            self._by_namespace = {}
            for service in sorted(self._services.values(), key=lambda each: each.key):
                if service.spec.selector:
                    self._by_namespace.setdefault(service.metadata.namespace, []).append(service.spec.selector)
        return self._by_namespace.get(namespace, [])

    def _owner(self, pod: Pod) -> LabelSelector | None:
        owner = controller_of(pod)
        if owner is None or owner.api_version != _APPS:
            return None
        key = ObjectKey(pod.metadata.namespace, owner.name)
        match owner.kind:
            case "ReplicaSet":
                found = self._replica_sets.get(key)
            case "StatefulSet":
                found = self._stateful_sets.get(key)
            case _:
                return None
        return None if found is None else found.spec.selector
