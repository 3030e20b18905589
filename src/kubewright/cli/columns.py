"""Tables of plain text, as the commands print them. Pure."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from kubewright.cli.terminal import one_line

CELL_AT_MOST = 160
"""Characters of a cell: longer ones are cut, and whole in JSON, YAML and CSV."""


@dataclass(frozen=True, slots=True)
class Table:
    """What is listed: a heading for each column, a cell for each column of each row."""

    head: Sequence[str]
    rows: Sequence[Sequence[str]]
    names: Sequence[str] = ()
    """What `-o name` prints: kind/name, for each row."""
    narrow: int | None = None
    """How many columns there are without `-o wide`; all by default."""
    amounts: bool = False
    """Whether all cells but the first of a row are set to the right."""
    empty: str = ""
    """What is said where there are no rows."""
    notes: Sequence[str] = ()
    """Lines below it, for people."""

    def lines(self, *, wide: bool = False) -> Iterator[str]:
        """Yield it for people."""
        if not self.rows and self.empty:
            yield self.empty
        else:
            shown = None if wide else self.narrow
            yield from columns((row[:shown] for row in (self.head, *self.rows)), amounts=self.amounts)
        yield from self.notes


def columns(rows: Iterable[Sequence[str]], *, gap: int = 2, amounts: bool = False) -> Iterator[str]:
    """Yield a line for each row, its cells below those of the others and so many spaces apart."""
    table = [[one_line(cell, CELL_AT_MOST) for cell in row] for row in rows]
    widths = [max(map(places, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells: list[str] = []
        for number, (cell, width) in enumerate(zip(row, widths, strict=True)):
            blank = " " * (width - places(cell))
            cells.append(blank + cell if amounts and number else cell + blank)
        yield (" " * gap).join(cells).rstrip()


def places(text: str) -> int:
    """Return how many places of a terminal a line takes: two for wide characters, none for accents on one."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def csv_text(rows: Iterable[Sequence[Any]]) -> str:
    """Return rows as CSV, a line each."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
