r"""The one way to the terminal: what a cluster says is made harmless, and colour is only where somebody looks.

Names, messages and annotations are whatever somebody wrote into a cluster: an escape sequence among them would move
the reader's cursor, an override of direction would show another name than there is. They are shown as `\x1b`.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from typing import Any

import click

_HARMFUL = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u2069\ufeff\ud800-\udfff]"
)
"""Control characters but tab and line feed, marks of direction, what is invisible, and halves of characters."""


def harmless(text: str) -> str:
    """Return text in which nothing acts on a terminal; what would is written out."""
    return _HARMFUL.sub(_written_out, text)


def _written_out(found: re.Match[str]) -> str:
    code = ord(found[0])
    return f"\\x{code:02x}" if code <= 0xFF else f"\\u{code:04x}"  # noqa: PLR2004  one byte


def one_line(text: str, most: int) -> str:
    """Return text as one harmless line of at most so many characters."""
    line = harmless(text.replace("\n", "\\n").replace("\t", " "))
    return line if len(line) <= most else f"{line[: most - 1]}…"


def say(text: str = "", *, err: bool = False, nl: bool = True, style: Mapping[str, Any] | None = None) -> None:
    """Print text on standard output or, what is no answer, on standard error; `style` is click's, for `coloured`."""
    shown = harmless(text)
    styled = click.style(shown, **style) if style else shown
    click.echo(styled, err=err, nl=nl, color=True if style else None)  # noqa: TID251  the one place


def coloured(wanted: bool | None = None) -> bool:
    """Tell whether to colour: as asked for; else on a terminal, unless NO_COLOR is set (no-color.org) or it is dumb."""
    if wanted is not None:
        return wanted
    return sys.stdout.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
