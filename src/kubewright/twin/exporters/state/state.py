"""Renders what kube-state-metrics offers; each object is rendered once and kept until it changes."""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.meta import ObjectKey
from kubewright.store.versioned import Record, VersionedStore
from kubewright.twin.exporters.state import cluster, pods, workloads
from kubewright.twin.exporters.state.families import KindState
from kubewright.twin.exporters.text import counter, gauge, labels

KINDS: Sequence[KindState] = (
    workloads.CRON_JOBS,
    workloads.DAEMON_SETS,
    workloads.DEPLOYMENTS,
    workloads.AUTOSCALERS,
    workloads.JOBS,
    cluster.NAMESPACES,
    cluster.NODES,
    cluster.CLAIMS,
    cluster.VOLUMES,
    workloads.BUDGETS,
    pods.PODS,
    workloads.REPLICA_SETS,
    cluster.QUOTAS,
    cluster.SERVICES,
    workloads.STATEFUL_SETS,
    cluster.STORAGE_CLASSES,
)


class StateMetrics:
    """All objects of a store as metrics."""

    def __init__(self, store: VersionedStore) -> None:
        self._store = store
        self._rendered: dict[str, dict[ObjectKey, tuple[Record, tuple[str, ...]]]] = {}

    def metrics(self) -> str:
        """Write every kind's families."""
        return "".join([part for kind in KINDS for part in self._kind(kind)])

    def _kind(self, kind: KindState) -> list[str]:
        before = self._rendered.get(kind.go_type, {})
        records, _ = self._store.list(kind.bucket)
        now: dict[ObjectKey, tuple[Record, tuple[str, ...]]] = {}
        for record in records:
            known = before.get(record.key)
            now[record.key] = known if known is not None and known[0] is record else (record, _lines(kind, record))
        # Of what is gone nothing is kept.
        self._rendered[kind.go_type] = now
        columns = zip(*(lines for _, lines in now.values()), strict=True)
        parts = [(each.family.head, "".join(column)) for each, column in zip(kind.families, columns, strict=False)]
        return [head + body for head, body in parts if body]


def _lines(kind: KindState, record: Record) -> tuple[str, ...]:
    own = kind.own(record.obj)
    return tuple(
        "".join([f"{each.family.name}{{{given}}} {value!r}\n" for given, value in each.samples(record.obj, own)])
        for each in kind.families
    )


def telemetry() -> str:
    """Write kube-state-metrics' metrics of itself, which alerts ask whether it can list and watch."""
    results = [(labels(resource=kind.go_type, result="success"), 1.0) for kind in KINDS]
    return "".join(
        [
            counter("kube_state_metrics_list_total", "Number of total resource list.").write(results),
            counter("kube_state_metrics_watch_total", "Number of total resource watch calls.").write(results),
            gauge("kube_state_metrics_total_shards", "Number of total shards this instance is aware of.").write(
                [("", 1.0)]
            ),
            gauge("kube_state_metrics_shard_ordinal", "Current sharding ordinal/index of this instance.").write(
                [(labels(shard_ordinal="0"), 0.0)]
            ),
        ]
    )
