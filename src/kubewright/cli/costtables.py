"""Costs as tables for people, and as JSON, YAML and CSV for programs, in which every amount is exact."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubewright.api.meta import Manifest, rfc3339
from kubewright.cli.columns import Table, columns, csv_text
from kubewright.cli.printing import show as printed
from kubewright.cli.printing import show_table
from kubewright.cli.terminal import say
from kubewright.costs.budget import Spend, forecast, standing
from kubewright.costs.facts import Resource
from kubewright.costs.focus import COLUMNS, focus_rows
from kubewright.costs.groups import Row, rows
from kubewright.costs.ledger import Ledger
from kubewright.costs.money import Money, decimal, fixed
from kubewright.costs.prices import PriceBook
from kubewright.costs.sharing import IdleRule
from kubewright.costs.windows import Window
from kubewright.series.protocol import Missing

_PLACES = 4
_RESOURCES = tuple(Resource)
_MORE = ("idle", "shared", "total", "wasted", "gpuWasted", "unmeasured")


@dataclass(frozen=True, slots=True)
class Report:
    """What was found out."""

    book: PriceBook
    ledgers: Sequence[Ledger]
    window: Window | None
    """None for an hour as it is now."""
    covered: float
    """Which share of the window the store knows."""
    notes: tuple[str, ...] = ()


def show(output: str, by: str, idle: IdleRule, report: Report) -> None:
    """Print a report in the form asked for; what is not known goes to standard error where the form has no place."""
    match output:
        case "csv":
            say(csv_text(_csv_rows(by, idle, report)), nl=False)
        case "focus":
            say(csv_text(_focus(report)), nl=False)
        case "name":
            found = (row for ledger in report.ledgers for row in rows(ledger.lines, by, idle, report.book))
            for name in _names(by, dict.fromkeys(row.name for row in found)):
                say(name)
        case _:
            wide = output == "wide"
            printed(output, lambda: document(by, idle, report), lambda: lines(by, idle, report, wide=wide))
            return
    for line in _known(report):
        say(line, err=True)


def lines(by: str, idle: IdleRule, report: Report, *, wide: bool = False) -> Iterator[str]:
    """Yield a table for each step, and what is known of it."""
    currency = report.book.file.currency
    for ledger in report.ledgers:
        if report.window is None:
            yield f"an hour as it is now, in {currency}: no history was asked for (--prometheus)"
        else:
            yield f"{rfc3339(ledger.start)} to {rfc3339(ledger.end)}, in {currency}"
        yield from _table(by, rows(ledger.lines, by, idle, report.book), ledger, wide=wide)
        yield ""
    yield from _known(report)


def document(by: str, idle: IdleRule, report: Report) -> Manifest:
    """Return a report as a document."""
    window = report.window
    return {
        "currency": report.book.file.currency,
        "by": by,
        "idle": idle,
        "instantaneous": window is None,
        "resolutionSeconds": window.resolution_seconds if window else None,
        "steps": [
            {
                "from": rfc3339(ledger.start),
                "to": rfc3339(ledger.end),
                "cost": decimal(ledger.cost),
                "listCost": decimal(ledger.listed),
                "rows": [_row(row) for row in rows(ledger.lines, by, idle, report.book)],
            }
            for ledger in report.ledgers
        ],
        "coverage": {
            "window": round(report.covered, 4),
            "useMeasured": round(_measured(report), 4),
            "notes": list(report.notes),
        },
    }


def show_forecast(output: str, by: str, spends: Mapping[str, Spend], budgets: Mapping[str, Money], now: float) -> None:
    """Print what the month comes to, for each row, beside its budget."""
    found = list(_forecasts(by, spends, budgets, now))
    if output == "csv":
        say(csv_text([list(found[0]), *([*each.values()] for each in found)] if found else []), nl=False)
    else:
        head = (by.upper(), "SPENT", "EXPECTED", "KNOWN", "BUDGET", "OF IT", "USED UP", "LIKE")
        table = Table(head, [_forecast_cells(by, each) for each in found], _names(by, spends), amounts=True)
        # JSON has been a list from the first; YAML is a document of its own.
        show_table(output, table, lambda: found if output == "json" else {"forecasts": found})
    for name in sorted(budgets.keys() - spends.keys()):
        say(f"--budget {name}: nobody of that name spent anything", err=True)


def _names(by: str, names: Iterable[str]) -> list[str]:
    """Return kind and name of the rows that are somebody's; a controller's row says its kind itself."""
    somebody = [name for name in names if Row(name).is_somebody]
    return somebody if by == "controller" else [f"{by}/{name}" for name in somebody]


def _forecasts(
    by: str, spends: Mapping[str, Spend], budgets: Mapping[str, Money], now: float
) -> Iterator[dict[str, Any]]:
    for name, spend in spends.items():
        month = forecast(spend, now)
        told: dict[str, Any] = {by: name, "currency": spend.currency}
        if isinstance(month, Missing):
            yield (
                told
                | dict.fromkeys(("spent", "expected", "covered", "budget", "share", "usedUp"))
                | {"like": str(month)}
            )
            continue
        told |= {
            "spent": decimal(month.spent),
            "expected": decimal(month.expected),
            "covered": round(month.covered, 4),
            "budget": None,
            "share": None,
            "usedUp": None,
            "like": month.basis,
        }
        if name in budgets:
            where = standing(month, budgets[name])
            told |= {"budget": decimal(budgets[name]), "share": round(where.expected_share, 4)}
            told["usedUp"] = None if where.used_up_at is None else rfc3339(where.used_up_at)
        yield told


def _forecast_cells(by: str, told: Mapping[str, Any]) -> tuple[str, ...]:
    def amount(key: str) -> str:
        return "-" if told[key] is None else f"{float(told[key]):.2f}"

    def share(key: str) -> str:
        return "-" if told[key] is None else f"{told[key]:.0%}"

    return (
        told[by],
        amount("spent"),
        amount("expected"),
        share("covered"),
        amount("budget"),
        share("share"),
        told["usedUp"] or "-",
        told["like"],
    )


def _table(by: str, found: Sequence[Row], ledger: Ledger, *, wide: bool) -> Iterator[str]:
    used = [each for each in _RESOURCES if any(each in row.by_resource for row in found)]
    more = (*_MORE[:4], *(_MORE[4:] if wide else ()))
    header = (by.upper(), *(_heading(each.value) for each in used), *(_heading(each) for each in more))
    body = [
        (
            row.name,
            *(_amount(row.by_resource.get(each, 0)) for each in used),
            *(_amount(_more(row, each)) for each in more),
        )
        for row in found
    ]
    blank = [""] * (len(used) + 2)
    total = ("all", *blank, _amount(ledger.cost), *([""] * (len(more) - 3)))
    yield from columns([header, *body, total], amounts=True)
    if wide and ledger.listed != ledger.cost:
        yield f"before discounts: {_amount(ledger.listed)}"


def _known(report: Report) -> Iterator[str]:
    if report.window is not None:
        resolution = report.window.resolution_seconds
        yield f"known of the window: {report.covered:.1%}, in parts of {resolution} seconds"
    yield f"use was measured for {_measured(report):.1%} of what workloads cost; the rest goes by requests alone"
    yield from (f"note: {each}" for each in report.notes)


def _measured(report: Report) -> float:
    """Return for which share of what workloads cost on nodes it is known what they used."""
    lines_ = [line for ledger in report.ledgers for line in ledger.lines if line.owner.namespace]
    whole = sum(line.cost for line in lines_)
    return 1.0 if not whole else 1 - sum(line.unmeasured for line in lines_) / whole


def _row(row: Row) -> dict[str, str]:
    own = {each.value: decimal(row.by_resource.get(each, 0)) for each in _RESOURCES}
    return {"name": row.name, **own, **{each: decimal(_more(row, each)) for each in _MORE}}


def _more(row: Row, name: str) -> Money:
    match name:
        case "idle":
            return row.idle
        case "shared":
            return row.shared
        case "total":
            return row.total
        case "wasted":
            return row.wasted
        case "gpuWasted":
            return row.gpu_wasted
        case _:
            return row.unmeasured


def _csv_rows(by: str, idle: IdleRule, report: Report) -> Iterator[Sequence[str]]:
    yield ("from", "to", "currency", by, *(each.value for each in _RESOURCES), *_MORE)
    for ledger in report.ledgers:
        for row in rows(ledger.lines, by, idle, report.book):
            period = (rfc3339(ledger.start), rfc3339(ledger.end), report.book.file.currency)
            yield (*period, *_row(row).values())


def _focus(report: Report) -> Iterator[Sequence[str]]:
    yield COLUMNS
    for row in focus_rows(report.ledgers, report.book.file):
        yield [row[each] or "" for each in COLUMNS]


def _amount(amount: Money) -> str:
    return fixed(amount, _PLACES) if amount else "-"


def _heading(name: str) -> str:
    """Return `GPU WASTED` for `gpuWasted`."""
    return "".join(f" {each}" if each.isupper() else each for each in name).upper()
