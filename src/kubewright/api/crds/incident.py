"""Incident: something is wrong, why, what is done about it, and whether that helped. The healer writes it.

It is in the namespace of what is ill, so that a team sees its own; what is wrong with nodes and with the cluster is in
`kubewright-system`. All that the healer must remember stands here: whoever takes over goes on from it.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, generated_later
from kubewright.api.described import described
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Manifest, Resource

APPROVED_BY = "kubewright.dev/approved-by"
"""The annotation by which a person lets the healer act; its value says who."""
APPROVED_PLAN = "kubewright.dev/approved-plan"
"""The annotation beside it, with the digest of the plan that the person saw: it lets nothing else be done."""
PAUSED = "kubewright.dev/paused"
"""The annotation by which a person has the healer leave an incident alone; its value says why."""

OPEN, AWAITING, REHEARSING = "Open", "AwaitingApproval", "Rehearsing"
ACTING, VERIFYING = "Acting", "Verifying"
RESOLVED, ESCALATED, OBSERVED = "Resolved", "Escalated", "Observed"
PHASES = (OPEN, AWAITING, REHEARSING, ACTING, VERIFYING, RESOLVED, ESCALATED, OBSERVED)
MOST_ENTRIES = 32
MOST_ACTIONS = 24
MOST_TEXT = 1024

_TEXT = {"maxLength": MOST_TEXT}
_LIST = {"maxItems": MOST_ENTRIES}
_TIME = {"format": "date-time"}


class Subject(Leaf, frozen=True):
    """An object."""

    api_version: Annotated[str, described("Its group and version.")] = ""
    kind: Annotated[str, described("Its kind.")] = ""
    namespace: Annotated[str, described("Where it is; empty for what is in no namespace.")] = ""
    name: Annotated[str, described("Its name.")] = ""
    uid: Annotated[str, described("Which of that name.")] = ""

    def __str__(self) -> str:
        return f"{self.kind}/{self.namespace}/{self.name}" if self.namespace else f"{self.kind}/{self.name}"


class IncidentSpec(Leaf, frozen=True):
    """What is wrong."""

    cause: Annotated[str, described("The name of the cause, of the catalogue.", {"minLength": 1}, required=True)] = ""
    about: Annotated[Subject, described("What is ill.")] = Subject()
    part: Annotated[str, described("Which part of it, such as a device.")] = ""


class IncidentPlan(Leaf, frozen=True):
    """What is to be done."""

    remedy: Annotated[str, described("The remedy, of the catalogue.")] = ""
    reason: Annotated[str, described("Why.", _TEXT)] = ""
    actions: Annotated[tuple[str, ...], described("In order.", _LIST, atomic=True)] = ()
    digest: Annotated[str, described("By what an approval names it: another plan has another.")] = ""


class IncidentRehearsal(Leaf, frozen=True):
    """What a fork of the cluster says of the plan."""

    passed: Annotated[bool, described("Whether it may be done.", required=True)] = False
    message: Annotated[str, described("What was tried, and what came of it.", _TEXT)] = ""
    evicts: Annotated[int, described("How many pods would go.", {"format": "int32"})] = 0
    unplaced: Annotated[int, described("How many of them would find no place.", {"format": "int32"})] = 0
    slo: Annotated[str, described("How many of a workload were up at the worst moment.", _TEXT)] = ""


class IncidentAction(Leaf, frozen=True):
    """One remedy that was tried."""

    remedy: Annotated[str, described("Which.", required=True)] = ""
    started_at: Annotated[str | None, described("When it began.", _TIME)] = None
    ended_at: Annotated[str | None, described("When it was known how it came out.", _TIME)] = None
    outcome: Annotated[str, described("Helped, DidNotHelp, Refused, Failed, Undone; empty while it lasts.")] = ""
    message: Annotated[str, described("What there is to say of it.", _TEXT)] = ""


class IncidentTimes(Leaf, frozen=True):
    """When what was so."""

    fault_since: Annotated[str | None, described("Since when something is wrong, as it was seen.", _TIME)] = None
    detected: Annotated[str | None, described("When it was first told.", _TIME)] = None
    diagnosed: Annotated[str | None, described("When the cause was known.", _TIME)] = None
    decided: Annotated[str | None, described("When it was clear what to do.", _TIME)] = None
    acted: Annotated[str | None, described("When that was begun.", _TIME)] = None
    restored: Annotated[str | None, described("When the cause was found no more.", _TIME)] = None
    verified: Annotated[str | None, described("When that had lasted.", _TIME)] = None


class IncidentStatus(Leaf, frozen=True):
    """How far it is."""

    phase: Annotated[str, described("How far it is.", {"enum": [*PHASES]})] = OPEN
    message: Annotated[str, described("Why it is there.", _TEXT)] = ""
    signals: Annotated[tuple[str, ...], described("What told of it.", _LIST, atomic=True)] = ()
    evidence: Annotated[tuple[str, ...], described("Why this is the cause.", _LIST, atomic=True)] = ()
    affected: Annotated[tuple[Subject, ...], described("Who suffers from it.", _LIST, atomic=True)] = ()
    details: Annotated[Mapping[str, str], described("What remedies need to know.", {"maxProperties": MOST_ENTRIES})] = (
        EMPTY
    )
    policy: Annotated[str, described("The HealingPolicy that speaks; empty for none.")] = ""
    remedy: Annotated[int, described("How many remedies were tried or passed over.", {"format": "int32"})] = 0
    plan: Annotated[IncidentPlan | None, described("What is to be done, or was.")] = None
    rehearsal: Annotated[IncidentRehearsal | None, described("What the rehearsal said.")] = None
    actions: Annotated[
        tuple[IncidentAction, ...], described("What was tried.", {"maxItems": MOST_ACTIONS}, atomic=True)
    ] = ()
    verification: Annotated[str, described("By what it is known that it is over.", _TEXT)] = ""
    recurrences: Annotated[int, described("How often it came back.", {"format": "int32"})] = 0
    times: Annotated[IncidentTimes, described("When what was so.")] = IncidentTimes()
    observed_generation: Annotated[int, described("The generation this speaks of.", {"format": "int64"})] = 0
    conditions: Annotated[tuple[Condition, ...], described("Ready: whether it is over.", list_map_keys=("type",))] = ()

    @property
    def is_over(self) -> bool:
        """Whether nothing is wrong any more."""
        return self.phase == RESOLVED


class Incident(KubeObject, frozen=True, kw_only=True):
    """Something is wrong, and what becomes of it."""

    spec: Annotated[IncidentSpec, described("What is wrong.", required=True)] = IncidentSpec()
    status: Annotated[IncidentStatus, described("How far it is.")] = IncidentStatus()


def approval(by: str, digest: str) -> Manifest:
    """Return the patch by which somebody lets the healer carry out the plan of this digest."""
    return {"metadata": {"annotations": {APPROVED_BY: by, APPROVED_PLAN: digest}}}


def _column(name: str, path: str, text: str, **options: Any) -> PrinterColumn:
    return PrinterColumn(name, "string", path, text, **options)


INCIDENTS: Resource[Incident] = Resource("kubewright.dev", "v1alpha1", "incidents", "Incident", Incident)
INCIDENT_CRD: Manifest
__getattr__ = generated_later(
    "INCIDENT_CRD",
    CrdSpec(
        INCIDENTS,
        short_names=("inc",),
        columns=(
            _column("Cause", ".spec.cause", "What is wrong."),
            _column("Kind", ".spec.about.kind", "The kind of what is ill."),
            _column("About", ".spec.about.name", "What is ill."),
            _column("Phase", ".status.phase", "How far it is."),
            _column("Remedy", ".status.plan.remedy", "What is done about it."),
            PrinterColumn("Recurrences", "integer", ".status.recurrences", "How often it came back.", priority=1),
            _column("Message", ".status.message", "Why.", priority=1),
            AGE,
        ),
    ),
)
