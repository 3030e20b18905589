"""Equal parts of many objects, kept once.

The pods of one ReplicaSet differ in name, address and time; their labels, owners, containers and tolerations are equal
but decoded anew for each. The informer passes what it is about to cache through an `Interner`, which roughly halves
the memory of cached pods. Objects are never changed afterwards, so sharing is safe.
"""

from __future__ import annotations

from typing import Any, Final, TypeVar

import msgspec

from kubewright.api.live import LiveObject
from kubewright.api.meta import KubeObject, Leaf
from kubewright.api.pods import Pod, PodStatus

T = TypeVar("T", bound=KubeObject)

_LIMIT: Final = 32_768
_METADATA_STRINGS: Final = ("namespace", "generate_name", "creation_timestamp")
_METADATA_PARTS: Final = ("labels", "annotations", "owner_references")
_SPEC_STRINGS: Final = (
    "node_name",
    "restart_policy",
    "scheduler_name",
    "priority_class_name",
    "preemption_policy",
    "service_account_name",
)
_SPEC_PARTS: Final = (
    "containers",
    "init_containers",
    "tolerations",
    "node_selector",
    "affinity",
    "topology_spread_constraints",
    "overhead",
    "readiness_gates",
)
_STATUS_STRINGS: Final = ("phase", "host_ip", "qos_class", "start_time")
_CONDITION_STRINGS: Final = ("type", "status", "reason", "message", "last_transition_time")
_CONTAINER_STRINGS: Final = ("name", "image")
_CONTAINER_PARTS: Final = ("state", "last_state", "allocated_resources", "resources")


class Interner:
    """Replaces parts of just decoded objects by equal ones that it has seen.

    It remembers at most `limit` strings and parts of each sort, and then starts again: what has been shared stays so.
    """

    def __init__(self, limit: int = _LIMIT) -> None:
        self._limit = limit
        self._strings: dict[str, str] = {}
        self._parts: dict[tuple[str, bytes], Any] = {}
        self._encode = msgspec.json.Encoder().encode

    def intern(self, obj: T) -> T:
        """Return the object with its parts shared. It must be fresh from the decoder, known to nobody else."""
        # What a controller made names its owner and bears its fingerprint: no two are alike.
        self._share(obj.metadata, _METADATA_STRINGS, () if isinstance(obj, LiveObject) else _METADATA_PARTS)
        if isinstance(obj, Pod):
            self._share(obj.spec, _SPEC_STRINGS, _SPEC_PARTS)
            self._share_status(obj.status)
        if len(self._strings) > self._limit:
            self._strings = {}
        if len(self._parts) > self._limit:
            self._parts = {}
        return obj

    def _share_status(self, status: PodStatus) -> None:
        self._share(status, _STATUS_STRINGS, ())
        for condition in status.conditions:
            self._share(condition, _CONDITION_STRINGS, ())
        for container in (*status.container_statuses, *status.init_container_statuses):
            self._share(container, _CONTAINER_STRINGS, _CONTAINER_PARTS)

    def _share(self, owner: Leaf, strings: tuple[str, ...], parts: tuple[str, ...]) -> None:
        for name in strings:
            text: str | None = getattr(owner, name)
            if text:
                msgspec.structs.force_setattr(owner, name, self._strings.setdefault(text, text))
        for name in parts:
            part = getattr(owner, name)
            if part:
                shared = self._parts.setdefault((name, self._encode(part)), part)
                msgspec.structs.force_setattr(owner, name, shared)
