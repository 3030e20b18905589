"""The API server's own `/metrics`: what was asked of it over HTTP, and what it holds.

`asgi.py` counts every request that it has answered. Controllers and kubelets of the twin ask in process and are not
counted. Labels come from the kind table alone, so that no client can make more of them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass, field

from kubewright.client.transport import Request
from kubewright.store.versioned import VersionedStore
from kubewright.twin.exporters.text import Family, counter, gauge, histogram, labels
from kubewright.twin.kinds import KindTable
from kubewright.twin.routes import Route, parse_route

_BUCKETS = (
    *(0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1.0, 1.25, 1.5, 2.0, 3.0),
    *(4.0, 5.0, 6.0, 8.0, 10.0, 15.0, 20.0, 30.0, 45.0, 60.0),
)
_VERBS = {"POST": "POST", "PUT": "PUT", "PATCH": "PATCH", "DELETE": "DELETE", "HEAD": "GET", "GET": "GET"}
_APPLY = "application/apply-patch+"
_OTHER = "other"

_TOTAL = counter("apiserver_request_total", "Counter of apiserver requests.")
_DURATION = Family("apiserver_request_duration_seconds", "histogram", "Response latency distribution in seconds.")
_SLI = Family(
    "apiserver_request_sli_duration_seconds",
    "histogram",
    "Response latency distribution in seconds, without what webhooks and queues took.",
)


@dataclass(slots=True)
class _Durations:
    counts: list[int] = field(default_factory=lambda: [0] * (len(_BUCKETS) + 1))
    total_seconds: float = 0.0

    def add(self, seconds: float) -> None:
        self.counts[bisect_left(_BUCKETS, seconds)] += 1
        self.total_seconds += seconds


class RequestMetrics:
    """Counts requests by what they were for."""

    def __init__(self) -> None:
        self._answers: dict[tuple[str, str], int] = {}
        self._durations: dict[str, _Durations] = {}

    def count(self, kinds: KindTable, request: Request, code: int, seconds: float) -> None:
        """Count a request that was answered; `seconds` is the time to the head of the answer."""
        given = _labels(kinds, request)
        answer = (given, str(code))
        self._answers[answer] = self._answers.get(answer, 0) + 1
        if 'verb="WATCH"' not in given:
            self._durations.setdefault(given, _Durations()).add(seconds)

    def metrics(self, kinds: KindTable, store: VersionedStore, started_at: float) -> str:
        """Write them, with the number of stored objects."""
        answers = [(f"{given},{labels(code=code)}", amount) for (given, code), amount in self._answers.items()]
        # A kind that is served in several versions is stored once.
        held = {(kind.group, kind.plural) for kind in kinds.all() if kind.storage and "create" in kind.verbs}
        stored = [(labels(group=each[0], resource=each[1]), len(store.list(each)[0])) for each in sorted(held)]
        version = labels(git_version=f"{kinds.release}+twin", go_version="none", platform="python")
        return "".join(
            [
                _TOTAL.write(answers),
                *(self._histograms(family) for family in (_DURATION, _SLI)),
                gauge("apiserver_resource_objects", "Number of stored objects.").write(stored),
                gauge("apiserver_current_inflight_requests", "Requests being answered now.").write(
                    [(labels(request_kind=kind), 0) for kind in ("mutating", "readOnly")]
                ),
                gauge("kubernetes_build_info", "The build of this component.").write([(version, 1)]),
                gauge("process_start_time_seconds", "Start time of the process.").write([("", started_at)]),
            ]
        )

    def _histograms(self, family: Family) -> str:
        parts: list[str] = []
        for given, durations in self._durations.items():
            below, buckets = 0, list[tuple[float, float]]()
            for bound, amount in zip(_BUCKETS, durations.counts, strict=False):
                below += amount
                buckets.append((bound, below))
            total = below + durations.counts[-1]
            parts.append(histogram(family, given, buckets, total, durations.total_seconds))
        return family.head + "".join(parts) if parts else ""


def _labels(kinds: KindTable, request: Request) -> str:
    route = parse_route(request.path) if request.path.startswith("/api") else None
    kind = None if route is None else kinds.lookup(route.group, route.version, route.plural)
    if route is None or kind is None:
        verb = _VERBS.get(request.method, _OTHER)
        return labels(component="", dry_run="", group="", resource="", scope="", subresource="", verb=verb, version="")
    return labels(
        component="apiserver",
        dry_run="",
        group=kind.group,
        resource=kind.plural,
        scope=_scope(route),
        subresource=route.subresource if kind.subresource(route.subresource) is not None else "",
        verb=_verb(route, request.method, request.query, request.headers),
        version=kind.version,
    )


def _scope(route: Route) -> str:
    if route.name:
        return "resource"
    return "namespace" if route.namespace else "cluster"


def _verb(route: Route, method: str, query: Mapping[str, str], headers: Mapping[str, str]) -> str:
    if route.subresource == "proxy":
        return "CONNECT"
    if method == "GET" and not route.name:
        return "WATCH" if query.get("watch") in {"true", "1"} else "LIST"
    if method == "PATCH" and headers.get("content-type", "").startswith(_APPLY):
        return "APPLY"
    if method == "DELETE" and not route.name:
        return "DELETECOLLECTION"
    return _VERBS.get(method, _OTHER)
