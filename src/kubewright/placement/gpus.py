"""The GPUs of a snapshot, one by one: which pod has which, and what a placement costs those who come after.

Worked out from the nodes and the pods on them, and kept up where pods came or went; nothing is remembered that a new
start would not find again but the order in which pods came, which the learned mix follows. A pod has the GPUs that its
annotation names. One that was placed just now has none yet: it is given those that cost least, and `given` tells the
scheduler, which writes it down.
"""

from __future__ import annotations

from kubewright.api.core import Node
from kubewright.api.meta import ObjectKey
from kubewright.api.resources import pod_request
from kubewright.devices.columns import GpuColumns
from kubewright.devices.packing import GpuPacking
from kubewright.devices.requests import GPU, PRODUCT, free_milli, gpu_request, read_given, shares_gpus, write_given
from kubewright.devices.workload import GpuRequest
from kubewright.placement.pods import PodRow, Shape
from kubewright.placement.snapshot import ClusterSnapshot, Placed

_KEY = "gpus"
_KNOWN = 8192


class Gpus:
    """What is free of each GPU, as of one version of a snapshot."""

    __slots__ = ("_held", "_requests", "packing", "shares", "version")

    def __init__(self, snapshot: ClusterSnapshot) -> None:
        table = snapshot.table
        nodes = GpuColumns(
            table.allocatable[0].tolist(),
            table.allocatable[1].tolist(),
            [free_milli(node) for node in table.nodes],
            [_model(node) for node in table.nodes],
        )
        self.packing = GpuPacking(nodes)
        self.shares = any(shares_gpus(node) for node in table.nodes)
        """Whether any node offers parts of GPUs; if none does, counting whole ones is enough to know what fits."""
        self._requests: dict[bytes, GpuRequest] = {}
        self._held: list[dict[int, tuple[Placed, GpuRequest, tuple[int, ...]]]] = [{} for _ in table.nodes]
        """By the identity of a `Placed`, which is kept with it: a snapshot makes one anew where anything changed."""
        self.version = snapshot.version
        for column in range(len(table)):
            self._sync(snapshot, column)

    def copy(self) -> Gpus:
        """Return an independent copy."""
        copy: Gpus = Gpus.__new__(Gpus)
        copy.packing, copy.shares, copy.version = self.packing.copy(), self.shares, self.version
        copy._requests, copy._held = self._requests, [held.copy() for held in self._held]
        return copy

    @classmethod
    def of(cls, snapshot: ClusterSnapshot) -> Gpus:
        """Return the snapshot's, up to date."""
        found: Gpus | None = snapshot.derived.pop(_KEY, None)
        if found is None:
            inherited, version = snapshot.inherited
            parent: Gpus | None = inherited.get(_KEY)
            found = parent.copy() if parent is not None and parent.version <= version else cls(snapshot)
        snapshot.derived[_KEY] = found  # last, since what was put there first is dropped first
        found.catch_up(snapshot)
        return found

    def catch_up(self, snapshot: ClusterSnapshot) -> None:
        """Look at the nodes again that pods came to or went from."""
        changes = snapshot.changed_since(self.version)
        for column in sorted(set(changes)) if changes is not None else range(len(snapshot.table)):
            self._sync(snapshot, column)
        self.version = snapshot.version

    def request(self, shape: Shape) -> GpuRequest:
        """Return what pods of a shape ask for."""
        found = self._requests.get(shape.bearing)
        if found is None:
            if len(self._requests) >= _KNOWN:
                self._requests.clear()
            found = self._requests[shape.bearing] = gpu_request(pod_request(shape.sample), shape.sample.spec)
        return found

    def given(self, key: ObjectKey, column: int) -> tuple[int, ...]:
        """Return the GPUs that a placed pod has on its node."""
        return next((gpus for placed, _, gpus in self._held[column].values() if placed.row.key == key), ())

    def _sync(self, snapshot: ClusterSnapshot, column: int) -> None:
        held, now = self._held[column], {id(placed): placed for placed in snapshot.on_node[column]}
        gone = [held.pop(each) for each in held.keys() - now.keys()]
        for _, request, gpus in gone:
            self.packing.nodes.give(request, column, gpus)
        seen = {placed.row.key for placed, _, _ in gone}
        for identity, placed in now.items():
            if identity not in held:
                request = self.request(placed.row.shape)
                if placed.row.key not in seen:  # else it only became known which GPUs it was told to have
                    self.packing.observe(request)
                gpus = self._choose(placed.row, request, column)
                self.packing.nodes.take(request, column, gpus)
                held[identity] = placed, request, gpus

    def _choose(self, row: PodRow, request: GpuRequest, column: int) -> tuple[int, ...]:
        """Return what a pod was given; or what it should be, and of a node that lies as much as there is."""
        if not request.count:
            return ()
        nodes, said = self.packing.nodes, read_given(row.pod)
        if said is not None and len(set(said)) == request.count and max(said) < nodes.milli.shape[1]:
            return said
        if self.packing.fits(request, column):
            return self.packing.gpus(request, column)
        return nodes.tightest(request, column)


def given_gpus(row: PodRow, snapshot: ClusterSnapshot, column: int) -> dict[str, str]:
    """Return the annotation that tells a pod which GPUs it was placed on."""
    if not has_gpus(snapshot):
        return {}
    return write_given(Gpus.of(snapshot).given(row.key, column))


def has_gpus(snapshot: ClusterSnapshot) -> bool:
    """Tell whether any node offers GPUs: where none does, nobody need ask further."""
    return GPU in snapshot.table.rows


def _model(node: Node) -> str:
    return node.metadata.labels.get(PRODUCT, "")
