"""Which devices serve some claims on one node: the first that do, depth first, in the order of kube-scheduler's.

Requests are met in the order in which they stand, each by the first devices that are free and match; where a later one
finds nothing, earlier choices are taken back. The search is bounded: who asks for what takes longer gets an error.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction

from kubewright.api.core import Node
from kubewright.api.resourceclaims import (
    ALL,
    MOST_DEVICES,
    MOST_SUBREQUESTS,
    DeviceClass,
    DeviceRequest,
    NamedRequest,
    ResourceClaim,
)
from kubewright.api.tolerations import untolerated
from kubewright.devices.claims.capacity import is_left, taken_by
from kubewright.devices.claims.constraints import Constraint
from kubewright.devices.claims.pools import CounterName, DeviceId, Offer, Pool, PoolId
from kubewright.devices.claims.selectors import SelectorError
from kubewright.devices.claims.taken import Taken

MOST_STEPS = 20_000


class AllocationError(Exception):
    """A claim cannot be decided upon on this node; the text says why, in kube-scheduler's words where it has any."""


class _TooManyError(Exception):
    """No claim can have as many devices."""


@dataclass(frozen=True, slots=True)
class Pick:
    """A device, or a share of it, chosen for a request."""

    offer: Offer
    request: DeviceRequest
    name: str
    """The request's, with that of the subrequest after a slash."""
    share: Mapping[str, Fraction] | None
    """What of its capacities is taken; None if it is not shared."""


@dataclass(frozen=True, slots=True)
class Found:
    """What each of the claims gets on the node."""

    picks: tuple[tuple[Pick, ...], ...]

    def score(self, claims: Sequence[ResourceClaim]) -> int:
        """Return how much the claims' first wishes were met (`computeScore`)."""
        total = 0
        for claim, picks in zip(claims, self.picks, strict=True):
            names = {each.name for each in picks}
            total += wishes_met(claim, names)
        return total


def wishes_met(claim: ResourceClaim, names: set[str]) -> int:
    """Return how early in their lists the subrequests stand that were chosen, by the names in the results."""
    return sum(
        MOST_SUBREQUESTS - number
        for request in claim.spec.devices.requests
        for number, each in enumerate(request.first_available)
        if f"{request.name}/{each.name}" in names
    )


def allocate(
    node: Node,
    claims: Sequence[ResourceClaim],
    pools: Sequence[Pool],
    classes: Mapping[str, DeviceClass],
    taken: Taken,
) -> Found | None:
    """Return devices for all of the claims, or None if the node has not got them; raises AllocationError."""
    search = _Search(node, claims, pools, classes, taken)
    try:
        done = search.run()
    except SelectorError as error:
        raise AllocationError(str(error)) from error
    if done:
        return Found(tuple(tuple(each) for each in search.picks))
    if any(pool.is_invalid for pool in pools):
        raise AllocationError("invalid resource pools were encountered")
    return None


@dataclass(slots=True)
class _Wish:
    """A request, or one of several that stand for each other."""

    request: DeviceRequest
    name: str
    device_class: DeviceClass
    every: tuple[tuple[Pool, Offer], ...] = ()
    """The devices of a request for all."""

    @property
    def count(self) -> int:
        return len(self.every) if self.request.allocation_mode == ALL else self.request.count


@dataclass(frozen=True, slots=True)
class _Turn:
    """The request that devices are looked for, and in which of its ways."""

    claim: int
    request: int
    wish: _Wish


@dataclass(slots=True)
class _Search:
    node: Node
    claims: Sequence[ResourceClaim]
    pools: Sequence[Pool]
    classes: Mapping[str, DeviceClass]
    taken: Taken
    picks: list[list[Pick]] = field(default_factory=list[list[Pick]])
    _wishes: list[list[tuple[_Wish, ...]]] = field(default_factory=list[list[tuple[_Wish, ...]]])
    _constraints: list[list[Constraint]] = field(default_factory=list[list[Constraint]])
    _mine: dict[DeviceId, list[int]] = field(default_factory=dict[DeviceId, list[int]])
    """Devices chosen here, with the numbers of the claims that have them."""
    _shares: dict[DeviceId, list[Mapping[str, Fraction]]] = field(
        default_factory=dict[DeviceId, list[Mapping[str, Fraction]]]
    )
    _left: dict[PoolId, dict[CounterName, Fraction]] = field(default_factory=dict[PoolId, dict[CounterName, Fraction]])
    _steps: int = 0

    def run(self) -> bool:
        for claim in self.claims:
            self._wishes.append([self._read(claim, each) for each in claim.spec.devices.requests])
            self._constraints.append([Constraint(each) for each in claim.spec.devices.constraints])
            self.picks.append([])
        least = [sum(min(each.count for each in wishes) for wishes in claim) for claim in self._wishes]
        if any(each > MOST_DEVICES for each in least):
            raise AllocationError(f"a claim asks for more than {MOST_DEVICES} devices")
        return self._claim(0)

    def _read(self, claim: ResourceClaim, request: NamedRequest) -> tuple[_Wish, ...]:
        wishes: list[_Wish] = []
        for name, each in request.ways:
            found = self.classes.get(each.device_class_name)
            if found is None:
                raise AllocationError(f"request {name}: device class {each.device_class_name} does not exist")
            wish = _Wish(each, name, found)
            if each.allocation_mode == ALL:
                wish.every = tuple(self._every(claim, wish))
            wishes.append(wish)
        if not wishes:
            raise AllocationError(f"request {request.name}: unsupported request type")
        return tuple(wishes)

    def _every(self, claim: ResourceClaim, wish: _Wish) -> Iterator[tuple[Pool, Offer]]:
        for pool in self.pools:
            if pool.is_incomplete or pool.is_invalid:
                now = "being updated" if pool.is_incomplete else "invalid"
                asks = f"claim {claim.key}, request {wish.request.name}: asks for all devices"
                raise AllocationError(f"{asks}, but resource pool {pool.id} is currently {now}")
            for offer in pool.offers:
                if self._does(wish, offer):
                    taken = taken_by(wish.request, offer.device)
                    if taken is not None and is_left(taken, offer.device):
                        yield pool, offer

    def _does(self, wish: _Wish, offer: Offer) -> bool:
        """Tell whether a device is one that the request means."""
        return (
            offer.matches(wish.device_class.spec.selectors)
            and offer.matches(wish.request.selectors)
            and offer.is_for(self.node)
        )

    # Each of these goes on with what comes after it, and tells whether all was found.

    def _claim(self, claim: int) -> bool:
        if claim == len(self.claims):
            return True
        try:
            return self._request(claim, 0)
        except _TooManyError:
            return False

    def _request(self, claim: int, request: int) -> bool:
        if request == len(self._wishes[claim]):
            return self._claim(claim + 1)
        wishes = self._wishes[claim][request]
        too_many = 0
        for wish in wishes:
            try:
                if self._devices(_Turn(claim, request, wish), 0, 0):
                    return True
            except _TooManyError:
                too_many += 1
        if too_many == len(wishes):
            raise _TooManyError
        return False

    def _devices(self, turn: _Turn, number: int, start: int) -> bool:
        """Choose the devices of one wish from the `number`th on, among the offers from `start` on."""
        wish = turn.wish
        is_all = wish.request.allocation_mode == ALL
        if is_all and not wish.every:
            return False
        if number >= wish.count:
            return self._request(turn.claim, turn.request + 1)
        if wish.count - number > MOST_DEVICES - len(self.picks[turn.claim]):
            raise _TooManyError
        if is_all:
            pool, offer = wish.every[number]
            return self._with(turn, number, 0, pool, offer)
        at = -1
        for pool in self.pools:
            for offer in pool.offers:
                at += 1
                if at < start or not self._is_free(turn.claim, wish.request, offer.id) or not self._does(wish, offer):
                    continue
                if self._with(turn, number, at + 1, pool, offer):
                    return True
        return False

    def _with(self, turn: _Turn, number: int, start: int, pool: Pool, offer: Offer) -> bool:
        """Try a device and go on; take it back if that leads nowhere."""
        self._steps += 1
        if self._steps > MOST_STEPS:
            raise AllocationError("timed out trying to allocate devices")
        pick = self._take(turn.claim, turn.wish, pool, offer)
        if pick is None:
            return False
        done = False
        try:
            done = self._devices(turn, number + 1, start)
        finally:
            if not done:
                self._give(turn.claim, turn.wish, pool, pick)
        return done

    def _is_free(self, claim: int, request: DeviceRequest, device: DeviceId) -> bool:
        if request.admin_access:
            return claim not in self._mine.get(device, ())
        return not self.taken.is_whole(device) and not self._mine.get(device)

    def _take(self, claim: int, wish: _Wish, pool: Pool, offer: Offer) -> Pick | None:
        """Book a device, if nothing stands against it."""
        request, device = wish.request, offer.device
        if not self._is_free(claim, request, offer.id) or untolerated(request.tolerations, device.taints) is not None:
            return None
        amounts = taken_by(request, device)
        shares = self._shares.get(offer.id, [])
        if amounts is None or not is_left(amounts, device, self.taken.used(offer.id), *shares):
            return None
        is_counted = offer.consumes and not self._is_shared(offer)
        if is_counted and not self._count(pool, offer):
            return None
        for number, each in enumerate(self._constraints[claim]):
            if not each.add(wish.name, offer):
                for other in self._constraints[claim][:number]:
                    other.remove(wish.name)
                if is_counted:
                    self._uncount(pool, offer)
                if request.allocation_mode == ALL:
                    what = f"claim {self.claims[claim].key}, request {request.name}: cannot add device {offer.id}"
                    raise AllocationError(f"{what} because a claim constraint would not be satisfied")
                return None
        if device.allow_multiple_allocations:
            self._shares.setdefault(offer.id, []).append(amounts)
        else:
            self._mine.setdefault(offer.id, []).append(claim)
        pick = Pick(offer, request, wish.name, amounts if device.allow_multiple_allocations else None)
        self.picks[claim].append(pick)
        return pick

    def _give(self, claim: int, wish: _Wish, pool: Pool, pick: Pick) -> None:
        """Take back the device that was booked last."""
        offer = pick.offer
        self.picks[claim].pop()
        if pick.share is not None:
            self._shares[offer.id].pop()
        else:
            self._mine[offer.id].remove(claim)
        for each in self._constraints[claim]:
            each.remove(wish.name)
        if offer.consumes and not self._is_shared(offer):
            self._uncount(pool, offer)

    def _is_shared(self, offer: Offer) -> bool:
        """Tell whether a share of a device is somebody's, which has taken its counters already."""
        if not offer.device.allow_multiple_allocations:
            return False
        return self.taken.is_shared(offer.id) or bool(self._shares.get(offer.id))

    def _count(self, pool: Pool, offer: Offer) -> bool:
        left = self._left.get(pool.id)
        if left is None:
            left = self._left[pool.id] = dict(pool.counters)
            for each in (*pool.offers, *pool.others):
                if each.consumes and self.taken.is_any(each.id):
                    for name, amount in each.consumes.items():
                        left[name] -= amount
        # One that is overdrawn already, by whatever mistake, holds up all of its pool.
        enough = all(amount >= offer.consumes.get(name, 0) for name, amount in left.items())
        if enough:
            for name, amount in offer.consumes.items():
                left[name] -= amount
        return enough

    def _uncount(self, pool: Pool, offer: Offer) -> None:
        for name, amount in offer.consumes.items():
            self._left[pool.id][name] += amount
