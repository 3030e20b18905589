"""What of the devices is taken: by claims that are allocated, and by those that were decided and are not written."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from fractions import Fraction

from kubewright.api.quantity import parse_quantity
from kubewright.api.resourceclaims import AllocatedDevice
from kubewright.devices.claims.pools import DeviceId

_NOTHING: Mapping[str, Fraction] = {}


class Taken:
    """Counts devices that are whole somebody's, and the shares of others. Who only administers takes nothing."""

    __slots__ = ("_shares", "_used", "_whole")

    def __init__(self) -> None:
        self._whole: dict[DeviceId, int] = {}
        self._shares: dict[DeviceId, int] = {}
        self._used: dict[DeviceId, dict[str, Fraction]] = {}

    def copy(self) -> Taken:
        """Return an independent copy."""
        copy = Taken()
        copy._whole, copy._shares = self._whole.copy(), self._shares.copy()
        copy._used = {device: used.copy() for device, used in self._used.items()}
        return copy

    def add(self, results: Iterable[AllocatedDevice]) -> None:
        """Count devices in."""
        self._count(results, 1)

    def remove(self, results: Iterable[AllocatedDevice]) -> None:
        """Count devices out that were counted in."""
        self._count(results, -1)

    def is_whole(self, device: DeviceId) -> bool:
        """Tell whether somebody has all of a device."""
        return device in self._whole

    def is_shared(self, device: DeviceId) -> bool:
        """Tell whether somebody has a share of a device."""
        return device in self._shares

    def is_any(self, device: DeviceId) -> bool:
        """Tell whether anybody has any of a device."""
        return device in self._whole or device in self._shares

    def used(self, device: DeviceId) -> Mapping[str, Fraction]:
        """Return what shares have of a device's capacities."""
        return self._used.get(device, _NOTHING)

    def _count(self, results: Iterable[AllocatedDevice], sign: int) -> None:
        for each in results:
            if each.admin_access:
                continue
            device = DeviceId(each.driver, each.pool, each.device)
            if each.share_id is None:
                _change(self._whole, device, sign)
                continue
            _change(self._shares, device, sign)
            used = self._used.setdefault(device, {})
            for name, amount in each.consumed_capacity.items():
                used[name] = used.get(name, Fraction()) + sign * parse_quantity(amount)
            if device not in self._shares:
                del self._used[device]


def _change(counts: dict[DeviceId, int], device: DeviceId, sign: int) -> None:
    left = counts.get(device, 0) + sign
    if left > 0:
        counts[device] = left
    else:
        counts.pop(device, None)
