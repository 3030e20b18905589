"""What a scheduler may prefer, as an option: the names of `app.PROFILES`, which only commands that run load."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

F = TypeVar("F", bound=Callable[..., Any])
PROFILES = ("spread", "pack", "cost", "gpu")


def profile_option(text: str) -> Callable[[F], F]:
    """Add --profile; `text` is its help."""
    return click.option("--profile", type=click.Choice(PROFILES), default="spread", show_default=True, help=text)
