"""Short hashes of templates: the names of their ReplicaSets and revisions. Pure."""

from __future__ import annotations

import hashlib

import msgspec

_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"
"""No vowels, so that no hash is a word."""


def short_hash(document: object) -> str:
    """Return ten letters that the document determines."""
    text = msgspec.json.encode(document, order="deterministic")
    number = int.from_bytes(hashlib.blake2b(text, digest_size=8).digest(), "big")
    letters: list[str] = []
    for _ in range(10):
        number, index = divmod(number, len(_ALPHABET))
        letters.append(_ALPHABET[index])
    return "".join(letters)
