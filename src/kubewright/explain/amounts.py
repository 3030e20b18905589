"""Amounts that read well, and pods that request less."""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from msgspec.structs import replace

from kubewright.api.containers import Container, ResourceRequirements
from kubewright.api.core import Pod
from kubewright.api.quantity import Quantity
from kubewright.api.resources import CPU, EPHEMERAL_STORAGE, MEMORY, amounts, write_amount

_STEPS = {CPU: 10, MEMORY: 1024**2}
"""Suggested amounts are whole multiples of these: 10m, 1Mi."""
_UNBOUND = (CPU, MEMORY, EPHEMERAL_STORAGE)
"""Of these a limit may be above the request."""


def rounded(resource: str, amount: int) -> int:
    """Return the largest amount that is not more and reads well."""
    step = _STEPS.get(resource, 1)
    return amount - amount % step if amount >= step else amount


def requesting(pod: Pod, totals: Mapping[str, tuple[int, int]]) -> Pod:
    """Return the pod with each container's share of `resource: (from, to)` cut alike, so that the pod asks for `to`.

    The runtime's overhead is not its own to cut: containers give that much more. Limits of resources that must equal
    their requests are cut with them.
    """
    overhead = amounts(pod.spec.overhead)
    factors = {
        name: Fraction(max(0, to - overhead.get(name, 0)), max(1, present - overhead.get(name, 0)))
        for name, (present, to) in totals.items()
    }
    spec = pod.spec
    whole = spec.resources
    changed = replace(
        spec,
        containers=tuple(_cut(each, factors) for each in spec.containers),
        init_containers=tuple(_cut(each, factors) for each in spec.init_containers),
        resources=None if whole is None else _less(whole, factors),
    )
    return replace(pod, spec=changed)


def _cut(container: Container, factors: Mapping[str, Fraction]) -> Container:
    return replace(container, resources=_less(container.resources, factors))


def _less(given: ResourceRequirements, factors: Mapping[str, Fraction]) -> ResourceRequirements:
    limits = {name: each for name, each in factors.items() if name not in _UNBOUND}
    return replace(given, requests=_times(given.requests, factors), limits=_times(given.limits, limits))


def _times(quantities: Mapping[str, Quantity], factors: Mapping[str, Fraction]) -> Mapping[str, Quantity]:
    present = amounts({name: each for name, each in quantities.items() if name in factors})
    less = {name: write_amount(name, int(amount * factors[name])) for name, amount in present.items()}
    return {**quantities, **less} if less else quantities
