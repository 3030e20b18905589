"""JSON patch (RFC 6902), with the API server's answers where the RFC leaves room."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, cast

from kubewright.api.meta import Manifest
from kubewright.errors import OpError
from kubewright.store.equality import same_json
from kubewright.store.patch.errors import inapplicable, json_kind, malformed

_KIND = "JSON patch"

MAX_OPERATIONS = 10_000
"""The API server's limit."""

_DECODING = "error decoding patch: json: cannot unmarshal"
_APPEND = "-"
_ABSENT = object()


def apply_json_patch(doc: Manifest, ops: Sequence[Mapping[str, Any]]) -> Manifest:
    """Return the document after all operations, or raise INVALID and leave it alone."""
    if not isinstance(ops, list | tuple):
        raise malformed(_KIND, f"{_DECODING} {json_kind(ops)} into Go value of type []handlers.jsonPatchOp")
    if len(ops) > MAX_OPERATIONS:
        raise malformed(_KIND, f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(ops)}")
    result: Any = doc
    for op in ops:
        result = _apply_one(result, op)
    if not isinstance(result, dict):
        raise inapplicable(_KIND, "the result is not an object")
    return cast("Manifest", result)


def _apply_one(doc: Any, op: Mapping[str, Any]) -> Any:
    if not isinstance(op, Mapping):  # pyright: ignore[reportUnnecessaryIsInstance]
        raise malformed(_KIND, f"{_DECODING} {json_kind(op)} into Go value of type handlers.jsonPatchOp")
    name = op.get("op")
    path = _tokens(op, "path")
    match name:
        case "add":
            return _add(doc, path, op.get("value"))
        case "replace":
            value = op.get("value")
            return _edit(doc, path, "replace", lambda parent, key: _replaced(parent, key, value)) if path else value
        case "remove":
            return _edit(doc, path, "remove", _removed)
        case "test":
            return _test(doc, path, op)
        case "move":
            source = _tokens(op, "from")
            moved = _read(doc, source, "move")
            return _add(_edit(doc, source, "move", _removed), path, moved)
        case "copy":
            return _add(doc, path, _read(doc, _tokens(op, "from"), "copy", absent=None))
        case _:
            raise inapplicable(_KIND, f"Unexpected kind: {name}")


def _tokens(op: Mapping[str, Any], name: str) -> list[str]:
    """Split a JSON pointer; what stands before the first slash is passed over, as the API server does."""
    pointer = op.get(name)
    if not isinstance(pointer, str):
        raise inapplicable(_KIND, f"an operation has no {name}")
    return [token.replace("~1", "/").replace("~0", "~") for token in pointer.split("/")[1:]]


def as_token(name: str) -> str:
    """Write a field's name as it stands in a JSON pointer."""
    return name.replace("~", "~0").replace("/", "~1")


def _test(doc: Any, path: list[str], op: Mapping[str, Any]) -> Any:
    found = _read(doc, path, "test", absent=None)
    if not same_json(found, op.get("value")):
        raise inapplicable(_KIND, f"testing value {op['path']} failed: test failed")
    return doc


def _read(doc: Any, path: list[str], name: str, *, absent: Any = _ABSENT) -> Any:
    """Return the value at a path; a missing last key is `absent` where the operation allows for that."""
    value = doc
    for depth, token in enumerate(path):
        try:
            value = _child(value, token)
        except (KeyError, IndexError) as error:
            if absent is not _ABSENT and depth == len(path) - 1 and isinstance(value, dict):
                return absent
            raise _missing(name, path) from error
    return value


def _child(parent: Any, token: str) -> Any:
    if isinstance(parent, dict):
        return cast("dict[str, Any]", parent)[token]
    if isinstance(parent, list):
        items = cast("list[Any]", parent)
        return items[_position(token, len(items) - 1)]
    raise KeyError(token)


def _position(token: str, last: int) -> int:
    """Read a list index; negative ones count from the end, as the API server still accepts."""
    digits = token.removeprefix("-")
    if not digits.isdecimal() or (len(digits) > 1 and digits[0] == "0"):
        raise KeyError(token)
    index = int(token)
    if index < 0:
        index += last + 1
    if not 0 <= index <= last:
        raise IndexError(token)
    return index


def _add(doc: Any, path: list[str], value: Any) -> Any:
    return _edit(doc, path, "add", lambda parent, key: _added(parent, key, value)) if path else value


def _edit(doc: Any, path: list[str], name: str, change: Callable[[Any, str], Any]) -> Any:
    """Rebuild what leads to a path, with its last container changed; everything beside the way is shared."""
    if not path:
        raise inapplicable(_KIND, f"cannot {name} the whole document")
    try:
        return _edited(doc, path, change)
    except _MissingKeyError as error:
        raise _missing(name, path, error.key) from error
    except (KeyError, IndexError) as error:
        raise _missing(name, path) from error


def _edited(value: Any, path: list[str], change: Callable[[Any, str], Any]) -> Any:
    token = path[0]
    if len(path) == 1:
        return change(value, token)
    part = _edited(_child(value, token), path[1:], change)
    return _replaced(value, token, part)


def _added(parent: Any, token: str, value: Any) -> Any:
    if isinstance(parent, dict):
        return {**cast("dict[str, Any]", parent), token: value}
    if isinstance(parent, list):
        items = cast("list[Any]", parent)
        index = len(items) if token == _APPEND else _position(token, len(items))
        return [*items[:index], value, *items[index:]]
    raise KeyError(token)


def _replaced(parent: Any, token: str, value: Any) -> Any:
    """Set an entry, which a map need not have had: laxer than the RFC, like the API server."""
    if isinstance(parent, dict):
        return {**cast("dict[str, Any]", parent), token: value}
    _child(parent, token)
    items = list(cast("list[Any]", parent))
    items[_position(token, len(items) - 1)] = value
    return items


class _MissingKeyError(Exception):
    """An object has no such key, although the way to it is there."""

    def __init__(self, key: str) -> None:
        super().__init__(key)
        self.key = key


def _removed(parent: Any, token: str) -> Any:
    if isinstance(parent, dict) and token not in parent:
        raise _MissingKeyError(token)
    _child(parent, token)
    if isinstance(parent, dict):
        return {key: value for key, value in cast("dict[str, Any]", parent).items() if key != token}
    items = list(cast("list[Any]", parent))
    del items[_position(token, len(items) - 1)]
    return items


def _missing(name: str, path: list[str], key: str = "") -> OpError:
    """Word a path that leads nowhere; `key` is the last part, when only that is missing."""
    shown = f"/{'/'.join(path)}"
    if name == "remove" and key:
        detail = f"error in remove for path: '{shown}': Unable to remove nonexistent key: {key}: missing value"
        return inapplicable(_KIND, detail)
    shown = f'"{shown}"' if name in {"add", "remove"} else shown
    return inapplicable(_KIND, f"{name} operation does not apply: doc is missing path: {shown}: missing value")
