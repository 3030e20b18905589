"""Histories that are read beside the turns: policies come and go meanwhile."""

import asyncio

import msgspec

from kubewright.api.core import Pod
from kubewright.api.crds.scalepolicy import ScalePolicy
from kubewright.autoscaler.forecasts import Forecasts
from kubewright.autoscaler.readings import Readings
from kubewright.clock import Clock, run_virtual
from kubewright.scaling.podset import PodSet
from kubewright.series.protocol import Missing, Why

READY = {"type": "Ready", "status": "True", "lastTransitionTime": "2026-01-01T00:01:00Z"}
POD = msgspec.convert(
    {
        "metadata": {"name": "web-1", "namespace": "shop", "creationTimestamp": "2026-01-01T00:00:00Z"},
        "status": {"conditions": [READY]},
    },
    Pod,
)


def policy(namespace):
    metrics = [{"requests": {"average": "10"}}]
    spec = {"target": {"name": "web"}, "max": 5, "mode": "predictive", "metrics": metrics}
    return msgspec.convert({"metadata": {"name": "web", "namespace": namespace}, "spec": spec}, ScalePolicy)


class SlowStore:
    """Has nothing of anybody, and runs `meanwhile` as it is asked for the first namespace."""

    def __init__(self, meanwhile):
        self.meanwhile, self.asked = meanwhile, []

    async def range(self, query, span):
        self.asked.append(query.namespace)
        await asyncio.sleep(1.0)
        if len(self.asked) == 1:
            self.meanwhile()
        return Missing(Why.NO_DATA, "of a new cluster")


def test_a_policy_that_goes_while_others_histories_are_read_is_passed_over():
    first, gone, last = map(policy, ("a", "b", "c"))

    async def case():
        source = SlowStore(lambda: forecasts.forget(gone.key))
        forecasts = Forecasts(Clock.virtual(), source)
        async with asyncio.TaskGroup() as tasks:
            reading = tasks.create_task(forecasts.run())
            for each in (first, gone, last):
                forecasts.outlooks(each, PodSet((POD,)), Readings())
            await asyncio.sleep(60.0)
            reading.cancel()
        return source.asked, forecasts.outlooks(last, PodSet((POD,)), Readings())[1]

    asked, why = run_virtual(case())
    assert set(asked) >= {"a", "c"}
    assert "of a new cluster" in why
