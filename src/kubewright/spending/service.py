"""`kubewright run costs`: looks each minute at what everybody costs, and tells Prometheus, which remembers it.

It writes nothing. What teams spent is read from these metrics by `teams`, alerts and dashboards go by them.
"""

from __future__ import annotations

import asyncio
import logging

from kubewright.api.core import NAMESPACES, NODES, PODS, SERVICES
from kubewright.api.crds.nodepool import NODE_POOLS, NodePool
from kubewright.api.volumes import CLAIMS
from kubewright.clock import Clock
from kubewright.costs.allocate import allocate
from kubewright.costs.ledger import Ledger
from kubewright.costs.prices import PriceBook
from kubewright.runtime.operators import Operator
from kubewright.runtime.optional import OptionalInformer
from kubewright.series.protocol import MetricSource
from kubewright.spending.figures import CostMetrics, Rates, rates
from kubewright.spending.objects import Objects
from kubewright.spending.present import HOUR, ask, batches

NAME = "kubewright-costs"
LOOK_SECONDS = 60.0
_log = logging.getLogger(__name__)


def build(operator: Operator, source: MetricSource, book: PriceBook, metrics: CostMetrics) -> None:
    """Add the task that looks; use is asked of `source`."""
    pools = OptionalInformer(operator.client, NODE_POOLS)
    looking = _Looking(operator, pools, source, book)
    metrics.watch(looking.figures)
    operator.task("nodepools", pools.run)
    operator.task("costs", looking.run)


class _Looking:
    """Keeps the last look."""

    def __init__(
        self, operator: Operator, pools: OptionalInformer[NodePool], source: MetricSource, book: PriceBook
    ) -> None:
        self._nodes, self._pods = operator.informer(NODES), operator.informer(PODS)
        self._namespaces, self._services = operator.informer(NAMESPACES), operator.informer(SERVICES)
        self._claims, self._pools = operator.informer(CLAIMS), pools
        self._clock: Clock = operator.clock
        self._source, self._book = source, book
        self._last: Rates | None = None
        self._missing: tuple[str, ...] = ()

    def figures(self) -> dict[str, Rates]:
        """Return the last look, by currency."""
        return {} if self._last is None else {self._book.file.currency: self._last}

    async def run(self) -> None:
        """Look until cancelled, once everything is known."""
        for each in (self._nodes, self._pods, self._namespaces, self._claims, self._services):
            await each.wait_synced()
        await self._pools.wait_known()
        while True:
            await self._look()
            await asyncio.sleep(LOOK_SECONDS)

    async def _look(self) -> None:
        use = await ask(self._source)
        if use.missing != self._missing:
            self._missing = use.missing
            for each in use.missing:
                _log.warning("charged by requests alone: %s", each)
        now, strangers = self._clock.now(), 0
        ledger = Ledger(now, now + HOUR)
        for assets, demands in batches(self._objects(), self._book, use):
            charges, lost = allocate(assets, demands)
            strangers += len(lost)
            ledger.take(assets, charges)
            await asyncio.sleep(0)  # a hundred thousand pods take seconds, in which probes are to be answered
        if strangers:
            _log.info("%d demands are on nodes that are not known", strangers)
        self._last = rates(ledger)

    def _objects(self) -> Objects:
        return Objects(
            tuple(self._nodes.index.values()),
            tuple(self._pods.index.values()),
            tuple(self._namespaces.index.values()),
            tuple(self._claims.index.values()),
            tuple(self._services.index.values()),
            tuple(self._pools.informer.index.values()),
        )
