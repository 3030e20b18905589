"""Files that are there whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import os
import stat
from collections.abc import Generator
from pathlib import Path
from typing import BinaryIO


@contextlib.contextmanager
def replacing(path: Path, *, private: bool = False) -> Generator[BinaryIO]:
    """Give a file to write that takes the place of `path` when the block ends; a `private` one is its owner's alone.

    If the block fails, or the disk is full, what was at `path` stays as it was and nothing else is left. What takes its
    place is on the disk by then.
    Raises OSError.
    """
    unfinished = path.with_name(f".{path.name}.{os.getpid()}.new")
    unfinished.unlink(missing_ok=True)
    descriptor = os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600 if private else 0o666)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        unfinished.replace(path)
    finally:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)


def adding(path: Path, content: bytes) -> None:
    """Add to the end of a file, which is made if there is none. If the disk is full it stays as it was; raises OSError.

    What is no regular file, a pipe say, may have got a part.
    """
    with path.open("ab", buffering=0) as file:
        is_regular = stat.S_ISREG(os.fstat(file.fileno()).st_mode)
        size = file.tell() if is_regular else 0
        left = memoryview(content)
        try:
            while left:
                count = file.write(left)
                if not count:
                    raise BlockingIOError(errno.EAGAIN, os.strerror(errno.EAGAIN))
                left = left[count:]
        except OSError:
            if is_regular:
                file.truncate(size)
            raise
        if is_regular:
            os.fsync(file.fileno())
