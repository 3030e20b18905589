"""Fills templates in: every file below a template's folder, its path and, where it ends in `.jinja`, its text."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path

from jinja2 import Environment, StrictUndefined

from kubewright.errors import ErrorKind, OpError

_SUFFIX = ".jinja"
_OF_COPIER = frozenset({"copier.yml"})


def fill(template: str, target: Path, answers: Mapping[str, str]) -> list[Path]:
    """Write a template's files below `target` and return their paths; raises OpError, before anything is written.

    Nothing that is there is overwritten.
    """
    environment = Environment(undefined=StrictUndefined, keep_trailing_newline=True, autoescape=False)  # noqa: S701  code, not HTML
    root = resources.files("kubewright.scaffold").joinpath(template)
    files = {
        target / environment.from_string(path).render(answers): text
        for path, text in _files(root, "")
        if path not in _OF_COPIER
    }
    for path in files:
        if path.exists():
            raise OpError("new", ErrorKind.ALREADY_EXISTS, str(path), "it is there already, and is left as it is")
    written: list[Path] = []
    for path, text in files.items():
        plain = path.with_name(path.name.removesuffix(_SUFFIX))
        if plain.exists():
            raise OpError("new", ErrorKind.ALREADY_EXISTS, str(plain), "it is there already, and is left as it is")
        plain.parent.mkdir(parents=True, exist_ok=True)
        filled = environment.from_string(text).render(answers) if path.name.endswith(_SUFFIX) else text
        plain.write_text(filled, encoding="utf-8")
        written.append(plain)
    return written


def _files(folder: Traversable, path: str) -> Iterator[tuple[str, str]]:
    for entry in sorted(folder.iterdir(), key=lambda each: each.name):
        at = f"{path}{entry.name}"
        if entry.is_dir():
            if entry.name != "__pycache__":
                yield from _files(entry, f"{at}/")
        else:
            yield at, entry.read_text(encoding="utf-8")
