"""The cluster as a snapshot that follows the caches, with what was decided and is not in them yet.

Pods that were assumed stay booked until the caches show where they went, or the binding failed and they are forgotten.
Nodes that came, went or changed in what placement looks at are followed when somebody asks next, however many
changed meanwhile; only another resource, or the labels of a namespace, has the whole laid out anew.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass
from typing import Any

from kubewright.api.apps import REPLICA_SETS, STATEFUL_SETS
from kubewright.api.core import NAMESPACES, NODES, PODS, SERVICES, Node, Pod, Service
from kubewright.api.meta import ObjectKey, Resource
from kubewright.api.policy import POD_DISRUPTION_BUDGETS, PodDisruptionBudget
from kubewright.api.resourceclaims import DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_SLICES
from kubewright.api.volumes import CLAIMS, CSI_DRIVERS, CSI_NODES, STORAGE_CLASSES, VOLUME_ATTACHMENTS, VOLUMES
from kubewright.placement.claims import DeviceClaims
from kubewright.placement.fit import Fit
from kubewright.placement.following import following
from kubewright.placement.nodes import offer
from kubewright.placement.peers import Labels
from kubewright.placement.snapshot import ClusterSnapshot
from kubewright.placement.storage import Storage
from kubewright.placement.workloads import OwnersAndServices
from kubewright.runtime.informer import Change, Informer
from kubewright.runtime.operators import Operator
from kubewright.scheduler.news import News

FOLLOWED: tuple[Resource[Any], ...] = (
    PODS,
    NODES,
    NAMESPACES,
    SERVICES,
    REPLICA_SETS,
    STATEFUL_SETS,
    POD_DISRUPTION_BUDGETS,
    CLAIMS,
    VOLUMES,
    STORAGE_CLASSES,
    CSI_NODES,
    CSI_DRIVERS,
    VOLUME_ATTACHMENTS,
    RESOURCE_CLAIMS,
    RESOURCE_SLICES,
    DEVICE_CLASSES,
)
"""The kinds that a ClusterState has caches of: its account must be allowed to list and to watch them."""


@dataclass(frozen=True, slots=True)
class _Assumed:
    pod: Pod
    node: str


class ClusterState:
    """Follows an operator's caches; `tell` hears what may help pods that wait."""

    def __init__(self, operator: Operator, tell: Callable[[News], None]) -> None:
        self.pods: Informer[Pod] = operator.informer(PODS)
        self.nodes: Informer[Node] = operator.informer(NODES)
        namespaces, services = operator.informer(NAMESPACES), operator.informer(SERVICES)
        replica_sets, stateful_sets = operator.informer(REPLICA_SETS), operator.informer(STATEFUL_SETS)
        claims, volumes, classes = (
            operator.informer(CLAIMS),
            operator.informer(VOLUMES),
            operator.informer(STORAGE_CLASSES),
        )
        csi_nodes, csi_drivers = operator.informer(CSI_NODES), operator.informer(CSI_DRIVERS)
        attachments = operator.informer(VOLUME_ATTACHMENTS)
        self._budgets = operator.informer(POD_DISRUPTION_BUDGETS)
        stored: tuple[Informer[Any], ...] = (claims, volumes, classes, csi_nodes, csi_drivers, attachments)
        owners: tuple[Informer[Any], ...] = (namespaces, services, replica_sets, stateful_sets)
        wanted, offered, sorts = (
            operator.informer(RESOURCE_CLAIMS),
            operator.informer(RESOURCE_SLICES),
            operator.informer(DEVICE_CLASSES),
        )
        devices: tuple[Informer[Any], ...] = (wanted, offered, sorts)
        self.informers: tuple[Informer[Any], ...] = (self.nodes, self.pods, self._budgets, *owners, *stored, *devices)
        self.claims = DeviceClaims(wanted.index, sorts.index, offered.index)
        self.storage = Storage(
            claims.index, volumes.index, classes.index, {}, csi_nodes.index, csi_drivers.index, attachments.index
        )
        self._workloads = OwnersAndServices(services.index, replica_sets.index, stateful_sets.index)
        self._namespaces: dict[str, Labels] = {}
        self._tell = tell
        self._snapshot: ClusterSnapshot | None = None
        self._changed_nodes: dict[str, None] = {}
        self._assumed: dict[ObjectKey, _Assumed] = {}
        self._promised: dict[ObjectKey, str] = {}
        """Pods for which room is being made on a node, and whose status does not say so yet."""
        self.pods.add_handler(self._on_pod)
        self.nodes.add_handler(self._on_node)
        namespaces.add_handler(self._on_namespace)
        services.add_handler(self._on_service)
        csi_nodes.add_handler(self._on_csi_node)
        for each in stored:
            each.add_handler(self._on_storage)
        wanted.add_handler(self._on_claim)
        offered.add_handler(self._on_slice)
        sorts.add_handler(self._on_class)

    @property
    def snapshot(self) -> ClusterSnapshot:
        """Return the cluster as it is by now; whoever tries things forks it."""
        if self._changed_nodes and self._snapshot is not None:
            self._snapshot = self._followed(self._snapshot)
        if self._snapshot is None:
            self._snapshot = self._laid_out()
        self._changed_nodes.clear()
        return self._snapshot

    def assume(self, chosen: Fit) -> None:
        """Book a pod on the node chosen for it, until the caches show it there."""
        pod = chosen.row.pod
        self._assumed[pod.key] = _Assumed(pod, chosen.node)
        self.snapshot.assume(chosen.row, chosen.column)

    def forget(self, key: ObjectKey) -> None:
        """Give back what was assumed for a pod."""
        assumed = self._assumed.pop(key, None)
        if assumed is None:
            return
        self._free_devices(assumed.pod)
        if self._snapshot is not None:
            self._snapshot.forget(key)
            self._tell(News.POD_GONE)

    def budgets(self) -> Iterable[PodDisruptionBudget]:
        """Return the disruption budgets."""
        return self._budgets.index.values()

    def promise(self, pod: Pod, node: str, outranked: Iterable[ObjectKey] = ()) -> None:
        """Keep a node's coming room for a pod; lower ones that it was promised to have to look elsewhere."""
        for key in outranked:
            self.break_promise(key)
        self._promised[pod.key] = node
        self.snapshot.nominate(self.snapshot.row(pod), node)

    def break_promise(self, key: ObjectKey) -> None:
        """Keep no room for a pod any longer."""
        self._promised.pop(key, None)
        if self._snapshot is not None and key in self._snapshot.nominated and self._snapshot.forget(key):
            self._tell(News.POD_GONE)

    def _laid_out(self) -> ClusterSnapshot:
        nodes = sorted(self.nodes.index.values(), key=lambda node: node.metadata.name)
        snapshot = ClusterSnapshot.of(nodes, (), self.storage, self._workloads, self._namespaces, claims=self.claims)
        self._fill(snapshot, snapshot.table.columns)
        return snapshot

    def _followed(self, snapshot: ClusterSnapshot) -> ClusterSnapshot | None:
        """Bring the nodes up to date; None if that takes a new layout."""
        nodes = self.nodes.index
        table = following(snapshot.table, {name: nodes.get(ObjectKey("", name)) for name in self._changed_nodes})
        if table is None:
            return None
        come = [name for name in table.columns if name not in snapshot.table.columns]
        snapshot.follow_nodes(table)
        if come:
            self._fill(snapshot, frozenset(come))
        return snapshot

    def _fill(self, snapshot: ClusterSnapshot, nodes: Container[str]) -> None:
        """Book on these nodes who is bound to them, or was assumed there, or has been promised room."""
        for pod in self.pods.index.values():
            if pod.is_finished:
                continue
            if pod.spec.node_name in nodes:
                snapshot.book(pod)
            elif not pod.spec.node_name and pod.status.nominated_node_name in nodes:
                snapshot.nominate(snapshot.row(pod), pod.status.nominated_node_name)
        for key, assumed in self._assumed.items():
            if assumed.node in nodes and key not in snapshot.placed:
                snapshot.assume(snapshot.row(assumed.pod), snapshot.table.columns[assumed.node])
        for key, node in self._promised.items():
            pod = self.pods.index.get(key)
            if pod is not None and node in nodes:
                snapshot.nominate(snapshot.row(pod), node)

    def _on_pod(self, change: Change[Pod]) -> None:
        old, new = change.old, change.new
        if has_left(change):
            self._leave(change.key)
        if new is None or new.is_finished:
            return
        if new.spec.node_name:
            self._book(new, old)
        else:
            self._follow_promise(new)

    def _leave(self, key: ObjectKey) -> None:
        assumed = self._assumed.pop(key, None)
        if assumed is not None:
            self._free_devices(assumed.pod)
        self._promised.pop(key, None)
        if self._snapshot is None or self._snapshot.forget(key):
            self._tell(News.POD_GONE)

    def _book(self, pod: Pod, old: Pod | None) -> None:
        """Take a binding over as the cluster shows it, whoever made it; a resize or another label is one anew."""
        self._assumed.pop(pod.key, None)
        self._promised.pop(pod.key, None)
        if old is not None and old.spec.node_name and _weight(old) == _weight(pod):
            return
        if self._snapshot is not None:
            self._snapshot.book(pod)
        if old is not None and old.spec.node_name:
            self._tell(News.POD_GONE)
        self._tell(News.POD_PLACED)

    def _follow_promise(self, pod: Pod) -> None:
        """Take over whom a node is promised to, as the pod itself says; what was decided here it may not say yet."""
        nominated = pod.status.nominated_node_name
        if nominated:
            self._promised.pop(pod.key, None)
            if self._snapshot is not None and pod.key not in self._assumed:
                self._snapshot.nominate(self._snapshot.row(pod), nominated)
        elif pod.key not in self._promised:
            self.break_promise(pod.key)

    def _on_node(self, change: Change[Node]) -> None:
        if change.old is not None and change.new is not None and offer(change.old) == offer(change.new):
            return
        self._changed_nodes[change.key.name] = None
        self._tell(News.NODE)

    def _on_storage(self, change: Change[Any]) -> None:
        del change
        self._tell(News.STORAGE)

    def _free_devices(self, pod: Pod) -> None:
        """Give back the devices that were chosen for a pod, if none of that is written."""
        if pod.spec.resource_claims:
            self.claims.give_back(pod)
            self._tell(News.DEVICES)

    def _on_claim(self, change: Change[Any]) -> None:
        self.claims.claim_changed(change.key)
        self._tell(News.DEVICES)

    def _on_slice(self, change: Change[Any]) -> None:
        del change
        self.claims.slices_changed()
        self._tell(News.DEVICES)

    def _on_class(self, change: Change[Any]) -> None:
        del change
        self.claims.classes_changed()
        self._tell(News.DEVICES)

    def _on_csi_node(self, change: Change[Any]) -> None:
        del change
        if self._snapshot is not None:
            self._snapshot.csi_nodes_changed()

    def _on_service(self, change: Change[Service]) -> None:
        del change
        self._workloads.services_changed()

    def _on_namespace(self, change: Change[Any]) -> None:
        if change.new is None:
            self._namespaces.pop(change.key.name, None)
        elif self._namespaces.get(change.key.name) != change.new.metadata.labels:
            self._namespaces[change.key.name] = change.new.metadata.labels
            self._snapshot = None
            self._tell(News.NAMESPACE)


def has_left(change: Change[Pod]) -> bool:
    """Tell whether a pod gave back what it took: it is gone, or has finished, or another has its name by now."""
    old, new = change.old, change.new
    return new is None or new.is_finished or (old is not None and old.metadata.uid != new.metadata.uid)


def _weight(pod: Pod) -> tuple[object, ...]:
    """Return what of a bound pod can change, and what it takes from its node with it."""
    taken = tuple((each.name, each.allocated_resources, each.resources) for each in pod.status.container_statuses)
    return pod.spec, pod.metadata.labels, pod.is_terminating, taken
