"""Shares of devices that several claims may have: how much a request takes, and whether that is left.

The rules of kube-scheduler's `consumable_capacity.go`: a request that says nothing takes the default, or all; others
are rounded up to what the driver's policy allows.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from fractions import Fraction
from typing import TypeAlias

from kubewright.api.quantity import Quantity, parse_quantity
from kubewright.api.resourceclaims import Device, DeviceCapacity, DeviceRequest, RequestPolicy

Amounts: TypeAlias = Mapping[str, Fraction]
"""By the name of a capacity."""


def taken_by(request: DeviceRequest, device: Device) -> dict[str, Fraction] | None:
    """Return what a request takes of each capacity; None if the device has none of that name, or its policy refuses."""
    asked: Mapping[str, Quantity] = request.capacity.requests if request.capacity else {}
    if any(name not in device.capacity for name in asked):
        return None
    found: dict[str, Fraction] = {}
    for name, capacity in device.capacity.items():
        amount = _rounded(parse_quantity(asked[name]) if name in asked else None, capacity)
        if amount < 0 or _violates(amount, capacity.request_policy):
            return None
        found[name] = amount
    return found


def is_left(taken: Amounts, device: Device, *used: Amounts) -> bool:
    """Tell whether a device has as much besides what is `used` of it."""
    return all(
        amount + sum(each.get(name, Fraction()) for each in used) <= parse_quantity(device.capacity[name].value)
        for name, amount in taken.items()
    )


def _rounded(asked: Fraction | None, capacity: DeviceCapacity) -> Fraction:
    policy = capacity.request_policy
    if asked is None:
        default = policy.default if policy is not None else None
        return parse_quantity(capacity.value if default is None else default)
    if policy is None:
        return asked
    bounds = policy.valid_range
    if bounds is not None and bounds.min is not None:
        least = parse_quantity(bounds.min)
        step = parse_quantity(bounds.step) if bounds.step is not None else Fraction()
        if asked < least:
            return least
        return least + step * math.ceil((asked - least) / step) if step > 0 else asked
    return next((each for each in map(parse_quantity, policy.valid_values) if asked <= each), asked)


def _violates(amount: Fraction, policy: RequestPolicy | None) -> bool:
    if policy is None or (policy.default is not None and amount == parse_quantity(policy.default)):
        return False
    bounds = policy.valid_range
    if bounds is not None:
        if bounds.max is not None and amount > parse_quantity(bounds.max):
            return True
        step = parse_quantity(bounds.step) if bounds.step is not None else Fraction()
        least = parse_quantity(bounds.min) if bounds.min is not None else Fraction()
        return step > 0 and (amount - least) % step != 0
    return bool(policy.valid_values) and amount not in {parse_quantity(each) for each in policy.valid_values}
