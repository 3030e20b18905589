"""What a command writes to a file: whole or not at all, and a clear answer where that cannot be."""

from __future__ import annotations

from pathlib import Path

import click

from kubewright.files import replacing


def write_file(path: Path, content: str | bytes) -> None:
    """Write one file, with the folders above it."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with replacing(path) as file:
            file.write(content.encode() if isinstance(content, str) else content)
    except OSError as error:
        raise click.ClickException(f"{path}: {error.strerror or error}") from error
