"""What the devices of a claim must have in common, or must not."""

from __future__ import annotations

from kubewright.api.resourceclaims import Device, DeviceConstraint
from kubewright.devices.claims.pools import DeviceId, Offer

_Value = tuple[str, int | bool | str]


class Constraint:
    """One constraint of a claim, with the devices chosen so far that it is about."""

    __slots__ = ("_attribute", "_differs", "_requests", "_values")

    def __init__(self, given: DeviceConstraint) -> None:
        self._requests = frozenset(given.requests)
        self._differs = given.match_attribute is None
        self._attribute = given.distinct_attribute if self._differs else given.match_attribute
        self._values: list[_Value] = []

    def add(self, request: str, offer: Offer) -> bool:
        """Take a device in, if it goes with the others; `request` is `name` or `name/subrequest`."""
        if not self._is_about(request):
            return True
        value = _attribute(offer.device, offer.id, self._attribute or "")
        if value is None:
            return False
        if self._differs and value in self._values:
            return False
        if not self._differs and self._values and value != self._values[0]:
            return False
        self._values.append(value)
        return True

    def remove(self, request: str) -> None:
        """Let go of the device that was taken in last."""
        if self._is_about(request):
            self._values.pop()

    def _is_about(self, request: str) -> bool:
        return not self._requests or request in self._requests or request.partition("/")[0] in self._requests


def _attribute(device: Device, of: DeviceId, name: str) -> _Value | None:
    """Return an attribute by its full name; those of the driver's own domain may be written without it."""
    found = device.attributes.get(name)
    domain, _, short = name.partition("/")
    if found is None and domain == of.driver:
        found = device.attributes.get(short)
    if found is None:
        return None
    given = (
        ("string", found.string_value),
        ("int", found.int_value),
        ("bool", found.bool_value),
        ("version", found.version_value),
    )
    return next(((kind, value) for kind, value in given if value is not None), None)
