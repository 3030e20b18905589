"""Startup, readiness and liveness probes, without asking where the answer is known. Pure.

A probe whose answers would stay as they are has no due time and costs nothing. Only one that would change its result,
or fails, is asked at each of its periods. Whether an answer is good is asked of the container's `Acts`.
"""

from __future__ import annotations

import math

from msgspec.structs import replace

from kubewright.api.containers import Probe
from kubewright.twin.kubelet import stopping
from kubewright.twin.kubelet.faults import LIVENESS, READINESS, STARTUP
from kubewright.twin.kubelet.life import ContainerLife, Probes, Probing
from kubewright.twin.kubelet.probewords import answer_text
from kubewright.twin.kubelet.turn import Turn


def begin(turn: Turn, position: int) -> None:
    """Begin to probe a container that has just been started."""
    spec = turn.specs[position]
    if not turn.is_main(position) and not spec.is_sidecar:
        return
    if spec.startup_probe is None:
        _on_started(turn, position)
        return
    due_at = turn.now + spec.startup_probe.initial_delay_seconds + turn.acts(position).first_probe_seconds
    turn.change(position, probes=Probes(startup=Probing(due_at)))


def passing(turn: Turn, position: int) -> Probes:
    """Return the probes of a container that has started and is ready."""
    spec = turn.specs[position]
    steady = Probing(None, passes=True)
    return Probes(
        readiness=None if spec.readiness_probe is None else steady,
        liveness=None if spec.liveness_probe is None else steady,
    )


def look(turn: Turn, position: int) -> None:
    """Ask the probes that are due, and see whether one that was not asked would answer differently by now."""
    container, spec = turn.containers[position], turn.specs[position]
    if container.ready_at is not None and container.ready_at <= turn.now:
        turn.change(position, ready=True, ready_at=None)
    if container.killed:
        return
    probes = container.probes
    if probes.startup is not None and spec.startup_probe is not None:
        _ask(turn, position, STARTUP, spec.startup_probe, probes.startup)
        return
    if probes.readiness is not None and spec.readiness_probe is not None:
        _ask(turn, position, READINESS, spec.readiness_probe, probes.readiness)
    if probes.liveness is not None and spec.liveness_probe is not None:
        _ask(turn, position, LIVENESS, spec.liveness_probe, probes.liveness)


def _on_started(turn: Turn, position: int) -> None:
    """The startup probe, if any, has passed: the others begin."""
    spec, acts = turn.specs[position], turn.acts(position)
    container = turn.change(position, started=True)
    first = acts.first_probe_seconds if spec.startup_probe is None else 0.0

    def beginning(probe: Probe | None, *, passes: bool) -> Probing | None:
        if probe is None:
            return None
        due_at = max(turn.now, container.started_at + probe.initial_delay_seconds) + first
        if passes and _answers(turn, position, LIVENESS, turn.now):
            return Probing(_steady_until(turn, position, LIVENESS, probe), passes)
        return Probing(due_at, passes)

    probes = Probes(
        readiness=beginning(spec.readiness_probe, passes=False), liveness=beginning(spec.liveness_probe, passes=True)
    )
    turn.change(position, probes=probes)
    if spec.readiness_probe is None:
        warm_at = None if acts.warm_up_seconds is None else container.started_at + acts.warm_up_seconds
        ready = warm_at is not None and warm_at <= turn.now
        turn.change(position, ready=ready, ready_at=None if ready else warm_at)


def _ask(turn: Turn, position: int, kind: str, probe: Probe, state: Probing) -> None:
    container = turn.containers[position]
    good = _answers(turn, position, kind, turn.now)
    if state.due_at is None:
        if good == state.passes:
            later = _steady_until(turn, position, kind, probe) if good else None
            if later is not None:
                _keep(turn, position, kind, replace(state, due_at=later))
            return
        state = replace(state, due_at=_next_tick(container, probe, turn.now))
    elif state.due_at <= turn.now:
        if not good:
            text = answer_text(turn.specs[position], kind, probe, turn.acts(position), turn.around.pod_ip)
            turn.tell("Warning", "Unhealthy", f"{kind.capitalize()} probe failed: {text}".rstrip(), position)
        state = _count(turn, position, kind, probe, state, good=good)
    _keep(turn, position, kind, state)


def _count(turn: Turn, position: int, kind: str, probe: Probe, state: Probing, *, good: bool) -> Probing:
    """Return how a probe fares after an answer, and act on a result that this made."""
    state = replace(state, due_at=turn.now + probe.period_seconds)
    if kind == STARTUP and not good:
        # Before it has passed once, failures are counted, although the result stays the same.
        state = replace(state, in_a_row=state.in_a_row + 1)
        if state.in_a_row >= probe.failure_threshold:
            _kill(turn, position, kind, probe)
        return state
    if good == state.passes:
        steady = good and kind != STARTUP
        later = _steady_until(turn, position, kind, probe)
        return replace(state, in_a_row=0, due_at=later if steady else state.due_at)
    threshold = probe.success_threshold if good else probe.failure_threshold
    if state.in_a_row + 1 < threshold:
        return replace(state, in_a_row=state.in_a_row + 1)
    if kind == LIVENESS:
        _kill(turn, position, kind, probe)
        return replace(state, due_at=None)
    later = _steady_until(turn, position, kind, probe)
    return replace(state, passes=good, in_a_row=0, due_at=later if good else state.due_at)


def _keep(turn: Turn, position: int, kind: str, state: Probing) -> None:
    if turn.containers[position].killed:
        return
    probes = turn.containers[position].probes
    match kind:
        case "startup":
            if state.passes:
                _on_started(turn, position)
                look(turn, position)
            else:
                turn.change(position, probes=replace(probes, startup=state))
        case "readiness":
            turn.change(position, probes=replace(probes, readiness=state), ready=state.passes)
        case _:
            turn.change(position, probes=replace(probes, liveness=state))


def _answers(turn: Turn, position: int, kind: str, at: float) -> bool:
    acts, container = turn.acts(position), turn.containers[position]
    warm = acts.warm_up_seconds is not None and at >= container.started_at + acts.warm_up_seconds
    fails = kind in acts.failing_probes and at >= container.started_at + acts.failing_after_seconds
    return warm and not fails


def _steady_until(turn: Turn, position: int, kind: str, probe: Probe) -> float | None:
    """Return when a probe that passes is to be asked again: None unless it is known to fail some time."""
    acts, container = turn.acts(position), turn.containers[position]
    turns_at = container.started_at + acts.failing_after_seconds
    if kind not in acts.failing_probes or turns_at <= turn.now:
        return None
    return _next_tick(container, probe, turns_at)


def _next_tick(container: ContainerLife, probe: Probe, now: float) -> float:
    """Return when the probe would be asked next: its periods are counted from the container's start."""
    since = now - container.started_at
    return container.started_at + (math.floor(since / probe.period_seconds) + 1) * probe.period_seconds


def _kill(turn: Turn, position: int, kind: str, probe: Probe) -> None:
    """End a container that failed its probe."""
    spec, pod = turn.specs[position], turn.pod
    container = f"Container {spec.name}" if turn.is_main(position) else f"Init container {spec.name}"
    text = f"{container} failed {kind} probe"
    if turn.is_main(position) and (spec.restart_policy or pod.spec.restart_policy) != "Never":
        text += ", will be restarted"
    turn.tell("Normal", "Killing", text, position)
    grace = probe.termination_grace_period_seconds
    if grace is None:
        grace = pod.spec.termination_grace_period_seconds
    exit_at, exit_code = stopping.end_of(turn.acts(position), grace, turn.now)
    turn.change(
        position, exit_at=exit_at, exit_code=exit_code, exit_reason="", killed=True, probes=Probes(), ready_at=None
    )
