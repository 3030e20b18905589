"""Chunks to lines: a watch's events are JSON lines, and chunks end anywhere."""

from __future__ import annotations


class LineSplitter:
    """Collects chunks and gives back the lines they complete; a long line is joined once, not chunk by chunk."""

    def __init__(self) -> None:
        self._begun: list[bytes] = []

    def feed(self, chunk: bytes) -> list[bytes]:
        """Return the lines that end in `chunk`, without their newlines and without empty ones."""
        lines = chunk.split(b"\n")
        rest = lines.pop()
        if not lines:
            self._begun.append(rest)
            return lines
        if self._begun:
            self._begun.append(lines[0])
            lines[0] = b"".join(self._begun)
            self._begun.clear()
        if rest:
            self._begun.append(rest)
        return [line for line in lines if line]

    def rest(self) -> bytes:
        """Return the line that was begun when the stream ended."""
        return b"".join(self._begun)
