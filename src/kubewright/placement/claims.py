"""Claims to devices as placement sees them: what a pod still needs, which nodes have it, and what was decided.

`DeviceClaims` is a live view of claims, classes and slices with an overlay: what was decided for assumed pods and is
not in the caches yet. A snapshot holds it and books through it; a fork tries things on a copy. How nodes stand with
claims of one wording is worked out once, then brought up to date where devices were taken or given back.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

import msgspec
import numpy as np

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey, controller_of
from kubewright.api.pods import PodResourceClaim
from kubewright.api.resourceclaims import (
    MOST_CONSUMERS,
    Allocation,
    DeviceClass,
    ResourceClaim,
    ResourceSlice,
)
from kubewright.devices.claims.allocator import AllocationError, Found, allocate, wishes_met
from kubewright.devices.claims.pools import Inventory
from kubewright.devices.claims.results import allocation as written
from kubewright.placement.claimbooks import Books, Decision, Standing
from kubewright.placement.nodes import NodeMask, NodeScores, NodeTable
from kubewright.placement.storage import Lookup

NOT_THERE = "cannot allocate all claims"
ELSEWHERE = "resourceclaim not available on the node"


@dataclass(frozen=True, slots=True)
class Needs:
    """The claims of a pod."""

    allocated: tuple[ResourceClaim, ...]
    waiting: tuple[ResourceClaim, ...]


class DeviceClaims:
    """See the module. Whoever keeps the caches says what changed in them."""

    __slots__ = ("_books", "_claims", "_classes", "_is_mine", "_is_read", "_slices", "_slices_changed")

    def __init__(
        self, claims: Lookup[ResourceClaim], classes: Lookup[DeviceClass], slices: Lookup[ResourceSlice]
    ) -> None:
        self._claims = claims
        self._classes = classes
        self._slices = slices
        self._books = Books()
        self._is_mine = True
        self._is_read = False
        self._slices_changed = True

    def fork(self) -> DeviceClaims:
        """Return a view on which bookings can be tried; this one does not hear of them."""
        copy = DeviceClaims(self._claims, self._classes, self._slices)
        copy._books, copy._is_mine = self._books, False
        copy._is_read, copy._slices_changed = self._is_read, self._slices_changed
        return copy

    # What the caches say.

    def claim_changed(self, key: ObjectKey) -> None:
        """Take over what the cluster says of a claim: it knows best, once it shows a decision or another one's."""
        if not self._is_read:
            return
        claim, books = self._claims.get(key), self._own()
        decision = books.decided.get(key)
        if decision is not None and (
            claim is None or claim.metadata.uid != decision.claim.metadata.uid or claim.status.allocation is not None
        ):
            del books.decided[key]
        books.count(key, self._claims.get(key))

    def slices_changed(self) -> None:
        """Look at the slices again when somebody asks next."""
        self._slices_changed = True

    def classes_changed(self) -> None:
        """Forget what followed from classes."""
        self._own().standings.clear()

    # What pods need.

    def lacks(self, pod: Pod) -> bool:
        """Tell whether claims have yet to be made for a pod: it is not worth a look until they are."""
        for wanted in pod.spec.resource_claims:
            name, is_made = claim_name(pod, wanted)
            if name is None and not is_made:
                return True
            if name is not None and is_made and self._claims.get(ObjectKey(pod.metadata.namespace, name)) is None:
                return True
        return False

    def problem(self, pod: Pod) -> str:
        """Return what is wrong with a pod's claims whatever the node, in kube-scheduler's words; nothing if all is."""
        for wanted in pod.spec.resource_claims:
            name, is_made = claim_name(pod, wanted)
            if name is None:
                if is_made:
                    continue
                return f'pod "{pod.key}": ResourceClaim not created yet'
            claim = self._claims.get(ObjectKey(pod.metadata.namespace, name))
            text = f'resourceclaim "{name}" not found' if claim is None else self._problem_of(claim, pod, is_made)
            if text:
                return text
        return ""

    def _problem_of(self, claim: ResourceClaim, pod: Pod, is_made: bool) -> str:
        metadata, status = claim.metadata, claim.status
        if metadata.deletion_timestamp is not None:
            return f'resourceclaim "{metadata.name}" is being deleted'
        owner = controller_of(claim)
        if is_made and (owner is None or owner.uid != pod.metadata.uid):
            return f"ResourceClaim {claim.key} was not created for Pod {pod.key} (Pod is not owner)"
        if status.allocation is not None:
            is_full = len(status.reserved_for) >= MOST_CONSUMERS and not claim.is_reserved_for(pod.metadata.uid)
            return "resourceclaim in use" if is_full else ""
        decision = self._read().decided.get(claim.key)
        if decision is not None and decision.pod != pod.key:
            return f"resource claim {claim.key} is in the process of being allocated"
        for request in claim.spec.devices.requests:
            for name, each in request.ways:
                if self._classes.get(ObjectKey("", each.device_class_name)) is None:
                    return f"request {name}: device class {each.device_class_name} does not exist"
        return ""

    def needs(self, pod: Pod) -> Needs:
        """Return the claims of a pod that are there."""
        found: list[ResourceClaim] = []
        for wanted in pod.spec.resource_claims:
            name, _ = claim_name(pod, wanted)
            claim = self._claims.get(ObjectKey(pod.metadata.namespace, name)) if name else None
            if claim is not None and claim not in found:
                found.append(claim)
        return Needs(
            tuple(each for each in found if each.status.allocation is not None),
            tuple(each for each in found if each.status.allocation is None),
        )

    # Which nodes have it.

    def standing(self, waiting: tuple[ResourceClaim, ...], table: NodeTable) -> tuple[NodeMask, Mapping[int, str]]:
        """Return the nodes with devices for all of these claims, and by column why no answer was found."""
        found = self._up_to_date(waiting, table)
        return found.mask, found.errors

    def scores(self, needs: Needs, table: NodeTable) -> NodeScores:
        """Return how much of the claims' first wishes each node meets; it is the more the earlier in their lists."""
        known = sum(wishes_met(each, {one.request for one in each.given}) for each in needs.allocated)
        if not needs.waiting:
            return np.full(len(table), known, np.int64)
        return self._up_to_date(needs.waiting, table).scores + known

    def _up_to_date(self, waiting: tuple[ResourceClaim, ...], table: NodeTable) -> Standing:
        books = self._read()
        if books.table is not table:
            books = self._own()
            books.standings.clear()
            books.table = table
        key = msgspec.json.encode([each.spec for each in waiting])
        found = books.standings.get(key)
        if found is not None and found.seen == books.now:
            return found
        columns: Iterable[int] = range(len(table))
        if found is None:
            found = Standing(table.none(), np.zeros(len(table), np.int64), {}, books.now)
        else:
            columns = books.changed_since(found.seen, table)
            found = found.copy()
            found.seen = books.now
        classes = self._known_classes(waiting)
        for column in columns:
            found.errors.pop(column, None)
            try:
                devices = _allocated(waiting, classes, table.nodes[column], books)
            except AllocationError as error:
                found.errors[column] = str(error)
                devices = None
            found.mask[column] = devices is not None
            found.scores[column] = devices.score(waiting) if devices is not None else 0
        books.keep(key, found)
        return found

    def _known_classes(self, claims: Iterable[ResourceClaim]) -> dict[str, DeviceClass]:
        names = {
            each.device_class_name
            for claim in claims
            for request in claim.spec.devices.requests
            for _, each in request.ways
        }
        found = {name: self._classes.get(ObjectKey("", name)) for name in names}
        return {name: each for name, each in found.items() if each is not None}

    # What was decided.

    def book(self, pod: Pod, node: Node) -> None:
        """Give a pod's claims devices of the node that it is assumed on, unless that was done."""
        if pod.spec.node_name:
            return  # somebody has seen to it before it was bound
        waiting = self.needs(pod).waiting
        if not waiting or all(self._is_decided(each, pod, node) for each in waiting):
            return
        self.give_back(pod)
        classes, name = self._known_classes(waiting), node.metadata.name
        try:
            found = _allocated(waiting, classes, node, self._read())
            picked = zip(waiting, found.picks, strict=True) if found is not None else ()
            documents = [(claim, written(claim, picks, classes, name)) for claim, picks in picked]
        except AllocationError:
            return  # whoever asked first was told so
        books = self._own()
        for claim, document in documents:
            results = msgspec.convert(document, Allocation).devices.results
            books.decided[claim.key] = Decision(claim, pod.key, name, document, results)
            books.count(claim.key, claim)

    def _is_decided(self, claim: ResourceClaim, pod: Pod, node: Node) -> bool:
        decision = self._read().decided.get(claim.key)
        return decision is not None and (decision.pod, decision.node) == (pod.key, node.metadata.name)

    def give_back(self, pod: Pod) -> None:
        """Free what was decided for a pod and is not written."""
        mine = [key for key, each in self._read().decided.items() if each.pod == pod.key and not each.is_written]
        if mine:
            books = self._own()
            for key in mine:
                del books.decided[key]
                books.count(key, self._claims.get(key))

    def decided_for(self, pod: Pod) -> dict[ObjectKey, Decision]:
        """Return what was decided for a pod, by claim."""
        return {key: each for key, each in self._read().decided.items() if each.pod == pod.key}

    def mark_written(self, key: ObjectKey, *, is_written: bool) -> None:
        """Note that a decision is in the cluster, though the caches may not show it yet, or that it was taken back."""
        books = self._own()
        decision = books.decided.get(key)
        if decision is not None:
            books.decided[key] = replace(decision, is_written=is_written)

    # The books.

    def _read(self) -> Books:
        """Return what is known, after looking at what nobody has looked at yet."""
        if self._is_read and not self._slices_changed:
            return self._books
        books = self._own()
        if self._slices_changed:
            self._slices_changed = False
            books.inventory = Inventory(self._slices.values(), books.inventory)
            books.log(None)
        if not self._is_read:
            self._is_read = True
            for claim in self._claims.values():
                books.count(claim.key, claim)
        return books

    def _own(self) -> Books:
        if not self._is_mine:
            self._books, self._is_mine = self._books.copy(), True
        return self._books


def _allocated(
    waiting: tuple[ResourceClaim, ...], classes: Mapping[str, DeviceClass], node: Node, books: Books
) -> Found | None:
    pools = books.inventory.pools_for(node)
    return allocate(node, waiting, pools, classes, books.taken) if pools else None


def claim_name(pod: Pod, wanted: PodResourceClaim) -> tuple[str | None, bool]:
    """Return the name of a claim that a pod wants, None while there is none, and whether it was made for the pod."""
    if wanted.resource_claim_name:
        return wanted.resource_claim_name, False
    for each in pod.status.resource_claim_statuses:
        if each.name == wanted.name:
            return each.resource_claim_name, True
    return None, False


NO_CLAIMS = DeviceClaims(
    dict[ObjectKey, ResourceClaim](), dict[ObjectKey, DeviceClass](), dict[ObjectKey, ResourceSlice]()
)
