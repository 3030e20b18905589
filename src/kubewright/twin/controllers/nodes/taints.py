"""The taints that a node's conditions ask for. Pure.

NoSchedule follows the conditions at once; NoExecute, which drives pods out, is for the monitor to grant at its pace.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from kubewright.api.conditions import find_condition
from kubewright.api.core import NODES, Node, Taint
from kubewright.api.meta import Manifest, rfc3339
from kubewright.api.tolerations import NO_EXECUTE, NO_SCHEDULE
from kubewright.twin.controllers.writes import Patch

NOT_READY = "node.kubernetes.io/not-ready"
UNREACHABLE = "node.kubernetes.io/unreachable"
CORDONED = "node.kubernetes.io/unschedulable"
OUT_OF_SERVICE = "node.kubernetes.io/out-of-service"
EVICTING: Mapping[str, str] = {"False": NOT_READY, "Unknown": UNREACHABLE}
"""From the status of Ready to the taint that drives pods out."""
_CONDITIONS: Mapping[str, Mapping[str, str]] = {
    "Ready": EVICTING,
    "MemoryPressure": {"True": "node.kubernetes.io/memory-pressure"},
    "DiskPressure": {"True": "node.kubernetes.io/disk-pressure"},
    "NetworkUnavailable": {"True": "node.kubernetes.io/network-unavailable"},
    "PIDPressure": {"True": "node.kubernetes.io/pid-pressure"},
}
_OURS = frozenset({CORDONED, *(key for keys in _CONDITIONS.values() for key in keys.values())})


def ready_status(node: Node) -> str:
    """Return True, False or Unknown, or nothing when nobody has said so yet."""
    ready = find_condition(node.status.conditions, "Ready")
    return ready.status if ready is not None else ""


def no_schedule(node: Node, now: float) -> list[Patch]:
    """Return the write that brings the NoSchedule taints to what the conditions and a cordon ask for."""
    keys = [_CONDITIONS.get(each.type, {}).get(each.status) for each in node.status.conditions]
    wanted = [key for key in keys if key]
    if node.spec.unschedulable:
        wanted.append(CORDONED)
    present = {each.key for each in node.spec.taints if each.effect == NO_SCHEDULE and each.key in _OURS}
    return swap(
        node,
        [Taint(key, "", NO_SCHEDULE) for key in wanted if key not in present],
        [Taint(key, "", NO_SCHEDULE) for key in sorted(present.difference(wanted))],
        now,
    )


def evicting_keys(node: Node) -> frozenset[str]:
    """Return which of the two taints that drive pods out the node has."""
    keys = (each.key for each in node.spec.taints if each.effect == NO_EXECUTE)
    return frozenset(keys).intersection(EVICTING.values())


def no_execute(node: Node, status: str, now: float) -> list[Patch]:
    """Return the write that leaves of those two the one that this status of Ready means, or none."""
    wanted, present = EVICTING.get(status), evicting_keys(node)
    adding = [Taint(wanted, "", NO_EXECUTE)] if wanted and wanted not in present else []
    return swap(node, adding, [Taint(key, "", NO_EXECUTE) for key in sorted(present - {wanted})], now)


def swap(node: Node, adding: Iterable[Taint], removing: Iterable[Taint], now: float) -> list[Patch]:
    """Return the write that adds taints, with their time, and takes others away; none when there is nothing to do."""
    gone = {(each.key, each.effect) for each in removing}
    new = [Taint(each.key, each.value, each.effect, rfc3339(now)) for each in adding]
    if not new and not gone:
        return []
    taints = [*(each for each in node.spec.taints if (each.key, each.effect) not in gone), *new]
    version = node.metadata.resource_version
    changes = {"spec": {"taints": [_written(each) for each in taints] or None}}
    return [Patch(NODES, node.key, node.metadata.uid, changes, resource_version=version)]


def _written(taint: Taint) -> Manifest:
    fields = {"key": taint.key, "value": taint.value, "effect": taint.effect, "timeAdded": taint.time_added}
    return {name: value for name, value in fields.items() if value}
