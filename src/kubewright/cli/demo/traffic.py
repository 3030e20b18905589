"""What the shop's customers ask of it: requests that reach its applications' pods, as the twin simulates them.

An AppService says nothing of how a simulated pod acts, so the pods are told from outside, each once it is seen. How
much an application takes follows from who calls it, of some thirty customers at a time who come and go.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping

from kubewright.api.core import PODS
from kubewright.cli.demo.faults import SOMEBODY
from kubewright.cli.demo.world import World
from kubewright.errors import OpError
from kubewright.twin.usage.profiles import PREFIX, REQUESTS
from kubewright.workloads.children import NAME_LABEL

LOOK_SECONDS = 0.5
_LOW, _HIGH = 20, 40
"""Requests a second to the frontend when few customers are there, and a minute later, when many are."""
_CALLS: Mapping[str, float] = {
    "frontend": 1.0,
    "productcatalogservice": 2.0,
    "currencyservice": 1.5,
    "cartservice": 0.6,
    "recommendationservice": 0.5,
    "adservice": 0.5,
    "shippingservice": 0.2,
    "checkoutservice": 0.1,
    "paymentservice": 0.1,
    "emailservice": 0.1,
}
"""How many requests each takes for one to the frontend."""
_FAILING = "0.05%"
"""Of all requests: half of what an SLO of 99.9 % allows."""


async def come_and_go(world: World) -> None:
    """Let customers ask every pod of the shop, until cancelled; a pod that cannot be told is told at the next look."""
    while True:
        for pod in [each for each in world.pods.index.values() if not each.is_terminating]:
            calls = _CALLS.get(pod.metadata.labels.get(NAME_LABEL, ""))
            if calls is not None and f"{PREFIX}{REQUESTS}" not in pod.metadata.annotations:
                told = {"metadata": {"annotations": _profile(calls)}}
                with contextlib.suppress(OpError):
                    await world.client.patch(PODS, pod.key, told, field_manager=SOMEBODY)
        await asyncio.sleep(LOOK_SECONDS)


def _profile(calls: float) -> dict[str, str]:
    low, high = f"{_LOW * calls:g}", f"{_HIGH * calls:g}"
    profile = {
        REQUESTS: f"0s:{low} 60s:{high} 120s:{low} repeat",
        "cpu-per-request": "1m",
        "latency": "20ms",
        "error-rate": _FAILING,
    }
    return {f"{PREFIX}{name}": value for name, value in profile.items()}
