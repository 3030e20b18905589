"""Packages that single commands need: who lacks one is told before anything begins, and how to install it."""

from __future__ import annotations

from importlib.util import find_spec

import click


def need(what: str, package: str, extra: str, otherwise: str = "") -> None:
    """Raise ClickException if a package is not there that comes with an extra."""
    if find_spec(package) is None:
        raise click.ClickException(f"{what} needs {package}: pip install 'kubewright[{extra}]'{otherwise}")
