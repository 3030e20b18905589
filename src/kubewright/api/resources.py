"""What a pod takes from its node: the one place that knows.

Placement, quotas, the autoscaler and the twin's kubelet ask `pod_request`. The rule is kube-scheduler's
(`component-helpers/resource.PodRequests` with in-place resize and pod-level resources on): the larger of all
containers together and of each init container with the sidecars started before it; during a resize the largest of
wanted, allocated and actual; pod-level requests in place of the sum for cpu, memory and huge pages; plus the runtime's
overhead. Scoring counts containers that request nothing as small ones: it passes what these would take as `unset`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from typing import TypeAlias

from kubewright.api.conditions import find_condition
from kubewright.api.containers import Container
from kubewright.api.meta import EMPTY
from kubewright.api.pods import ContainerStatus, Pod
from kubewright.api.quantity import Quantity, format_quantity, milli, value

Amounts: TypeAlias = dict[str, int]
_Quantities: TypeAlias = Mapping[str, Quantity]
_Requests: TypeAlias = Callable[[Container], _Quantities]

CPU = "cpu"
MEMORY = "memory"
EPHEMERAL_STORAGE = "ephemeral-storage"
STORAGE = "storage"
"""Of claims."""
PODS_RESOURCE = "pods"
_HUGE_PAGES_PREFIX = "hugepages-"


def amounts(quantities: _Quantities) -> Amounts:
    """Return a resource list as integers: cpu in thousandths, all else in units; raises ValueError."""
    return {name: milli(each) if name == CPU else value(each) for name, each in quantities.items()}


def write_amount(resource: str, amount: int) -> str:
    """Write an amount as a manifest does: cpu is given in thousandths, all else in units."""
    if resource == CPU:
        return format_quantity(Fraction(amount, 1000))
    return format_quantity(amount, "BinarySI") if is_bytes(resource) else str(amount)


def is_bytes(resource: str) -> bool:
    """Tell whether a resource is counted in bytes."""
    return resource in {MEMORY, EPHEMERAL_STORAGE, STORAGE} or resource.startswith(_HUGE_PAGES_PREFIX)


def pod_request(pod: Pod, unset: Mapping[str, int] = EMPTY) -> Amounts:
    """Return what the pod takes from a node: cpu in thousandths, all else in units, and one of `pods`.

    A container that leaves a resource of `unset` out requests that amount; an explicit zero stays zero.
    """
    total = _containers_request(pod, unset)
    if pod.spec.resources is not None:
        total |= _pod_level(pod, amounts(pod.spec.resources.requests))
    if pod.spec.overhead:
        _add(total, amounts(pod.spec.overhead))
    total[PODS_RESOURCE] = 1
    return total


def _containers_request(pod: Pod, unset: Mapping[str, int]) -> Amounts:
    wanted = _aggregate(pod, lambda container: container.resources.requests, unset)
    statuses = _resized(pod)
    if not statuses:
        return wanted
    infeasible = _resize_is_infeasible(pod)
    if pod.status.allocated_resources is not None and pod.status.resources and pod.status.resources.requests:
        allocated, actual = amounts(pod.status.allocated_resources), amounts(pod.status.resources.requests)
    else:
        allocated = _aggregate(pod, lambda container: _allocated(container, statuses, infeasible=infeasible), unset)
        actual = _aggregate(pod, lambda container: _actual(container, statuses, infeasible=infeasible), unset)
    return _max((allocated, actual) if infeasible else (wanted, allocated, actual))


def _aggregate(pod: Pod, requests: _Requests, unset: Mapping[str, int]) -> Amounts:
    """Add up the containers and sidecars; no init container may need more than that."""
    total: Amounts = {}
    for container in pod.spec.containers:
        _add(total, {**unset, **amounts(requests(container))})
    if not pod.spec.init_containers:
        return total
    sidecars: Amounts = {}
    starting: list[Amounts] = []
    for container in pod.spec.init_containers:
        own = {**unset, **amounts(requests(container))}
        if container.is_sidecar:
            _add(total, own)
            _add(sidecars, own)
            starting.append(dict(sidecars))
        else:
            _add(own, sidecars)
            starting.append(own)
    return _max((total, *starting))


def _pod_level(pod: Pod, wanted: Amounts) -> Amounts:
    wanted = {name: amount for name, amount in wanted.items() if _is_pod_level(name)}
    status = pod.status
    if not wanted or (status.resources is None and status.allocated_resources is None):
        return wanted
    reported = [
        amounts(each) for each in (status.resources and status.resources.requests, status.allocated_resources) if each
    ]
    overhead = {name: -amount for name, amount in amounts(pod.spec.overhead).items()}
    for each in reported:
        _add(each, overhead)
    most = _max(reported if _resize_is_infeasible(pod) else [wanted, *reported])
    return {name: amount for name, amount in most.items() if _is_pod_level(name)}


def _is_pod_level(name: str) -> bool:
    return name in {CPU, MEMORY} or name.startswith(_HUGE_PAGES_PREFIX)


def _resized(pod: Pod) -> dict[str, ContainerStatus]:
    """Return the statuses that say something about resources, by container."""
    return {
        status.name: status
        for status in (*pod.status.init_container_statuses, *pod.status.container_statuses)
        if status.allocated_resources is not None or status.resources is not None
    }


def _resize_is_infeasible(pod: Pod) -> bool:
    pending = find_condition(pod.status.conditions, "PodResizePending")
    return pending is not None and pending.reason == "Infeasible"


def _allocated(container: Container, statuses: Mapping[str, ContainerStatus], *, infeasible: bool) -> _Quantities:
    status = statuses.get(container.name)
    if status is not None and status.allocated_resources is not None:
        return status.allocated_resources
    return {} if infeasible else container.resources.requests


def _actual(container: Container, statuses: Mapping[str, ContainerStatus], *, infeasible: bool) -> _Quantities:
    status = statuses.get(container.name)
    if status is not None and status.resources is not None and status.resources.requests:
        return status.resources.requests
    return _allocated(container, statuses, infeasible=infeasible)


def _add(total: Amounts, more: Mapping[str, int]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _max(several: Iterable[Mapping[str, int]]) -> Amounts:
    most: Amounts = {}
    for each in several:
        for name, amount in each.items():
            if name not in most or amount > most[name]:
                most[name] = amount
    return most
