"""An answer in the form that was asked for with `-o`, the same way in every command."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable
from typing import Any

from kubewright.cli.columns import Table, csv_text
from kubewright.cli.terminal import say


def show(output: str, document: Callable[[], Any], lines: Callable[[], Iterable[str]]) -> None:
    """Print an answer: as `json` or `yaml` its document, else its lines."""
    match output:
        case "json":
            say(json.dumps(document(), indent=2))
        case "yaml":
            from kubewright.cli.yamlform import dump

            say(dump(document()), nl=False)
        case _:
            for line in lines():
                say(line)


def show_table(output: str, table: Table, document: Callable[[], Any]) -> None:
    """Print what is listed: as a table, `wide`, `csv` or `name`, or as its document."""
    match output:
        case "csv":
            say(csv_text([[cell.lower() for cell in table.head], *table.rows]), nl=False)
        case "name":
            for name in table.names:
                say(name)
        case _:
            show(output, document, lambda: table.lines(wide=output == "wide"))
