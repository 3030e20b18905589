"""Queues as rules: read from the objects once, with what is wrong about each set aside.

Whoever admits pods builds a `QuotaTree` from them; the problems become conditions. A queue at fault is narrowed, never
widened, and no other is touched: one on a cycle stands alone, one whose parent is not there, too.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from kubewright.api.crds.queue import ANY, LOWER_PRIORITY, Queue, Quota
from kubewright.api.resources import amounts, write_amount

DEEPEST = 16
"""So many queues may lie above one."""
MOST = 2**62
"""What is more counts as this much: shares are floats, and all queues are ranked by them."""
_MODEL = "@"


@dataclass(frozen=True, slots=True)
class Limit:
    """What a queue may have of one thing; cpu in thousandths, all else in units."""

    nominal: int = 0
    borrowing: int | None = None
    """How much more of what others leave; None for all of it."""
    lending: int | None = None
    """How much of its own others may use; None for all of it."""


NO_LIMIT_OF_ITS_OWN = Limit()


@dataclass(frozen=True, slots=True)
class QueueRules:
    """One queue, as far as deciding goes."""

    name: str
    parent: str = ""
    limits: Mapping[str, Limit] = field(default_factory=dict[str, Limit])
    """By `quota_key`."""
    weight: int = 1
    half_life_seconds: int = 0
    reclaim: str = ANY
    preemption: str = LOWER_PRIORITY
    minimum_runtime_seconds: int = 0
    backoff_seconds: int = 60


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a queue."""

    reason: str
    message: str


def quota_key(resource: str, model: str = "") -> str:
    """Name what a quota is of: a resource, or that of one model of GPU."""
    return f"{resource}{_MODEL}{model}" if model else resource


def split_key(key: str) -> tuple[str, str]:
    """Return resource and model of a `quota_key`."""
    resource, _, model = key.partition(_MODEL)
    return resource, model


def write_quota(key: str, amount: int) -> str:
    """Write an amount as people write quantities of the resource."""
    return write_amount(split_key(key)[0], amount)


def read_queues(queues: Iterable[Queue]) -> tuple[Mapping[str, QueueRules], Mapping[str, Problem]]:
    """Return the rules by name, in the order of names, and what is wrong with some."""
    listed = sorted(queues, key=lambda each: each.metadata.name)
    named = {each.metadata.name: each.spec.parent for each in listed}
    cycles = {name: _cycle(name, named) for name in named}
    parents = {name: "" if cycles[name] else parent for name, parent in named.items()}
    problems: dict[str, Problem] = {}
    found: dict[str, QueueRules] = {}
    for queue in listed:
        name, spec = queue.metadata.name, queue.spec
        parent, cycle = parents[name], cycles[name]
        limits, wrong = _limits(spec.quotas)
        if wrong:
            problems[name] = Problem("InvalidQuota", f"{wrong}; nothing of it is given out until that is mended")
        if cycle:
            text = " -> ".join((*cycle, name))
            problems[name] = Problem("Cycle", f"parent: {text} is a cycle; it has no parent until that is mended")
        elif parent and parent not in parents:
            problems[name] = Problem(
                "ParentNotFound", f"parent: there is no queue {parent}; it lends and borrows nothing"
            )
        elif parent and _depth(name, parents) > DEEPEST:
            problems[name] = Problem("TooDeep", f"parent: more than {DEEPEST} queues above it; it has no parent")
            parent = ""
        found[name] = QueueRules(
            name,
            parent if parent in parents else "",
            limits,
            max(spec.weight, 1),
            max(spec.half_life_seconds, 0),
            spec.reclaim,
            spec.preemption,
            spec.minimum_runtime_seconds,
            spec.backoff_seconds,
        )
    return found, problems


def _cycle(name: str, parents: Mapping[str, str]) -> tuple[str, ...]:
    """Return the way from a queue along its parents back to itself; nothing if it does not come back."""
    way, at = [name], parents[name]
    seen = {name}
    while at in parents and at not in seen:
        seen.add(at)
        way.append(at)
        at = parents[at]
    return tuple(way) if at == name else ()


def _depth(name: str, parents: Mapping[str, str]) -> int:
    """Return how many queues lie above one, without counting far further than matters."""
    depth, at = 0, parents[name]
    while at in parents and depth <= DEEPEST:
        depth, at = depth + 1, parents[at]
    return depth


def _limits(quotas: Iterable[Quota]) -> tuple[dict[str, Limit], str]:
    """Return the limits, and what is wrong with one that cannot be read, which counts as nothing."""
    limits: dict[str, Limit] = {}
    wrong = ""
    for quota in quotas:
        key = quota_key(quota.resource, quota.model)
        try:
            limits[key] = Limit(
                _amount(quota.resource, quota.nominal),
                None if quota.borrowing_limit is None else _amount(quota.resource, quota.borrowing_limit),
                None if quota.lending_limit is None else _amount(quota.resource, quota.lending_limit),
            )
        except ValueError as error:
            limits[key] = Limit(0, 0, 0)
            wrong = wrong or f"{key}: {error}"
    return limits, wrong


def _amount(resource: str, quantity: str | float) -> int:
    amount = amounts({resource: quantity})[resource]
    if amount < 0:
        raise ValueError(f"{quantity} is below 0")
    return min(amount, MOST)
