"""SizePolicy: how much cpu and memory the containers of a workload request, by what they use."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.conditions import Condition
from kubewright.api.crds.containersize import ContainerSize
from kubewright.api.crds.definition import AGE, REASON, CrdSpec, PrinterColumn, generated_later, ready_column
from kubewright.api.crds.scalepolicy.metrics import AMOUNT, above_zero
from kubewright.api.crds.scalepolicy.policy import PolicyTarget
from kubewright.api.described import Rule, described
from kubewright.api.meta import KubeObject, Leaf, Manifest, Resource
from kubewright.api.quantity import Quantity

OFF, RECOMMEND, APPLY = "off", "recommend", "apply"
RESIZE, NEXT_RELEASE, OWN_RELEASE = "resize", "nextRelease", "ownRelease"
NEXT_SIZES = "NextRelease"
"""The condition that says which sizes come with the workload's next release."""
_RESOURCE = {"items": {"type": "string", "enum": ["cpu", "memory"]}, "minItems": 1, "maxItems": 2}


class SizeBound(Leaf, frozen=True):
    """Amounts for one container."""

    cpu: Annotated[Quantity | None, described("Cores.", AMOUNT)] = None
    memory: Annotated[Quantity | None, described("Bytes.", AMOUNT)] = None

    RULES: ClassVar[tuple[Rule, ...]] = (above_zero("cpu"), above_zero("memory"))


class SizePolicySpec(Leaf, frozen=True):
    """What is sized, and how far."""

    target: Annotated[PolicyTarget, described("The workload.", required=True)] = PolicyTarget()
    mode: Annotated[
        str,
        described(
            "apply gives them what they need; recommend only says what they should request; off does neither.",
            {"enum": [OFF, RECOMMEND, APPLY]},
            publish_default=True,
        ),
    ] = RECOMMEND
    by: Annotated[
        str,
        described(
            "resize: pods are resized in place, and the AppService's next release begins with their sizes. "
            "nextRelease: sizes come with that release alone. "
            "ownRelease: a release is made for them, to have less only after six hours that pods were well.",
            {"enum": [RESIZE, NEXT_RELEASE, OWN_RELEASE]},
            publish_default=True,
        ),
    ] = RESIZE
    resources: Annotated[
        tuple[str, ...], described("What is sized; cpu and memory by default.", _RESOURCE, atomic=True)
    ] = ("cpu", "memory")
    min: Annotated[
        SizeBound | None, described("No container is made smaller; a share of 25m and 250Mi a pod by default.")
    ] = None
    max: Annotated[SizeBound | None, described("No container is made larger.")] = None


class SizeAdvice(Leaf, frozen=True):
    """What a container should request of a resource."""

    container: Annotated[str, described("Whose.", required=True)] = ""
    resource: Annotated[str, described("Of what.", required=True)] = ""
    requested: Annotated[str, described("What the newest pod requests.")] = ""
    lower: Annotated[str, described("It is probably enough to request more.")] = ""
    target: Annotated[str, described("What should be requested.")] = ""
    upper: Annotated[str, described("It is probably too much to request more.")] = ""
    days: Annotated[str, described("For how many days' measurements this speaks.")] = ""
    why: Annotated[str, described("Why nothing is recommended, or not applied.")] = ""


class SizePolicyStatus(Leaf, frozen=True):
    """What was last seen and decided."""

    advice: Annotated[tuple[SizeAdvice, ...], described("By container and resource.", atomic=True)] = ()
    saves_cpu: Annotated[str, described("What all pods request beyond the targets; negative if less.")] = ""
    saves_memory: Annotated[str, described("As with cpu.")] = ""
    next: Annotated[
        tuple[ContainerSize, ...],
        described("What the containers get with the AppService's next release.", atomic=True),
    ] = ()
    observed_generation: Annotated[int, described("The generation this speaks of.", {"format": "int64"})] = 0
    conditions: Annotated[tuple[Condition, ...], described("Ready and NextRelease.", list_map_keys=("type",))] = ()


class SizePolicy(KubeObject, frozen=True, kw_only=True):
    """How large the pods of a workload are."""

    spec: Annotated[SizePolicySpec, described("What is wanted.", required=True)] = SizePolicySpec()
    status: Annotated[SizePolicyStatus, described("What there is.")] = SizePolicyStatus()


SIZE_POLICIES: Resource[SizePolicy] = Resource("kubewright.dev", "v1alpha1", "sizepolicies", "SizePolicy", SizePolicy)
SIZE_POLICY_CRD: Manifest
__getattr__ = generated_later(
    "SIZE_POLICY_CRD",
    CrdSpec(
        SIZE_POLICIES,
        short_names=("szp",),
        columns=(
            PrinterColumn("Target", "string", ".spec.target.name", "The workload."),
            PrinterColumn("Mode", "string", ".spec.mode", "What is done."),
            PrinterColumn("By", "string", ".spec.by", "How sizes come to pods.", priority=1),
            PrinterColumn("Saves-CPU", "string", ".status.savesCpu", "Cores that are requested beyond the targets."),
            PrinterColumn("Saves-Memory", "string", ".status.savesMemory", "Memory, likewise."),
            ready_column("Whether it does its work."),
            REASON,
            AGE,
        ),
    ),
)
