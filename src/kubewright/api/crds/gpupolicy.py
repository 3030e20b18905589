"""GPUPolicy: what the nodes of a pool do with their GPUs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, ClassVar

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, generated_later
from kubewright.api.described import Rule, described
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Manifest, Resource

EXCLUSIVE, TIME_SLICING, MIG = "Exclusive", "TimeSlicing", "MIG"
_MODES = {"enum": [EXCLUSIVE, TIME_SLICING, MIG]}
_PROFILE = {"pattern": r"^\d+g\.\d+gb(\+me)?$", "maxLength": 32}


class MigProfile(Leaf, frozen=True):
    """One kind of MIG instance."""

    name: Annotated[str, described("As NVIDIA writes it: 1g.5gb, 3g.20gb.", _PROFILE, required=True)] = ""
    count: Annotated[
        int, described("How many of each GPU, to begin with.", {"minimum": 0, "maximum": 7}, publish_default=True)
    ] = 0


class GPUPolicySpec(Leaf, frozen=True):
    """A pool of nodes, and what it does with its GPUs."""

    node_selector: Annotated[
        Mapping[str, str], described("The labels of the pool's nodes.", {"minProperties": 1}, required=True)
    ] = EMPTY
    mode: Annotated[str, described("Whole GPUs, slices of their time, or MIG instances.", _MODES, required=True)] = (
        EXCLUSIVE
    )
    replicas: Annotated[
        int, described("TimeSlicing: how many pods share a GPU.", {"minimum": 2, "maximum": 64}, publish_default=True)
    ] = 4
    profiles: Annotated[
        tuple[MigProfile, ...],
        described("MIG: the profiles that there may be.", {"maxItems": 16}, list_map_keys=("name",)),
    ] = ()
    repartition: Annotated[
        bool, described("MIG: whether idle nodes are partitioned anew for pods that wait.", publish_default=True)
    ] = False
    migration_budget: Annotated[
        int,
        described(
            "MIG with repartition: how many pods may be moved off a node to partition it; 0 to wait for idle ones.",
            {"minimum": 0, "maximum": 64},
            publish_default=True,
        ),
    ] = 0
    namespace: Annotated[
        str, described("Where NVIDIA's device plugin and MIG manager read their configuration.", publish_default=True)
    ] = "gpu-operator"

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("self.mode != 'MIG' || size(self.profiles) > 0", "mode MIG needs the profiles that there may be"),
        Rule("self.mode == 'MIG' || !has(self.profiles) || size(self.profiles) == 0", "profiles are for mode MIG"),
    )


class GPUPolicyStatus(Leaf, frozen=True):
    """How far the pool is."""

    nodes: Annotated[int, described("The nodes of the pool that have GPUs.", {"format": "int32"})] = 0
    following: Annotated[int, described("Those that do as it says.", {"format": "int32"})] = 0
    observed_generation: Annotated[int, described("The generation this speaks of.", {"format": "int64"})] = 0
    conditions: Annotated[tuple[Condition, ...], described("Ready.", list_map_keys=("type",))] = ()


class GPUPolicy(KubeObject, frozen=True, kw_only=True):
    """What the nodes of a pool do with their GPUs."""

    spec: Annotated[GPUPolicySpec, described("What is wanted.", required=True)] = GPUPolicySpec()
    status: Annotated[GPUPolicyStatus, described("What there is.")] = GPUPolicyStatus()

    RULES: ClassVar[tuple[Rule, ...]] = (
        Rule("self.metadata.name.size() <= 40", "metadata.name becomes part of a label: at most 40 characters"),
    )


GPU_POLICIES: Resource[GPUPolicy] = Resource(
    "kubewright.dev", "v1alpha1", "gpupolicies", "GPUPolicy", GPUPolicy, namespaced=False
)
GPU_POLICY_CRD: Manifest
__getattr__ = generated_later(
    "GPU_POLICY_CRD",
    CrdSpec(
        GPU_POLICIES,
        columns=(
            PrinterColumn("Mode", "string", ".spec.mode", "What the GPUs are given out as."),
            PrinterColumn("Nodes", "integer", ".status.nodes", "The nodes of the pool that have GPUs."),
            PrinterColumn("Following", "integer", ".status.following", "Those that do as it says."),
            AGE,
        ),
    ),
)
