"""Fault: something that is broken on purpose, as an object, so that kubectl breaks and mends.

The CRD follows from the classes here. What a type takes stands in `types.py`, its parameters in `parameters.py`, whom
it hits in `selection.py`.
"""

from __future__ import annotations

from typing import Annotated, Literal

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, generated_later
from kubewright.api.described import described
from kubewright.api.meta import KubeObject, Leaf, Manifest, Resource
from kubewright.twin.faults import parameters as p
from kubewright.twin.faults import selection as s
from kubewright.twin.faults.types import FaultType, spec_rules, target_rules

GROUP = "twin.kubewright.dev"
_SECONDS = {"minimum": 0, "maximum": 10 * 365 * 86_400}
_SOME_SECONDS = {"minimum": 1, "maximum": 10 * 365 * 86_400}
_COUNT = {"minimum": 0}
_INT64 = {"format": "int64"}
_TIME = {"format": "date-time"}


class Schedule(Leaf, frozen=True):
    """When a fault is in force: from its creation until it is deleted, unless this says otherwise."""

    start_after_seconds: Annotated[int, described("So long after its creation.", _SECONDS)] = 0
    duration_seconds: Annotated[int | None, described("For so long; else until it is deleted.", _SOME_SECONDS)] = None
    period_seconds: Annotated[int | None, described("And again, from start to start.", _SOME_SECONDS)] = None
    times: Annotated[int | None, described("And so many times at most.", {"minimum": 1})] = None


_SCHEDULE_RULES = [
    {
        "rule": "!has(self.periodSeconds) || (has(self.durationSeconds) && self.durationSeconds < self.periodSeconds)",
        "message": "with periodSeconds there must be a shorter durationSeconds",
    },
    {"rule": "!has(self.times) || has(self.periodSeconds)", "message": "times needs periodSeconds"},
]


class Target(Leaf, frozen=True):
    """Whom a fault hits: of those that match all, or a few that the seed chooses."""

    nodes: Annotated[s.NodeSelection | None, described("Nodes.")] = None
    pods: Annotated[s.PodSelection | None, described("Pods.")] = None
    clients: Annotated[s.ClientSelection | None, described("Requests to the API server.")] = None
    claims: Annotated[s.ClaimSelection | None, described("PersistentVolumeClaims.")] = None
    objects: Annotated[s.ObjectSelection | None, described("Objects of one kind.")] = None
    webhooks: Annotated[s.WebhookSelection | None, described("Admission webhooks.")] = None
    count: Annotated[int | None, described("So many of them at most; of requests, the first.", {"minimum": 1})] = None
    percent: Annotated[
        int | None, described("So many of a hundred of them, rounded up.", {"minimum": 1, "maximum": 100})
    ] = None


class FaultSpec(Leaf, frozen=True):
    """What breaks, where and when."""

    type: Annotated[FaultType, described("What breaks.", required=True)] = "NodeDown"
    target: Annotated[Target, described("Whom it hits.", {"x-kubernetes-validations": target_rules()})] = Target()
    schedule: Annotated[
        Schedule,
        described("When; from now until it is deleted by default.", {"x-kubernetes-validations": _SCHEDULE_RULES}),
    ] = Schedule()
    seed: Annotated[int, described("Decides whatever is drawn: another seed hits others.", _INT64)] = 0
    slow_disk: p.SlowDisk | None = None
    clock_skew: p.ClockSkew | None = None
    gpu_xid: p.GpuXid | None = None
    gpu_ecc: p.GpuEcc | None = None
    gpu_hung: p.GpuHung | None = None
    gpu_throttled: p.GpuThrottled | None = None
    nvlink_error: p.NvlinkError | None = None
    disk_failing: p.DiskFailing | None = None
    memory_leak: p.MemoryLeak | None = None
    cpu_stress: p.CpuStress | None = None
    container_crash: p.ContainerCrash | None = None
    crash_loop: p.CrashLoop | None = None
    image_pull_failure: p.ImagePullFailure | None = None
    bad_release: p.BadRelease | None = None
    probe_failure: p.ProbeFailure | None = None
    dns_failure: p.DnsFailure | None = None
    network_delay: p.NetworkDelay | None = None
    network_loss: p.NetworkLoss | None = None
    network_partition: p.NetworkPartition | None = None
    stuck_finalizer: p.StuckFinalizer | None = None
    webhook_outage: p.WebhookOutage | None = None
    api_latency: p.ApiLatency | None = None
    api_error: p.ApiError | None = None
    api_reset: p.ApiReset | None = None
    watch_drop: p.WatchDrop | None = None


Phase = Literal["Pending", "InForce", "Waiting", "Over"]


class FaultStatus(Leaf, frozen=True):
    """What became of it."""

    phase: Annotated[Phase | None, described("Pending before it starts, InForce, Waiting between two times, Over.")] = (
        None
    )
    occurrence: Annotated[int, described("How often it has come into force.", _COUNT)] = 0
    since: Annotated[str | None, described("Since when it is in force.", _TIME)] = None
    until: Annotated[str | None, described("Until when it is in force.", _TIME)] = None
    next_start: Annotated[str | None, described("When it comes into force next.", _TIME)] = None
    matched: Annotated[int, described("How many match its target now.", _COUNT)] = 0
    hit: Annotated[int, described("How many of them it hits, or has hit if they are requests.", _COUNT)] = 0
    targets: Annotated[
        tuple[str, ...], described("The first of those that it hits.", {"x-kubernetes-list-type": "atomic"})
    ] = ()
    observed_generation: Annotated[int, described("The generation that this status speaks of.", _INT64)] = 0
    conditions: Annotated[
        tuple[Condition, ...],
        described("InForce, and TargetFound.", list_map_keys=("type",)),
    ] = ()


class Fault(KubeObject, frozen=True, kw_only=True):
    """Something that is broken on purpose: applied it breaks, deleted it is mended."""

    spec: Annotated[
        FaultSpec, described("What breaks, where and when.", {"x-kubernetes-validations": spec_rules()}, required=True)
    ] = FaultSpec()
    status: Annotated[FaultStatus, described("What became of it.")] = FaultStatus()


FAULTS: Resource[Fault] = Resource(GROUP, "v1alpha1", "faults", "Fault", Fault, namespaced=False)

FAULT_CRD: Manifest
__getattr__ = generated_later(
    "FAULT_CRD",
    CrdSpec(
        FAULTS,
        categories=("twin",),
        columns=(
            PrinterColumn("Type", "string", ".spec.type", "What breaks."),
            PrinterColumn("Phase", "string", ".status.phase", "Whether it is in force."),
            PrinterColumn("Hit", "integer", ".status.hit", "How many it hits."),
            PrinterColumn("Since", "date", ".status.since", "Since when it is in force."),
            PrinterColumn("Until", "string", ".status.until", "Until when it is in force.", priority=1),
            PrinterColumn("Next", "string", ".status.nextStart", "When it comes into force next.", priority=1),
            PrinterColumn("Targets", "string", ".status.targets", "The first of those that it hits.", priority=1),
            AGE,
        ),
    ),
)
