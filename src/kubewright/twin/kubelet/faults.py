"""What was broken on purpose, and whom it ails: the one place where faults of nodes and containers are kept.

Whoever breaks something (a test, the demo, a controller of fault objects) injects a rule under a name and lifts it by
that name. Kubelets ask what ails a node or a container, at every turn; so a rule takes effect, and ends, at once.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeAlias

from kubewright.api.core import Container, Pod

READINESS = "readiness"
LIVENESS = "liveness"
STARTUP = "startup"


@dataclass(frozen=True, slots=True)
class NodeTrouble:
    """What ails a node."""

    down: bool = False
    """Nothing runs there and nothing is heard of it; when it comes back its containers start anew."""
    hung: bool = False
    """Its kubelet does nothing; the containers go on."""
    partitioned: bool = False
    """Its kubelet and containers go on, but reach nobody and are not reached."""
    unheard: bool = False
    """All goes on, but the API server does not take what its kubelet says."""
    stuck: bool = False
    """Its kubelet tells what it sees, but nothing starts there and nothing stops."""
    not_ready: str = ""
    """Why its kubelet says that it is not ready."""
    slowness: float = 1.0
    """Pulls and starts take so many times as long: a slow disk."""
    clock_skew_seconds: float = 0.0
    """How far ahead the node's clock is: it stamps what the kubelet writes."""

    @property
    def silent(self) -> bool:
        """Whether nothing is heard of the node."""
        return self.down or self.hung or self.partitioned or self.unheard

    @property
    def unreachable(self) -> bool:
        """Whether its machine reaches nobody and is not reached."""
        return self.down or self.partitioned

    def and_(self, other: NodeTrouble) -> NodeTrouble:
        """Return both troubles at once."""
        return NodeTrouble(
            self.down or other.down,
            self.hung or other.hung,
            self.partitioned or other.partitioned,
            self.unheard or other.unheard,
            self.stuck or other.stuck,
            self.not_ready or other.not_ready,
            self.slowness * other.slowness,
            self.clock_skew_seconds + other.clock_skew_seconds,
        )


@dataclass(frozen=True, slots=True)
class ContainerTrouble:
    """What ails a container."""

    pull_error: str = ""
    """Why its image cannot be pulled."""
    start_error: str = ""
    """Why the runtime cannot start it."""
    start_seconds: float = 0.0
    """How much longer it takes to start."""
    exit_after_seconds: float | None = None
    """When each of its runs ends."""
    exit_code: int = 1
    """What such a run ends with."""
    failing_probes: frozenset[str] = frozenset()
    failing_after_seconds: float = 0.0
    """So long after its start they begin to fail."""

    def and_(self, other: ContainerTrouble) -> ContainerTrouble:
        """Return both troubles at once: of two ends or failures the sooner, of two errors the first."""
        exits = [each for each in (self, other) if each.exit_after_seconds is not None]
        soonest = min(exits, key=lambda each: each.exit_after_seconds or 0.0, default=self)
        return ContainerTrouble(
            self.pull_error or other.pull_error,
            self.start_error or other.start_error,
            self.start_seconds + other.start_seconds,
            soonest.exit_after_seconds,
            soonest.exit_code,
            self.failing_probes | other.failing_probes,
            min((each.failing_after_seconds for each in (self, other) if each.failing_probes), default=0.0),
        )


WELL = NodeTrouble()
UNHARMED = ContainerTrouble()


@dataclass(frozen=True, slots=True)
class OnNodes:
    """A trouble of the nodes, by name, that match."""

    matches: Callable[[str], bool]
    trouble: NodeTrouble


@dataclass(frozen=True, slots=True)
class OnContainers:
    """A trouble of the containers that match."""

    matches: Callable[[Pod, Container], bool]
    trouble: ContainerTrouble


Rule: TypeAlias = OnNodes | OnContainers


@dataclass(slots=True)
class Faults:
    """The rules that hold at present, by the name that they are lifted by."""

    _nodes: dict[str, OnNodes] = field(default_factory=dict[str, OnNodes])
    _containers: dict[str, OnContainers] = field(default_factory=dict[str, OnContainers])

    def copy(self) -> Faults:
        """Return the same faults, to be injected and lifted independently."""
        return Faults(dict(self._nodes), dict(self._containers))

    def inject(self, name: str, rule: Rule) -> None:
        """Let a rule hold from now on, in place of one of the same name."""
        self.lift(name)
        match rule:
            case OnNodes():
                self._nodes[name] = rule
            case OnContainers():
                self._containers[name] = rule

    def lift(self, name: str) -> Rule | None:
        """End a rule, and return it if there was one of that name."""
        return self._nodes.pop(name, None) or self._containers.pop(name, None)

    def of_node(self, node: str) -> NodeTrouble:
        """Return all that ails a node."""
        if not self._nodes:
            return WELL
        trouble = WELL
        for rule in self._nodes.values():
            if rule.matches(node):
                trouble = trouble.and_(rule.trouble)
        return trouble

    def of_container(self, pod: Pod, container: Container) -> ContainerTrouble:
        """Return all that ails a container."""
        trouble = UNHARMED
        for rule in self._containers.values():
            if rule.matches(pod, container):
                trouble = trouble.and_(rule.trouble)
        return trouble


def node_named(name: str) -> Callable[[str], bool]:
    """Match one node."""
    return lambda node: node == name


def image_like(pattern: str) -> Callable[[Pod, Container], bool]:
    """Match containers by their image, with `*` and `?`."""
    return lambda _pod, container: fnmatch.fnmatchcase(container.image, pattern)


def pod_like(pattern: str) -> Callable[[Pod, Container], bool]:
    """Match the containers of pods by the pods' names, with `*` and `?`."""
    return lambda pod, _container: fnmatch.fnmatchcase(pod.metadata.name, pattern)
