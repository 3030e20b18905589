"""The single changes that may let a waiting pod run, as data: what each is, what it costs, and the world with it done.

`candidates` proposes them, `why` tries each by really placing the pod in that world. A cost is a number without a unit:
a tenth of what somebody asked for given up is 1; what others pay, or what takes money or another team, is more.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar, TypeAlias

from msgspec.structs import replace

from kubewright.api.core import Pod, Taint, Toleration
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.resources import write_amount
from kubewright.api.tolerations import NO_EXECUTE
from kubewright.explain.amounts import requesting
from kubewright.explain.forks import with_nodes, with_one_like
from kubewright.placement.snapshot import ClusterSnapshot

World: TypeAlias = tuple[Pod, ClusterSnapshot]
"""The pod that wants a node, and the cluster; neither is ever changed."""

CORDON_TAINT = "node.kubernetes.io/unschedulable"


@dataclass(frozen=True, slots=True)
class LessRequested:
    """The pod asks for less, of one resource or of what one node lacks."""

    kind: ClassVar[str] = "request"
    amounts: tuple[tuple[str, int, int], ...]
    """Resource, what is asked for in all, and what there would be: cpu in thousandths, all else in units."""

    @property
    def cost(self) -> float:
        """Return 10 times the largest share that is given up."""
        return 10 * max((present - to) / present for _, present, to in self.amounts)

    def __str__(self) -> str:
        return "request " + " and ".join(
            f"{write_amount(name, to)} {name} instead of {write_amount(name, present)}"
            for name, present, to in self.amounts
        )

    @property
    def details(self) -> Manifest:
        """Return what programs want to know of it."""
        return {"requests": {name: write_amount(name, to) for name, _, to in self.amounts}}

    def applied(self, world: World) -> World:
        """Return the world with the smaller pod."""
        pod, snapshot = world
        return requesting(pod, {name: (present, to) for name, present, to in self.amounts}), snapshot


@dataclass(frozen=True, slots=True)
class Tolerated:
    """The pod tolerates one more taint."""

    kind: ClassVar[str] = "toleration"
    taint: Taint

    @property
    def cost(self) -> float:
        """Return 3, and 5 for a taint that drives pods out, too."""
        return 5.0 if self.taint.effect == NO_EXECUTE else 3.0

    def __str__(self) -> str:
        return f"tolerate the taint {taint_text(self.taint)}"

    @property
    def details(self) -> Manifest:
        """Return what programs want to know of it."""
        return {"taint": taint_text(self.taint)}

    def applied(self, world: World) -> World:
        """Return the world with the pod that tolerates it."""
        pod, snapshot = world
        taint = self.taint
        more = Toleration(key=taint.key, operator="Equal", value=taint.value, effect=taint.effect)
        return replace(pod, spec=replace(pod.spec, tolerations=(*pod.spec.tolerations, more))), snapshot


@dataclass(frozen=True, slots=True)
class Dropped:
    """The pod gives up one term: a label of its selector, an affinity, a constraint, a host port, its gates."""

    kind: ClassVar[str] = "term"
    what: str
    left: Pod
    """The pod without it."""
    cost: float = 4.0

    def __str__(self) -> str:
        return f"drop {self.what}"

    @property
    def details(self) -> Manifest:
        """Return what programs want to know of it."""
        return {"term": self.what}

    def applied(self, world: World) -> World:
        """Return the world with the pod that does not say it."""
        return self.left, world[1]


@dataclass(frozen=True, slots=True)
class Uncordoned:
    """A cordoned node takes pods again."""

    kind: ClassVar[str] = "uncordon"
    node: str
    cost: ClassVar[float] = 6.0

    def __str__(self) -> str:
        return f"uncordon node {self.node}"

    @property
    def details(self) -> Manifest:
        """Return what programs want to know of it."""
        return {"uncordon": self.node}

    def applied(self, world: World) -> World:
        """Return the world with the node open."""
        pod, snapshot = world
        node = snapshot.table.nodes[snapshot.table.columns[self.node]]
        left = tuple(each for each in node.spec.taints if each.key != CORDON_TAINT)
        opened = replace(node, spec=replace(node.spec, unschedulable=False, taints=left))
        return pod, with_nodes(snapshot, {self.node: opened})


@dataclass(frozen=True, slots=True)
class NodeAdded:
    """One node more, like one that is there, with the daemons that this one runs."""

    kind: ClassVar[str] = "node"
    like: str
    offers: tuple[tuple[str, int], ...] = ()
    """What it has of what the pod asks for, for people to see."""
    cost: ClassVar[float] = 9.0

    def __str__(self) -> str:
        listed = ", ".join(f"{write_amount(name, amount)} {name}" for name, amount in self.offers)
        return f"add a node like {self.like}" + (f" ({listed})" if listed else "")

    @property
    def details(self) -> Manifest:
        """Return what programs want to know of it."""
        return {"like": self.like}

    def applied(self, world: World) -> World:
        """Return the world with one node more."""
        pod, snapshot = world
        return pod, with_one_like(snapshot, self.like, f"one-more-like-{self.like}")


@dataclass(frozen=True, slots=True)
class Waited:
    """Nothing is changed but that time passes: pods end."""

    kind: ClassVar[str] = "wait"
    pods: tuple[ObjectKey, ...]
    """Those that end until then; the last makes room."""
    seconds: float
    by: str
    """How it is known: `its deadline`, or what was seen of others."""
    named: str
    """What ends last, as people name it: `job/train`."""

    @property
    def cost(self) -> float:
        """Return an hour's waiting as 1."""
        return self.seconds / 3600

    def __str__(self) -> str:
        others = f" and {len(self.pods) - 1} that end before" if len(self.pods) > 1 else ""
        return f"wait for {self.named}{others}: {duration(self.seconds)} by {self.by}"

    @property
    def details(self) -> Manifest:
        """Return what programs want to know of it."""
        return {"seconds": round(self.seconds), "pods": [str(each) for each in self.pods], "by": self.by}

    def applied(self, world: World) -> World:
        """Return the world without the pods that end."""
        pod, snapshot = world
        fork = snapshot.fork()
        for key in self.pods:
            fork.forget(key)
        return pod, fork


@dataclass(frozen=True, slots=True)
class MoreImportant:
    """The pod has a higher priority, and others go for it."""

    kind: ClassVar[str] = "priority"
    priority: int
    class_name: str
    """A PriorityClass of that value, if there is one."""
    victims: tuple[ObjectKey, ...]
    n_violations: int = 0
    """How many of them no disruption budget lets go."""

    @property
    def cost(self) -> float:
        """Return what the victims pay: 4, and 1 for each, and 10 for each that a budget protects."""
        return 4.0 + len(self.victims) + 10 * self.n_violations

    def __str__(self) -> str:
        name = f" (class {self.class_name})" if self.class_name else ""
        return f"priority {self.priority}{name}, which evicts {listing(self.victims)}"

    @property
    def details(self) -> Manifest:
        """Return what programs want to know of it."""
        victims = [str(each) for each in self.victims]
        return {"priority": self.priority, "priorityClassName": self.class_name, "victims": victims}

    def applied(self, world: World) -> World:
        """Return the world with the pod's new priority, and without the victims."""
        pod, snapshot = world
        fork = snapshot.fork()
        for key in self.victims:
            fork.forget(key)
        spec = replace(pod.spec, priority=self.priority, priority_class_name=self.class_name)
        return replace(pod, spec=spec), fork


Change: TypeAlias = LessRequested | Tolerated | Dropped | Uncordoned | NodeAdded | Waited | MoreImportant

_NAMED = 3


def brief(change: Change) -> str:
    """Write a change in one line that lasts: without what is different a second later."""
    return f"wait for {change.named}" if isinstance(change, Waited) else str(change)


def listing(keys: tuple[ObjectKey, ...]) -> str:
    """Name a few pods and count the rest."""
    named = ", ".join(f"{key}" for key in keys[:_NAMED])
    return named if len(keys) <= _NAMED else f"{named} and {len(keys) - _NAMED} more"


def taint_text(taint: Taint) -> str:
    """Write a taint as kubectl does."""
    return f"{taint.key}={taint.value}:{taint.effect}" if taint.value else f"{taint.key}:{taint.effect}"


def duration(seconds: float) -> str:
    """Write a time span in the two largest units that say something: `2h 5m`, `40s`."""
    left = max(0, round(seconds))
    parts = ((left // 86400, "d"), (left // 3600 % 24, "h"), (left // 60 % 60, "m"), (left % 60, "s"))
    begun = next((place for place, (amount, _) in enumerate(parts) if amount), len(parts) - 1)
    said = [f"{amount}{unit}" for amount, unit in parts[begun : begun + 2] if amount]
    return " ".join(said) or "0s"
