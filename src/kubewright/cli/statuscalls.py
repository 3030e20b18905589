"""What `kubewright status` asks, and how it shows the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import msgspec

from kubewright.cli.columns import CELL_AT_MOST, Table
from kubewright.cli.connection import connected
from kubewright.cli.exits import Exit
from kubewright.cli.options import FOR_PEOPLE
from kubewright.cli.printing import show_table
from kubewright.cli.terminal import coloured, one_line, say
from kubewright.client.config import ConnectionConfig
from kubewright.clock import Clock
from kubewright.overview.decide import Area, Level, Overview, overview
from kubewright.overview.reading import read_facts

AGAIN_SECONDS = 5.0
WANTS_SHOWN = 10
WORDS = {
    Level.OFF: "-",
    Level.GOOD: "ok",
    Level.UNKNOWN: "unknown",
    Level.ATTENTION: "look",
    Level.BAD: "bad",
}
_STYLES: dict[Level, dict[str, Any]] = {
    Level.OFF: {"dim": True},
    Level.GOOD: {"fg": "green"},
    Level.UNKNOWN: {"fg": "magenta"},
    Level.ATTENTION: {"fg": "yellow"},
    Level.BAD: {"fg": "red", "bold": True},
}
_VERDICTS = {
    Level.OFF: "All is well.",
    Level.GOOD: "All is well.",
    Level.UNKNOWN: "Not everything could be told.",
    Level.ATTENTION: "Something should be looked at.",
    Level.BAD: "Something is wrong.",
}
_CODES = {Level.UNKNOWN: Exit.FAILED, Level.ATTENTION: Exit.UNWELL, Level.BAD: Exit.UNWELL}


async def show_status(config: ConnectionConfig, output: str, color: bool | None, *, watch: bool) -> int:
    """Print it, with `watch` again and again; return the exit code."""
    async with connected(config) as client:
        while True:
            found = overview(await read_facts(client), Clock.wall().now())
            if output in FOR_PEOPLE:
                _show(found, config.server, with_colour=coloured(color))
            else:
                rows = [(each.name, WORDS[each.level], each.summary) for each in found.areas]
                table = Table(("AREA", "STATE", "SUMMARY"), rows, names=[each.name for each in found.areas])
                show_table(output, table, lambda: document(found))  # noqa: B023
            if not watch:
                return _CODES.get(found.level, Exit.OK)
            say()
            await asyncio.sleep(AGAIN_SECONDS)


def document(found: Overview) -> dict[str, Any]:
    """Return it as programs read it."""
    return {
        "state": WORDS[found.level],
        "areas": [
            {"name": each.name, "state": WORDS[each.level], "summary": each.summary, "details": list(each.details)}
            for each in found.areas
        ],
        "wants": msgspec.to_builtins(found.wants),
    }


def _show(found: Overview, server: str, *, with_colour: bool) -> None:
    say(f"{server}: {_VERDICTS[found.level]}", style=_STYLES[found.level] if with_colour else None)
    for each in found.areas:
        say(_line(each), style=_STYLES[each.level] if with_colour else None)
        for detail in each.details:
            say(f"  {'':<22}{one_line(detail, CELL_AT_MOST)}")
    if found.wants:
        say("\nWants a person:")
    for each in found.wants[:WANTS_SHOWN]:
        say(f"  {one_line(each.what, CELL_AT_MOST)}\n    {each.command}")
    if len(found.wants) > WANTS_SHOWN:
        say(f"  and {len(found.wants) - WANTS_SHOWN} more (-o json has all)")


def _line(area: Area) -> str:
    return f"  {WORDS[area.level]:<8}{area.name:<14}{one_line(area.summary, CELL_AT_MOST)}"
