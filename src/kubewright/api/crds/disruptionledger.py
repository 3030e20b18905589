"""DisruptionLedger: who has what out of service by permission now. One object, which every permit is written into.

It is written by `disruption.permits` alone, each time on condition that nobody else has written meanwhile: so two
services can never be granted the same room. It is small: a permit is a few hundred bytes, and there are bounds.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, generated_later
from kubewright.api.described import described
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Manifest, ObjectKey, Resource

LEDGER_NAME = "cluster"
_TIME = {"format": "date-time"}


class TakenPod(Leaf, frozen=True):
    """A pod that a permit is about."""

    namespace: Annotated[str, described("Its namespace.", required=True)] = ""
    name: Annotated[str, described("Its name.", required=True)] = ""
    uid: Annotated[str, described("Its uid.")] = ""
    app: Annotated[str, described("Its application: Deployment/ns/name.")] = ""
    replicas: Annotated[int, described("How many pods the application had with it.", {"format": "int32"})] = 0
    taken: Annotated[str, described("Since when.", _TIME)] = ""

    @property
    def key(self) -> ObjectKey:
        """Return namespace and name."""
        return ObjectKey(self.namespace, self.name)


class Permit(Leaf, frozen=True):
    """What somebody may have out of service until then, or until it is back."""

    id: Annotated[str, described("The requester, and what it is about.", required=True)] = ""
    requester: Annotated[str, described("Who asked: a service.")] = ""
    urgency: Annotated[str, described("Saving, Routine or Repair.")] = ""
    fault: Annotated[str, described("The fault that it is about, if any.")] = ""
    why: Annotated[str, described("The reason.")] = ""
    nodes: Annotated[tuple[str, ...], described("Nodes.", atomic=True)] = ()
    pods: Annotated[tuple[TakenPod, ...], described("Pods.", atomic=True)] = ()
    gpus: Annotated[Mapping[str, int], described("GPUs, by node.")] = EMPTY
    taken: Annotated[str, described("Since when.", _TIME)] = ""
    until: Annotated[str, described("Forgotten after this, unless it is asked for again.", _TIME)] = ""


class Spent(Leaf, frozen=True):
    """What was granted within one minute, for limits by the hour."""

    limit: Annotated[str, described("The DisruptionLimit.")] = ""
    sort: Annotated[str, described("nodes, pods or gpus.")] = ""
    group: Annotated[str, described("The zone, namespace, team or application.")] = ""
    minute: Annotated[str, described("When it began.", _TIME)] = ""
    count: Annotated[int, described("How many.", {"format": "int32"})] = 0


class Waiting(Leaf, frozen=True):
    """Somebody to whom what becomes free next belongs: less urgent ones are refused meanwhile."""

    id: Annotated[str, described("The requester, and what it is about.")] = ""
    urgency: Annotated[str, described("Saving, Routine or Repair.")] = ""
    limit: Annotated[str, described("The DisruptionLimit that held it up.")] = ""
    sort: Annotated[str, described("nodes, pods or gpus.")] = ""
    group: Annotated[str, described("The zone, namespace, team or application.")] = ""
    until: Annotated[str, described("Forgotten after this, unless it asks again.", _TIME)] = ""


class LedgerStatus(Leaf, frozen=True):
    """All that is granted."""

    permits: Annotated[tuple[Permit, ...], described("What is out of service by permission.", atomic=True)] = ()
    spent: Annotated[tuple[Spent, ...], described("What was granted in the last hour.", atomic=True)] = ()
    waiting: Annotated[tuple[Waiting, ...], described("Who comes first.", atomic=True)] = ()
    standing: Annotated[int, described("How many permits there are.", {"format": "int32"})] = 0


class DisruptionLedger(KubeObject, frozen=True, kw_only=True):
    """Who has what out of service by permission now."""

    status: Annotated[LedgerStatus, described("All that is granted.")] = LedgerStatus()


DISRUPTION_LEDGERS: Resource[DisruptionLedger] = Resource(
    "kubewright.dev", "v1alpha1", "disruptionledgers", "DisruptionLedger", DisruptionLedger, namespaced=False
)
DISRUPTION_LEDGER_CRD: Manifest
__getattr__ = generated_later(
    "DISRUPTION_LEDGER_CRD",
    CrdSpec(
        DISRUPTION_LEDGERS,
        columns=(PrinterColumn("Permits", "integer", ".status.standing", "How many permits there are."), AGE),
    ),
)
