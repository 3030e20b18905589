"""Queue: what a team may have of the cluster, what it may borrow, and from whom it may take it back.

Queues form a tree by `parent`. A namespace belongs to one by its label `kubewright.dev/queue`: labels of namespaces are
an administrator's to set, whereas a pod's would let everybody choose.
"""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, REASON, CrdSpec, PrinterColumn, generated_later, ready_column
from kubewright.api.described import Rule, described
from kubewright.api.meta import KubeObject, Leaf, Manifest, Resource
from kubewright.api.quantity import Quantity

QUEUE_LABEL = "kubewright.dev/queue"
"""The label of a namespace that names its queue."""
NEVER, LOWER_PRIORITY, ANY, FAIR_SHARE = "Never", "LowerPriority", "Any", "FairShare"
_AMOUNT = {"pattern": r"^([0-9]+(\.[0-9]*)?|\.[0-9]+)([KMGTPE]i|[numkMGTPE]|[eE][+-]?[0-9]{1,3})?$"}
_SECONDS = {"minimum": 0, "maximum": 31_536_000}


def _not_negative(field: str) -> Rule:
    return Rule(
        f"!has(self.{field}) || type(self.{field}) != int || self.{field} >= 0",
        f"{field} is not below 0",
        f".{field}",
    )


class Quota(Leaf, frozen=True):
    """How much there is of one resource, of any GPU or of one model."""

    resource: Annotated[
        str,
        described(
            "As pods request it: cpu, memory, pods, nvidia.com/gpu.", {"minLength": 1, "maxLength": 253}, required=True
        ),
    ] = ""
    model: Annotated[
        str,
        described(
            "Only that of nodes with this GPU, as their label nvidia.com/gpu.product says.",
            {"maxLength": 63},
            publish_default=True,
        ),
    ] = ""
    nominal: Annotated[Quantity, described("What is the queue's own.", _AMOUNT, required=True)] = 0
    borrowing_limit: Annotated[
        Quantity | None, described("How much more it may use of what others leave; without it, all of that.", _AMOUNT)
    ] = None
    lending_limit: Annotated[
        Quantity | None, described("How much of its own others may use; without it, all of it.", _AMOUNT)
    ] = None

    RULES: ClassVar[tuple[Rule, ...]] = (
        *(_not_negative(field) for field in ("nominal", "borrowingLimit", "lendingLimit")),
        Rule(
            "!has(self.model) || self.model == '' || self.resource.contains('/')",
            "a model is one of GPUs: leave it out, or name a resource like nvidia.com/gpu",
            ".model",
        ),
    )


class QueueSpec(Leaf, frozen=True):
    """What a team may have."""

    parent: Annotated[
        str, described("The queue that this one lends to and borrows from, with all its others.", {"maxLength": 253})
    ] = ""
    quotas: Annotated[
        tuple[Quota, ...],
        described(
            "What is limited. What no queue of a tree names is not.",
            {"maxItems": 64},
            list_map_keys=("resource", "model"),
        ),
    ] = ()
    weight: Annotated[
        int,
        described(
            "How much of what is left it gets beside others.", {"minimum": 1, "maximum": 10_000}, publish_default=True
        ),
    ] = 1
    half_life_seconds: Annotated[
        int,
        described(
            "After how long past use counts for half in whose turn it is; 0 forgets it at once.",
            _SECONDS,
            publish_default=True,
        ),
    ] = 0
    reclaim: Annotated[
        str,
        described(
            "Whom it may take from others that borrow: nobody, lower priorities, anybody, to have its own; "
            "or anybody that has more than its share, too.",
            {"enum": [NEVER, LOWER_PRIORITY, ANY, FAIR_SHARE]},
            publish_default=True,
        ),
    ] = ANY
    preemption: Annotated[
        str,
        described(
            "Whom its pods may push aside in the queue itself.",
            {"enum": [NEVER, LOWER_PRIORITY]},
            publish_default=True,
        ),
    ] = LOWER_PRIORITY
    minimum_runtime_seconds: Annotated[
        int, described("For how long its pods run before others may take them.", _SECONDS, publish_default=True)
    ] = 0
    backoff_seconds: Annotated[
        int,
        described(
            "For how long it borrows nothing after something was taken from it; doubled each time, up to 16 times.",
            _SECONDS,
            publish_default=True,
        ),
    ] = 60

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule(
            "(has(self.parent) && self.parent != '') || !has(self.quotas) || "
            "self.quotas.all(each, !has(each.borrowingLimit) && !has(each.lendingLimit))",
            "a queue without a parent has nobody to borrow from or to lend to: name one, or leave the limits out",
            ".quotas",
        ),
    )


class QuotaStatus(Leaf, frozen=True):
    """How much of a quota is used."""

    resource: Annotated[str, described("The resource.", required=True)] = ""
    model: Annotated[str, described("The model of GPU.", publish_default=True)] = ""
    nominal: Annotated[str, described("What is the queue's own, with that of the queues below it.")] = "0"
    used: Annotated[str, described("What its pods take, with those of the queues below it.")] = "0"
    borrowed: Annotated[str, described("How much of that is others'.")] = "0"


class QueueStatus(Leaf, frozen=True):
    """How a queue fares."""

    pending: Annotated[int, described("Pods that wait for a node.", {"format": "int32"})] = 0
    running: Annotated[int, described("Pods that have one.", {"format": "int32"})] = 0
    share: Annotated[str, described("The largest part that it has of anything limited, by its weight.")] = ""
    quotas: Annotated[tuple[QuotaStatus, ...], described("What is used.", list_map_keys=("resource", "model"))] = ()
    observed_generation: Annotated[int, described("The generation this speaks of.", {"format": "int64"})] = 0
    conditions: Annotated[tuple[Condition, ...], described("Ready, WithinQuota.", list_map_keys=("type",))] = ()


class Queue(KubeObject, frozen=True, kw_only=True):
    """What a team may have of the cluster."""

    spec: Annotated[QueueSpec, described("What is wanted.", required=True)] = QueueSpec()
    status: Annotated[QueueStatus, described("What there is.")] = QueueStatus()

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("self.metadata.name.size() <= 63", "metadata.name is the value of a label: at most 63 characters"),
        Rule(
            "!has(self.spec.parent) || self.spec.parent != self.metadata.name",
            "a queue is not its own parent",
            ".spec.parent",
        ),
    )


QUEUES: Resource[Queue] = Resource("kubewright.dev", "v1alpha1", "queues", "Queue", Queue, namespaced=False)
QUEUE_CRD: Manifest
__getattr__ = generated_later(
    "QUEUE_CRD",
    CrdSpec(
        QUEUES,
        columns=(
            PrinterColumn("Parent", "string", ".spec.parent", "The queue that this one lends to and borrows from."),
            PrinterColumn("Weight", "integer", ".spec.weight", "How much of what is left it gets."),
            PrinterColumn("Pending", "integer", ".status.pending", "Pods that wait for a node."),
            PrinterColumn("Running", "integer", ".status.running", "Pods that have one."),
            PrinterColumn("Share", "string", ".status.share", "The largest part that it has of anything limited."),
            ready_column("Whether it is taken as it is."),
            REASON,
            AGE,
        ),
    ),
)
