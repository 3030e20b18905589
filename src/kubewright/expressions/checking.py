"""What type an expression has, given the types of its variables: finds what only a schema can tell to be wrong.

The runtime's own checker knows functions, but takes what comes from an object for anything. Errors are worded as the
API server's CEL words them.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from kubewright.expressions import functions, syntax
from kubewright.expressions.signatures import Overload
from kubewright.expressions.types import BOOL, DYN, NULL, CelType, list_of, map_of, optional_of

_NULLABLE = frozenset({"object", "timestamp", "duration", "optional_type", "null_type"})


class NotModelledError(Exception):
    """An expression uses what the twin does not have."""


@dataclass(slots=True)
class Checker:
    """Infers types; `errors` are (number of the part, message)."""

    variables: Mapping[str, CelType]
    errors: list[tuple[int, str]] = field(default_factory=list[tuple[int, str]])

    def infer(self, node: syntax.Node, scope: Mapping[str, CelType]) -> CelType:  # noqa: PLR0911  one case a node
        """Return an expression's type; dyn after an error."""
        match node.content:
            case syntax.Const(kind):
                return CelType(kind)
            case syntax.Ident(name):
                return scope.get(name) or self.variables.get(name, DYN)
            case syntax.Select() as select:
                return self._select(node, select, scope)
            case syntax.Invoke() as call:
                return self._call(node, call, scope)
            case syntax.Listing(items):
                return list_of(_common([self.infer(each, scope) for each in items]))
            case syntax.Mapping(_, keys, values):
                found = [_common([self.infer(each, scope) for each in part]) for part in (keys, values)]
                return map_of(*found)
            case syntax.Loop() as loop:
                return self._loop(loop, scope)

    def _select(self, node: syntax.Node, select: syntax.Select, scope: Mapping[str, CelType]) -> CelType:
        operand = self.infer(select.operand, scope)
        wrapped = operand.name == "optional_type"
        kind = operand.inner[0] if wrapped and operand.inner else operand
        found = self._field(node, kind, select.field)
        if select.test:
            return BOOL
        return optional_of(found) if wrapped else found

    def _field(self, node: syntax.Node, kind: CelType, name: str) -> CelType:
        if kind.fields is not None:
            found = kind.fields.get(name)
            if found is None:
                self.errors.append((node.number, f"undefined field '{name}'"))
            return found or DYN
        if kind.name == "map":
            return kind.inner[1]
        if kind.name != "dyn" and not kind.name.isupper():
            self.errors.append((node.number, f"type '{kind}' does not support field selection"))
        return DYN

    def _call(self, node: syntax.Node, call: syntax.Invoke, scope: Mapping[str, CelType]) -> CelType:
        name = call.function
        if name == "_?._":
            return self._optional_field(node, call, scope)
        target = call.target
        if target is not None and isinstance(target.content, syntax.Ident):
            qualified = f"{target.content.name}.{name}"
            if qualified in functions.overloads():
                name, target = qualified, None
        parts = (*([] if target is None else [target]), *call.arguments)
        given = [self.infer(each, scope) for each in parts]
        known = functions.overloads().get(name)
        if known is None:
            return DYN
        fitting = [each for each in known if each.member == (target is not None)]
        results = [found for each in fitting if (found := _result(each, given)) is not None]
        if any(each.encoded for each in given):
            raise NotModelledError("values with a format other than plain text in expressions")
        if not results:
            self._no_overload(node, name, given, member=target is not None)
            return DYN
        return results[0] if all(each == results[0] for each in results) else DYN

    def _no_overload(self, node: syntax.Node, name: str, given: list[CelType], *, member: bool) -> None:
        if any(each.name.startswith("kubernetes.") for each in given) or (
            name in {"indexOf", "lastIndexOf", "reverse"} and given[0].name == "list"
        ):
            raise NotModelledError(f"the function {name} of {given[0]}")
        shown = [str(each) for each in given]
        applied = f"{shown[0]}.({', '.join(shown[1:])})" if member else f"({', '.join(shown)})"
        self.errors.append((node.number, f"found no matching overload for '{name}' applied to '{applied}'"))

    def _optional_field(self, node: syntax.Node, call: syntax.Invoke, scope: Mapping[str, CelType]) -> CelType:
        operand = self.infer(call.arguments[0], scope)
        kind = operand.inner[0] if operand.name == "optional_type" and operand.inner else operand
        name = call.arguments[1].content
        found = self._field(node, kind, name.text) if isinstance(name, syntax.Const) else DYN
        return optional_of(found)

    def _loop(self, loop: syntax.Loop, scope: Mapping[str, CelType]) -> CelType:
        over = self.infer(loop.over, scope)
        initial = self.infer(loop.initial, scope)
        item = over.inner[0] if over.name in {"list", "map"} else DYN
        inner = {**scope, loop.variable: item, loop.accumulator: initial}
        step = self.infer(loop.step, inner)
        self.infer(loop.condition, inner)
        accumulated = step if step.name != "dyn" and initial != step else initial
        return self.infer(loop.result, {**scope, loop.accumulator: accumulated})


def _common(types: list[CelType]) -> CelType:
    return types[0] if types and all(each == types[0] for each in types) else DYN


def _result(overload: Overload, given: list[CelType]) -> CelType | None:
    """Return what a call gives; None when the arguments do not fit."""
    if len(overload.arguments) != len(given):
        return None
    bound: dict[str, CelType] = {}
    if not all(_fits(wanted, found, bound) for wanted, found in zip(overload.arguments, given, strict=True)):
        return None
    return _filled(overload.result, bound)


def _fits(wanted: CelType, found: CelType, bound: dict[str, CelType]) -> bool:
    if found.name == "dyn" or wanted.name == "dyn":
        return True
    if len(wanted.name) == 1 and wanted.name.isupper():
        known = bound.get(wanted.name)
        if known is None or known.name == "dyn":
            bound[wanted.name] = found
            return True
        return _same(known, found, bound, wanted.name)
    return wanted.name == found.name and all(
        _fits(one, other, bound) for one, other in zip(wanted.inner, found.inner, strict=False)
    )


def _same(known: CelType, found: CelType, bound: dict[str, CelType], name: str) -> bool:
    if known == NULL and found.name in _NULLABLE:
        bound[name] = found
        return True
    if found == NULL:
        return known.name in _NULLABLE
    return known.name == found.name and all(
        DYN in (one, other) or _same(one, other, {}, "") for one, other in zip(known.inner, found.inner, strict=False)
    )


def _filled(kind: CelType, bound: Mapping[str, CelType]) -> CelType:
    if len(kind.name) == 1 and kind.name.isupper():
        return bound.get(kind.name, DYN)
    if not kind.inner:
        return kind
    return CelType(kind.name, tuple(_filled(each, bound) for each in kind.inner))


def mentions(node: syntax.Node, name: str) -> bool:
    """Tell whether an expression uses a variable."""
    return any(each.content == syntax.Ident(name) for each in syntax.walk(node))
