"""Signs of trouble that no object tells, from a few questions to a MetricSource, asked every five seconds.

What is not measured is no sign. Each question is one for the whole cluster, whatever its size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.core import PODS
from kubewright.api.meta import ObjectKey, Resource
from kubewright.api.volumes import CLAIMS
from kubewright.clock import Clock
from kubewright.runtime.rounds import surviving
from kubewright.series.protocol import CLAIM, NAMESPACE, MetricSource, Missing, PodQuery, Vector
from kubewright.series.protocol import Signal as Measure
from kubewright.signals.intake import Rounds
from kubewright.signals.noise import Placed, of_cpu
from kubewright.signals.signal import Fault, Signal, Standing, Witness, fingerprint_of

ASK_SECONDS = 5.0
FAILING_SHARE = 0.2
FEWEST_REQUESTS = 1.0
"""A second: of fewer a share says little."""
FULL_SHARE = 0.95
_WINDOW_SECONDS = 15.0
_CPU_TURNS = 3
"""Who uses how much CPU is asked at every third turn: the answer has a sample for each pod."""


def of_requests(requests: Vector | Missing, errors: Vector | Missing) -> Iterator[Signal]:
    """Yield a signal for each pod of whose requests a fifth and more fail."""
    if isinstance(requests, Missing) or isinstance(errors, Missing):
        return
    asked = requests.by_pod()
    for pod, sample in errors.by_pod().items():
        served = asked.get(pod)
        if served is None or served.value < FEWEST_REQUESTS or sample.value < FAILING_SHARE * served.value:
            continue
        text = f"{sample.value / served.value:.0%} of its requests fail"
        yield _signal(Fault.REQUESTS_FAIL, (PODS, pod), text, sample.at)


def of_volumes(full: Vector | Missing) -> Iterator[Signal]:
    """Yield a signal for each claim that is as good as full."""
    for sample in () if isinstance(full, Missing) else full.samples:
        claim = ObjectKey(sample.labels.get(NAMESPACE, ""), sample.labels.get(CLAIM, ""))
        if claim.name and sample.value >= FULL_SHARE:
            yield _signal(Fault.VOLUME_FULL, (CLAIMS, claim), f"{sample.value:.0%} of it is in use", sample.at)


def _signal(fault: Fault, about: tuple[Resource[Any], ObjectKey], evidence: str, at: float) -> Signal:
    return Signal(fingerprint_of(fault, about), fault, about, evidence, at, Witness.METRIC)


@dataclass(slots=True)
class MeasuredSignals:
    """Feeds `standing`; `tell` is called with the key of each signal that is news."""

    source: MetricSource
    clock: Clock
    standing: Standing
    tell: Callable[[str], None]
    placed: Placed | None = None
    """Where pods run; without it nobody is asked who takes the CPU of others."""
    _turn: int = 0
    _asked: Rounds = field(init=False)
    _burning: Rounds = field(init=False)

    def __post_init__(self) -> None:
        """Begin with nothing that holds."""
        self._asked, self._burning = Rounds(self.standing, self.tell), Rounds(self.standing, self.tell)

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(ASK_SECONDS)
            with surviving("measured signs"):
                self._asked.take(await self._ask())
            if self.placed is not None and self._turn % _CPU_TURNS == 0:
                with surviving("who takes the CPU of others"):
                    used = await self.source.instant(PodQuery(Measure.CPU, _WINDOW_SECONDS))
                    self._burning.take(of_cpu(used, self.placed))
            self._turn += 1

    async def _ask(self) -> list[Signal]:
        requests, errors, full = await asyncio.gather(
            self.source.instant(PodQuery(Measure.REQUESTS, _WINDOW_SECONDS)),
            self.source.instant(PodQuery(Measure.ERRORS, _WINDOW_SECONDS)),
            self.source.instant(PodQuery(Measure.VOLUMES)),
        )
        return [*of_requests(requests, errors), *of_volumes(full)]
