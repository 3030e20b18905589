"""Signs of trouble that no object tells, from a few questions to a MetricSource, asked every five seconds.

What is not measured is no sign. Each question is one for the whole cluster, whatever its size.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from kubewright.api.core import PODS
from kubewright.api.meta import ObjectKey, Resource
from kubewright.api.volumes import CLAIMS
from kubewright.clock import Clock
from kubewright.series.protocol import CLAIM, NAMESPACE, MetricSource, Missing, PodQuery, Vector
from kubewright.series.protocol import Signal as Measure
from kubewright.signals.intake import take_in
from kubewright.signals.signal import Fault, Signal, Standing, Witness

ASK_SECONDS = 5.0
FAILING_SHARE = 0.2
FEWEST_REQUESTS = 1.0
"""A second: of fewer a share says little."""
FULL_SHARE = 0.95
_WINDOW_SECONDS = 15.0


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
    resource, key = about
    return Signal(f"{fault}/{resource.target(key)}", fault, about, evidence, at, Witness.METRIC)


@dataclass(slots=True)
class MeasuredSignals:
    """Feeds `standing`; `tell` is called with the key of each signal that is news."""

    source: MetricSource
    clock: Clock
    standing: Standing
    tell: Callable[[str], None]
    _held: dict[str, Signal] = field(default_factory=dict[str, Signal])

    async def run(self) -> None:
        """Ask until cancelled."""
        while True:
            await asyncio.sleep(ASK_SECONDS)
            self.take(await self._ask())

    async def _ask(self) -> list[Signal]:
        requests, errors, full = await asyncio.gather(
            self.source.instant(PodQuery(Measure.REQUESTS, _WINDOW_SECONDS)),
            self.source.instant(PodQuery(Measure.ERRORS, _WINDOW_SECONDS)),
            self.source.instant(PodQuery(Measure.VOLUMES)),
        )
        return [*of_requests(requests, errors), *of_volumes(full)]

    def take(self, found: Iterable[Signal]) -> None:
        """Take in what holds now; what held before and does no more has ended."""
        holding: Mapping[str, Signal] = {each.fingerprint: self._held.get(each.fingerprint, each) for each in found}
        ended = [replace(each, ended=True) for name, each in self._held.items() if name not in holding]
        self._held = dict(holding)
        take_in(self.standing, self.tell, [*ended, *holding.values()])
