"""Where a pod wants to be: node selectors, affinity to other pods, spread over topologies.

Structs of a pod's spec and the rules for matching a node; placement vectorises them and is tested against these.
"""

from __future__ import annotations

from collections.abc import Mapping

from kubewright.api.meta import Leaf
from kubewright.api.requirements import Requirement
from kubewright.api.selectors import LabelSelector


class NodeSelectorTerm(Leaf, frozen=True):
    """Conditions that must all hold; a term without any matches no node."""

    match_expressions: tuple[Requirement, ...] = ()
    match_fields: tuple[Requirement, ...] = ()

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether the node of that name and labels meets all conditions; the only field is metadata.name."""
        if not self.match_expressions and not self.match_fields:
            return False
        fields = {"metadata.name": name}
        return all(each.matches(labels) for each in self.match_expressions) and all(
            each.matches(fields) for each in self.match_fields
        )


class NodeSelector(Leaf, frozen=True):
    """Terms of which one must hold."""

    node_selector_terms: tuple[NodeSelectorTerm, ...] = ()

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        """Whether the node meets one of the terms."""
        return any(term.matches(name, labels) for term in self.node_selector_terms)


class PreferredNode(Leaf, frozen=True):
    """A wish with its weight (1 to 100)."""

    weight: int = 0
    preference: NodeSelectorTerm = NodeSelectorTerm()


class NodeAffinity(Leaf, frozen=True):
    """Which nodes a pod must and would like to be on."""

    required_during_scheduling_ignored_during_execution: NodeSelector | None = None
    preferred_during_scheduling_ignored_during_execution: tuple[PreferredNode, ...] = ()

    @property
    def required(self) -> NodeSelector | None:
        """Return the hard part."""
        return self.required_during_scheduling_ignored_during_execution

    @property
    def preferred(self) -> tuple[PreferredNode, ...]:
        """Return the soft part."""
        return self.preferred_during_scheduling_ignored_during_execution


class PodAffinityTerm(Leaf, frozen=True):
    """Pods to be near to, or far from. No label selector matches no pod; no namespaces mean the pod's own."""

    topology_key: str = ""
    label_selector: LabelSelector | None = None
    namespaces: tuple[str, ...] = ()
    namespace_selector: LabelSelector | None = None
    match_label_keys: tuple[str, ...] = ()
    mismatch_label_keys: tuple[str, ...] = ()


class WeightedPodAffinityTerm(Leaf, frozen=True):
    """A wish with its weight (1 to 100)."""

    weight: int = 0
    pod_affinity_term: PodAffinityTerm = PodAffinityTerm()


class PodAffinity(Leaf, frozen=True):
    """Affinity or anti-affinity to pods."""

    required_during_scheduling_ignored_during_execution: tuple[PodAffinityTerm, ...] = ()
    preferred_during_scheduling_ignored_during_execution: tuple[WeightedPodAffinityTerm, ...] = ()

    @property
    def required(self) -> tuple[PodAffinityTerm, ...]:
        """Return the hard part."""
        return self.required_during_scheduling_ignored_during_execution

    @property
    def preferred(self) -> tuple[WeightedPodAffinityTerm, ...]:
        """Return the soft part."""
        return self.preferred_during_scheduling_ignored_during_execution


class Affinity(Leaf, frozen=True):
    """All of a pod's affinities."""

    node_affinity: NodeAffinity | None = None
    pod_affinity: PodAffinity | None = None
    pod_anti_affinity: PodAffinity | None = None


class TopologySpreadConstraint(Leaf, frozen=True):
    """How evenly matching pods spread over a topology's domains."""

    max_skew: int = 1
    topology_key: str = ""
    when_unsatisfiable: str = "DoNotSchedule"
    label_selector: LabelSelector | None = None
    min_domains: int = 1
    node_affinity_policy: str = "Honor"
    node_taints_policy: str = "Ignore"
    match_label_keys: tuple[str, ...] = ()


def node_matches(
    node_selector: Mapping[str, str], affinity: Affinity | None, name: str, labels: Mapping[str, str]
) -> bool:
    """Whether a node meets a pod's nodeSelector and required node affinity (`GetRequiredNodeAffinity().Match`)."""
    if any(labels.get(key) != wanted for key, wanted in node_selector.items()):
        return False
    required = affinity.node_affinity.required if affinity and affinity.node_affinity else None
    return required is None or required.matches(name, labels)
