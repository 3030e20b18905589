"""The rules of a CRD's schema (`x-kubernetes-validations`), compiled.

`compiled_rules` is asked once for each schema: for what is wrong with its rules when the CRD is written, and for the
rules themselves when objects are. Levels without rules in or below them are not kept, so that a kind without rules
costs nothing.
"""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.expressions.program import CompileError, Language, NotModelledError, Program
from kubewright.expressions.types import BOOL, STRING, CelType, optional_of
from kubewright.twin.reading import as_dict, as_list, dicts, text
from kubewright.twin.validation.fields import FieldError, Internal, invalid, not_supported, required, shown
from kubewright.twin.validation.schema_paths import PathError, follow
from kubewright.twin.validation.schema_types import declared, with_identity
from kubewright.twin.validation.schema_values import Convert, converter

RULES = "x-kubernetes-validations"
_REASONS = ("FieldValueDuplicate", "FieldValueForbidden", "FieldValueInvalid", "FieldValueRequired")
_MOST_SOUND = 16_384
_UNORDERED = "oldSelf cannot be used on the uncorrelatable portion of the schema within"


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule: what must hold, and what is said when it does not."""

    source: str
    program: Program
    message: str
    message_program: Program | None
    reason: str
    field_path: str
    uses_old: bool
    optional_old: bool


class Sound:
    """What the latest objects were, by uid, that broke no rule: all of them that rules can see change."""

    def __init__(self) -> None:
        self._objects: dict[str, Manifest] = {}

    def holds(self, obj: Manifest) -> bool:
        """Tell whether an object, as it is, is one of them."""
        return self._objects.get(obj["metadata"].get("uid", "")) == _changing(obj)

    def add(self, obj: Manifest) -> None:
        """Remember an object."""
        uid = obj["metadata"].get("uid", "")
        self._objects.pop(uid, None)
        if len(self._objects) >= _MOST_SOUND:
            del self._objects[next(iter(self._objects))]
        self._objects[uid] = _changing(obj)


def _changing(obj: Manifest) -> Manifest:
    """Return an object without its metadata, of which rules see the name alone."""
    return {name: value for name, value in obj.items() if name != "metadata"}


@dataclass(frozen=True)
class Level:
    """The rules of one level of a schema and of those below it."""

    type: str
    rules: tuple[Rule, ...]
    convert: Convert | None
    properties: Mapping[str, Level] = field(default_factory=dict[str, "Level"])
    items: Level | None = None
    additional: Level | None = None
    map_keys: tuple[str, ...] = ()

    @functools.cached_property
    def sound(self) -> Sound:
        """Return, of a root, the latest objects that broke no rule."""
        return Sound()

    @functools.cached_property
    def compares(self) -> bool:
        """Whether a rule here or below looks at the old value: others hold of what has not changed since they did."""
        below = (*self.properties.values(), self.items, self.additional)
        return any(rule.uses_old for rule in self.rules) or any(each.compares for each in below if each is not None)


@dataclass(frozen=True, slots=True)
class CompiledRules:
    """A schema's rules, and what is wrong with them: `errors` have paths from the schema's root on."""

    root: Level | None
    errors: tuple[FieldError, ...]


def compiled_rules(schema: Manifest) -> CompiledRules:
    """Return a schema's rules; the same text is compiled once."""
    encoded = msgspec.json.encode(schema)
    return _compiled(encoded) if RULES.encode() in encoded else _NONE


_NONE = CompiledRules(None, ())


@functools.lru_cache(maxsize=256)
def _compiled(encoded: bytes) -> CompiledRules:
    errors: list[FieldError] = []
    level = _level(msgspec.json.decode(encoded), "", "", errors, root=True)
    return CompiledRules(level, tuple(errors))


def _level(
    schema: Manifest, path: str, unordered: str, errors: list[FieldError], *, root: bool = False
) -> Level | None:
    """Compile a level; `unordered` is the nearest list above whose items have no identity."""
    below: dict[str, Level] = {}
    for name, child in sorted(as_dict(schema.get("properties")).items()):
        found = _level(as_dict(child), f"{path}.properties[{name}]", unordered, errors)
        if found is not None:
            below[name] = found
    additional = schema.get("additionalProperties")
    values = (
        _level(as_dict(additional), f"{path}.additionalProperties", unordered, errors)
        if isinstance(additional, dict)
        else None
    )
    items, keys = None, tuple(as_list(schema.get("x-kubernetes-list-map-keys")))
    if isinstance(schema.get("items"), dict):
        within = unordered or ("" if text(schema, "x-kubernetes-list-type") == "map" else path or ".")
        items = _level(as_dict(schema["items"]), f"{path}.items", within, errors)
    rules = tuple(_rules(schema, path, unordered, errors, root=root))
    if not rules and not below and values is None and items is None:
        return None
    return Level(text(schema, "type"), rules, converter(schema, root=root), below, items, values, keys)


def _rules(schema: Manifest, path: str, unordered: str, errors: list[FieldError], *, root: bool) -> Iterator[Rule]:
    written = dicts(schema, RULES)
    if not written:
        return
    rooted = with_identity(schema) if root else schema
    problems = [
        error for index, rule in enumerate(written) for error in _form(rule, f"{path}.{RULES}[{index}]", rooted)
    ]
    errors += problems
    if problems:
        return
    for index, rule in enumerate(written):
        yield from _rule(rule, f"{path}.{RULES}[{index}]", rooted, unordered, errors)


def _form(rule: Manifest, path: str, schema: Manifest) -> Iterator[FieldError]:
    source, message, expression = text(rule, "rule"), text(rule, "message"), text(rule, "messageExpression")
    if not source.strip():
        yield required(f"{path}.rule", "rule is not specified")
    elif message and not message.strip():
        yield invalid(f"{path}.message", message, "must be non-empty if specified")
    elif _has_lines(message.strip()):
        yield invalid(f"{path}.message", message, "must not contain line breaks")
    elif _has_lines(source.strip()) and not message:
        yield required(f"{path}.message", "message must be specified if rule contains line breaks")
    if expression and not expression.strip():
        yield required(f"{path}.messageExpression", "messageExpression must be non-empty if specified")
    if rule.get("reason") is not None and rule["reason"] not in _REASONS:
        yield not_supported(f"{path}.reason", rule["reason"], _REASONS)
    where = text(rule, "fieldPath")
    if where and not where.strip():
        yield invalid(f"{path}.fieldPath", where, "must be non-empty if specified")
    if _has_lines(where):
        yield invalid(f"{path}.fieldPath", where, "must not contain line breaks")
    if where and _normalized(where, schema) is None:
        yield invalid(f"{path}.fieldPath", where, "must be a valid path")


def _has_lines(text: str) -> bool:
    return "\n" in text or "\r" in text


def _normalized(path: str, schema: Manifest) -> str | None:
    try:
        return follow(path, schema).text
    except PathError:
        return None


def _rule(rule: Manifest, path: str, schema: Manifest, unordered: str, errors: list[FieldError]) -> Iterator[Rule]:
    optional = bool(rule.get("optionalOldSelf"))
    kind = declared(schema)
    if kind is None:
        return
    language = _language(kind, optional=optional)
    program = _compile(language, rule, "rule", path, errors)
    if program is None:
        return
    expression = text(rule, "messageExpression")
    message = _compile(language, rule, "messageExpression", path, errors) if expression else None
    uses_old = program.mentions("oldSelf")
    if uses_old and unordered:
        detail = f"{_UNORDERED} {{root}}{'' if unordered == '.' else unordered}"
        errors.append(invalid(f"{path}.rule", program.source, detail))
    elif not uses_old and "optionalOldSelf" in rule:
        detail = "may not be set if oldSelf is not used in rule"
        errors.append(invalid(f"{path}.optionalOldSelf", optional, detail))
    yield Rule(
        source=program.source.strip(),
        program=program,
        message=text(rule, "message").strip(),
        message_program=message,
        reason=text(rule, "reason"),
        field_path=_normalized(text(rule, "fieldPath"), schema) or "",
        uses_old=uses_old,
        optional_old=optional,
    )


def _language(kind: CelType, *, optional: bool) -> Language:
    if optional:
        return Language({"self": kind, "oldSelf": optional_of(kind)}, binding="oldSelf")
    return Language({"self": kind, "oldSelf": kind})


_WORDS = {
    "rule": ("", "cel expression must evaluate to a bool", BOOL),
    "messageExpression": ("messageExpression ", "messageExpression must evaluate to a string", STRING),
}


def _compile(language: Language, rule: Manifest, name: str, path: str, errors: list[FieldError]) -> Program | None:
    prefix, wrong_type, wanted = _WORDS[name]
    try:
        program = language.compile(text(rule, name))
    except CompileError as error:
        errors.append(invalid(f"{path}.{name}", _shown(rule), f"{prefix}compilation failed: {error}"))
        return None
    except NotModelledError as error:
        errors.append(invalid(f"{path}.{name}", _shown(rule), f"the twin does not model {error}"))
        return None
    if program.result not in (wanted, CelType("dyn")):
        errors.append(invalid(f"{path}.{name}", _shown(rule), wrong_type))
        return None
    return program


def _shown(rule: Mapping[str, Any]) -> Internal:
    """Write a rule in the server's internal form."""
    parts = (
        ("Rule", rule.get("rule", "")),
        ("Message", rule.get("message", "")),
        ("MessageExpression", rule.get("messageExpression", "")),
        ("Reason", rule.get("reason")),
        ("FieldPath", rule.get("fieldPath", "")),
        ("OptionalOldSelf", rule.get("optionalOldSelf")),
    )
    plain = ",".join(f'"{name}":{shown(value)}' for name, value in parts)
    return Internal("{" + plain.replace("&", "\\u0026").replace("<", "\\u003c").replace(">", "\\u003e") + "}")
