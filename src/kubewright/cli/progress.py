"""How far long work is: a bar on a terminal, a line for each step where there is none. Always on standard error."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import contextmanager

import click

from kubewright.cli.terminal import say


@contextmanager
def counting(what: str, of: int) -> Generator[Callable[[int], None]]:
    """Yield what is told how many of them are done."""
    if not sys.stderr.isatty():
        yield lambda done: say(f"{done} of {of} {what}", err=True)
        return
    with click.progressbar(length=of, label=what, file=sys.stderr, show_pos=True) as shown:
        shown.render_progress()
        yield lambda done: shown.update(done - shown.pos)
