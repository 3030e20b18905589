"""The catalogue of causes, as a table and as data: what `kubewright incidents causes` shows."""

from __future__ import annotations

from typing import Any

from kubewright.cli.columns import Table
from kubewright.cli.printing import show_table
from kubewright.healing.catalogue import CAUSES
from kubewright.healing.finding import Cause


def show_causes(output: str) -> None:
    """Print every cause."""
    rows = [(each.name, each.summary, _done(each)) for each in CAUSES]
    table = Table(("CAUSE", "WHAT IS WRONG", "WHAT IS DONE"), rows, names=[each.name for each in CAUSES])
    show_table(output, table, lambda: {"causes": [_document(each) for each in CAUSES]})


def _done(cause: Cause) -> str:
    return ", then ".join(f"{each.name} ({each.safety})" for each in cause.remedies) or "a person is told"


def _document(cause: Cause) -> dict[str, Any]:
    return {
        "name": cause.name,
        "level": cause.level.name.lower(),
        "summary": cause.summary,
        "remedies": [{"name": each.name, "safety": str(each.safety)} for each in cause.remedies],
        "alsoKnownAs": list(cause.also_known_as),
    }
