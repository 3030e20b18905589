"""Causes in what runs: crashes, memory, pods that hang, and what was scaled away."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.core import NODES, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.pods import OOM_KILLED
from kubewright.api.quantity import parse_quantity, value
from kubewright.healing.causes.telling import finding, given_up, names_of, pods_in, present, releases
from kubewright.healing.finding import Case, Cause, Finding, Level
from kubewright.healing.remedies.pods import RECREATE, RECREATE_IN_TIME
from kubewright.healing.remedies.sizes import GROWTH, LIMIT_CPU, MOST_GROWTH, NOISE_SHARE, RESIZE
from kubewright.signals.noise import LOUD_TIMES, asked_of, cores_of
from kubewright.signals.signal import Fault, Signal

_TWICE = 2
_BLINK_SECONDS = 15.0
_NOISE_SECONDS = 30.0
_MEASURED_SECONDS = 25.0
"""What is measured over a while is seen for as long after it has passed."""


def _of_memory(cause: str, *, leaks: bool) -> Callable[[Case], Finding | None]:
    """Return a detector of containers that were killed at their limit: with more room to give, or to no avail."""

    def detect(case: Case) -> Finding | None:
        pods = pods_in(case, present(case, Fault.OUT_OF_MEMORY))
        if not pods:
            return None
        container, limit = _killed(pods[0])
        most = MOST_GROWTH * _chosen(case, container, limit)
        if leaks != (limit >= most or _leaks(pods)):
            return None
        related = case.of(Fault.OUT_OF_MEMORY, Fault.CRASH_LOOP, Fault.NOT_READY)
        said = "it is at its limit again soon after each start" if leaks else ""
        memory = str(int(min(limit * GROWTH, most)))
        return finding(case, cause, related, said, pods=names_of(pods), container=container, memory=memory)

    return detect


def _killed(pod: Pod) -> tuple[str, int]:
    """Return the container that was killed for want of memory, and its limit."""
    for each in pod.status.container_statuses:
        ended = each.state.terminated or each.last_state.terminated
        if ended is not None and ended.reason == OOM_KILLED:
            own = next((one for one in pod.spec.containers if one.name == each.name), None)
            return each.name, value(own.resources.limits.get("memory", 0)) if own is not None else 0
    return "", 0


def _chosen(case: Case, container: str, limit: int) -> int:
    """Return the limit that the workload's owner has chosen; of what is no Deployment and no set, the present one."""
    is_kept = case.about.resource.plural in {DEPLOYMENTS.plural, STATEFUL_SETS.plural, DAEMON_SETS.plural}
    found = case.seen.get(case.about.resource, case.about.key) if is_kept else None
    if found is None:
        return limit
    containers = found.spec.template.get("spec", {}).get("containers", ())
    limits = [each.get("resources", {}).get("limits", {}) for each in containers if each["name"] == container]
    return next((value(each["memory"]) for each in limits if "memory" in each), limit)


def _leaks(pods: Sequence[Pod]) -> bool:
    """Whether more memory has been tried, to no avail: a container was killed again and again."""
    return any(each.restart_count > MOST_GROWTH for pod in pods for each in pod.status.container_statuses)


def _crashing(case: Case) -> Finding | None:
    """One pod of several crashes, and the others do not: it is the pod, or where it is."""
    signals = case.of(Fault.CRASH_LOOP)
    pods = pods_in(case, signals)
    return _one_of_many(case, "PodCrashing", signals, pods, Fault.NOT_READY)


def _hanging(case: Case) -> Finding | None:
    """One pod of several is not ready any more, or answers with errors, and the others do."""
    failing = _lasting(case, case.of(Fault.REQUESTS_FAIL), _MEASURED_SECONDS)
    signals = [*_lasting(case, case.of(Fault.NOT_READY)), *failing]
    return _one_of_many(case, "PodHung", signals, pods_in(case, signals))


def _one_of_many(
    case: Case, cause: str, signals: Sequence[Signal], pods: Sequence[Pod], *related: str
) -> Finding | None:
    everybody = [pod for pod in case.seen.pods_of(case.about.resource, case.about.key) if not pod.is_terminating]
    if given_up(pods, releases(case)):
        return None  # it is on its way out
    if not pods or len(everybody) < _TWICE or _TWICE * len(pods) > len(everybody):
        return None
    said = f"{len(pods)} of {len(everybody)} pods; the others are well"
    more = [each for each in case.of(*related) if each not in signals]
    return finding(case, cause, [*signals, *more], said, pods=names_of(pods))


def _crash_loop(case: Case) -> Finding | None:
    signals = present(case, Fault.CRASH_LOOP, Fault.CANNOT_START)
    if not signals:
        return None
    return finding(case, "CrashLoop", [*signals, *case.of(Fault.NOT_READY, Fault.ROLLOUT_STUCK)])


def _scaled_to_zero(case: Case) -> Finding | None:
    changed = case.seen.changes.of(case.about.resource, case.about.key)
    if changed is None or changed.before is None or changed.after is None:
        return None
    before, after = changed.before.spec.get("replicas", 1), changed.after.spec.get("replicas", 1)
    if not before or after:
        return None
    return finding(case, "ScaledToZero", case.of(Fault.CHANGED), f"somebody has scaled it from {before} to nothing")


def _lasting(case: Case, signals: Sequence[Signal], least_seconds: float = _BLINK_SECONDS) -> list[Signal]:
    """Return those that are no blink: a probe fails now and then, and a pod is ready again before anybody could act."""
    return [each for each in signals if case.now - each.since >= least_seconds]


def _unready(case: Case) -> Finding | None:
    signals = _lasting(case, present(case, Fault.NOT_READY))
    return finding(case, "NotReady", signals) if signals else None


def _failing(case: Case) -> Finding | None:
    signals = _lasting(case, present(case, Fault.REQUESTS_FAIL), _MEASURED_SECONDS)
    return finding(case, "RequestsFail", [*signals, *case.of(Fault.NOT_READY)]) if signals else None


def _noisy(case: Case) -> Finding | None:
    """A pod takes the CPU of others on its node, and has done so for longer than a start or a peak."""
    signals = _lasting(case, case.of(Fault.CPU_TAKEN), _NOISE_SECONDS)
    pods = pods_in(case, signals)
    node = case.seen.get(NODES, ObjectKey("", pods[0].spec.node_name)) if pods else None
    if node is None:
        return None
    cores = max(LOUD_TIMES * asked_of(pods[0]), cores_of(node) * NOISE_SHARE)
    limits = ((each.name, each.resources.limits.get("cpu")) for each in pods[0].spec.containers)
    free = [name for name, limit in limits if limit is None or parse_quantity(limit) <= cores]
    details = {"container": free[0], "cores": f"{cores:g}"} if len(free) == 1 else {}
    return finding(case, "NoisyNeighbour", signals, pods=names_of(pods), **details)


CAUSES = (
    Cause(
        "NoisyNeighbour",
        Level.WORKLOAD,
        "a pod takes most of its node's CPU, far beyond what it asked for",
        frozenset({Fault.CPU_TAKEN}),
        _noisy,
        (LIMIT_CPU,),
        ("Chaos Mesh StressChaos cpu", "SREGym noisy neighbour"),
        steady_seconds=20.0,
    ),
    Cause(
        "MemoryLeak",
        Level.WORKLOAD,
        "containers are at their memory limit again soon after each start, whatever it is",
        frozenset({Fault.OUT_OF_MEMORY}),
        _of_memory("MemoryLeak", leaks=True),
        (),
        ("SREGym valkey_memory_disruption", "Chaos Mesh StressChaos memory"),
    ),
    Cause(
        "OutOfMemory",
        Level.WORKLOAD,
        "containers need more memory than their limit",
        frozenset({Fault.OUT_OF_MEMORY}),
        _of_memory("OutOfMemory", leaks=False),
        (RESIZE,),
        ("SREGym namespace_memory_limit", "SREGym nightly_rebalance_oom", "Chaos Mesh StressChaos memory"),
        steady_seconds=20.0,
    ),
    Cause(
        "PodCrashing",
        Level.WORKLOAD,
        "one pod of several crashes again and again, and the others do not",
        frozenset({Fault.CRASH_LOOP}),
        _crashing,
        (RECREATE,),
        ("Chaos Mesh PodChaos pod-failure",),
    ),
    Cause(
        "PodHung",
        Level.WORKLOAD,
        "one pod of several is not ready any more, or answers with errors, and the others do not",
        frozenset({Fault.NOT_READY, Fault.REQUESTS_FAIL}),
        _hanging,
        (RECREATE_IN_TIME,),
        ("SREGym failed_readiness_probe",),
    ),
    Cause(
        "ScaledToZero",
        Level.WORKLOAD,
        "somebody has scaled a workload to nothing",
        frozenset({Fault.CHANGED}),
        _scaled_to_zero,
        (),
        ("SREGym scale_pod_zero", "AIOpsLab scale_pod_zero_social_net"),
    ),
    Cause(
        "CrashLoop",
        Level.WORKLOAD,
        "all pods crash or cannot be started, and no release is to blame",
        frozenset({Fault.CRASH_LOOP, Fault.CANNOT_START}),
        _crash_loop,
        (),
        ("SREGym misconfig_app", "SREGym revoke_auth"),
    ),
    Cause(
        "RequestsFail",
        Level.WORKLOAD,
        "the requests of all pods fail, and no release is to blame: what they call, or the way to them",
        frozenset({Fault.REQUESTS_FAIL}),
        _failing,
        (),
        ("SREGym payment_service_unreachable", "SREGym auth_miss_mongodb", "Chaos Mesh NetworkChaos partition"),
    ),
    Cause(
        "NotReady",
        Level.WORKLOAD,
        "pods run and are not ready, and no release is to blame",
        frozenset({Fault.NOT_READY}),
        _unready,
        (),
    ),
)
