"""`metrics.k8s.io/v1beta1`, by which `kubectl top` and autoscalers see usage, as metrics-server serves it.

metrics-server scrapes every 15 seconds and answers with the difference of the last two scrapes. Here both are computed
for the moments at which it would have scraped: a container is missing until it was there for two of them, or for ten
seconds at its first; a pod is missing while one of its containers is, and a node while its kubelet is silent.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from fractions import Fraction

from kubewright.api.core import Node, Pod
from kubewright.api.meta import KubeObject, Manifest, rfc3339
from kubewright.api.quantity import format_quantity, parse_quantity
from kubewright.client.transport import Response
from kubewright.twin.answers import document
from kubewright.twin.call import Call
from kubewright.twin.exporters.sources import SYSTEM_CORES, Sources
from kubewright.twin.kinds import KindInfo
from kubewright.twin.media import Form, View
from kubewright.twin.options import list_options
from kubewright.twin.selection import select
from kubewright.twin.status import StatusError
from kubewright.twin.tables.render import partial_metadata

GROUP = "metrics.k8s.io"
_VERSION = "v1beta1"
_DEFINITION = "io.k8s.metrics.pkg.apis.metrics.v1beta1."
RESOLUTION_SECONDS = 15.0
FRESH_SECONDS = 10.0
"""How long a new container must have run to be seen at its first scrape."""
_MICRO = 10**6
_PAGE_BYTES = 4096


def metrics_kinds() -> tuple[KindInfo, ...]:
    """Return the two kinds of the group."""
    return tuple(
        KindInfo(
            GROUP,
            _VERSION,
            plural,
            kind,
            namespaced,
            list_kind=f"{kind}List",
            verbs=("get", "list"),
            definition=_DEFINITION + kind,
        )
        for plural, kind, namespaced in (("nodes", "NodeMetrics", False), ("pods", "PodMetrics", True))
    )


class ResourceApi:
    """Answers the group's requests."""

    def __init__(self, sources: Sources) -> None:
        self._sources = sources

    def answer(self, call: Call) -> Response:
        """Answer a get or a list; raises 400, 404 and 405."""
        if call.method not in {"GET", "HEAD"} or call.subresource:
            raise _not_supported(call, call.method.lower())
        return self._one(call) if call.name else self._many(call)

    def _one(self, call: Call) -> Response:
        found = self._object(call.kind, call.namespace, call.name)
        shown = None if found is None else self._metrics(found)
        if shown is None:
            name = f"{call.namespace}/{call.name}" if call.namespace else call.name
            details = {"name": name, "group": GROUP, "kind": call.kind.plural}
            raise StatusError(404, "NotFound", f'{call.kind.plural}.{GROUP} "{name}" not found', details)
        view = call.view()
        match view.form:
            case Form.OBJECT:
                return document(shown)
            case Form.METADATA:
                return document(partial_metadata(shown))
            case Form.TABLE:
                return document(_table([shown], view))

    def _many(self, call: Call) -> Response:
        options = list_options(call.query)
        if options.watch:
            raise _not_supported(call, "watch")
        selection = select(call.kind, options)
        shown = [
            metrics
            for each in self._objects(call.kind, call.namespace)
            if selection.matches({"metadata": _metadata(each)}) and (metrics := self._metrics(each)) is not None
        ]
        view = call.view()
        match view.form:
            case Form.OBJECT:
                head: Manifest = {"kind": call.kind.list_kind, "apiVersion": call.kind.api_version, "metadata": {}}
                return document({**head, "items": [_without_type(each) for each in shown]})
            case Form.METADATA:
                head = {"kind": "PartialObjectMetadataList", "apiVersion": f"meta.k8s.io/{view.meta_version}"}
                return document({**head, "metadata": {}, "items": [partial_metadata(each) for each in shown]})
            case Form.TABLE:
                return document(_table(shown, view))

    def _object(self, kind: KindInfo, namespace: str, name: str) -> KubeObject | None:
        return self._sources.pod(namespace, name) if kind.namespaced else self._sources.node(name)

    def _objects(self, kind: KindInfo, namespace: str) -> Iterable[KubeObject]:
        caches = self._sources.caches
        found: Iterable[KubeObject] = caches.pods.index.values() if kind.namespaced else caches.nodes.index.values()
        return sorted(
            (each for each in found if not namespace or each.metadata.namespace == namespace),
            key=lambda each: each.key,
        )

    def _metrics(self, obj: KubeObject) -> Manifest | None:
        return self._pod(obj) if isinstance(obj, Pod) else self._node(obj) if isinstance(obj, Node) else None

    def _pod(self, pod: Pod) -> Manifest | None:
        if pod.status.phase != "Running" or not self._sources.reachable(pod.spec.node_name):
            return None
        last = _last_scrape(self._sources.clock.now())
        containers: list[Manifest] = []
        windows: list[float] = []
        for reading in self._sources.ledger.readings(pod):
            began = _window_start(reading.started_at, last)
            if began is None:
                return None
            used = self._sources.ledger.cpu_seconds(pod, reading.container, began, last)
            profile = self._sources.ledger.profile(pod, reading.container, reading.started_at)
            memory = profile.memory.value(last, reading.started_at)
            containers.append({"name": reading.container, "usage": _usage(used / (last - began), memory)})
            windows.append(last - began)
        if not containers:
            return None
        head = _head("PodMetrics", pod, self._sources.clock.now(), last, min(windows))
        return {**head, "containers": containers}

    def _node(self, node: Node) -> Manifest | None:
        now = self._sources.clock.now()
        last = _last_scrape(now)
        use = self._sources.use_of(node)
        if not self._sources.reachable(node.metadata.name) or use.booted_at > last - RESOLUTION_SECONDS:
            return None
        cores = SYSTEM_CORES + sum(each.cpu_cores for each in use.readings)
        head = _head("NodeMetrics", node, now, last, RESOLUTION_SECONDS)
        return {**head, "usage": _usage(min(cores, use.capacity("cpu", cores)), use.memory_bytes)}


def _last_scrape(now: float) -> float:
    return math.floor(now / RESOLUTION_SECONDS) * RESOLUTION_SECONDS


def _window_start(started_at: float, last: float) -> float | None:
    """Return from when to the last scrape a container's use is known; None when it was not there long enough."""
    if started_at < last - RESOLUTION_SECONDS:
        return last - RESOLUTION_SECONDS
    return started_at if last - started_at >= FRESH_SECONDS else None


def _head(kind: str, obj: KubeObject, now: float, last: float, window: float) -> Manifest:
    return {
        "kind": kind,
        "apiVersion": f"{GROUP}/{_VERSION}",
        "metadata": {**_metadata(obj), "creationTimestamp": rfc3339(now)},
        "timestamp": rfc3339(last),
        "window": _duration(window),
    }


def _metadata(obj: KubeObject) -> Manifest:
    metadata: Manifest = {"name": obj.metadata.name}
    if obj.metadata.namespace:
        metadata["namespace"] = obj.metadata.namespace
    if obj.metadata.labels:
        metadata["labels"] = dict(obj.metadata.labels)
    return metadata


def _duration(seconds: float) -> str:
    return f"{seconds:.3f}".rstrip("0").rstrip(".") + "s"


def _usage(cores: float, memory: float) -> Manifest:
    # Seconds since 1970 as floats end at a quarter of a microsecond: nanocores between two of them would be noise.
    cpu = Fraction(round(cores * _MICRO), _MICRO)
    pages = int(memory) // _PAGE_BYTES
    return {"cpu": format_quantity(cpu), "memory": format_quantity(pages * _PAGE_BYTES, "BinarySI")}


def _without_type(obj: Manifest) -> Manifest:
    return {key: value for key, value in obj.items() if key not in {"kind", "apiVersion"}}


def _table(objects: list[Manifest], view: View) -> Manifest:
    """Return metrics as a Table; an empty one has no columns, since it takes them from its first row."""
    names = (("Name", "name"), ("cpu", "quantity"), ("memory", "quantity"), ("Window", "duration"))
    columns = [
        {"name": name, "type": "string", "format": format_, "description": _DESCRIPTIONS.get(name, ""), "priority": 0}
        for name, format_ in names
    ]
    rows = [{"cells": _cells(each), "object": _carried(each, view)} for each in objects]
    head: Manifest = {"kind": "Table", "apiVersion": f"meta.k8s.io/{view.meta_version}", "metadata": {}}
    return {**head, "columnDefinitions": columns if objects else None, "rows": rows}


def _carried(obj: Manifest, view: View) -> Manifest | None:
    if view.include_object == "Object":
        return obj
    return partial_metadata(obj) if view.include_object == "Metadata" else None


_DESCRIPTIONS = {"Name": "Name of the resource"}


def _cells(obj: Manifest) -> list[str]:
    usages = [each["usage"] for each in obj.get("containers", [obj])]
    cpu = sum(parse_quantity(each["cpu"]) for each in usages)
    memory = sum(parse_quantity(each["memory"]) for each in usages)
    return [obj["metadata"]["name"], format_quantity(cpu), format_quantity(memory, "BinarySI"), obj["window"]]


def _not_supported(call: Call, verb: str) -> StatusError:
    resource = f"{call.kind.plural}.{GROUP}"
    details = {"group": GROUP, "kind": call.kind.plural}
    return StatusError(405, "MethodNotAllowed", f'{verb} is not supported on resources of kind "{resource}"', details)
