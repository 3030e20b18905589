"""Pods that are resized in place: what the node allocates, when it takes effect, and what is said. Pure.

The spec says what is wanted. The kubelet allocates it if the node has room, says so, and has the runtime actuate it a
moment later, with a restart of the containers whose resize policy asks for one. Where there is no room the resize is
deferred and tried again.
"""

from __future__ import annotations

from typing import Any

import msgspec
from msgspec.structs import replace

from kubewright.api.containers import Container, ResourceRequirements
from kubewright.twin.kubelet import stopping
from kubewright.twin.kubelet.life import Resize
from kubewright.twin.kubelet.turn import Turn

ACTUATE_SECONDS = 1.0
RETRY_SECONDS = 10.0
DEFERRED = "Deferred"
_RESTARTS = "RestartContainer"


def look(turn: Turn) -> None:
    """Bring a resize on: allocate what is wanted, actuate what is allocated."""
    resize = turn.life.resize
    if resize.done_at is not None and resize.done_at <= turn.now:
        _actuate(turn)
    if not _wanted(turn):
        if turn.life.resize.pending:
            turn.change_pod(resize=replace(turn.life.resize, pending="", asked=0, retry_at=None))
        return
    resize, generation = turn.life.resize, turn.pod.metadata.generation
    if resize.pending and resize.asked == generation and (resize.retry_at is None or resize.retry_at > turn.now):
        return
    refusal = turn.around.fits(turn.pod)
    if refusal is None:
        _allocate(turn)
        return
    if (resize.pending, resize.asked) != (refusal.message, generation):
        turn.tell("Warning", "ResizeDeferred", _text(turn, f"Pod resize {refusal.reason}", error=refusal.message))
    turn.change_pod(
        resize=replace(resize, pending=refusal.message, asked=generation, retry_at=turn.now + RETRY_SECONDS)
    )


def _wanted(turn: Turn) -> bool:
    """Tell whether the spec wants what is not allocated."""
    return any(
        container.allocated is not None and container.allocated != spec.resources
        for container, spec in zip(turn.containers, turn.specs, strict=True)
    )


def _allocate(turn: Turn) -> None:
    for position, spec in enumerate(turn.specs):
        if turn.containers[position].allocated is not None:
            turn.change(position, allocated=spec.resources)
    generation = turn.pod.metadata.generation
    turn.change_pod(resize=Resize(done_at=turn.now + ACTUATE_SECONDS, generation=generation))
    turn.tell("Normal", "ResizeStarted", _text(turn, "Pod resize started"))


def _actuate(turn: Turn) -> None:
    for position, spec in enumerate(turn.specs):
        container = turn.containers[position]
        if container.allocated is None or container.actual == container.allocated:
            continue
        if container.is_running and not container.killed and _needs_restart(spec, container.actual):
            turn.tell("Normal", "Killing", f"Container {spec.name} resize requires restart", position)
            grace = turn.pod.spec.termination_grace_period_seconds
            exit_at, exit_code = stopping.end_of(turn.acts(position), grace, turn.now)
            turn.change(position, exit_at=exit_at, exit_code=exit_code, exit_reason="", killed=True)
        turn.change(position, actual=turn.containers[position].allocated)
    text = _text(turn, "Pod resize completed", generation=turn.life.resize.generation)
    turn.tell("Normal", "ResizeCompleted", text)
    turn.change_pod(resize=Resize())


def _needs_restart(spec: Container, actual: ResourceRequirements | None) -> bool:
    old, new = actual or ResourceRequirements(), spec.resources
    return any(
        policy.restart_policy == _RESTARTS
        and (
            old.requests.get(policy.resource_name) != new.requests.get(policy.resource_name)
            or old.limits.get(policy.resource_name) != new.limits.get(policy.resource_name)
        )
        for policy in spec.resize_policy
    )


def _text(turn: Turn, what: str, *, error: str = "", generation: int = 0) -> str:
    """Return an event's message: what happened, and the resources that are meant, as JSON."""

    def listed(containers: tuple[Container, ...]) -> list[dict[str, Any]]:
        return [{"name": each.name, "resources": as_manifest(each.resources)} for each in containers]

    meant: dict[str, Any] = {}
    if turn.pod.spec.init_containers:
        meant["initContainers"] = listed(turn.pod.spec.init_containers)
    meant |= {"containers": listed(turn.pod.spec.containers), "generation": generation or turn.pod.metadata.generation}
    if error:
        meant["error"] = error
    return f"{what}: {msgspec.json.encode(meant).decode()}"


def as_manifest(resources: ResourceRequirements) -> dict[str, dict[str, Any]]:
    """Return requirements as they stand in an object: limits first, nothing that is empty."""
    pairs = {"limits": resources.limits, "requests": resources.requests}
    return {name: dict(amounts) for name, amounts in pairs.items() if amounts}
