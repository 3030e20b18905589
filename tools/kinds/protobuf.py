"""Reads `generated.proto` texts. Pure; called by `messages`.

The files are machine-made and use little of the language: no enums, no oneof, no nesting, so lines are enough.
"""

import re
from dataclasses import dataclass

_COMMENT = re.compile(r"//[^\n]*|/\*.*?\*/", re.DOTALL)
_PACKAGE = re.compile(r"^\s*package\s+([\w.]+)\s*;", re.MULTILINE)
_MESSAGE = re.compile(r"^message\s+(\w+)\s*\{(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(
    r"(optional|repeated|required|map<\s*string\s*,\s*([\w.]+)\s*>)\s+(?:([\w.]+)\s+)?(\w+)\s*=\s*(\d+)\s*;"
)


@dataclass(frozen=True, slots=True)
class Field:
    """One field; `kind` is a scalar's name, a definition's name, or `map` when `value` is given."""

    number: int
    name: str
    kind: str
    repeated: bool = False
    value: str | None = None


@dataclass(frozen=True, slots=True)
class Message:
    """One message by its definition name, as OpenAPI calls it."""

    definition: str
    fields: tuple[Field, ...]


def definition_name(proto_name: str) -> str:
    """Turn `k8s.io.kube_aggregator.pkg.X` into the name that OpenAPI uses, `io.k8s.kube-aggregator.pkg.X`."""
    package, _, message = proto_name.removeprefix(".").rpartition(".")
    return f"{package.replace('k8s.io.', 'io.k8s.', 1).replace('_', '-')}.{message}"


def parse(text: str) -> tuple[Message, ...]:
    """Give the messages of one proto2 file."""
    bare = _COMMENT.sub("", text)
    package = _PACKAGE.search(bare)
    if package is None:
        raise ValueError("a .proto file without a package")
    return tuple(
        Message(definition_name(f"{package[1]}.{name}"), _fields(body, package[1]))
        for name, body in _MESSAGE.findall(bare)
    )


def _fields(body: str, package: str) -> tuple[Field, ...]:
    statements = [statement for statement in body.split(";") if statement.strip()]
    fields = tuple(_field(found, package) for found in _FIELD.finditer(body))
    if len(fields) != len(statements):
        raise ValueError(f"{len(statements)} statements in a message of {package}, {len(fields)} of them understood")
    return fields


def _field(found: re.Match[str], package: str) -> Field:
    label, value, kind, name, number = found.groups()
    if value is not None:
        return Field(int(number), name, "map", value=_resolve(value, package))
    return Field(int(number), name, _resolve(kind, package), repeated=label == "repeated")


def _resolve(kind: str, package: str) -> str:
    """Scalars are lower case; a leading dot is an absolute name; anything else is of the same package."""
    if kind.startswith("."):
        return definition_name(kind)
    return kind if kind[0].islower() else definition_name(f"{package}.{kind}")
