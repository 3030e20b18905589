"""What a cluster cost, by what a store remembers. Some parts at a time are asked about, so that no answer is large."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubewright.costs.allocate import allocate
from kubewright.costs.facts import Resource
from kubewright.costs.ledger import Ledger
from kubewright.costs.prices import PriceBook
from kubewright.costs.windows import Window
from kubewright.errors import ErrorKind, OpError
from kubewright.series.protocol import MetricSource, Missing, PodQuery, Query, Series, Signal, Span, Why
from kubewright.spending import questions
from kubewright.spending.objects import CLAIM, SERVICE, Directory, Objects, said_prices
from kubewright.spending.points import Parts
from kubewright.spending.present import objects_labels
from kubewright.spending.slices import Answers, Background, slices

PARTS_AT_ONCE = 48
PODS_AT_ONCE = 250_000
"""Times parts: of a hundred thousand pods two parts are asked about at once."""


@dataclass(slots=True)
class Past:
    """What a window cost, step by step, and what is not known of it."""

    ledgers: list[Ledger]
    covered: dict[float, int] = field(default_factory=dict[float, int])
    """How many seconds of each step the store knows, by when the step begins."""
    strangers: set[str] = field(default_factory=set[str])
    """Nodes that are gone: priced without their labels."""
    lost: set[str] = field(default_factory=set[str])
    """Pods on nodes that the store does not know: not charged."""
    missing: dict[str, str] = field(default_factory=dict[str, str])
    """Use that is not known, and why."""

    @property
    def covered_seconds(self) -> int:
        """Return how much of the window the store knows."""
        return sum(self.covered.values())


async def recorded(source: MetricSource, objects: Objects, book: PriceBook, window: Window) -> Past:
    """Return what a window cost; raises OpError if the store does not answer."""
    known = Background(
        book,
        Directory.of(objects),
        {each.key: each for each in objects.pods},
        objects_labels(objects),
        said_prices(objects.nodes, objects.pools),
        {(CLAIM, each.key): each.metadata.labels for each in objects.claims}
        | {(SERVICE, each.key): each.metadata.labels for each in objects.services},
    )
    past = Past([Ledger(begin, end) for begin, end in window.steps])
    each = window.resolution_seconds * min(max(PODS_AT_ONCE // max(len(objects.pods), 1), 1), PARTS_AT_ONCE)
    for start in range(window.start, window.end, each):
        parts = (min(start + each, window.end) - start) // window.resolution_seconds
        answers = await _Asking(source, book, past).ask(Answers(Parts(start, window.resolution_seconds, parts)))
        _take(past, answers, known, window)
    return past


def _take(past: Past, answers: Answers, known: Background, window: Window) -> None:
    for part in slices(answers, known):
        if part is None:
            continue
        ledger = past.ledgers[(part.start - window.start) // window.step_seconds]
        past.covered[ledger.start] = past.covered.get(ledger.start, 0) + answers.parts.seconds
        past.strangers |= part.strangers
        charges, lost = allocate(part.assets, part.demands)
        past.lost.update(f"{each.owner.namespace}/{each.owner.pod}" for each in lost)
        ledger.take(part.assets, charges)


class _Asking:
    """Asks about some parts."""

    def __init__(self, source: MetricSource, book: PriceBook, past: Past) -> None:
        self._source, self._book, self._past = source, book, past

    async def ask(self, a: Answers) -> Answers:
        """Fill the answers in."""
        parts, step = a.parts, float(a.parts.seconds)
        whole = parts.count * step
        end = parts.start + whole
        points, once = Span(parts.start + step, end, step), Span(end, end, step)

        async def each(text: str) -> tuple[Series, ...]:
            return await self._needed(questions.expression(text, step), points)

        async def one(text: str) -> tuple[Series, ...]:
            return await self._needed(questions.expression(text, whole), once)

        a.nodes = await each(questions.NODES)
        if not a.nodes:
            return a  # the store knows nothing of this time
        a.nodes_began, a.nodes_last_seen = await one(questions.NODES_BEGAN), await each(questions.NODES_LAST_SEEN)
        a.pods, a.requests = await each(questions.PODS), await each(questions.REQUESTS)
        a.pods_began, a.pods_ended = await one(questions.PODS_BEGAN), await one(questions.PODS_ENDED)
        a.pods_last_seen, a.replica_sets = await each(questions.PODS_LAST_SEEN), await one(questions.REPLICA_SETS)
        a.claims, a.classes = await each(questions.CLAIMS), await one(questions.CLASSES)
        a.cpu = await self._used("cpu", questions.expression(questions.CPU, step), points)
        a.memory = await self._used("memory", questions.expression(questions.MEMORY, step), points)
        a.gpu = await self._used("GPUs", PodQuery(Signal.GPU, step), points)
        if self._book.flat(Resource.BALANCER):
            a.balancers = await each(questions.BALANCERS)
        if self._book.flat(Resource.NETWORK):
            a.sent = await self._used("network", questions.expression(questions.SENT, step), points)
        return a

    async def _needed(self, query: Query, span: Span) -> tuple[Series, ...]:
        found = await self._source.range(query, span)
        if not isinstance(found, Missing):
            return found
        if found.why is Why.NO_DATA:
            return ()
        kind = ErrorKind.UNAVAILABLE if found.why is Why.UNAVAILABLE else ErrorKind.INVALID
        raise OpError("cost", kind, "the store of measurements", str(found))

    async def _used(self, what: str, query: Query, span: Span) -> tuple[Series, ...]:
        found = await self._source.range(query, span)
        if not isinstance(found, Missing):
            return found
        self._past.missing.setdefault(what, str(found))
        return ()
