"""Load that rises on one of the shop's workloads, and the pods that follow it by a ScalePolicy."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.crds.scalepolicy import SCALE_POLICIES
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.cli.demo.world import NAMESPACE, World
from kubewright.series.protocol import MetricSource, Missing, PodQuery, Signal
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS

NAME = "storefront"
TARGET_PER_POD = 25
"""Requests a second that its ScalePolicy wants a pod to serve."""
LOOK_SECONDS = 1.0
RECENT_SECONDS = 5.0
_LOAD = "0s:40 5s:40 25s:260 75s:260 105s:40"
"""Requests a second, by the time since its first pod began."""


@dataclass(frozen=True, slots=True)
class Moment:
    """What was asked of the workload, and how many pods served it."""

    requests: float
    """A second; the mean of the last five seconds."""
    pods: int


@dataclass(slots=True)
class Surge:
    """The load and the pods so far, a moment a second."""

    world: World
    source: MetricSource
    moments: list[Moment] = field(default_factory=list[Moment])

    async def run(self) -> None:
        """Deploy the workload and its policy, then look until cancelled."""
        await self.world.client.create(CHILD_DEPLOYMENTS, _deployment(), namespace=NAMESPACE)
        await self.world.client.create(SCALE_POLICIES, _policy(), namespace=NAMESPACE)
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            await self._look()

    async def _look(self) -> None:
        found = await self.source.instant(PodQuery(Signal.REQUESTS, RECENT_SECONDS, NAMESPACE))
        if isinstance(found, Missing):
            return
        pods = {pod.key for pod in self.world.pods.index.values() if pod.metadata.labels.get("app") == NAME}
        requests = sum(sample.value for sample in found.samples if sample.pod in pods)
        live = self.world.deployments.index.get(ObjectKey(NAMESPACE, NAME))
        if live is not None:
            self.moments.append(Moment(requests, live.status.get("readyReplicas", 0)))

    def summary(self) -> dict[str, Any]:
        """Return the load and the pods as plain data, a figure a second."""
        return {
            "workload": NAME,
            "requestsPerSecond": [round(moment.requests, 1) for moment in self.moments],
            "pods": [moment.pods for moment in self.moments],
        }


def _deployment() -> Manifest:
    labels = {"app": NAME}
    annotations = {
        "twin.kubewright.dev/requests-per-second": _LOAD,
        "twin.kubewright.dev/cpu-per-request": "3m",
        "twin.kubewright.dev/latency": "20ms",
    }
    container = {
        "name": "web",
        "image": "nginx:1.29",
        "ports": [{"containerPort": 80}],
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}},
    }
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": NAME},
        "spec": {
            "replicas": 2,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels, "annotations": annotations},
                "spec": {"containers": [container]},
            },
        },
    }


def _policy() -> Manifest:
    return {
        "apiVersion": SCALE_POLICIES.api_version,
        "kind": SCALE_POLICIES.kind,
        "metadata": {"name": NAME},
        "spec": {
            "target": {"name": NAME},
            "min": 2,
            "max": 16,
            "metrics": [{"requests": {"average": TARGET_PER_POD}}],
            "behavior": {"scaleDown": {"stabilizationWindowSeconds": 30}},
        },
    }
