"""What `kubewright cost` asks the API server and the store, and how it puts the answers together."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import click

from kubewright.api.crds.team import TEAMS
from kubewright.api.meta import rfc3339
from kubewright.api.quantity import parse_quantity
from kubewright.cli.connection import connected
from kubewright.cli.costtables import Report, show, show_forecast
from kubewright.cli.documents import read_plain
from kubewright.cli.measurements import measured_by
from kubewright.cli.size import reports_of
from kubewright.cli.terminal import say
from kubewright.client.config import ConnectionConfig
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.costs.allocate import allocate
from kubewright.costs.budget import DAY_SECONDS, Day, Spend, known_from
from kubewright.costs.groups import dimension, rows
from kubewright.costs.ledger import Ledger
from kubewright.costs.money import Money, money
from kubewright.costs.prices import PriceBook, read_prices
from kubewright.costs.sharing import IdleRule
from kubewright.costs.windows import Window, parse_window
from kubewright.errors import ErrorKind, OpError
from kubewright.series.protocol import MetricSource
from kubewright.series.resourceapi import ResourceSource
from kubewright.spending.objects import Objects, read_objects
from kubewright.spending.present import HOUR, ask, present
from kubewright.spending.recorded import Past, recorded


@dataclass(frozen=True, slots=True)
class Asked:
    """The command's options."""

    by: str
    window: str
    step: str
    resolution: str
    idle: IdleRule
    prices: str
    prometheus: str
    forecast: bool
    budgets: tuple[str, ...]
    hints: bool
    output: str


async def show_costs(config: ConnectionConfig, asked: Asked) -> None:
    """Print a report; raises OpError, or UsageError for options that make no sense."""
    now = Clock.wall().now()
    window, given = _understood(asked, now)
    book = read_prices(read_plain(asked.prices), asked.prices) if asked.prices else PriceBook()
    async with connected(config) as client, measured_by(asked.prometheus) as source:
        objects = await read_objects(client)
        if source is None:
            _show(asked, await _now(client, objects, book, now))
            return
        past = await recorded(source, objects, book, window)
        if asked.forecast:
            if not any(each.lines for each in past.ledgers):
                raise OpError("cost", ErrorKind.NOT_FOUND, asked.prometheus, "the store knows no part of this month")
            budgets = await _team_budgets(client, book) | given if asked.by == "team" else given
            show_forecast(asked.output, asked.by, _spends(asked, book, past, now), budgets, now)
            return
        _show_past(asked, book, past, window)
        if asked.hints:
            await _show_hints(client, source)


def _understood(asked: Asked, now: float) -> tuple[Window, dict[str, Money]]:
    try:
        dimension(asked.by)
        text, step = asked.window, asked.step
        if asked.forecast:
            text, step = f"{rfc3339(known_from(now))},{rfc3339(now)}", "1d"
        window = parse_window(text, now, step=step, resolution=asked.resolution)
        if asked.output == "focus" and not step and window.end - window.start > DAY_SECONDS:
            window = parse_window(text, now, step="1d", resolution=asked.resolution)  # as bills are written
        return window, dict(_budget(each) for each in asked.budgets)
    except ValueError as error:
        raise click.UsageError(str(error)) from error


def _budget(text: str) -> tuple[str, Money]:
    name, found, amount = text.rpartition("=")
    try:
        given = money(amount) if found else 0
    except (ValueError, ZeroDivisionError):
        given = 0
    if given <= 0:
        raise ValueError(f"--budget {text!r}: expected NAME=AMOUNT, and an amount above 0")
    return name, given


async def _team_budgets(client: Client, book: PriceBook) -> dict[str, Money]:
    """Return what Teams may cost a month, where prices are in the same currency."""
    try:
        teams = (await client.list(TEAMS)).items
    except OpError as error:
        if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.FORBIDDEN}:
            raise
        return {}
    found: dict[str, Money] = {}
    for team in teams:
        budget = team.spec.budget
        if budget is None:
            continue
        if budget.currency == book.file.currency:
            found[team.name] = money(parse_quantity(budget.month))
        else:
            say(f"Team {team.name} has a budget in {budget.currency}, prices are in {book.file.currency}", err=True)
    return found


async def _now(client: Client, objects: Objects, book: PriceBook, now: float) -> Report:
    use = await ask(ResourceSource(client, Clock.wall()))
    assets, demands = present(objects, book, use)
    charges, lost = allocate(assets, demands)
    ledger = Ledger(now, now + HOUR)
    ledger.take(assets, charges)
    notes = [*use.missing, *_lost({f"{each.owner.namespace}/{each.owner.pod}" for each in lost})]
    return Report(book, (ledger,), None, 1.0, tuple(notes))


def _show_past(asked: Asked, book: PriceBook, past: Past, window: Window) -> None:
    notes = [f"use of {what} is not known: {why}" for what, why in past.missing.items()]
    if past.strangers:
        notes.append(
            f"{len(past.strangers)} nodes are gone, with their labels: priced as nodes without any "
            f"({', '.join(sorted(past.strangers)[:3])}{'...' if len(past.strangers) > 3 else ''})"  # noqa: PLR2004  a few
        )
    notes += _lost(past.lost)
    covered = past.covered_seconds / (window.end - window.start)
    _show(asked, Report(book, tuple(past.ledgers), window, covered, tuple(notes)))


def _lost(pods: set[str]) -> list[str]:
    if not pods:
        return []
    few = ", ".join(sorted(pods)[:3])
    return [f"{len(pods)} pods ask for what no known node has, and are charged nothing for it ({few})"]


def _show(asked: Asked, report: Report) -> None:
    show(asked.output, asked.by, asked.idle, report)


def _spends(asked: Asked, book: PriceBook, past: Past, now: float) -> dict[str, Spend]:
    """Return what each row cost by day; days that the store knows nothing of are not among them."""
    days: dict[str, list[Day]] = {}
    known = [
        (ledger, {row.name: row.total for row in rows(ledger.lines, asked.by, asked.idle, book)})
        for ledger in past.ledgers
        if ledger.lines
    ]
    names = {name for _, costs in known for name in costs}
    for ledger, costs in known:
        covered = past.covered[ledger.start] / (min(ledger.end, now) - ledger.start)
        for name in names:
            days.setdefault(name, []).append(Day(ledger.start, costs.get(name, 0), min(covered, 1.0)))
    return {name: Spend(book.file.currency, tuple(each)) for name, each in sorted(days.items())}


async def _show_hints(client: Client, source: MetricSource) -> None:
    found = await reports_of(client, source, "")
    lines: Sequence[str] = [
        f"{each.workload.namespace}/{each.workload.kind.lower()}/{each.workload.name}: {advice.container} should "
        f"request {advice.target} of {advice.resource} instead of {advice.requested or 'nothing'}"
        for each in found
        for advice in each.advice
        if advice.target and advice.target != advice.requested
    ]
    say("\n".join(["", "as `kubewright size` has it:", *lines]) if lines else "\nnothing should request otherwise")
