"""DisruptionLimit: how much may be out of service at once, for whoever takes pods off nodes or nodes out of service."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Annotated, ClassVar

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, generated_later, ready_column
from kubewright.api.crds.violations import violations
from kubewright.api.cron import load_zone, parse_cron
from kubewright.api.described import Rule, described
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Manifest, Resource

CLUSTER, ZONE, NAMESPACE, TEAM, APP = "Cluster", "Zone", "Namespace", "Team", "App"
SAVING, ROUTINE, REPAIR = "Saving", "Routine", "Repair"
_NAMES = {"maxItems": 64}
_AMOUNT = {"pattern": r"^(\d{1,6}|\d{1,2}%|100%)$", "maxLength": 7}


class Bound(Leaf, frozen=True):
    """How much of one sort, in each group. A share is of the group, rounded up."""

    max_unavailable: Annotated[
        str, described("Nobody takes anything out of service beyond this: a number, or a share such as 20%.", _AMOUNT)
    ] = ""
    min_healthy: Annotated[
        str, described("So many must be left that are well, once what is asked for is done.", _AMOUNT)
    ] = ""
    max_per_hour: Annotated[
        int | None, described("At most so many within any hour.", {"format": "int32", "minimum": 0, "maximum": 100_000})
    ] = None
    stop_below: Annotated[
        str,
        described(
            "With fewer that are well nobody does anything to any of them, repairs included: it calls for a person.",
            _AMOUNT,
        ),
    ] = ""


class Window(Leaf, frozen=True):
    """A time that comes again."""

    schedule: Annotated[
        str, described("When it begins, as cron writes it.", {"minLength": 1, "maxLength": 128}, required=True)
    ] = ""
    duration_minutes: Annotated[
        int,
        described("For how long it lasts.", {"format": "int32", "minimum": 1, "maximum": 10_080}, required=True),
    ] = 0
    time_zone: Annotated[
        str, described("An IANA time zone, such as Europe/Berlin.", {"maxLength": 64}, publish_default=True)
    ] = "UTC"


class DisruptionLimitSpec(Leaf, frozen=True):
    """Whom it is about, and how much. What is not said to choose chooses everything; all limits hold together."""

    node_selector: Annotated[
        Mapping[str, str],
        described("The labels of the nodes, and so of the GPUs, that it is about.", {"maxProperties": 32}),
    ] = EMPTY
    zones: Annotated[tuple[str, ...], described("Their zones.", _NAMES, atomic=True)] = ()
    namespaces: Annotated[
        tuple[str, ...], described("The namespaces of the pods that it is about.", _NAMES, atomic=True)
    ] = ()
    teams: Annotated[
        tuple[str, ...],
        described("Their teams, by the label kubewright.dev/team of the namespace.", _NAMES, atomic=True),
    ] = ()
    requesters: Annotated[
        tuple[str, ...],
        described(
            "Only what these services do, such as kubewright-healing, and of what is out of service what they hold.",
            _NAMES,
            atomic=True,
        ),
    ] = ()
    faults: Annotated[
        tuple[str, ...],
        described("Only what is done about these faults, in the same way.", _NAMES, atomic=True),
    ] = ()
    per: Annotated[
        str,
        described(
            "What it counts by: nodes and GPUs by Cluster or Zone; pods by Cluster, Namespace, Team or App.",
            {"enum": [CLUSTER, ZONE, NAMESPACE, TEAM, APP]},
            publish_default=True,
        ),
    ] = CLUSTER
    nodes: Annotated[Bound | None, described("How many nodes.")] = None
    pods: Annotated[Bound | None, described("How many pods.")] = None
    gpus: Annotated[Bound | None, described("How many GPUs.")] = None
    windows: Annotated[
        tuple[Window, ...],
        described("Whoever is held back acts only within these, if there are any.", {"maxItems": 16}, atomic=True),
    ] = ()
    freezes: Annotated[
        tuple[Window, ...],
        described("Whoever is held back does not act within these.", {"maxItems": 16}, atomic=True),
    ] = ()
    paused: Annotated[
        str, described("If anything stands here, whoever is held back does not act: the reason.", {"maxLength": 256})
    ] = ""
    holds_back: Annotated[
        str,
        described(
            "Whom windows, freezes and a pause hold back: everybody up to this urgency.",
            {"enum": [SAVING, ROUTINE, REPAIR]},
            publish_default=True,
        ),
    ] = ROUTINE

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "self.per in ['Cluster', 'Zone'] || (!has(self.nodes) && !has(self.gpus))",
            "nodes and GPUs are counted by Cluster or Zone",
            ".per",
        ),
        Rule("self.per != 'Zone' || !has(self.pods)", "pods are counted by Cluster, Namespace, Team or App", ".per"),
    )


class DisruptionLimitStatus(Leaf, frozen=True):
    """How it stands."""

    observed_generation: Annotated[int, described("The generation this speaks of.", {"format": "int64"})] = 0
    conditions: Annotated[tuple[Condition, ...], described("Ready.", list_map_keys=("type",))] = ()


class DisruptionLimit(KubeObject, frozen=True, kw_only=True):
    """How much may be out of service at once, whoever takes it out."""

    spec: Annotated[DisruptionLimitSpec, described("What is wanted.", required=True)] = DisruptionLimitSpec()
    status: Annotated[DisruptionLimitStatus, described("How it stands.")] = DisruptionLimitStatus()


DISRUPTION_LIMITS: Resource[DisruptionLimit] = Resource(
    "kubewright.dev", "v1alpha1", "disruptionlimits", "DisruptionLimit", DisruptionLimit, namespaced=False
)
DISRUPTION_LIMIT_CRD: Manifest
__getattr__ = generated_later(
    "DISRUPTION_LIMIT_CRD",
    CrdSpec(
        DISRUPTION_LIMITS,
        columns=(
            PrinterColumn("Per", "string", ".spec.per", "What it counts by."),
            PrinterColumn("Nodes", "string", ".spec.nodes.maxUnavailable", "How many nodes at once."),
            PrinterColumn("Pods", "string", ".spec.pods.maxUnavailable", "How many pods at once."),
            PrinterColumn("GPUs", "string", ".spec.gpus.maxUnavailable", "How many GPUs at once."),
            ready_column("Whether it holds; else it is wrong."),
            PrinterColumn("Paused", "string", ".spec.paused", "Why nobody acts, if so."),
            AGE,
        ),
    ),
)


def problems(limit: DisruptionLimit) -> tuple[str, ...]:
    """Say what is wrong with a limit, at which field; also what no schema can tell."""
    return (*violations(limit.spec, "spec"), *_contradictions(limit.spec))


def _contradictions(spec: DisruptionLimitSpec) -> Iterator[str]:
    by_node = spec.per in {CLUSTER, ZONE}
    if not by_node and (spec.nodes is not None or spec.gpus is not None):
        yield "spec.per: nodes and GPUs are counted by Cluster or Zone"
    if spec.per == ZONE and spec.pods is not None:
        yield "spec.per: pods are counted by Cluster, Namespace, Team or App"
    yield from wrong_windows(spec.windows, "spec.windows")
    yield from wrong_windows(spec.freezes, "spec.freezes")


def wrong_windows(windows: Iterable[Window], at: str) -> Iterator[str]:
    """Say which windows have a schedule or a time zone that is none."""
    for index, each in enumerate(windows):
        try:
            load_zone(each.time_zone)
            parse_cron(each.schedule)
        except ValueError as error:
            yield f"{at}[{index}]: {error}"
