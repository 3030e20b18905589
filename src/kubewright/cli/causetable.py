"""The catalogue of causes, as a table and as data: what `kubewright incidents causes` shows."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.table import Table

from kubewright.cli.live import show
from kubewright.healing.catalogue import CAUSES
from kubewright.healing.finding import Cause


def show_causes(output: str) -> None:
    """Print every cause."""
    if output != "table":
        show(output, lambda: {"causes": [_document(each) for each in CAUSES]}, tuple)
        return
    table = Table("cause", "what is wrong", "what is done", box=None, pad_edge=False)
    for each in CAUSES:
        done = ", then ".join(f"{remedy.name} ({remedy.safety})" for remedy in each.remedies)
        table.add_row(each.name, each.summary, done or "a person is told")
    Console().print(table)


def _document(cause: Cause) -> dict[str, Any]:
    return {
        "name": cause.name,
        "level": cause.level.name.lower(),
        "summary": cause.summary,
        "remedies": [{"name": each.name, "safety": str(each.safety)} for each in cause.remedies],
        "alsoKnownAs": list(cause.also_known_as),
    }
