"""Who uses the GPUs of a node, and how much: the driver's processes joined with the containers that have them. Pure.

A GPU that one container has is its own, whoever runs there. On one that several share, a process belongs to the pod
whose control group it is in. What belongs to nobody is told as such, never shared out.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.resources import pod_request
from kubewright.devices.requests import gpu_request, read_given
from kubewright.devices.workload import MILLI
from kubewright.gpu.driver import Gpu, Process

_POD_UID = re.compile(r"pod([0-9a-f]{8}(?:[-_][0-9a-f]{4}){3}[-_][0-9a-f]{12})", re.ASCII)


@dataclass(frozen=True, slots=True)
class Holding:
    """The GPUs that a container was given, as the kubelet tells it: their names, perhaps with a replica's number."""

    pod: ObjectKey
    container: str
    devices: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Use:
    """What one container has and uses of one GPU."""

    gpu: Gpu
    pod: ObjectKey
    """Without a name for what belongs to no pod."""
    container: str
    share: float
    """Of the GPU, what its pod asked for; 0 for nobody's."""
    sm_percent: float
    memory_bytes: int
    processes: int


def use(
    gpus: Sequence[Gpu],
    holdings: Iterable[Holding],
    processes: Iterable[Process],
    pods: Iterable[Pod],
    pod_of: Callable[[int], str | None],
) -> list[Use]:
    """Return the use of each GPU by each container that has it, and by whoever else runs there.

    `pod_of` says in which pod, by its uid, a process of the host is.
    """
    known = {pod.key: pod for pod in pods}
    listed = list(holdings)
    by_gpu: dict[str, list[Process]] = {}
    for each in processes:
        by_gpu.setdefault(each.uuid, []).append(each)
    found: list[Use] = []
    for gpu in gpus:
        holders = [each for each in listed if gpu.uuid in _uuids(each, known.get(each.pod), gpus)]
        running: dict[Holding | None, list[Process]] = {each: [] for each in holders}
        for process in by_gpu.get(gpu.uuid, ()):
            running.setdefault(_holder(process, holders, known, pod_of), []).append(process)
        for holder, theirs in running.items():
            found.append(_use(gpu, holder, known.get(holder.pod) if holder else None, theirs))
    return found


def pod_in(cgroup: str) -> str | None:
    """Return the uid of the pod that a process is in, from its `/proc/PID/cgroup`."""
    match = _POD_UID.search(cgroup)
    return match[1].replace("_", "-") if match else None


def _uuids(holding: Holding, pod: Pod | None, gpus: Sequence[Gpu]) -> set[str]:
    """Return what a container was really given: where the scheduler chose, the kubelet may have others in its books."""
    given = read_given(pod) if pod is not None else None
    if given is not None:
        return {gpu.uuid for gpu in gpus if gpu.number in given}
    return {each.partition("::")[0] for each in holding.devices}


def _holder(
    process: Process, holders: Sequence[Holding], pods: dict[ObjectKey, Pod], pod_of: Callable[[int], str | None]
) -> Holding | None:
    if len(holders) == 1:
        return holders[0]
    uid = pod_of(process.pid)
    return next((each for each in holders if each.pod in pods and pods[each.pod].metadata.uid == uid), None)


def _use(gpu: Gpu, holder: Holding | None, pod: Pod | None, processes: Sequence[Process]) -> Use:
    request = gpu_request(pod_request(pod), pod.spec) if pod is not None else None
    return Use(
        gpu,
        holder.pod if holder else ObjectKey("", ""),
        holder.container if holder else "",
        request.milli / MILLI if request is not None else 0.0,
        min(sum(each.sm_percent for each in processes), 100.0),
        sum(each.memory_bytes for each in processes),
        len(processes),
    )
