"""The options that mean the same in every command, each said once: what kubectl's users know keeps its name."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from kubewright.cli.names import complete

F = TypeVar("F", bound=Callable[..., Any])

LISTED = ("table", "wide", "json", "yaml", "name", "csv")
"""Forms of what is listed (`printing.show_table`)."""
FOR_PEOPLE = ("table", "wide")
"""Those of them that may go on below a table, with --watch."""
TOLD = ("text", "json", "yaml")
"""Forms of an answer in words (`printing.show`)."""
MANIFESTS = ("yaml", "json")
"""Forms of what kubectl applies (`render.written`)."""


def output_option(forms: tuple[str, ...] = LISTED, text: str = "The form.") -> Callable[[F], F]:
    """Add -o; the first form is the default."""
    return click.option("-o", "--output", type=click.Choice(forms), default=forms[0], show_default=True, help=text)


def namespace_option(text: str = "The context's by default.", default: str = "") -> Callable[[F], F]:
    """Add -n; what is taken without it is the command's to say."""
    return click.option(
        "-n",
        "--namespace",
        default=default,
        show_default=bool(default),
        help=text,
        shell_complete=complete("namespaces"),
    )


def all_namespaces_option(text: str = "Of all namespaces.") -> Callable[[F], F]:
    """Add -A."""
    return click.option("-A", "--all-namespaces", is_flag=True, help=text)


def selector_option(text: str = "Labels, as kubectl's: app=web,tier!=db.") -> Callable[[F], F]:
    """Add -l; what is none is a usage error, before any cluster is asked."""
    return click.option("-l", "--selector", default="", help=text, callback=_checked)


def _checked(context: click.Context, parameter: click.Parameter, text: str) -> str:
    del context, parameter
    if text:
        from kubewright.api.selectors import parse_label_selector

        try:
            parse_label_selector(text)
        except ValueError as error:
            raise click.BadParameter(str(error)) from error
    return text


def watch_option(text: str) -> Callable[[F], F]:
    """Add -w."""
    return click.option("-w", "--watch", is_flag=True, help=text)


def timeout_option(default: float, text: str = "Seconds to wait at most.") -> Callable[[F], F]:
    """Add --timeout."""
    return click.option("--timeout", type=click.FloatRange(min=0), default=default, show_default=True, help=text)


def wait_option(text: str) -> Callable[[F], F]:
    """Add --wait, with --timeout."""

    def add(command: F) -> F:
        return click.option("--wait", is_flag=True, help=text)(timeout_option(300.0)(command))

    return add


def dry_run_option(text: str = "Let the server check everything, and write nothing.") -> Callable[[F], F]:
    """Add --dry-run."""
    return click.option("--dry-run", is_flag=True, help=text)


def yes_option(text: str = "Do not ask first.") -> Callable[[F], F]:
    """Add --yes."""
    return click.option("-y", "--yes", is_flag=True, help=text)


def color_option() -> Callable[[F], F]:
    """Add --color; `terminal.coloured` decides without it."""
    return click.option("--color/--no-color", default=None, help="By default on a terminal, unless NO_COLOR is set.")
