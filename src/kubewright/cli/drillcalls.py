"""How drills are played from the command line, and how what came of them is shown."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import click

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.coordination import LEASES, service_of
from kubewright.api.core import METADATA_NAME, NAMESPACES, Namespace
from kubewright.api.crds.healingpolicy import ACT, HEALING_POLICIES
from kubewright.api.meta import ObjectKey, ObjectMeta
from kubewright.cli.columns import Table
from kubewright.cli.connection import connected
from kubewright.cli.exits import Exit
from kubewright.cli.options import FOR_PEOPLE
from kubewright.cli.printing import show_table
from kubewright.cli.terminal import say
from kubewright.client.config import ConnectionConfig
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.drills.catalogue import DRILLS
from kubewright.drills.drill import Drill, Outcome
from kubewright.drills.live import Stage
from kubewright.drills.report import drill_document, outcome_document, passed, verdict
from kubewright.drills.staged import play
from kubewright.drills.usual import NAMESPACE, WEB
from kubewright.errors import ErrorKind, OpError
from kubewright.healing.finding import Finding, Ref
from kubewright.healing.permission import permission
from kubewright.healing.seen import seen_of
from kubewright.overview.decide import is_held
from kubewright.runtime.children import delete_if_there, get_or_none
from kubewright.runtime.shutdown import run_until_signalled

GONE_SECONDS = 120.0
_HEALING = "healing"
_NOBODY = "nobody heals here: start `kubewright run healing`, which brings what it needs"
_PERMISSION = json.dumps({"mode": ACT, "namespaceSelector": {METADATA_NAME: NAMESPACE}})


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's options."""

    names: tuple[str, ...]
    everything: bool
    seed: int
    stock: bool
    image: str
    yes: bool
    output: str

    def drills(self) -> list[Drill]:
        """Return the drills that are meant; raises UsageError."""
        if self.everything == bool(self.names):
            raise click.UsageError("name drills, or say --all; `kubewright drill list` lists them")
        unknown = [name for name in self.names if name not in DRILLS]
        if unknown:
            raise click.UsageError(f"there is no drill {unknown[0]}; `kubewright drill list` lists them")
        return [DRILLS[name] for name in self.names] or list(DRILLS.values())


def listed(output: str) -> None:
    """Print all drills."""
    head = ("NAME", "WHAT HAPPENS", "CAUSE TO BE FOUND", "ON A REAL CLUSTER")
    rows = [
        (each.name, each.title, each.causes[0] if each.causes else "none: to be left alone", "yes" * each.harmless)
        for each in DRILLS.values()
    ]
    table = Table(head, rows, names=list(DRILLS))
    show_table(output, table, lambda: {"drills": [drill_document(each) for each in DRILLS.values()]})


def play_here(asked: Asked) -> int:
    """Play drills on twins, one after the other; return the exit code."""
    found: list[Outcome] = []
    stock: list[Outcome] = []
    for each in _told(asked, asked.drills()):
        found.append(play(each, healed=True, seed=asked.seed))
        if asked.stock:
            stock.append(play(each, healed=False, seed=asked.seed))
    return _shown(asked, found, stock)


async def play_on(config: ConnectionConfig, asked: Asked) -> int:
    """Play drills on a cluster, those that harm nobody; what they made there is deleted in the end."""
    drills = [each for each in asked.drills() if each.harmless or not asked.everything]
    harmful = [each.name for each in drills if not each.harmless]
    if harmful:
        said = f"{harmful[0]} breaks more than its own namespace: it is for a twin alone"
        raise OpError("drill", ErrorKind.INVALID, harmful[0], said)
    found: list[Outcome] = []
    async with connected(config) as client:
        await _healed(client)
        await _permitted(client)
        if not asked.yes:
            click.confirm(f"Break things in the namespace {NAMESPACE} of {config.server}?", abort=True, err=True)
        aborted = await run_until_signalled(_played(client, asked, drills, found))
    if aborted is not None:
        say(f"{aborted.name}: the drill was aborted; its namespace {NAMESPACE} goes", err=True)
        return Exit.INTERRUPTED
    return _shown(asked, found, [])


async def _played(client: Client, asked: Asked, drills: Sequence[Drill], found: list[Outcome]) -> None:
    """Play drills one after the other; whatever happens, what each has made is deleted."""
    for each in _told(asked, drills):
        try:
            found.append(await Stage(client, Clock.wall(), image=asked.image).play(each))
        finally:
            await delete_if_there(client, NAMESPACES, ObjectKey("", NAMESPACE))
        await _gone(client)


async def _healed(client: Client) -> None:
    """Raise OpError where the healer has ended: its kinds, and the policies of people, are still there."""
    leases = [each for each in (await client.list(LEASES)).items if service_of(each) in {_HEALING, "up"}]
    now = Clock.wall().now()
    if leases and not any(each.spec.holder_identity and is_held(each, now) for each in leases):
        raise OpError("drill", ErrorKind.NOT_FOUND, f"Lease/{leases[0].key}", _NOBODY)


async def _permitted(client: Client) -> None:
    """Raise OpError where nobody would heal what a drill breaks: that takes minutes to find out otherwise."""
    try:
        policies = (await client.list(HEALING_POLICIES)).items
    except OpError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        raise OpError("drill", ErrorKind.NOT_FOUND, HEALING_POLICIES.kind, _NOBODY) from error
    labels = {METADATA_NAME: NAMESPACE}
    space = Namespace(metadata=ObjectMeta(name=NAMESPACE, labels=labels))
    about = Finding("Drill", Ref(DEPLOYMENTS, ObjectKey(NAMESPACE, WEB)), (), frozenset(), 0.0)
    speaks = permission(about, policies, seen_of(space))
    if speaks.mode != ACT:
        who = (
            f"the HealingPolicy {speaks.policy} says {speaks.mode} for" if speaks.policy else "no HealingPolicy is for"
        )
        said = f"{who} the namespace {NAMESPACE}: one must let the healer act there, such as {_PERMISSION}"
        raise OpError("drill", ErrorKind.FORBIDDEN, HEALING_POLICIES.kind, said)


async def _gone(client: Client) -> None:
    """Wait until the drills' namespace is gone, so that the next drill finds nothing of this one."""
    with contextlib.suppress(TimeoutError):
        async with asyncio.timeout(GONE_SECONDS):
            while await get_or_none(client, NAMESPACES, ObjectKey("", NAMESPACE)) is not None:  # noqa: ASYNC110
                await asyncio.sleep(1.0)


def _told(asked: Asked, drills: Sequence[Drill]) -> Iterator[Drill]:
    for each in drills:
        if asked.output in FOR_PEOPLE:
            say(f"{each.name}: {each.title}", err=True)
        yield each


def _shown(asked: Asked, found: Sequence[Outcome], stock: Sequence[Outcome]) -> int:
    document = {"drills": [outcome_document(each) for each in found]}
    if stock:
        document["stock"] = [outcome_document(each) for each in stock]
    show_table(asked.output, _table(found, stock), lambda: document)
    return Exit.OK if all(map(passed, found)) else Exit.UNWELL


def _table(found: Sequence[Outcome], stock: Sequence[Outcome]) -> Table:
    head = ("DRILL", "DETECTED", "RIGHT CAUSE", "ACTED", "RESTORED", "VERIFIED", "HOW")
    rows: list[list[str]] = []
    for number, each in enumerate(found):
        times = (each.detected, each.diagnosed, each.acted, each.restored, each.verified)
        row = [each.drill.name, *map(_at, times), ", ".join(_words(each))]
        if stock:
            row.append(_at(stock[number].restored) if stock[number].hurt else "never gone")
        rows.append(row)
    return Table((*head, *(["STOCK: RESTORED"] if stock else [])), rows, names=[each.drill.name for each in found])


def _words(found: Outcome) -> Iterable[str]:
    yield verdict(found)
    if found.wrong:
        yield f"wrong causes: {' '.join(sorted(found.wrong))}"
    if found.strangers and not found.drill.is_control:
        yield f"touched what was healthy: {' '.join(sorted(found.strangers))}"


def _at(seconds: float | None) -> str:
    return "-" if seconds is None else f"{seconds:.0f} s"
