"""Which part of the cluster one of several replicas works on, when one leader is not enough.

Each shard elects a leader of its own (`NAME-0`, `NAME-1` ...), so that every shard has exactly one actor whoever of the
replicas it is. A shard's queue takes its own keys only; its caches still hold all of them, unless it is chosen by a
label, by which the server selects. Changing the count is a restart of all: for a moment a key may have two actors,
which is what every write here withstands.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

from kubewright.api.meta import ObjectKey


@dataclass(frozen=True, slots=True)
class Shard:
    """One of `count` equal parts, by the hash of the namespace (of the name, for kinds without); or by a label."""

    index: int = 0
    count: int = 1
    label_selector: str = ""
    """If given, it alone decides: the server sends only these objects of the controllers' own kinds."""

    def __post_init__(self) -> None:
        """Refuse a part that is not one of the whole."""
        if not 0 <= self.index < self.count:
            raise ValueError(f"shard {self.index} is not one of {self.count}")

    def holds(self, key: ObjectKey) -> bool:
        """Whether a key is this shard's to work on; the same on every machine and in every run."""
        if self.count == 1:
            return True
        digest = hashlib.blake2b((key.namespace or key.name).encode(), digest_size=8).digest()
        return int.from_bytes(digest, "big") % self.count == self.index

    def lease(self, name: str) -> str:
        """Return the name of the Lease that this shard's replicas compete for."""
        return name if self.count == 1 else f"{name}-{self.index}"


def parse_shard(text: str) -> Shard:
    """Read `1/3`, the second of three, or a label selector; raises ValueError."""
    index, slash, count = text.partition("/")
    if slash and index.isdigit() and count.isdigit():
        return Shard(int(index), int(count))
    return Shard(label_selector=text)


WHOLE = Shard()
