"""What a kubelet remembers of a pod: where it and each of its containers are, and when something happens next.

All of it is frozen data; `advance.py` makes the next state of the last. Times are in seconds since 1970.

    pod         SETTING_UP -> ACTIVE -> FINISHED, or STOPPING (deleted, evicted, over its deadline) -> FINISHED -> GONE
    container   WAITING -> PULLING -> RUNNING -> EXITED -> (restart at once | BACKOFF) -> RUNNING ...
                              | PULL_FAILED, PULL_BACKOFF, REFUSED: tried again
"""

from __future__ import annotations

import enum

import msgspec
from msgspec.structs import replace

from kubewright.api.core import Container, Pod, ResourceRequirements

FIRST_BACKOFF_SECONDS = 10.0
MAX_BACKOFF_SECONDS = 300.0
BACKOFF_RESET_SECONDS = 600.0
"""A container that ran for so long starts its back-off anew."""


class Stage(enum.Enum):
    """Where a pod is."""

    SETTING_UP = "setting up"
    """Volumes are mounted and the network is made."""
    ACTIVE = "active"
    STOPPING = "stopping"
    FINISHED = "finished"
    GONE = "gone"


class State(enum.Enum):
    """Where a container is."""

    WAITING = "waiting"
    """For its turn."""
    PULLING = "pulling"
    PULL_FAILED = "pull failed"
    PULL_BACKOFF = "pull back-off"
    REFUSED = "refused"
    """As things are it cannot be made or started; it is tried again."""
    RUNNING = "running"
    EXITED = "exited"
    BACKOFF = "back-off"


class Run(msgspec.Struct, frozen=True):
    """A run of a container that has ended."""

    started_at: float
    ended_at: float
    exit_code: int
    number: int
    """How often it had been restarted before."""
    reason: str = ""
    """What the runtime says of the end: Completed, Error, OOMKilled."""


class Probing(msgspec.Struct, frozen=True):
    """How one probe of a running container fares."""

    due_at: float | None = None
    """When it is asked next; None while the answers would stay as they are."""
    passes: bool = False
    """The result so far, by the thresholds."""
    in_a_row: int = 0
    """How many answers there were of the kind that would change the result."""


class Probes(msgspec.Struct, frozen=True):
    """The probes that a container has."""

    startup: Probing | None = None
    readiness: Probing | None = None
    liveness: Probing | None = None


NO_PROBES = Probes()


class ContainerLife(msgspec.Struct, frozen=True):
    """Where a container is and what it has been through."""

    state: State = State.WAITING
    due_at: float | None = None
    """When its state ends by itself; what may happen while it runs has times of its own."""
    reason: str = ""
    message: str = ""
    """Why it waits."""
    started_at: float = 0.0
    started: bool = False
    ready: bool = False
    exit_at: float | None = None
    exit_code: int = 0
    exit_reason: str = ""
    """How the present run will end."""
    oom_at: float | None = None
    full_at: float | None = None
    """When it will use more memory, or storage, than it may."""
    killed: bool = False
    """Whether its present run is being ended by the kubelet."""
    ended: Run | None = None
    """The run that ended last, while no other runs."""
    last: Run | None = None
    """The run before that, or before the present one."""
    restarts: int = 0
    failures: int = 0
    """Runs that ended in a row: what the back-off counts."""
    pull_failures: int = 0
    pull_began_at: float = 0.0
    probes: Probes = NO_PROBES
    allocated: ResourceRequirements | None = None
    actual: ResourceRequirements | None = None
    """What the node has set aside for it, and what the runtime gives it: they differ during a resize."""
    ready_at: float | None = None
    """When one without a readiness probe is ready after all, if not from the start."""

    @property
    def is_running(self) -> bool:
        """Whether its process runs."""
        return self.state is State.RUNNING

    @property
    def has_run(self) -> bool:
        """Whether it runs or ever did."""
        return self.is_running or self.ended is not None or self.last is not None

    @property
    def next_at(self) -> float | None:
        """Return when something happens to it by itself."""
        if not self.is_running:
            return self.due_at
        probes = (self.probes.startup, self.probes.readiness, self.probes.liveness)
        times = [self.due_at, self.exit_at, self.oom_at, self.full_at, self.ready_at]
        times += [each.due_at for each in probes if each is not None]
        return min((each for each in times if each is not None), default=None)


class Verdict(msgspec.Struct, frozen=True):
    """Why a pod failed as a whole, whatever its containers did."""

    reason: str
    message: str
    disruption: str = ""
    """The reason of the DisruptionTarget condition, if somebody else's needs ended the pod."""
    grace_seconds: float | None = None
    """What the pod gets to stop, if not what it asks for."""


class Resize(msgspec.Struct, frozen=True):
    """How a resize in place stands; as it is by default there is none."""

    pending: str = ""
    """Why it is deferred."""
    asked: int = 0
    """The generation that was deferred."""
    retry_at: float | None = None
    done_at: float | None = None
    """When what was allocated takes effect."""
    generation: int = 0
    """The generation that was allocated."""


NO_RESIZE = Resize()


class Life(msgspec.Struct, frozen=True):
    """Where a pod is."""

    stage: Stage
    began_at: float
    due_at: float | None
    """When something happens by itself."""
    containers: tuple[ContainerLife, ...] = ()
    """In the order of `all_containers`."""
    has_network: bool = False
    verdict: Verdict | None = None
    stopping_since: float = 0.0
    grace_seconds: float = 0.0
    setup_failures: int = 0
    resize: Resize = NO_RESIZE
    generation: int = 0
    gates: tuple[bool, ...] = ()
    """Of the object: its generation, and which of its readiness gates are open."""

    @property
    def may_start_something(self) -> bool:
        """Whether a container may have to be started the next time that the pod is looked at."""
        at_rest = {State.RUNNING, State.EXITED}
        return self.stage is Stage.SETTING_UP or (
            self.stage is Stage.ACTIVE
            and any(each.state not in at_rest or (each.due_at is not None) for each in self.containers)
        )

    def looks(self) -> tuple[object, ...]:
        """Return what the pod's status tells of; equal for two lives that look the same from outside."""
        terminal = self.stage in {Stage.FINISHED, Stage.GONE}
        containers = tuple(
            (
                *(each.state, each.reason, each.message, each.started_at, each.started, each.ready),
                *(each.ended, each.last, each.restarts, each.allocated, each.actual),
            )
            for each in self.containers
        )
        resize = (self.resize.pending, self.resize.asked, self.resize.generation)
        return (terminal, self.has_network, self.verdict, self.generation, self.gates, resize, containers)


def all_containers(pod: Pod) -> tuple[Container, ...]:
    """Return init containers and containers, in the order in which they start."""
    return (*pod.spec.init_containers, *pod.spec.containers)


def allotted(container: ContainerLife, pod: Pod, spec: Container) -> ContainerLife:
    """Return a container that has what its spec wants; init containers that pass are never resized."""
    if not spec.is_sidecar and spec in pod.spec.init_containers:
        return container
    return replace(container, allocated=spec.resources, actual=spec.resources)


def is_main(pod: Pod, position: int) -> bool:
    """Tell whether a position in `all_containers` is that of no init container."""
    return position >= len(pod.spec.init_containers)


def backoff_seconds(failures: int) -> float:
    """Return the kubelet's wait before the next try: 10 s doubling to 5 min."""
    return min(FIRST_BACKOFF_SECONDS * 2.0 ** min(failures, 10), MAX_BACKOFF_SECONDS)


def pod_text(pod: Pod) -> str:
    """Name a pod as kubelets do in their messages."""
    return f"{pod.metadata.name}_{pod.metadata.namespace}({pod.metadata.uid})"
