"""What was found out about documents that have been seen before, by their JSON.

Most documents come many times: the replicas of a workload have one spec. What depends on nothing but a document's
content is worked out once and found again by its bytes, which costs less. Bounded, and forgotten all at once when it
is full: what is still in use is soon there again.
"""

from __future__ import annotations

from typing import Any, Final, Generic, TypeVar

import msgspec

V = TypeVar("V")

_MAX_ENTRIES: Final = 4096
_MAX_BYTES: Final = 16 * 1024 * 1024
_MAX_DOCUMENT_BYTES: Final = 64 * 1024

json_of = msgspec.json.Encoder().encode


class Seen(Generic[V]):
    """Values by the JSON of the document that they are about, under a name of what it is."""

    def __init__(self, max_entries: int = _MAX_ENTRIES, max_bytes: int = _MAX_BYTES) -> None:
        self._max_entries = max_entries
        self._max_bytes = max_bytes
        self._found: dict[tuple[Any, bytes], V] = {}
        self._bytes = 0

    def get(self, name: Any, document: bytes) -> V | None:
        """Return what was found out about a document, or None."""
        return self._found.get((name, document))

    def put(self, name: Any, document: bytes, value: V) -> None:
        """Keep what was found out, unless the document is large."""
        if len(document) > _MAX_DOCUMENT_BYTES:
            return
        if len(self._found) >= self._max_entries or self._bytes + len(document) > self._max_bytes:
            self.clear()
        self._found[name, document] = value
        self._bytes += len(document)

    def clear(self) -> None:
        """Forget everything."""
        self._found.clear()
        self._bytes = 0
