"""A pod's profiles: its workload model, with what its annotations say put in place of it.

An annotation speaks of the first container, with `.NAME` of another: `twin.kubewright.dev/memory.sidecar: 64Mi`. One
that does not parse is as if it were not there, and is told of; it never breaks the pod.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import TypeVar

from kubewright.api.pods import Container, Pod
from kubewright.api.workload import workload_of
from kubewright.twin.usage.curve import Curve, constant
from kubewright.twin.usage.models import MODELS, default_model, room_of
from kubewright.twin.usage.profile import Load, Profile
from kubewright.twin.usage.text import quantity, ratio, read_curve, seconds

T = TypeVar("T")

PREFIX = "twin.kubewright.dev/"
MODEL = "usage"
APP = "app"
REQUESTS = "requests-per-second"
_IDLE_SHARE = 0.05

_CURVES: Mapping[str, tuple[str, Callable[[str], Curve]]] = {
    "cpu": ("cpu", read_curve),
    "memory": ("memory", lambda text: read_curve(text, grows=True)),
    "ephemeral-storage": ("storage", lambda text: read_curve(text, grows=True)),
    "network-receive": ("receive", read_curve),
    "network-transmit": ("transmit", read_curve),
    "gpu": ("gpu", lambda text: read_curve(text, ratio)),
    "gpu-memory": ("gpu_memory", lambda text: read_curve(text, ratio)),
}
"""Annotation, the profile's field, and what reads it."""
_LOAD_FIELDS: Mapping[str, tuple[str, Callable[[str], float]]] = {
    "cpu-per-request": ("cpu_seconds", quantity),
    "latency": ("latency_seconds", seconds),
    "error-rate": ("error_ratio", ratio),
    "request-bytes": ("request_bytes", quantity),
    "response-bytes": ("response_bytes", quantity),
}
_NAMES = frozenset({MODEL, REQUESTS, *_CURVES, *_LOAD_FIELDS})


@dataclass(frozen=True, slots=True)
class Profiles:
    """Profiles by container, sidecars and init containers among them, and what is wrong with the annotations."""

    containers: Mapping[str, Profile]
    problems: tuple[str, ...] = ()


def speaks_of_usage(pod: Pod) -> bool:
    """Tell whether any of a pod's annotations is about its usage."""
    return any(
        key.startswith(PREFIX) and key.removeprefix(PREFIX).partition(".")[0] in _NAMES
        for key in pod.metadata.annotations
    )


def profiles_of(pod: Pod, seed: int = 0) -> Profiles:
    """Return the profiles of a pod; the same pod, by uid and seed, always the same."""
    notes = _Notes(pod)
    containers = [*pod.spec.containers, *pod.spec.init_containers]
    found = {each.name: _profile(pod, each, notes, seed, first=not number) for number, each in enumerate(containers)}
    return Profiles(found, tuple(notes.problems))


def app_of(pod: Pod) -> str:
    """Name the app whose requests a pod shares: its annotation, else its workload, else the pod itself."""
    named = pod.metadata.annotations.get(PREFIX + APP)
    if named:
        return named
    workload = workload_of(pod)
    return pod.metadata.name if workload is None else workload.name


class _Notes:
    """The annotations that speak of usage, and the problems found while reading them."""

    def __init__(self, pod: Pod) -> None:
        self._all = {
            key.removeprefix(PREFIX): text for key, text in pod.metadata.annotations.items() if key.startswith(PREFIX)
        }
        self.problems: list[str] = []

    def read(self, name: str, container: str, reader: Callable[[str], T], *, first: bool) -> T | None:
        """Read what is said of a container, or of the pod's first."""
        key = f"{name}.{container}"
        if key not in self._all and first:
            key = name
        text = self._all.get(key)
        if text is None:
            return None
        try:
            return reader(text)
        except ValueError as error:
            self.problems.append(f"{PREFIX}{key}: {error}")
            return None


def _profile(pod: Pod, container: Container, notes: _Notes, seed: int, *, first: bool) -> Profile:
    room = room_of(container)
    draw = random.Random(f"{seed}/usage/{pod.metadata.uid}/{container.name}")  # noqa: S311  loads, not secrets
    named = notes.read(MODEL, container.name, _model, first=first)
    said: dict[str, Curve] = {}
    for key, (field, reader) in _CURVES.items():
        curve = notes.read(key, container.name, reader, first=first)
        if curve is not None:
            said[field] = curve
    load = _load(pod, container, notes, first=first)
    if load is not None and named is None:
        # What takes requests uses its cpu for them; that all pods of an app are alike keeps their accounts few.
        said.setdefault("cpu", constant(room.cpu * _IDLE_SHARE))
    return replace(MODELS[named or default_model(pod, room)](room, draw), **said, load=load)


def _load(pod: Pod, container: Container, notes: _Notes, *, first: bool) -> Load | None:
    total = notes.read(REQUESTS, container.name, read_curve, first=first)
    if total is None:
        return None
    said: dict[str, float] = {}
    for key, (field, reader) in _LOAD_FIELDS.items():
        value = notes.read(key, container.name, reader, first=first)
        if value is not None:
            said[field] = value
    return replace(Load(app_of(pod), total), **said)


def _model(text: str) -> str:
    if text not in MODELS:
        raise ValueError(f"{text!r}: known models are {', '.join(MODELS)}")
    return text
