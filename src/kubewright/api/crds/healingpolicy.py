"""HealingPolicy: what the healer may do by itself, of which causes, for whom, and how often."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, ClassVar

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, REASON, CrdSpec, PrinterColumn, generated_later, ready_column
from kubewright.api.crds.disruptionlimit import Window, wrong_windows
from kubewright.api.crds.violations import violations
from kubewright.api.described import Rule, described
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Manifest, Resource

OFF, OBSERVE, APPROVE, ACT = "off", "observe", "approve", "act"
MODES = (OFF, OBSERVE, APPROVE, ACT)
"""The most careful first."""
ENVIRONMENT_LABEL = "kubewright.dev/environment"

_NAMES = {"maxItems": 64}
_PATTERN = {"items": {"type": "string", "minLength": 1, "maxLength": 128, "pattern": r"^[A-Za-z0-9*?]+$"}}


def _count(most: int, least: int = 0) -> Mapping[str, object]:
    return {"format": "int32", "minimum": least, "maximum": most}


class HealingLimits(Leaf, frozen=True):
    """How much may be done."""

    actions_per_hour: Annotated[
        int, described("Remedies that may be begun within an hour.", _count(10_000), publish_default=True)
    ] = 60
    repeats: Annotated[
        int,
        described(
            "How often one incident that comes back within an hour is mended again, before a person is told.",
            _count(1000),
            publish_default=True,
        ),
    ] = 3
    max_nodes: Annotated[
        int, described("Nodes that may be mended at once.", _count(10_000, 1), publish_default=True)
    ] = 3


class Storm(Leaf, frozen=True):
    """When so many nodes are ill that it must be something else."""

    ill_percent: Annotated[
        int,
        described("With more of the nodes ill than this nothing is done to any.", _count(100), publish_default=True),
    ] = 20
    at_least: Annotated[
        int, described("Fewer ill nodes than this are no storm.", _count(10_000, 1), publish_default=True)
    ] = 3
    cool_down_seconds: Annotated[
        int, described("For how long after it nothing is done, either.", _count(86_400), publish_default=True)
    ] = 300


class HealingPolicySpec(Leaf, frozen=True):
    """Whom it is about, and what may be done. What is not said to choose chooses everything.

    Of several policies the most specific speaks; of equals the most careful one.
    """

    mode: Annotated[
        str,
        described(
            "off: nothing is told; observe: what would be done is told; approve: it is done once a person agrees; "
            "act: it is done.",
            {"enum": [*MODES]},
            required=True,
        ),
    ] = OBSERVE
    causes: Annotated[
        tuple[str, ...], described("Names of causes, with * and ?, such as Gpu*.", {**_NAMES, **_PATTERN}, atomic=True)
    ] = ()
    namespace_selector: Annotated[
        Mapping[str, str], described("Labels of the namespaces of what is ill.", {"maxProperties": 32})
    ] = EMPTY
    teams: Annotated[
        tuple[str, ...],
        described("Teams, by the label kubewright.dev/team of the namespace or node.", _NAMES, atomic=True),
    ] = ()
    environments: Annotated[
        tuple[str, ...], described("Environments, by the label kubewright.dev/environment.", _NAMES, atomic=True)
    ] = ()
    node_selector: Annotated[
        Mapping[str, str], described("Labels of the nodes that are ill.", {"maxProperties": 32})
    ] = EMPTY
    limits: Annotated[HealingLimits, described("How much may be done.")] = HealingLimits()
    storm: Annotated[Storm, described("When to stop and to call for a person.")] = Storm()
    windows: Annotated[
        tuple[Window, ...],
        described("It is acted within these alone, if there are any.", {"maxItems": 16}, atomic=True),
    ] = ()
    paused: Annotated[
        tuple[str, ...],
        described(
            "Reasons not to act for now: each who has one adds it, and takes it away again.",
            {"maxItems": 16, "items": {"type": "string", "minLength": 1, "maxLength": 256}},
            atomic=True,
        ),
    ] = ()
    unrehearsed: Annotated[bool, described("Also act where a plan cannot be rehearsed.", publish_default=True)] = False
    keep_resolved_hours: Annotated[
        int, described("For how long incidents that are over are kept.", _count(8760), publish_default=True)
    ] = 24

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "!has(self.nodeSelector) || (!has(self.namespaceSelector) && !has(self.environments))",
            "what is ill is a node or in a namespace: say either nodeSelector, or namespaceSelector and environments",
            ".nodeSelector",
        ),
    )


class HealingPolicyStatus(Leaf, frozen=True):
    """How it stands."""

    observed_generation: Annotated[int, described("The generation this speaks of.", {"format": "int64"})] = 0
    conditions: Annotated[tuple[Condition, ...], described("Ready.", list_map_keys=("type",))] = ()
    last_storm: Annotated[
        str | None, described("When so many nodes were last ill that nothing was done to any.", {"format": "date-time"})
    ] = None


class HealingPolicy(KubeObject, frozen=True, kw_only=True):
    """What the healer may do by itself."""

    spec: Annotated[HealingPolicySpec, described("What is wanted.", required=True)] = HealingPolicySpec()
    status: Annotated[HealingPolicyStatus, described("How it stands.")] = HealingPolicyStatus()


HEALING_POLICIES: Resource[HealingPolicy] = Resource(
    "kubewright.dev", "v1alpha1", "healingpolicies", "HealingPolicy", HealingPolicy, namespaced=False
)
HEALING_POLICY_CRD: Manifest
__getattr__ = generated_later(
    "HEALING_POLICY_CRD",
    CrdSpec(
        HEALING_POLICIES,
        short_names=("hp",),
        columns=(
            PrinterColumn("Mode", "string", ".spec.mode", "What is done."),
            PrinterColumn("Causes", "string", ".spec.causes", "Of which causes.", priority=1),
            PrinterColumn("Paused", "string", ".spec.paused", "Why it is not acted, if so."),
            ready_column("Whether it says what it means."),
            REASON,
            AGE,
        ),
    ),
)


def problems(policy: HealingPolicy) -> tuple[str, ...]:
    """Say what is wrong with a policy, at which field; also what no schema can tell."""
    return (*violations(policy.spec, "spec"), *_others(policy.spec))


def _others(spec: HealingPolicySpec) -> Iterator[str]:
    if spec.mode not in MODES:
        yield f"spec.mode: Unsupported value: {spec.mode!r}"
    if spec.node_selector and (spec.namespace_selector or spec.environments):
        yield "spec.nodeSelector: say either it, or namespaceSelector and environments"
    yield from wrong_windows(spec.windows, "spec.windows")
