"""What containers request: what their owner once wrote, or what a SizePolicy makes of eight days of use."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from kubewright.replay.workload import DAY_SECONDS, STEP_SECONDS, Application, Request
from kubewright.scaling.sizing import BYTES, CORES, HISTORY_DAYS, Advice, ContainerUse
from kubewright.sizing.amounts import Amount, Bounds, needs, resized
from kubewright.sizing.decide import FLOOR

SAMPLE_SECONDS = 300
AIMED = 0.8
"""How full pods are whose number follows the load: only so that their use can be known beforehand."""
_MIB = 1 << 20


def requested(application: Application, *, sizes: bool) -> Request:
    """Return what its pods request."""
    request = application.request
    if not sizes:
        return request
    use, until = ContainerUse(), float(HISTORY_DAYS * DAY_SECONDS)
    every = SAMPLE_SECONDS // STEP_SECONDS
    if application.scaled:
        cores = np.full(HISTORY_DAYS * DAY_SECONDS // SAMPLE_SECONDS, request.cpu_milli / 1000 * AIMED)
    else:
        served = application.history[-(DAY_SECONDS // STEP_SECONDS) :] / STEP_SECONDS / application.replicas
        day = served.reshape(-1, every).mean(axis=1) * application.cores_per_request()
        cores = np.tile(day, HISTORY_DAYS)
    times = [float(number * SAMPLE_SECONDS) for number in range(1, len(cores) + 1)]
    use.used_cpu(times, cores.tolist(), SAMPLE_SECONDS)
    memory = request.memory_mib * application.memory_share * _MIB
    use.used_memory(
        "pod", times[:: len(times) // HISTORY_DAYS], [memory] * len(times[:: len(times) // HISTORY_DAYS]), DAY_SECONDS
    )
    cpu_advice, memory_advice = use.advise(CORES, until), use.advise(BYTES, until)
    milli = _settled(CORES, request.cpu_milli, cpu_advice, None)
    memory_bytes = _settled(BYTES, request.memory_mib * _MIB, memory_advice, memory)
    return replace(request, cpu_milli=milli, memory_mib=-(-memory_bytes // _MIB))


def _settled(resource: str, request: int, advice: Advice, in_use: float | None) -> int:
    """Return what is requested once nothing is changed any more: it shrinks in steps."""
    wanted = needs(resource, Amount(request), advice)
    if wanted is None:
        return request
    bounds = Bounds(FLOOR[resource])
    while (found := resized(resource, Amount(request), wanted, bounds, in_use)) is not None:
        request = found.request
    return request
