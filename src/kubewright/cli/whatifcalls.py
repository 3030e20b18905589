"""What `kubewright whatif` asks the API server, and how it shows the effect."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import TypeVar

import click

from kubewright.api.meta import ObjectKey
from kubewright.api.resources import is_bytes, write_amount
from kubewright.app import PROFILES
from kubewright.cli.connection import connected
from kubewright.cli.documents import admitted_queues, read
from kubewright.cli.exits import Exit
from kubewright.cli.live import read_cluster
from kubewright.cli.printing import show
from kubewright.client.config import ConnectionConfig
from kubewright.errors import ErrorKind, OpError
from kubewright.explain.documents import effect_document
from kubewright.explain.modifications import (
    NODES_AT_MOST,
    AddNodes,
    Modification,
    RemoveNode,
    Scale,
    SetPriority,
    SetQueue,
    SetQuota,
)
from kubewright.explain.targets import parse_target
from kubewright.explain.whatif import Effect, Use, whatif

SHOWN = 20
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's options."""

    added: tuple[str, ...]
    removed: tuple[str, ...]
    scaled: tuple[str, ...]
    priorities: tuple[str, ...]
    quotas: tuple[str, ...]
    queues: tuple[str, ...]
    profile: str
    to_profile: str | None
    namespace: str
    output: str


async def show_effect(config: ConnectionConfig, asked: Asked) -> int:
    """Print what the changes would do; 3 if somebody is worse off."""
    modifications: list[Modification] = [
        *parsed(asked, asked.namespace or config.namespace),
        *map(SetQueue, await admitted_queues(read(asked.queues))),
    ]
    if not modifications and asked.to_profile is None:
        raise click.UsageError("say what would change: see kubewright whatif --help")
    async with connected(config) as client:
        cluster = await read_cluster(client)
    then = None if asked.to_profile is None else PROFILES[asked.to_profile]
    effect = whatif(cluster, modifications, PROFILES[asked.profile], then)
    show(asked.output, lambda: effect_document(effect), lambda: lines(effect))
    return Exit.UNWELL if effect.harms else Exit.OK


def parsed(asked: Asked, namespace: str) -> Iterator[Modification]:
    """Yield the changes that the options name; raises OpError for what cannot be read."""
    for text in asked.added:
        count, like = _split(text, "=like:", "N=like:NODE")
        yield AddNodes(_number(count, text, NODES_AT_MOST), like)
    yield from (RemoveNode(name) for name in asked.removed)
    for text in asked.scaled:
        target, count = _split(text, "=", "KIND/NAME=N")
        yield Scale(parse_target(target), namespace, _number(count, text, 100_000))
    for text in asked.priorities:
        target, priority = _split(text, "=", "KIND/NAME=PRIORITY")
        yield SetPriority(parse_target(target), namespace, priority)
    for text in asked.quotas:
        name, allowed = _split(text, "=", "NAME=RESOURCE:AMOUNT")
        resource, amount = _split(allowed, ":", "NAME=RESOURCE:AMOUNT")
        yield SetQuota(ObjectKey(namespace, name), resource, amount)


def _split(text: str, by: str, form: str) -> tuple[str, str]:
    left, found, right = text.rpartition(by)
    if not (found and left and right):
        raise OpError("whatif", ErrorKind.INVALID, text, f"expected {form}")
    return left, right


def _number(text: str, whole: str, most: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > len(str(most)) or int(text) > most:
        raise OpError("whatif", ErrorKind.INVALID, whole, f"expected a number from 0 to {most}")
    return int(text)


def lines(effect: Effect) -> Iterator[str]:
    """Yield an effect for people."""
    yield f"{'':<24}{'BEFORE':<28}AFTER"
    yield f"{'nodes':<24}{effect.nodes[0]:<28}{effect.nodes[1]}"
    for name, before, after in effect.uses:
        yield f"{name:<24}{_use(name, before):<28}{_use(name, after)}"
    yield from _section("would be placed", effect.placed, lambda each: f"{each[0]} -> {each[1]}")
    yield from _section("would move", effect.moved, lambda each: f"{each[0]}: {each[1]} -> {each[2]}")
    yield from _section("would be evicted", effect.evicted, lambda each: f"{each[0]} for {each[1]}")
    yield from _section(
        "would have no node any more", effect.lost, lambda each: f"{each[0]}: {each[1] or 'nothing makes it again'}"
    )
    yield from _section("would wait", effect.waiting, lambda each: f"{each[0]}: {each[1]}")
    yield from _section(
        "could not be made for want of quota", effect.unmade, lambda each: f"{each[1]} in {each[0]}: {each[2]} pods"
    )
    if effect.untried:
        yield f"{effect.untried} more pods are wanted, which were not tried."
    if not (effect.placed or effect.moved or effect.evicted or effect.lost):
        yield "No pod's place would change."


def _section(title: str, items: tuple[T, ...], text: Callable[[T], str]) -> Iterable[str]:
    if not items:
        return
    yield f"{len(items)} {title}:"
    for each in items[:SHOWN]:
        yield f"  {text(each)}"
    if len(items) > SHOWN:
        yield f"  ... and {len(items) - SHOWN} more (-o json has all)"


def _use(name: str, use: Use) -> str:
    requested, offered = (_amount(name, each) for each in (use.requested, use.offered))
    return f"{requested} of {offered} ({use.share:.0%})"


def _amount(name: str, amount: int) -> str:
    return f"{amount / 1024**3:.1f}Gi" if is_bytes(name) else write_amount(name, amount)
