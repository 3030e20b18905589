"""What the faults of a saved cluster mean at the moment in which it is loaded."""

from __future__ import annotations

import msgspec

from kubewright.api.core import Node
from kubewright.clock import Clock
from kubewright.store.versioned import VersionedStore
from kubewright.twin.faults.decide import Cluster, decide
from kubewright.twin.faults.fault import FAULTS, Fault
from kubewright.twin.faults.rules import rule_of
from kubewright.twin.kubelet.faults import OnNodes


def silenced(store: VersionedStore, clock: Clock, nodes: list[Node]) -> frozenset[str]:
    """Return the nodes that a fault keeps silent: they come back when it is lifted."""
    records = store.list((FAULTS.group, FAULTS.plural))[0]
    if not records:
        return frozenset()
    faults = [msgspec.json.decode(record.encoded, type=Fault) for record in records]
    in_force = decide(faults, Cluster(nodes), clock.now()).in_force
    return frozenset(
        name
        for name, active in in_force.on_nodes.items()
        for rule in (rule_of(each, (name,)) for each in active)
        if isinstance(rule, OnNodes) and rule.trouble.silent
    )
