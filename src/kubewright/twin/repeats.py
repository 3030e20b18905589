"""Fields that a JSON body says twice: the last one counts, and strict decoding names them all.

`rules.py` asks for every whole body. Decoding has forgotten the repeats by then, so a body is read again, unless it is
just what its document encodes to: so are those of clients in this process, which cost one comparison.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, cast

import msgspec

from kubewright.api.meta import Manifest
from kubewright.twin.media import encode


class _Pairs(list[tuple[str, Any]]):
    """An object as it was written: a list of its own, so that JSON's lists are told apart from it."""


def repeated_fields(body: bytes, document: Manifest) -> list[str]:
    """Return `duplicate field "data.k"` for each field said twice; `document` is what `body` decodes to."""
    if not body.lstrip().startswith(b"{"):
        return []
    once = encode(document)
    if once == body:
        return []
    try:
        if msgspec.json.format(body, indent=-1) == once:
            return []  # with spaces, as most libraries write it
        written = json.loads(body, object_pairs_hook=_Pairs)
    except (ValueError, RecursionError):
        return []  # YAML in braces: its repeats are not looked for
    return [f'duplicate field "{path}"' for path in dict.fromkeys(_repeats(written, ""))]


def _repeats(value: Any, path: str) -> Iterator[str]:
    match value:
        case _Pairs():
            seen: set[str] = set()
            for name, item in value:
                here = f"{path}.{name}" if path else name
                if name in seen:
                    yield here
                seen.add(name)
                yield from _repeats(item, here)
        case list():
            for index, item in enumerate(cast("list[Any]", value)):
                yield from _repeats(item, f"{path}[{index}]")
        case _:
            pass
