"""A saved cluster as a file: gzip over lines of JSON, a header first and then one object a line.

`zcat FILE | head -1` says what it is, `zcat FILE | tail -n +2 | jq` works on its objects. `copying.py` says what is
saved, `loading.py` makes a twin of it.
"""

from __future__ import annotations

import contextlib
import gzip
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.errors import ErrorKind, OpError
from kubewright.files import replacing

FORMAT = "kubewright.dev/saved-cluster"
VERSION = 1
_COMPRESSION = 3
"""Of gzip's nine levels the one where more of them hardly makes the file smaller, only slower."""


class Header(msgspec.Struct, frozen=True, rename="camel"):
    """The first line: what the file is, and the moment that it is of."""

    resource_version: str
    saved_at: str
    server_version: str = ""
    format: str = FORMAT
    version: int = VERSION


@contextlib.contextmanager
def writing(path: Path) -> Generator[Callable[[Header | Manifest], None]]:
    """Give what writes a line: the header, then objects. The file appears when the block ends, its owner's alone."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with (
            replacing(path, private=True) as file,
            # Without a name and a time in it, the same cluster makes the same file.
            gzip.GzipFile(filename="", mode="wb", compresslevel=_COMPRESSION, fileobj=file, mtime=0) as packed,
        ):
            yield lambda line: _write(packed, line)
    except OSError as error:
        raise _failed("savefile.write", path, error.strerror or str(error), ErrorKind.UNAVAILABLE) from error


def _write(packed: gzip.GzipFile, line: Header | Manifest) -> None:
    packed.write(msgspec.json.encode(line) + b"\n")


def read(path: Path) -> tuple[Header, list[Manifest]]:
    """Return a file's header and objects; raises OpError for one that is missing, cut short or something else."""
    try:
        with gzip.open(path, "rb") as lines:
            header = _header(path, lines.readline())
            return header, list(_objects(path, lines))
    except OSError as error:
        raise _failed("savefile.read", path, error.strerror or str(error)) from error
    except (EOFError, zlib.error) as error:
        raise _failed("savefile.read", path, f"the file is damaged: {error}") from error


def _header(path: Path, line: bytes) -> Header:
    try:
        header = msgspec.json.decode(line, type=Header)
        int(header.resource_version)
    except (msgspec.MsgspecError, ValueError) as error:
        raise _failed("savefile.read", path, f"not a saved cluster: {error}") from error
    if header.format != FORMAT:
        raise _failed("savefile.read", path, f"not a saved cluster, but {header.format!r}")
    if header.version > VERSION:
        raise _failed("savefile.read", path, f"written by a newer version: format {header.version}, known is {VERSION}")
    return header


def _objects(path: Path, lines: Iterator[bytes]) -> Iterator[Manifest]:
    for number, line in enumerate(lines, start=2):
        try:
            yield _checked(msgspec.json.decode(line, type=dict[str, Any]))
        except (msgspec.MsgspecError, KeyError, TypeError, ValueError) as error:
            raise _failed("savefile.read", path, f"line {number} is no saved object: {error}") from error


def _checked(obj: Manifest) -> Manifest:
    """Return an object that has all that the store and the caches count on."""
    metadata = obj["metadata"]
    int(metadata["resourceVersion"])
    for value in (obj["apiVersion"], obj["kind"], metadata["name"], metadata["uid"], metadata.get("namespace", "")):
        if not isinstance(value, str):
            raise TypeError(f"{value!r} is not text")
    return obj


def _failed(op: str, path: Path, detail: str, kind: ErrorKind = ErrorKind.INVALID) -> OpError:
    return OpError(op, kind, str(path), detail)
