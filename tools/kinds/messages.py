"""Joins protobuf messages with their Go structs into the `protobuf` tables. Called by `__main__`."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from tools.kinds import gotypes, protobuf
from tools.kinds.gotypes import GoField
from tools.kinds.protobuf import Field, Message

Row = list[str | int | None]
Tables = tuple[dict[str, dict[str, Row]], dict[str, list[int]]]


@dataclass(frozen=True, slots=True)
class Source:
    """One Go package: its messages, and its structs by name."""

    messages: tuple[Message, ...]
    structs: Mapping[str, tuple[GoField, ...]]


def read(module: Path) -> list[Source]:
    """Read every package of a Go module that has a generated.proto."""
    return [_read_package(path.parent) for path in sorted(module.rglob("generated.proto"))]


def _read_package(directory: Path) -> Source:
    structs: dict[str, tuple[GoField, ...]] = {}
    for path in sorted(directory.glob("*.go")):
        if not path.name.endswith(("_test.go", ".pb.go")):
            structs |= gotypes.parse(path.read_text(encoding="utf-8"))
    return Source(protobuf.parse((directory / "generated.proto").read_text(encoding="utf-8")), structs)


def tables(sources: Iterable[Source], roots: Iterable[str]) -> Tables:
    """Give the field tables and the kept-empty numbers of everything that the root definitions reach."""
    known = {message.definition: (message, source.structs) for source in sources for message in source.messages}
    fields: dict[str, dict[str, Row]] = {}
    keeps_empty: dict[str, list[int]] = {}
    pending = [root for root in roots if root in known]
    while pending:
        definition = pending.pop()
        if definition in fields:
            continue
        message, structs = known[definition]
        by_number = {field.number: field for field in structs.get(definition.rpartition(".")[2], ())}
        fields[definition] = {str(field.number): _row(message, field, by_number) for field in message.fields}
        kept = [number for number, field in by_number.items() if field.keeps_empty]
        if kept:
            keeps_empty[definition] = sorted(kept)
        pending += [kind for field in message.fields for kind in (field.kind, field.value) if kind in known]
    return fields, keeps_empty


def _row(message: Message, field: Field, go_fields: Mapping[int, GoField]) -> Row:
    if field.number in go_fields:
        name = go_fields[field.number].json_name
    else:
        name = "*" if _is_list_itself(message, field) else field.name
    return [name, field.kind, int(field.repeated), field.value]


def _is_list_itself(message: Message, field: Field) -> bool:
    """In Go such a type is a slice (`type ExtraValue []string`), which protobuf cannot say without a message."""
    return len(message.fields) == 1 and field.repeated and field.name == "items"
