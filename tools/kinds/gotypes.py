"""Reads from Go structs what a .proto file does not say: the JSON name, inlining, and whether an empty value counts.

Pure; called by `messages`. Works on gofmt's layout, one field a line.
"""

import re
from dataclasses import dataclass

_STRUCT = re.compile(r"^type\s+(\w+)\s+struct\s*\{\n(.*?)^\}", re.MULTILINE | re.DOTALL)
_FIELD = re.compile(r"^\s+(?:(\w+)\s+)?(\S+)\s+`([^`]*)`", re.MULTILINE)
_TAG = re.compile(r'(\w+):"([^"]*)"')


@dataclass(frozen=True, slots=True)
class GoField:
    """One struct field that has a protobuf number; an empty `json_name` is an inlined struct."""

    number: int
    json_name: str
    keeps_empty: bool


def parse(text: str) -> dict[str, tuple[GoField, ...]]:
    """Give the fields with a protobuf tag by struct name."""
    return {name: _fields(body) for name, body in _STRUCT.findall(text)}


def _fields(body: str) -> tuple[GoField, ...]:
    parsed = (_field(name, kind, dict(_TAG.findall(tags))) for name, kind, tags in _FIELD.findall(body))
    return tuple(field for field in parsed if field is not None)


def _field(name: str, kind: str, tags: dict[str, str]) -> GoField | None:
    """A field without a JSON name (a struct's own encoding takes care of it) keeps the name that protobuf has."""
    if "protobuf" not in tags or tags.get("json", "-") == "-":
        return None
    json_name, *options = tags["json"].split(",")
    if name and not json_name:
        json_name = name
    keeps_empty = bool(json_name) and (kind.startswith("*") or not {"omitempty", "omitzero"} & set(options))
    return GoField(int(tags["protobuf"].split(",")[1]), json_name, keeps_empty)
