"""Tables of plain text, as the commands print them. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def columns(rows: Iterable[Sequence[str]], *, gap: int = 2) -> Iterator[str]:
    """Yield a line for each row, its cells below those of the others and so many spaces apart."""
    table = list(rows)
    widths = [max(map(len, column)) for column in zip(*table, strict=True)]
    for row in table:
        cells = (cell.ljust(width) for cell, width in zip(row, widths, strict=True))
        yield (" " * gap).join(cells).rstrip()
