"""What the healer may do about a finding: which policy speaks, and what holds it back for now. Pure.

Without a policy it observes. Of several that match the one that says the most about whom it means speaks; of equals the
most careful, and each is told of the other on its status. A policy that is wrong lets nothing be done that it is about.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from kubewright.api.core import NODES
from kubewright.api.crds.appservice.kind import TEAM_LABEL
from kubewright.api.crds.healingpolicy import (
    APPROVE,
    ENVIRONMENT_LABEL,
    MODES,
    OBSERVE,
    HealingPolicy,
    HealingPolicySpec,
    Storm,
    problems,
)
from kubewright.api.meta import EMPTY
from kubewright.api.windows import is_open
from kubewright.healing.finding import Finding, Remedy, Safety
from kubewright.healing.seen import Seen

HOUR_SECONDS = 3600.0
_DEFAULT = HealingPolicySpec()
PROOF = "proof"
"""The detail of a finding that says why a remedy that could lose data does not."""


@dataclass(frozen=True, slots=True)
class Book:
    """What is going on, as limits count it."""

    begun: Sequence[tuple[float, str]] = ()
    """When remedies were begun within the hour, and under which policy."""
    nodes: frozenset[str] = frozenset()
    """Nodes that are being mended."""
    ill: int = 0
    """How many nodes are ill, of so many."""
    of: int = 0
    storms: Mapping[str, float] = field(default_factory=dict[str, float])
    """By policy, when there last was a storm, in seconds since 1970."""


@dataclass(frozen=True, slots=True)
class Permission:
    """Which policy speaks, and what it says."""

    policy: str = ""
    spec: HealingPolicySpec = _DEFAULT
    wrong: str = ""

    @property
    def mode(self) -> str:
        """Return off, observe, approve or act."""
        return OBSERVE if self.wrong else self.spec.mode


def permission(finding: Finding, policies: Iterable[HealingPolicy], seen: Seen) -> Permission:
    """Return what is permitted about a finding."""
    matching = [each for each in policies if matches(each.spec, finding, seen)]
    if not matching:
        return Permission()
    chosen = min(matching, key=lambda each: (*_order(each), each.metadata.name))
    wrong = problems(chosen)
    return Permission(chosen.metadata.name, chosen.spec, wrong[0] if wrong else "")


def _order(policy: HealingPolicy) -> tuple[int, int]:
    careful = MODES.index(policy.spec.mode) if policy.spec.mode in MODES else -1
    return -specificity(policy.spec), careful


def specificity(spec: HealingPolicySpec) -> int:
    """Return how much a policy says about whom it means; a cause by its whole name counts twice."""
    causes = 0 if not spec.causes else 1 if any(mark in each for each in spec.causes for mark in "*?") else 2
    chosen = (spec.namespace_selector, spec.teams, spec.environments, spec.node_selector)
    return causes + sum(1 for each in chosen if each)


def matches(spec: HealingPolicySpec, finding: Finding, seen: Seen) -> bool:
    """Tell whether a policy is about a finding."""
    if spec.causes and not any(fnmatchcase(finding.cause, each) for each in spec.causes):
        return False
    about = finding.about
    labels: Mapping[str, str] = seen.labels_of(about.key.namespace) if about.key.namespace else EMPTY
    node = seen.get(NODES, about.key) if about.resource.plural == NODES.plural else None
    on_node: Mapping[str, str] = node.metadata.labels if node is not None else EMPTY
    team = finding.team or (labels or on_node).get(TEAM_LABEL, "")
    return (
        _chosen(spec.namespace_selector, labels)
        and _chosen(spec.node_selector, on_node)
        and (not spec.teams or team in spec.teams)
        and (not spec.environments or labels.get(ENVIRONMENT_LABEL, "") in spec.environments)
    )


def _chosen(selector: Mapping[str, str], labels: Mapping[str, str]) -> bool:
    return all(labels.get(name) == text for name, text in selector.items())


def needs_approval(permitted: Permission, finding: Finding, remedy: Remedy) -> str:
    """Say why a person must agree; empty if nobody need."""
    if permitted.mode == APPROVE:
        return f"the policy {permitted.policy} asks for approval"
    if remedy.safety is Safety.DATA and not finding.details.get(PROOF):
        return f"{remedy.name}: data could be lost, and there is no proof that none is"
    return ""


def held_back(permitted: Permission, finding: Finding, remedy: Remedy, book: Book, now: float) -> str:
    """Say why nothing may be done now that otherwise might be; empty if it may."""
    spec, name = permitted.spec, permitted.policy
    if spec.windows and not any(
        is_open(each.schedule, each.duration_minutes, each.time_zone, now) for each in spec.windows
    ):
        return f"the policy {name} acts within its windows alone"
    lately = sum(1 for at, policy in book.begun if policy == name and now - at < HOUR_SECONDS)
    if lately >= spec.limits.actions_per_hour:
        return f"{lately} remedies were begun within the hour, as many as the policy {name} allows"
    return _of_nodes(permitted, finding, remedy, book, now)


def _of_nodes(permitted: Permission, finding: Finding, remedy: Remedy, book: Book, now: float) -> str:
    spec, about = permitted.spec, finding.about
    if about.key.namespace or remedy.safety not in {Safety.NODE, Safety.DATA}:
        return ""
    others = book.nodes - {about.key.name}
    if len(others) >= spec.limits.max_nodes:
        return f"{len(others)} nodes are being mended, as many as the policy {permitted.policy} allows at once"
    if is_storm(spec.storm, book):
        return f"{book.ill} of {book.of} nodes are ill: that calls for a person"
    if now - book.storms.get(permitted.policy, -math.inf) < spec.storm.cool_down_seconds:
        return "many nodes were ill a moment ago: nothing is done until that has passed"
    return ""


def is_storm(storm: Storm, book: Book) -> bool:
    """Tell whether so many nodes are ill that it must be something else."""
    return book.ill >= storm.at_least and book.ill * 100 > storm.ill_percent * book.of


def contradictions(policy: HealingPolicy, policies: Iterable[HealingPolicy]) -> list[str]:
    """Say which policies mean the same as this one and say something else."""
    mine = policy.spec

    def whom(spec: HealingPolicySpec) -> tuple[object, ...]:
        selectors = (dict(spec.namespace_selector), dict(spec.node_selector))
        return (sorted(spec.causes), sorted(spec.teams), sorted(spec.environments), *selectors)

    return [
        f"{each.metadata.name} means the same and says {each.spec.mode}, this one {mine.mode}: the more careful holds"
        for each in policies
        if each.metadata.name != policy.metadata.name and each.spec.mode != mine.mode and whom(each.spec) == whom(mine)
    ]
