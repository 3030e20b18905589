"""What faults do to the usage of containers and to their requests: overlays on their profiles. Pure.

`effects.py` lays them on when a fault comes into force or a pod comes, and lifts them. A cut way lets every request
fail, a lossy one as many as packets get lost; a delay counts there and back. Both sides of a fault of the network feel
it, since nobody knows which of them asks.
"""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.meta import parse_time
from kubewright.api.quantity import parse_quantity
from kubewright.twin.faults import parameters as p
from kubewright.twin.faults.inforce import Active, InForce, claims_of
from kubewright.twin.faults.network import Link, other_side, trouble_of
from kubewright.twin.faults.rules import containers_of, named_container
from kubewright.twin.faults.selection import PodSelection
from kubewright.twin.usage.profile import Overlay

_EVERYBODY = PodSelection()


@dataclass(frozen=True, slots=True)
class Layer:
    """An overlay on one container of a pod, or on all of them."""

    change: Overlay
    container: str = ""


@dataclass(frozen=True, slots=True)
class Layers:
    """The overlays of a pod by the fault that they come from, and when there will be others by themselves."""

    by_fault: dict[str, Layer]
    next_at: float | None = None


def layers_of(in_force: InForce, pod: Pod, now: float) -> Layers:
    """Return what the faults lay on a pod."""
    found: dict[str, Layer] = {}
    waits: list[float] = []
    for fault in (*in_force.on_pods, *in_force.on_claims):
        change = _overlay(fault, pod)
        if change is None:
            continue
        ripe_at = _ripe_at(fault, pod)
        if ripe_at is None or ripe_at > now:
            waits += [] if ripe_at is None else [ripe_at]
            continue
        found[fault.name] = Layer(change, _container(fault, pod))
    return Layers(found, min(waits, default=None))


def _overlay(fault: Active, pod: Pod) -> Overlay | None:
    spec = fault.spec
    match spec.type:
        case "PvcFull":
            return Overlay(error_ratio=1.0) if any(map(fault.hits_claim, claims_of(pod))) else None
        case "NetworkDelay" | "NetworkLoss" | "NetworkPartition":
            trouble = trouble_of(fault)
            return None if trouble is None or not _is_on_a_side(fault, pod) else _of_requests(trouble)
        case _:
            return _of_container(fault) if fault.hits_pod(pod) else None


def _of_container(fault: Active) -> Overlay | None:
    spec = fault.spec
    match spec.type:
        case "MemoryLeak":
            leak = spec.memory_leak or p.MemoryLeak()
            return Overlay(memory_bytes_per_second=float(parse_quantity(leak.bytes_per_second)))
        case "CpuStress":
            return Overlay(cpu_cores=float(parse_quantity((spec.cpu_stress or p.CpuStress()).cores)))
        case "BadRelease":
            release = spec.bad_release or p.BadRelease()
            return Overlay(error_ratio=release.error_percent / 100) if release.mode == "Errors" else None
        case "DnsFailure":
            return Overlay(error_ratio=(spec.dns_failure or p.DnsFailure()).percent / 100)
        case _:
            return None


def _is_on_a_side(fault: Active, pod: Pod) -> bool:
    far = other_side(fault)
    return fault.hits_pod(pod) or (far != _EVERYBODY and far.matches(pod))


def _of_requests(trouble: Link) -> Overlay:
    return Overlay(latency_seconds=2 * trouble.delay_seconds + trouble.jitter_seconds, error_ratio=trouble.loss)


def _container(fault: Active, pod: Pod) -> str:
    """Return the container that uses more, which is one of the pod's."""
    if fault.spec.type not in {"MemoryLeak", "CpuStress"}:
        return ""
    if named_container(fault):
        return named_container(fault)
    is_meant = containers_of(fault)
    return next((each.name for each in pod.spec.containers if is_meant(pod, each)), "")


def _ripe_at(fault: Active, pod: Pod) -> float | None:
    """Return when the overlay begins, counted from the start of the container that a bad release runs in."""
    release = fault.spec.bad_release
    if fault.spec.type != "BadRelease" or release is None or not release.after_seconds:
        return 0.0
    is_meant = containers_of(fault)
    names = {each.name for each in pod.spec.containers if is_meant(pod, each)}
    running = [each.state.running for each in pod.status.container_statuses if each.name in names]
    starts = [parse_time(each.started_at) for each in running if each is not None and each.started_at]
    return min(starts) + release.after_seconds if starts else None
