"""How much traffic each application takes and, where a mesh counts it, from whom. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

import msgspec

from kubewright.api.meta import ObjectKey
from kubewright.series.protocol import Missing, Vector

MESHES: Mapping[str, str] = {
    "istio": (
        "sum by (from_namespace, from_name, to_namespace, to_name) (label_replace(label_replace(label_replace("
        'label_replace(rate(istio_requests_total{reporter="destination",source_workload!="unknown"}[1m]), '
        '"from_namespace", "$1", "source_workload_namespace", "(.*)"), "from_name", "$1", "source_workload", "(.*)"), '
        '"to_namespace", "$1", "destination_service_namespace", "(.*)"), '
        '"to_name", "$1", "destination_service_name", "(.*)"))'
    ),
    "linkerd": (
        "sum by (from_namespace, from_name, to_namespace, to_name) (label_replace(label_replace(label_replace("
        'label_replace(rate(response_total{direction="outbound",dst_service!=""}[1m]), '
        '"from_namespace", "$1", "namespace", "(.*)"), "from_name", "$1", "deployment", "(.*)"), '
        '"to_namespace", "$1", "dst_namespace", "(.*)"), "to_name", "$1", "dst_service", "(.*)"))'
    ),
}
"""Who sends requests to whom, a second, as proxies count it: only they see both ends."""
_TRIAL = "-trial"


class AppTraffic(msgspec.Struct, frozen=True):
    """What an application takes."""

    id: str
    requests: float
    """A second."""
    errors: float


class EdgeTraffic(msgspec.Struct, frozen=True):
    """What one application sends another."""

    source: str
    target: str
    requests: float


class Traffic(msgspec.Struct, frozen=True, omit_defaults=True):
    """All of it."""

    apps: tuple[AppTraffic, ...] = ()
    edges: tuple[EdgeTraffic, ...] = ()
    missing: str = ""


def by_app(requests: Vector, errors: Vector | Missing, app_of: Mapping[ObjectKey, str]) -> tuple[AppTraffic, ...]:
    """Return what applications take; `app_of` tells of pods whose they are."""
    served: dict[str, list[float]] = {}
    for at, vector in enumerate((requests, errors)):
        for sample in vector.samples if not isinstance(vector, Missing) else ():
            if app := app_of.get(sample.pod):
                served.setdefault(app, [0.0, 0.0])[at] += sample.value
    return tuple(AppTraffic(app, *amounts) for app, amounts in sorted(served.items()))


def by_edge(vectors: Iterable[Vector | Missing], shown: Collection[str]) -> tuple[EdgeTraffic, ...]:
    """Return what applications send each other, of those that are shown."""
    sums: dict[tuple[str, str], float] = {}
    for vector in vectors:
        for sample in vector.samples if not isinstance(vector, Missing) else ():
            edge = (_end(sample.labels, "from"), _end(sample.labels, "to"))
            if sample.value > 0 and edge[0] in shown and edge[1] in shown:
                sums[edge] = sums.get(edge, 0.0) + sample.value
    return tuple(EdgeTraffic(*edge, amount) for edge, amount in sorted(sums.items()))


def _end(labels: Mapping[str, str], which: str) -> str:
    return f"{labels.get(f'{which}_namespace', '')}/{labels.get(f'{which}_name', '').removesuffix(_TRIAL)}"
