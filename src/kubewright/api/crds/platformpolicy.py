"""PlatformPolicy: rails that hold in all namespaces but a few."""

from __future__ import annotations

from typing import Annotated, ClassVar

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, generated_later
from kubewright.api.crds.rails import Rails
from kubewright.api.described import Rule, described
from kubewright.api.meta import KubeObject, Leaf, Manifest, Resource

_NAME = {"minLength": 1, "maxLength": 63, "pattern": "^[a-z0-9]([-a-z0-9]*[a-z0-9])?$"}


class PlatformPolicySpec(Leaf, frozen=True):
    """Rails, and where they do not hold."""

    exempt_namespaces: Annotated[
        tuple[str, ...],
        described(
            "Namespaces without these rails, by name: a label could be written by those whom it frees.",
            {"items": {"type": "string", **_NAME}, "maxItems": 256, "default": ["kube-system"]},
            atomic=True,
        ),
    ] = ("kube-system",)
    rails: Annotated[Rails, described("What objects may not ask for.", required=True)] = Rails()


class PlatformPolicyStatus(Leaf, frozen=True):
    """What has become of it."""

    enforced: Annotated[tuple[str, ...], described("The rails by which writes are refused.", atomic=True)] = ()
    tried: Annotated[tuple[str, ...], described("The rails that only warn.", atomic=True)] = ()
    observed_generation: Annotated[int, described("The generation this speaks of.", {"format": "int64"})] = 0
    conditions: Annotated[tuple[Condition, ...], described("Ready.", list_map_keys=("type",))] = ()


class PlatformPolicy(KubeObject, frozen=True, kw_only=True):
    """Guard rails for all namespaces, which the API server itself holds. Several add up; a team's add to them."""

    spec: Annotated[PlatformPolicySpec, described("What is wanted.", required=True)] = PlatformPolicySpec()
    status: Annotated[PlatformPolicyStatus, described("What there is.")] = PlatformPolicyStatus()

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("self.metadata.name.size() <= 40", "metadata.name becomes part of a label: at most 40 characters"),
    )


PLATFORM_POLICIES: Resource[PlatformPolicy] = Resource(
    "kubewright.dev", "v1alpha1", "platformpolicies", "PlatformPolicy", PlatformPolicy, namespaced=False
)
PLATFORM_POLICY_CRD: Manifest
__getattr__ = generated_later(
    "PLATFORM_POLICY_CRD",
    CrdSpec(
        PLATFORM_POLICIES,
        columns=(
            PrinterColumn("Ready", "string", ".status.conditions[?(@.type=='Ready')].status", "Whether it holds."),
            PrinterColumn("Enforced", "string", ".status.enforced", "The rails by which writes are refused.", 1),
            PrinterColumn("Tried", "string", ".status.tried", "The rails that only warn."),
            AGE,
        ),
    ),
)
