"""An app whose load comes and goes, and an autoscaler that follows it."""

import asyncio

from kubewright.api.autoscaling import AUTOSCALERS
from kubewright.api.meta import ObjectKey
from tests.sim.build import run

WEB = ObjectKey("default", "web")


def autoscaler(least=2, most=10):
    target = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "web"}
    share = {"type": "Utilization", "averageUtilization": 50}
    metrics = [{"type": "Resource", "resource": {"name": "cpu", "target": share}}]
    return {
        "apiVersion": "autoscaling/v2",
        "kind": "HorizontalPodAutoscaler",
        "metadata": {"name": "web", "namespace": "default"},
        "spec": {"scaleTargetRef": target, "minReplicas": least, "maxReplicas": most, "metrics": metrics},
    }


def test_it_grows_within_a_minute_and_shrinks_five_minutes_after_the_load():
    async def day(day):
        # A request costs a millisecond of cpu and a pod should use 50m: one pod for every fifty requests a second.
        load = {"requests-per-second": "bursty 80..330 every=30m for=10m", "cpu-per-request": "1m"}
        notes = {f"twin.kubewright.dev/{key}": text for key, text in load.items()}
        await day.deploy("web", replicas=2, annotations=notes)
        await day.create(AUTOSCALERS, autoscaler())
        wanted: list[int] = []
        for _ in range(30):
            await asyncio.sleep(60)
            wanted.append((await day.deployment("web")).spec.replicas)
        grown, shrunk = wanted.index(7), len(wanted) - wanted[::-1].index(7)
        assert set(wanted[:grown]) <= {2, 4}
        assert 14 <= shrunk - grown <= 16
        assert set(wanted[shrunk:]) <= {2, 3}
        found = await day.client.get(AUTOSCALERS, WEB)
        assert {each.type: each.reason for each in found.status.conditions}["ScalingActive"] == "ValidMetricFound"

    run(day, nodes=1)
