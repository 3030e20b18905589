"""What a round is decided from, what it remembers, and what it decides. Data alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubewright.api.core import Node, Pod
from kubewright.api.crds.nodepool import NodePool
from kubewright.api.meta import ObjectKey
from kubewright.api.plan import Evict
from kubewright.api.policy import PodDisruptionBudget
from kubewright.nodepools.filling import Launch
from kubewright.nodepools.members import Coming
from kubewright.placement.policy import SPREAD, Policy
from kubewright.placement.snapshot import ClusterSnapshot


@dataclass(frozen=True, slots=True)
class Seen:
    """The cluster and its pools at one moment. Nobody changes the snapshot: what is tried is tried on forks."""

    pools: tuple[NodePool, ...]
    """Those that say nothing wrong."""
    snapshot: ClusterSnapshot
    waiting: tuple[Pod, ...]
    """Pods without a node that nothing but the want of one holds back."""
    budgets: tuple[PodDisruptionBudget, ...] = ()
    coming: tuple[Coming, ...] = ()
    policy: Policy = SPREAD


@dataclass(frozen=True, slots=True)
class Memory:
    """What rounds remember. A restart forgets it, and then everything waits once more, which is safe."""

    spare_since: Mapping[str, float] = field(default_factory=dict[str, float])
    """Since when nodes could have been spared, without a break."""
    left_alone: Mapping[str, float] = field(default_factory=dict[str, float])
    """Until when a node, or an offer, is not tried again."""
    failures: Mapping[str, float] = field(default_factory=dict[str, float])
    """How often that came to nothing in a row; it doubles the time."""
    patience: Mapping[str, float] = field(default_factory=dict[str, float])
    """By pool: how many times its `afterSeconds` it waits, since it had to have nodes again that it had given back."""
    given_back: Mapping[str, float] = field(default_factory=dict[str, float])
    """By pool: when it last gave a node back."""
    looked_at: float = 0.0
    """When it was last looked for what can be spared."""
    replaced: Mapping[str, float] = field(default_factory=dict[str, float])
    """By pool: when it last asked for a cheaper node in place of others."""


@dataclass(frozen=True, slots=True)
class Begun:
    """A node to cordon and empty."""

    pool: NodePool
    node: Node
    why: str


@dataclass(frozen=True, slots=True)
class Released:
    """A node that takes pods again instead of being given back."""

    node: Node
    why: str


@dataclass(slots=True)
class Round:
    """What is to be done now, in this order, and what is said."""

    released: list[Released] = field(default_factory=list[Released])
    launches: list[Launch] = field(default_factory=list[Launch])
    begun: list[Begun] = field(default_factory=list[Begun])
    evictions: list[Evict] = field(default_factory=list[Evict])
    given_back: list[tuple[NodePool, Node]] = field(default_factory=list[tuple[NodePool, Node]])
    """Nodes that are empty: the provider's."""
    hopeless: dict[ObjectKey, str] = field(default_factory=dict[ObjectKey, str])
    """Pods that no node of any pool could hold, with the reason."""
    limited: tuple[ObjectKey, ...] = ()
    """Pods that a node could hold, if a pool might have more of them or a provider had them."""
    advice: dict[str, str] = field(default_factory=dict[str, str])
    """By pool, what it would do that is told to recommend; or why nothing can be spared."""
    memory: Memory = field(default_factory=Memory)
