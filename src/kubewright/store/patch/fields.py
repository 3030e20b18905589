"""Sets of field paths, in the form that managedFields carry them (FieldsV1).

A set is a nested dict: `{"f:spec": {"f:replicas": {}}}`. A path is a member of the set when its node is empty or has
`"."`. None is the empty set. Sets are never changed, so results share their parts, and `LEAF` is one object for all.
The meaning of every operation is structured-merge-diff's, with which the API server computes them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final, TypeAlias

import msgspec

from kubewright.api.schema import Schema

Fields: TypeAlias = dict[str, Any]

LEAF: Final[Fields] = {}
SELF: Final = "."


def is_member(node: Fields) -> bool:
    """Whether the path of this node itself belongs to the set."""
    return not node or SELF in node


def as_member(node: Fields | None) -> Fields:
    """Return the node with its own path in the set."""
    if not node:
        return LEAF
    return node if SELF in node else {SELF: LEAF, **node}


def union(one: Fields | None, other: Fields | None) -> Fields | None:
    """Return the paths that are in either set."""
    if one is None or other is None or one is other:
        return other if one is None else one
    result = dict(one)
    for name, node in other.items():
        if name != SELF:
            mine = one.get(name)
            result[name] = node if mine is None else union(mine, node)
    if is_member(one) or is_member(other):
        return as_member({name: node for name, node in result.items() if name != SELF})
    return result


def difference(one: Fields | None, other: Fields | None) -> Fields | None:
    """Return the paths of `one` that are not in `other`; a path's children are removed only if they are there too."""
    if one is None or other is None:
        return one
    changed = False
    result = dict(one)
    member = is_member(one)
    if member and is_member(other):
        member, changed = False, True
        result.pop(SELF, None)
    for name, node in other.items():
        mine = one.get(name) if name != SELF else None
        if mine is None:
            continue
        left = difference(mine, node)
        if left is not mine:
            changed = True
            if left is None:
                del result[name]
            else:
                result[name] = left
    return _settled(one, result, member=member) if changed else one


def _settled(original: Fields, result: Fields, *, member: bool) -> Fields | None:
    """Bring a node that lost paths into its one form: `.` beside children, nothing for a leaf, None for the empty."""
    children = len(result) - (SELF in result)
    if children == 0:
        return LEAF if member else None
    if not member:
        result.pop(SELF, None)
    return original if result == original else result


def intersection(one: Fields | None, other: Fields | None) -> Fields | None:
    """Return the paths that are in both sets."""
    if one is None or other is None:
        return None
    result: Fields = {}
    for name, node in one.items():
        theirs = other.get(name) if name != SELF else None
        if theirs is not None:
            common = intersection(node, theirs)
            if common is not None:
                result[name] = common
    if is_member(one) and is_member(other):
        return as_member(result)
    return result or None


def without(one: Fields | None, ignored: Fields | None) -> Fields | None:
    """Return the paths of `one` that are neither in `ignored` nor below one that is."""
    if one is None or ignored is None:
        return one
    if is_member(ignored):
        return None
    result = dict(one)
    for name, node in ignored.items():
        mine = result.get(name)
        if mine is not None:
            left = without(mine, node)
            if left is None:
                del result[name]
            else:
                result[name] = left
    return _settled(one, result, member=is_member(one))


def with_named_members(node: Fields | None, schema: Schema | None) -> Fields | None:
    """Return the set with each declared field on the way to a path as a member too: such fields have no life alone."""
    if node is None:
        return None
    result: Fields = {}
    for name, child in node.items():
        if name == SELF:
            result[SELF] = LEAF
            continue
        kind, text = name[0], name[2:]
        below: Schema | None = None
        named = False
        if schema is not None and kind == "f":
            below = schema.child(text)
            named = text in schema.properties
        elif schema is not None and kind == "k":
            below = schema.items
        widened = with_named_members(child, below)
        result[name] = as_member(widened) if named else widened
    return result


def paths(node: Fields | None, prefix: str = "") -> Iterator[str]:
    """Name each member as messages do: `.spec.containers[name="web"].image`."""
    if node is None:
        return
    if is_member(node) and prefix:
        yield prefix
    for name, child in node.items():
        if name != SELF:
            yield from paths(child, prefix + shown_element(name))


def shown_element(element: str) -> str:
    """Show one path element as messages do."""
    kind, text = element[0], element[2:]
    match kind:
        case "f":
            return f".{text}"
        case "k":
            keys = msgspec.json.decode(text, type=dict[str, Any])
            return "[" + ",".join(f"{key}={_json(value)}" for key, value in keys.items()) + "]"
        case "v":
            return f"[={text}]"
        case _:
            return f"[{text}]"


def _json(value: Any) -> str:
    return msgspec.json.encode(value).decode()
