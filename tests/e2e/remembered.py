"""A store that remembers: requests to the pods of a twin's ReplicaSets over some hours, and teams' cost by the day."""

from kubewright.api.apps import REPLICA_SETS
from kubewright.api.pods import PODS
from kubewright.series.protocol import Missing, PodQuery, Sample, Series, Signal, Vector, Why
from kubewright.spending.figures import RATE, TOTAL
from kubewright.twin.usage.serving import BUCKETS

RATE_PER_POD = 20.0
LOOKS_A_DAY = 288
_BOUNDS = (*map(str, BUCKETS), "+Inf")
_FAIL = 0.0004
_WORSE = 5


class Remembered:
    """Requests swell and ebb; those of the newest ReplicaSet rise from nothing, and fail more often."""

    def __init__(self, client):
        self._client = client

    async def instant(self, query):
        if not isinstance(query, PodQuery):
            if "istio" not in query.promql:
                return Missing(Why.NO_DATA)
            ends = {"from_namespace": "shop", "from_name": "frontend", "to_namespace": "shop"}
            edges = {"cartservice": 12.0, "checkoutservice-trial": 3.0, "adservice": 118.0}
            return Vector(tuple(Sample({**ends, "to_name": name}, rate, 0.0) for name, rate in edges.items()))
        value = {Signal.CPU: 0.35, Signal.MEMORY: 96e6, Signal.REQUESTS: RATE_PER_POD, Signal.ERRORS: 0.0}[query.signal]
        pods = [pod for pod in (await self._client.list(PODS)).items if pod.status.phase == "Running"]
        labels = [{"namespace": pod.metadata.namespace, "pod": pod.metadata.name} for pod in pods]
        return Vector(tuple(Sample(each, value, 0.0) for each in labels)) if pods else Missing(Why.NO_DATA)

    async def range(self, query, span):
        steps = int((span.end - span.start) / span.step_seconds) + 1
        times = [span.start + step * span.step_seconds for step in range(steps)]
        if not isinstance(query, PodQuery):
            return self._told(query.promql, times)
        found = []
        for labels, newest in await self._sets(query.namespace):
            for more, value in _of(query.signal, worse=newest):
                points = [(at, value * _share(place / steps, newest)) for place, at in enumerate(times)]
                found.append(Series({**labels, **more}, tuple(point for point in points if point[1])))
        return tuple(found) or Missing(Why.NO_DATA)

    def _told(self, promql, times):
        if TOTAL in promql:
            return (Series({}, tuple((at, float(LOOKS_A_DAY)) for at in times)),)
        if RATE in promql:
            labels = {"currency": "USD", "team": "payments"}
            return (Series(labels, tuple((at, 28 + place % 7) for place, at in enumerate(times))),)
        if "scalepolicy" in promql:
            ahead = 1 if "forecast" in promql else 0
            return (Series({}, tuple((at, 2.0 + ahead + place * 4 // len(times)) for place, at in enumerate(times))),)
        return Missing(Why.NO_DATA)

    async def _sets(self, namespace):
        """The labels of a pod of each ReplicaSet, and whether that is the newer of two of its application."""
        sets = (await self._client.list(REPLICA_SETS, namespace=namespace or None)).items
        apps = [each.metadata.labels.get("app.example.com/name") for each in sets]
        newest = {}
        for app, each in zip(apps, sets, strict=True):
            newest[app] = max(newest.get(app, ""), each.metadata.creation_timestamp)
        return [
            (
                {"namespace": each.metadata.namespace, "pod": f"{each.metadata.name}-aaaaa"},
                apps.count(app) > 1 and each.metadata.creation_timestamp == newest[app],
            )
            for app, each in zip(apps, sets, strict=True)
        ]


def _of(signal, *, worse):
    fail = _FAIL * (_WORSE if worse else 1)
    match signal:
        case Signal.REQUESTS:
            yield {}, RATE_PER_POD
        case Signal.ERRORS:
            yield {}, RATE_PER_POD * fail
        case Signal.LATENCY:
            yield from (({"le": bound}, RATE_PER_POD * min(1.0, (at + 1) / 6)) for at, bound in enumerate(_BOUNDS))


def _share(place, newest):
    """How much of its usual load a pod has, by the place in the span: a release begins at half of it."""
    if newest:
        return 0.0 if place < 0.5 else 0.05 if place < 0.65 else 0.25 if place < 0.8 else 0.5
    return 0.6 + 0.4 * abs(0.5 - place)
