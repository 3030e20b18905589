"""How long a fault takes to reach whoever decides, by the API's own signals: a twin under virtual time, many moments.

Beside each: when the cluster's own controllers say so. `make bench-signals`.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import random
from statistics import median

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock, run_virtual
from kubewright.signals.service import SignalsIn
from kubewright.signals.signal import Fault, Signal
from kubewright.twin.cluster import Twin
from kubewright.twin.faults.fault import FAULTS

_NODE = {"nodes": {"names": ["node-01"]}}
_PODS = {"pods": {"labelSelector": {"matchLabels": {"app": "web"}}}}
_PROBE = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 5, "failureThreshold": 3}
"""As AppServices have it."""
CASES = {
    "node down": ({"type": "NodeDown", "target": _NODE}, Fault.NODE_SILENT),
    "kubelet hung": ({"type": "KubeletHung", "target": _NODE}, Fault.NODE_SILENT),
    "node down, by its condition": ({"type": "NodeDown", "target": _NODE}, Fault.NODE_NOT_READY),
    "crash loop": ({"type": "CrashLoop", "target": _PODS, "crashLoop": {"afterSeconds": 1}}, Fault.CRASH_LOOP),
    "pod unready, by an AppService's probe": (
        {"type": "ProbeFailure", "target": _PODS, "probeFailure": {"probe": "Readiness"}},
        Fault.NOT_READY,
    ),
    "disk full": ({"type": "DiskFull", "target": _NODE}, Fault.NODE_CONDITION),
}


class _Heard:
    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self.at: dict[str, float] = {}

    async def handle(self, signal: Signal) -> None:
        """Note when the first signal of its class came."""
        self.at.setdefault(signal.fault, self._clock.now())


def deployment() -> dict[str, object]:
    labels = {"app": "web"}
    containers = [{"name": "main", "image": "web:1", "readinessProbe": _PROBE}]
    template = {"metadata": {"labels": labels}, "spec": {"containers": containers}}
    spec = {"replicas": 4, "selector": {"matchLabels": labels}, "template": template}
    return {"metadata": {"name": "web"}, "spec": spec}


async def _delay(fault: dict[str, object], told: Fault, seed: int) -> float:
    """Return how many seconds after the fault it was told of."""
    async with Twin(Clock.virtual(), nodes=10, seed=seed) as twin:
        client, heard = twin.client(), _Heard(twin.clock)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(SignalsIn(twin.client(), twin.clock, heard).run())
            await client.create(DEPLOYMENTS, deployment(), namespace="default")
            await asyncio.sleep(60 + random.Random(seed).uniform(0, 20))  # noqa: S311  not a secret
            assert (await client.get(DEPLOYMENTS, ObjectKey("default", "web"))).status.ready_replicas == 4
            start = twin.clock.now()
            await client.create(FAULTS, {"metadata": {"name": "bench"}, "spec": fault})
            while told not in heard.at:  # noqa: ASYNC110  virtual time
                await asyncio.sleep(0.1)
            running.cancel()
        return heard.at[told] - start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=20)
    runs = parser.parse_args().runs
    found: dict[str, dict[str, float]] = {}
    for name, (fault, told) in CASES.items():
        delays = sorted(run_virtual(_delay(fault, told, seed)) for seed in range(runs))
        found[name] = {"median": round(median(delays), 1), "least": round(delays[0], 1), "most": round(delays[-1], 1)}
        print(f"{name}: {found[name]}")
    print(json.dumps({"bench": "signals", "runs": runs, "seconds": found}))


if __name__ == "__main__":
    main()
