"""JSON with numbered holes: what is alike in many documents once, and what differs filled in for each.

`eventwrites`, `moulds` and `podupdates` take apart what one request came to, and fill it again for those after it.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

_HOLE = re.compile(rb"\x00(\d+)\x00")


def hole(number: int) -> bytes:
    """Return what stands for a value: JSON has no such bytes elsewhere."""
    return b"\x00%d\x00" % number


@dataclass(frozen=True, slots=True)
class Form:
    """A document in pieces, and the numbers of the holes between them."""

    pieces: tuple[bytes, ...]
    holes: tuple[int, ...]

    @classmethod
    def of(cls, document: bytes) -> Form:
        """Take apart a document with holes."""
        parts = _HOLE.split(document)
        return cls(tuple(parts[::2]), tuple(map(int, parts[1::2])))

    def filled(self, values: Sequence[bytes]) -> bytes:
        """Return the document with a value in each hole, by the holes' numbers."""
        parts = [self.pieces[0]]
        for number, piece in zip(self.holes, self.pieces[1:], strict=True):
            parts += (values[number], piece)
        return b"".join(parts)
