"""What each running container has used so far: the one place with a memory of usage, between pods and exporters.

It follows pods and remembers only what cannot be computed: since when a container runs, what it had used when its
profile last changed, and which pods share an app's requests. Nothing ticks: a pod that nobody asks about costs nothing
unless it says how it acts. Exporters call `readings`; whoever breaks things calls `lay` and `lift`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace

from kubewright.api.core import PODS, Container, Pod
from kubewright.api.meta import ObjectKey, parse_time
from kubewright.clock import Clock
from kubewright.runtime.events import EventRecorder
from kubewright.runtime.informer import Change
from kubewright.twin.usage.account import Account, Gone, Reading
from kubewright.twin.usage.apps import App, Part
from kubewright.twin.usage.models import Room, room_of
from kubewright.twin.usage.profile import Overlay, Profile, overlay
from kubewright.twin.usage.profiles import Profiles, profiles_of, speaks_of_usage
from kubewright.twin.usage.serving import NO_TOTALS, Totals

INVALID_PROFILE = "InvalidUsageProfile"
_EVICTED = "Evicted"
_NOTHING_GONE = Gone()


@dataclass(frozen=True, slots=True)
class _Laid:
    container: str
    """Empty: every container."""
    change: Overlay
    at: float


@dataclass(frozen=True, slots=True)
class _Membership:
    """A container's place among those that take its app's requests."""

    app: App
    part: Part
    joined_at: float
    joined: Totals
    """Where the group stood then."""

    def gained(self, now: float) -> Totals:
        """Return what the container has served since it joined."""
        return self.app.totals(self.part, now) - self.joined


@dataclass(slots=True)
class _PodAccount:
    node: str
    annotations: Mapping[str, str]
    containers: tuple[Container, ...]
    profiles: Profiles
    rooms: Mapping[str, Room]
    runs: dict[str, Account] = field(default_factory=dict[str, Account])
    memberships: dict[str, _Membership] = field(default_factory=dict[str, _Membership])
    served: dict[str, Totals] = field(default_factory=dict[str, Totals])
    """What a container has served before its present membership."""


class Ledger:
    """Usage by pod; `seed` decides how pods act that say nothing themselves."""

    def __init__(self, clock: Clock, recorder: EventRecorder, *, seed: int = 0) -> None:
        self._clock = clock
        self._recorder = recorder
        self._seed = seed
        self._pods: dict[str, _PodAccount] = {}
        self._apps: dict[ObjectKey, App] = {}
        self._laid: dict[str, dict[str, _Laid]] = {}
        self._gone: dict[str, Gone] = {}

    def on_pod(self, change: Change[Pod]) -> None:
        """Take note of a pod that came, changed or went: a handler for an informer."""
        old, new = change.old, change.new
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._forget(old.metadata.uid)
        if new is not None and new.status.reason == _EVICTED and (old is None or old.status.reason != _EVICTED):
            gone = self.gone(new.spec.node_name)
            self._gone[new.spec.node_name] = replace(gone, evictions=gone.evictions + 1)
        if new is not None and (new.metadata.uid in self._pods or speaks_of_usage(new)):
            self._account(new)

    def readings(self, pod: Pod) -> list[Reading]:
        """Return what each running container has used up to now."""
        known, now = self._account(pod), self._clock.now()
        return [_reading(known, name, now) for name in known.runs]

    def gone(self, node: str) -> Gone:
        """Return what a node's containers had used that run no more."""
        return self._gone.get(node, _NOTHING_GONE)

    def cpu_seconds(self, pod: Pod, container: str, start: float, end: float) -> float:
        """Return the cpu that a running container used between two moments, as its profile and share are now."""
        known = self._account(pod)
        used = known.runs[container].cpu_between(start, end)
        member = known.memberships.get(container)
        if member is None or end <= member.joined_at:
            return used
        serving = member.app.serving(member.part)
        return used + serving.cpu_seconds(max(start, member.joined_at), end, member.part.origin)

    def profile(self, pod: Pod, container: str, started_at: float) -> Profile:
        """Return a container's profile with all that was laid over it."""
        return self._overlaid(pod, self._account(pod).profiles, container, started_at)

    def lay(self, name: str, pod: Pod, change: Overlay, container: str = "") -> None:
        """Let a pod's containers, or one of them, act otherwise from now on; the same name replaces what it named."""
        self._laid.setdefault(pod.metadata.uid, {})[name] = _Laid(container, change, self._clock.now())
        self._change_profiles(pod)

    def lift(self, name: str, pod: Pod) -> None:
        """Undo `lay`; what has leaked is given back."""
        if self._laid.get(pod.metadata.uid, {}).pop(name, None) is not None:
            self._change_profiles(pod)

    def resume_from(self, other: Ledger) -> None:
        """Begin with what was laid over the pods of another twin; for forks."""
        self._laid = {uid: dict(laid) for uid, laid in other._laid.items()}

    def _overlaid(self, pod: Pod, profiles: Profiles, container: str, started_at: float) -> Profile:
        found = profiles.containers[container]
        for laid in self._laid.get(pod.metadata.uid, {}).values():
            if laid.container in {"", container}:
                found = overlay(found, laid.change, laid.at, started_at)
        return found

    def _account(self, pod: Pod) -> _PodAccount:
        """Return a pod's account, brought up to its status."""
        uid, annotations = pod.metadata.uid, pod.metadata.annotations
        containers = (*pod.spec.containers, *pod.spec.init_containers)
        known = self._pods.get(uid)
        if known is None:
            node = pod.spec.node_name
            known = self._pods[uid] = _PodAccount(node, annotations, containers, self._read(pod), _rooms(containers))
        elif known.annotations != annotations or known.containers != containers:
            # It was annotated, or resized in place.
            known.annotations, known.containers = annotations, containers
            known.profiles, known.rooms = self._read(pod), _rooms(containers)
            self._change_profiles(pod)
        self._follow(pod, known)
        return known

    def _read(self, pod: Pod) -> Profiles:
        profiles = profiles_of(pod, self._seed)
        for problem in profiles.problems:
            self._recorder.record(pod, PODS, "Warning", INVALID_PROFILE, problem)
        return profiles

    def _follow(self, pod: Pod, known: _PodAccount) -> None:
        now = self._clock.now()
        running = _running(pod)
        known.node = pod.spec.node_name
        for name in [name for name, run in known.runs.items() if running.get(name) != run.started_at]:
            self._end(known, name, now)
        for name, started_at in running.items():
            if name in known.rooms and name not in known.runs:
                profile = self._overlaid(pod, known.profiles, name, started_at)
                known.runs[name] = Account.opened(profile, known.rooms[name], started_at)
        takes = pod.is_ready and not pod.is_terminating
        for name in known.runs:
            if takes and name not in known.memberships:
                self._join(pod, known, name, now)
            elif not takes:
                self._leave(known, name, now)

    def _change_profiles(self, pod: Pod) -> None:
        known = self._pods.get(pod.metadata.uid)
        if known is None:
            return
        now = self._clock.now()
        for name, run in known.runs.items():
            self._leave(known, name, now)
            profile = self._overlaid(pod, known.profiles, name, run.started_at)
            known.runs[name] = run.changed(profile, known.rooms[name], now)
        self._follow(pod, known)

    def _join(self, pod: Pod, known: _PodAccount, container: str, now: float) -> None:
        run = known.runs[container]
        load = run.profile.load
        if load is None:
            return
        app = self._apps.setdefault(ObjectKey(pod.metadata.namespace, load.app), App(now))
        part = Part(load, run.spare_cores, app.began_at)
        known.memberships[container] = _Membership(app, part, now, app.join(part, now))

    def _leave(self, known: _PodAccount, container: str, now: float) -> None:
        member = known.memberships.pop(container, None)
        if member is not None:
            known.served[container] = known.served.get(container, NO_TOTALS) + member.gained(now)
            member.app.leave(member.part, now)

    def _forget(self, uid: str) -> None:
        self._laid.pop(uid, None)
        known = self._pods.pop(uid, None)
        if known is not None:
            for name in tuple(known.runs):
                self._end(known, name, self._clock.now())

    def _end(self, known: _PodAccount, container: str, now: float) -> None:
        self._leave(known, container, now)
        self._gone[known.node] = self.gone(known.node).plus(_reading(known, container, now))
        known.served.pop(container, None)
        del known.runs[container]


def _rooms(containers: Iterable[Container]) -> dict[str, Room]:
    return {each.name: room_of(each) for each in containers}


def _running(pod: Pod) -> dict[str, float]:
    """Return since when each container runs that does."""
    if pod.is_finished:
        return {}
    found: dict[str, float] = {}
    for each in (*pod.status.container_statuses, *pod.status.init_container_statuses):
        running = each.state.running
        if running is not None and running.started_at:
            found[each.name] = parse_time(running.started_at)
    return found


def _reading(known: _PodAccount, container: str, now: float) -> Reading:
    run = known.runs[container]
    if run.profile.load is None:
        return run.reading(container, now, None, 0.0)
    served, cores = known.served.get(container, NO_TOTALS), 0.0
    member = known.memberships.get(container)
    if member is not None:
        served += member.gained(now)
        cores = member.app.serving(member.part).cpu_cores(now, member.part.origin)
    return run.reading(container, now, served, cores)
