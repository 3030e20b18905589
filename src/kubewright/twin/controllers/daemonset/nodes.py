"""On which nodes a daemon runs, and the pod that it is there. Pure.

The rules are those of `NodeShouldRunDaemonPod` and of `AddOrUpdateDaemonPodTolerations`: a daemon tolerates what goes
wrong with a node, and its pod is bound to one node by a required affinity that only that node meets.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import msgspec

from kubewright.api.affinity import node_matches
from kubewright.api.apps import DAEMON_SETS, DaemonSet
from kubewright.api.core import Node, Pod, PodSpec, Toleration
from kubewright.api.meta import Manifest
from kubewright.api.tolerations import NO_EXECUTE, NO_SCHEDULE, untolerated
from kubewright.api.workload import REVISION_HASH
from kubewright.twin.controllers.podwrites import pod_manifest

GENERATION_LABEL = "pod-template-generation"
GENERATION = "deprecated.daemonset.template.generation"
_TOLERATED = (
    ("not-ready", NO_EXECUTE),
    ("unreachable", NO_EXECUTE),
    ("disk-pressure", NO_SCHEDULE),
    ("memory-pressure", NO_SCHEDULE),
    ("pid-pressure", NO_SCHEDULE),
    ("unschedulable", NO_SCHEDULE),
)
_REQUIRED = "requiredDuringSchedulingIgnoredDuringExecution"


@dataclass(frozen=True, slots=True)
class Verdict:
    """Whether a daemon is to come to a node, and whether one that is there may stay."""

    run: bool
    stay: bool


@dataclass(frozen=True, slots=True)
class Daemon:
    """A DaemonSet's pod as far as nodes ask: decoded once, asked for every node."""

    spec: PodSpec
    tolerations: tuple[Toleration, ...]

    @classmethod
    def of(cls, daemon_set: DaemonSet) -> Daemon:
        """Read the template."""
        spec = msgspec.convert(daemon_set.spec.template.get("spec", {}), PodSpec)
        return cls(spec, (*spec.tolerations, *msgspec.convert(_tolerations(spec), tuple[Toleration, ...])))

    def verdict(self, node: Node) -> Verdict:
        """Judge one node."""
        name, labels = node.metadata.name, node.metadata.labels
        if self.spec.node_name not in {"", name}:
            return Verdict(run=False, stay=False)
        if not node_matches(self.spec.node_selector, self.spec.affinity, name, labels):
            return Verdict(run=False, stay=False)
        if untolerated(self.tolerations, node.spec.taints) is None:
            return Verdict(run=True, stay=True)
        evicted = untolerated(self.tolerations, node.spec.taints, frozenset({NO_EXECUTE})) is not None
        return Verdict(run=False, stay=not evicted)


def _tolerations(spec: PodSpec) -> list[Manifest]:
    """Return what every daemon tolerates besides its own."""
    pairs = [*_TOLERATED, *((("network-unavailable", NO_SCHEDULE),) if spec.host_network else ())]
    return [{"key": f"node.kubernetes.io/{key}", "operator": "Exists", "effect": effect} for key, effect in pairs]


def daemon_pod(daemon_set: DaemonSet, node: str, digest: str) -> Manifest:
    """Return the pod of the present template for one node."""
    manifest = pod_manifest(daemon_set, DAEMON_SETS, daemon_set.spec.template)
    metadata = manifest["metadata"]
    labels = {**metadata.get("labels", {}), REVISION_HASH: digest}
    generation = daemon_set.metadata.annotations.get(GENERATION)
    if generation:
        labels[GENERATION_LABEL] = generation
    spec: Manifest = manifest["spec"]
    affinity: Manifest = spec.get("affinity") or {}
    term = {"matchFields": [{"key": "metadata.name", "operator": "In", "values": [node]}]}
    own: Manifest = affinity.get("nodeAffinity") or {}
    node_affinity: Manifest = {**own, _REQUIRED: {"nodeSelectorTerms": [term]}}
    return {
        **manifest,
        "metadata": {**metadata, "labels": labels},
        "spec": {
            **spec,
            "affinity": {**affinity, "nodeAffinity": node_affinity},
            "tolerations": _with_added(spec.get("tolerations") or [], _tolerations(msgspec.convert(spec, PodSpec))),
        },
    }


def _with_added(own: list[Manifest], added: list[Manifest]) -> list[Any]:
    """Add tolerations; one of the same meaning is replaced in its place."""
    identity = ("key", "operator", "value", "effect")
    known = {tuple(each.get(part, "") for part in identity): each for each in own}
    known |= {tuple(each.get(part, "") for part in identity): each for each in added}
    return list(known.values())


def target_node(pod: Pod) -> str:
    """Return the node that a daemon's pod is on, or is meant for (`GetTargetNodeName`)."""
    if pod.spec.node_name:
        return pod.spec.node_name
    affinity = pod.spec.affinity
    required = affinity.node_affinity.required if affinity and affinity.node_affinity else None
    for term in required.node_selector_terms if required else ():
        for each in term.match_fields:
            if each.key == "metadata.name" and each.operator == "In" and len(each.values) == 1:
                return each.values[0]
    return ""
