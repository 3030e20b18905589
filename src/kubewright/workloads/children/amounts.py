"""What each pod requests and may use: what the application says, completed so that no node is taken by surprise.

A container without requests is placed anywhere and evicted first; one without limits takes what its neighbours need.
"""

from __future__ import annotations

from collections.abc import Mapping
from fractions import Fraction

from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.scale import AppServiceGpu
from kubewright.api.quantity import Format, Quantity, canonical, format_quantity, parse_quantity, value

Amounts = dict[str, str]

_REQUESTS = {"cpu": "100m", "memory": "128Mi", "ephemeral-storage": "128Mi"}
_LIMITS = {"cpu": "1", "memory": "256Mi", "ephemeral-storage": "1Gi"}
_BURST: Mapping[str, int] = {"cpu": 4, "memory": 2, "ephemeral-storage": 2}
"""How many times its request a container may use, where the application says no limit."""

_MIB = 2**20


def resources(app: AppService) -> dict[str, Amounts]:
    """Return the container's `resources`."""
    requests, limits = _stored(app.spec.resources.requests), _stored(app.spec.resources.limits)
    for name in _REQUESTS:
        _complete(name, requests, limits)
    limits |= _gpus(app.spec.gpu)
    return {"requests": requests, "limits": limits}


def _stored(amounts: Mapping[str, Quantity]) -> Amounts:
    """Write quantities as the API server stores them, so that `1000m` and its `1` are no difference."""
    return {name: canonical(amount) for name, amount in amounts.items()}


def _complete(name: str, requests: Amounts, limits: Amounts) -> None:
    """Add what is not said: a request of the usual size within the limit, a limit with room above the request."""
    if name not in requests:
        said = limits.get(name)
        usual = _REQUESTS[name]
        requests[name] = usual if said is None or parse_quantity(said) >= parse_quantity(usual) else said
    if name not in limits:
        requested = parse_quantity(requests[name])
        limit = max(requested * _BURST[name], parse_quantity(_LIMITS[name]))
        limits[name] = _written(name, limit)


def _written(name: str, amount: Fraction) -> str:
    style: Format = "DecimalSI" if name == "cpu" else "BinarySI"
    return format_quantity(amount, style)


def _gpus(gpu: AppServiceGpu | None) -> Amounts:
    """Return the extended resources: whole GPUs, MIG instances, a time slice, or a share as HAMi counts it."""
    if gpu is None:
        return {}
    if gpu.mig:
        return {f"nvidia.com/mig-{gpu.mig.replace('+', '.')}": str(gpu.count)}
    if gpu.share is None:
        return {"nvidia.com/gpu": str(gpu.count)}
    if gpu.share.memory is None and not gpu.share.percent:
        return {"nvidia.com/gpu.shared": "1"}
    share = {"nvidia.com/gpu": "1"}
    if gpu.share.memory is not None:
        share["nvidia.com/gpumem"] = str(value(gpu.share.memory) // _MIB)
    if gpu.share.percent:
        share["nvidia.com/gpucores"] = str(gpu.share.percent)
    return share
