"""Causes that a deploy brought: all of them are mended by what ran before."""

from __future__ import annotations

import math
import re
from collections.abc import Callable

from kubewright.api.conditions import find_condition
from kubewright.api.containers import Container, Probe
from kubewright.api.core import PODS, Pod
from kubewright.api.meta import parse_time
from kubewright.healing.causes.telling import finding, pods_in, release_of, releases
from kubewright.healing.finding import Case, Cause, Finding, Level
from kubewright.healing.remedies.releases import LEAVE_TO_KEEPER, ROLL_BACK
from kubewright.signals.signal import Fault, Signal

_BACK = (LEAVE_TO_KEEPER, ROLL_BACK)
_ILL = (Fault.CRASH_LOOP, Fault.CANNOT_START, Fault.REQUESTS_FAIL, Fault.NOT_READY, Fault.ROLLOUT_STUCK)
_SLOW_SECONDS, _QUICK_SECONDS = 90.0, 30.0
"""How long a start takes that is slow by itself, and how long those of the releases before took at most: a good
release may well take a minute.
"""
_CONFIG = re.compile(r'\bconfigmap "([^"]+)" not found|couldn\'t find key \S+ in ConfigMap (\S+)', re.IGNORECASE)
_SECRET = re.compile(r'\bsecret "([^"]+)" not found|couldn\'t find key \S+ in Secret (\S+)', re.IGNORECASE)
_COMMAND = re.compile(r"no such file or directory|executable file not found|permission denied|exec format error")
_REFUSED = re.compile(r"unauthorized|denied|forbidden|authentication required|no basic auth", re.IGNORECASE)
_ABSENT = re.compile(r"not found|manifest unknown|does not exist|no such host|invalid reference", re.IGNORECASE)
_TOO_LARGE = re.compile(r"Insufficient ")
_NO_MATCH = re.compile(
    r"didn't match (?:Pod's node affinity|.*node selector|pod (?:topology|anti-affinity))|had untolerated"
)


def _of_release(cause: str, choose: Callable[[Case], list[Signal]]) -> Callable[[Case], Finding | None]:
    """Return a detector of signals that only the newest release has."""

    def detect(case: Case) -> Finding | None:
        signals = choose(case)
        release = release_of(case, signals) if signals else None
        if release is None:
            return None
        said = f"only the pods of its newest release, {release.metadata.name}, are ill"
        related = [each for each in case.signals if each not in signals and _is_of_pods(each)]
        return finding(case, cause, [*signals, *related], said, release=release.metadata.name)

    return detect


def _is_of_pods(signal: Signal) -> bool:
    return signal.about is not None and signal.about[0].kind in {"Pod", "Deployment"}


def _matching(pattern: re.Pattern[str], *faults: str) -> Callable[[Case], list[Signal]]:
    return lambda case: [each for each in case.of(*faults) if pattern.search(each.evidence)]


def _all(*faults: str) -> Callable[[Case], list[Signal]]:
    return lambda case: list(case.of(*faults))


def _ill(case: Case) -> list[Signal]:
    """Return what tells of an ill release; that it starts slowly only where the release before did not."""
    slow = [each for each in case.of(Fault.SLOW_START) if case.now - each.since >= _SLOW_SECONDS]
    return [*case.of(*_ILL), *(slow if slow and _was_quick(case) else ())]


def _was_quick(case: Case) -> bool:
    """Whether there are pods of an earlier release, and all of them were ready in a third of the time."""
    took = [_start_seconds(pod) for pod in _before(case)]
    return bool(took) and max(took) < _QUICK_SECONDS


def _start_seconds(pod: Pod) -> float:
    ready = find_condition(pod.status.conditions, "Ready")
    if ready is None or not ready.is_true or not ready.last_transition_time or not pod.status.start_time:
        return math.inf
    return parse_time(ready.last_transition_time) - parse_time(pod.status.start_time)


def _wrongly_probed(case: Case) -> list[Signal]:
    """Return what tells of pods whose probe can never succeed: of these no patience makes anything."""
    signals = list(case.of(Fault.NOT_READY, Fault.SLOW_START, Fault.CRASH_LOOP))
    if not any(_asks_where_nobody_listens(pod) for pod in pods_in(case, signals)):
        return []
    # Ports need not be named: where pods of a release before were ready so, somebody does listen.
    return [] if any(_asks_where_nobody_listens(pod) and pod.is_ready for pod in _before(case)) else signals


def _before(case: Case) -> list[Pod]:
    """Return the pods of the releases before the newest."""
    return [pod for each in releases(case)[1:] for pod in case.seen.owned(PODS, each.metadata.uid)]


def _asks_where_nobody_listens(pod: Pod) -> bool:
    return any(_is_wrong(each) for each in pod.spec.containers)


def _is_wrong(container: Container) -> bool:
    """Whether a probe asks a port that the container does not name, though it names some."""
    named = {port.container_port for port in container.ports} | {port.name for port in container.ports if port.name}
    probes = (container.readiness_probe, container.liveness_probe, container.startup_probe)
    asked = [port for probe in probes if probe is not None and (port := _port_of(probe)) is not None]
    return bool(named) and any(port not in named for port in asked)


def _port_of(probe: Probe) -> int | str | None:
    action = probe.http_get or probe.tcp_socket or probe.grpc
    return action.port if action is not None else None


CAUSES = (
    Cause(
        "ConfigMapMissing",
        Level.WORKLOAD,
        "a release names a ConfigMap, or a key of one, that is not there",
        frozenset({Fault.CANNOT_START, Fault.NOTED}),
        _of_release("ConfigMapMissing", _matching(_CONFIG, Fault.CANNOT_START, Fault.NOTED)),
        _BACK,
        ("SREGym missing_configmap", "SREGym configmap_drift"),
    ),
    Cause(
        "SecretMissing",
        Level.WORKLOAD,
        "a release names a Secret, or a key of one, that is not there",
        frozenset({Fault.CANNOT_START, Fault.NOTED}),
        _of_release("SecretMissing", _matching(_SECRET, Fault.CANNOT_START, Fault.NOTED)),
        _BACK,
        ("SREGym missing_env_variable",),
    ),
    Cause(
        "WrongCommand",
        Level.WORKLOAD,
        "a release starts a command that its image has not, or may not run",
        frozenset({Fault.CANNOT_START, Fault.CRASH_LOOP}),
        _of_release("WrongCommand", _matching(_COMMAND, Fault.CANNOT_START, Fault.CRASH_LOOP)),
        _BACK,
        ("SREGym wrong_bin_usage",),
    ),
    Cause(
        "ImagePullUnauthorized",
        Level.WORKLOAD,
        "a release has an image that may not be pulled",
        frozenset({Fault.IMAGE_NOT_PULLED}),
        _of_release("ImagePullUnauthorized", _matching(_REFUSED, Fault.IMAGE_NOT_PULLED)),
        _BACK,
        ("SREGym incorrect_image",),
    ),
    Cause(
        "ImageNotFound",
        Level.WORKLOAD,
        "a release has an image that is in no registry",
        frozenset({Fault.IMAGE_NOT_PULLED}),
        _of_release("ImageNotFound", _matching(_ABSENT, Fault.IMAGE_NOT_PULLED)),
        _BACK,
        ("SREGym incorrect_image", "SREGym faulty_image_correlated"),
    ),
    Cause(
        "RequestsTooLarge",
        Level.WORKLOAD,
        "a release asks for more than any node has left",
        frozenset({Fault.NO_NODE}),
        _of_release("RequestsTooLarge", _matching(_TOO_LARGE, Fault.NO_NODE)),
        _BACK,
        ("SREGym resource_request_too_large",),
    ),
    Cause(
        "SelectsNoNode",
        Level.WORKLOAD,
        "a release may run on no node: its selector, its affinities, or taints that it does not tolerate",
        frozenset({Fault.NO_NODE}),
        _of_release("SelectsNoNode", _matching(_NO_MATCH, Fault.NO_NODE)),
        _BACK,
        ("SREGym assign_to_non_existent_node", "SREGym taint_no_toleration", "SREGym pod_anti_affinity_deadlock"),
    ),
    Cause(
        "WrongProbe",
        Level.WORKLOAD,
        "a release is probed at a port where nobody listens",
        frozenset({Fault.NOT_READY, Fault.SLOW_START, Fault.CRASH_LOOP}),
        _of_release("WrongProbe", _wrongly_probed),
        _BACK,
        ("SREGym readiness_probe_misconfiguration", "SREGym liveness_probe_misconfiguration"),
    ),
    Cause(
        "ReleaseOutOfMemory",
        Level.WORKLOAD,
        "a release needs more memory than its limit",
        frozenset({Fault.OUT_OF_MEMORY}),
        _of_release("ReleaseOutOfMemory", _all(Fault.OUT_OF_MEMORY)),
        _BACK,
        ("SREGym resource_request_too_small",),
    ),
    Cause(
        "BadRelease",
        Level.WORKLOAD,
        "a release crashes, is not ready in time, or answers with errors, and the one before did not",
        frozenset({*_ILL, Fault.SLOW_START}),
        _of_release("BadRelease", _ill),
        _BACK,
        ("SREGym update_incompatible_correlated", "SREGym misconfig_app", "ITBench bad deploy"),
    ),
)
