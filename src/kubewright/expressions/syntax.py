"""Expression trees: what the CEL runtime's parser found, read from its serialised form.

`checking` walks them to find out types. The form is protobuf's wire format of `cel.expr.Expr`; only the parts that say
something about types are read.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, TypeAlias

Message: TypeAlias = dict[int, list[Any]]
_VALUE, _MAP_KEY = 4, 3
_CONSTANTS = {1: "null_type", 2: "bool", 3: "int", 4: "uint", 5: "double", 6: "string", 7: "bytes"}


@dataclass(frozen=True, slots=True)
class Const:
    """A literal; only a string's text is kept."""

    type: str
    text: str = ""


@dataclass(frozen=True, slots=True)
class Ident:
    """A name."""

    name: str


@dataclass(frozen=True, slots=True)
class Select:
    """A field of something; `test` is has()."""

    operand: Node
    field: str
    test: bool


@dataclass(frozen=True, slots=True)
class Invoke:
    """A function, or an operator by its internal name (`_+_`); `target` is what a member function is called on."""

    function: str
    target: Node | None
    arguments: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Listing:
    """A list literal."""

    items: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Mapping:
    """A map literal, or a message with a name."""

    name: str
    keys: tuple[Node, ...]
    values: tuple[Node, ...]


@dataclass(frozen=True, slots=True)
class Loop:
    """What a macro became: `accumulator` starts as `initial` and takes `step` for each `variable` of `over`."""

    variable: str
    over: Node
    accumulator: str
    initial: Node
    condition: Node
    step: Node
    result: Node


@dataclass(frozen=True, slots=True)
class Node:
    """One expression and its number, by which its place in the text is found."""

    number: int
    content: Const | Ident | Select | Invoke | Listing | Mapping | Loop


@dataclass(frozen=True, slots=True)
class Syntax:
    """A whole expression and where each of its parts stands, in characters from the beginning."""

    root: Node
    offsets: dict[int, int] = field(default_factory=dict[int, int])


def walk(node: Node) -> Iterator[Node]:
    """Yield an expression and all of its parts."""
    yield node
    for part in _parts(node.content):
        yield from walk(part)


def _parts(content: Const | Ident | Select | Invoke | Listing | Mapping | Loop) -> tuple[Node, ...]:
    match content:
        case Select(operand):
            return (operand,)
        case Invoke(_, target, arguments):
            return (*([] if target is None else [target]), *arguments)
        case Listing(items):
            return items
        case Mapping(_, keys, values):
            return (*keys, *values)
        case Loop():
            return (content.over, content.initial, content.condition, content.step, content.result)
        case _:
            return ()


def read_syntax(serialized: bytes) -> Syntax:
    """Read what `Expression.serialize` gives: a checked or a parsed expression, packed into an Any."""
    packed = _fields(serialized)
    checked = b"CheckedExpr" in packed[1][0]
    document = _fields(packed[2][0])
    tree_tag, source_tag = (4, 5) if checked else (2, 3)
    tree, source = document[tree_tag][0], document.get(source_tag)
    offsets: dict[int, int] = {}
    for entry in _fields(source[0]).get(4, []) if source else []:
        pair = _fields(entry)
        offsets[_int(pair, 1)] = _int(pair, 2)
    return Syntax(_node(tree), offsets)


def _node(data: bytes) -> Node:
    message = _fields(data)
    number = _int(message, 2)
    for tag, read in _READERS.items():
        if tag in message:
            return Node(number, read(_fields(message[tag][0])))
    return Node(number, Const("null_type"))


def _const(message: Message) -> Const:
    for tag, name in _CONSTANTS.items():
        if tag in message:
            return Const(name, message[tag][0].decode() if name == "string" else "")
    return Const("null_type")


def _select(message: Message) -> Select:
    return Select(_node(message[1][0]), _text(message, 2), bool(_int(message, 3)))


def _invoke(message: Message) -> Invoke:
    target = _node(message[1][0]) if 1 in message else None
    return Invoke(_text(message, 2), target, tuple(_node(each) for each in message.get(3, [])))


def _listing(message: Message) -> Listing:
    return Listing(tuple(_node(each) for each in message.get(1, [])))


def _mapping(message: Message) -> Mapping:
    entries = [_fields(each) for each in message.get(2, [])]
    keys = tuple(_node(entry[_MAP_KEY][0]) for entry in entries if _MAP_KEY in entry)
    return Mapping(_text(message, 1), keys, tuple(_node(entry[_VALUE][0]) for entry in entries if _VALUE in entry))


def _loop(message: Message) -> Loop:
    over, initial, condition, step, result = (_node(message[tag][0]) for tag in (2, 4, 5, 6, 7))
    return Loop(_text(message, 1), over, _text(message, 3), initial, condition, step, result)


_READERS: dict[int, Any] = {
    3: _const,
    4: lambda message: Ident(_text(message, 1)),  # pyright: ignore[reportUnknownLambdaType, reportUnknownArgumentType]
    5: _select,
    6: _invoke,
    7: _listing,
    8: _mapping,
    9: _loop,
}


def _text(message: Message, tag: int) -> str:
    return message[tag][0].decode() if tag in message else ""


def _int(message: Message, tag: int) -> int:
    return message[tag][0] if tag in message else 0


def _fields(data: bytes) -> Message:
    found: Message = {}
    for tag, value in _wire(data):
        found.setdefault(tag, []).append(value)
    return found


def _wire(data: bytes) -> Iterator[tuple[int, Any]]:
    at = 0
    while at < len(data):
        key, at = _varint(data, at)
        match key & 7:
            case 0:
                value, at = _varint(data, at)
            case 1:
                value, at = data[at : at + 8], at + 8
            case 5:
                value, at = data[at : at + 4], at + 4
            case _:
                size, at = _varint(data, at)
                value, at = data[at : at + size], at + size
        yield key >> 3, value


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = data[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:  # noqa: PLR2004  the continuation bit
            return value, at
