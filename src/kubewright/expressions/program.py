"""Expressions, compiled and run.

`Language` is CEL with a set of variables; `compile` gives a `Program` or raises what is wrong, worded as the API server
words it. Compiling takes some 50 us, running a few.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cel_expr_python import cel  # pyright: ignore[reportMissingTypeStubs]  it has a stub, but no marker
from cel_expr_python.ext import (  # pyright: ignore[reportMissingTypeStubs]
    ext_bindings,
    ext_optional,
    ext_strings,
)

from kubewright.expressions import functions
from kubewright.expressions.checking import Checker, NotModelledError, mentions
from kubewright.expressions.syntax import Loop, Syntax, read_syntax
from kubewright.expressions.types import DYN, CelType

_STRINGS_VERSION = 2
_CODE = re.compile(r"^(?P<code>[A-Z_]+): (?P<text>.*?)(?: \[(?P=code)\])?$", re.DOTALL)
_UNDECLARED = re.compile(r"undeclared reference to '([\w.]+)'")
_NUMERIC = re.compile(
    r"^ERROR: <input>:\d+:\d+: found no matching overload for '_[<>]=?_' "
    r"applied to '\((u?int|double), (u?int|double)\)'"
)
_LINE = re.compile(r"<input>:(\d+):")
_TWO_VARIABLES = frozenset({"all", "exists", "existsOne", "exists_one"})
_NO_OVERLOAD = "No matching overloads found"


class CompileError(Exception):
    """An expression is wrong; its text is what the server says after `compilation failed: `."""


class EvaluationError(Exception):
    """An expression has no value for these variables."""


@dataclass(frozen=True, slots=True)
class Program:
    """A compiled expression: its source, the type of its result and what it reads."""

    source: str
    result: CelType
    syntax: Syntax
    expression: cel.Expression

    def mentions(self, variable: str) -> bool:
        """Tell whether it uses a variable."""
        return mentions(self.syntax.root, variable)

    def run(self, variables: Mapping[str, Any]) -> Any:
        """Return the value; raises EvaluationError."""
        try:
            found = self.expression.eval(data=variables)
            value = found.plain_value()
        except (RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise EvaluationError(_worded(str(error))) from error
        if found.type() == cel.Type.ERROR:
            raise EvaluationError(_worded(str(value)))
        return value


class Language:
    """CEL with Kubernetes' functions and some variables of known types.

    `binding` is a variable that may be absent; with `bindings` expressions may use `cel.bind` themselves.
    """

    def __init__(self, variables: Mapping[str, CelType], *, binding: str = "", bindings: bool = False) -> None:
        self._variables = variables
        self._binding = binding
        optional, strings = ext_optional.ExtOptional(), ext_strings.ExtStrings(_STRINGS_VERSION)
        runtime = dict.fromkeys((name for name in variables if name != binding), cel.Type.DYN)
        if binding:
            runtime[f"{binding}__list"] = cel.Type.LIST
        self._env = cel.NewEnv(
            variables=runtime,
            extensions=[strings, optional, *([ext_bindings.ExtBindings()] if binding or bindings else [])],
            functions=functions.declarations(),
        )

    def compile(self, source: str) -> Program:
        """Compile an expression; raises CompileError and NotModelledError."""
        text = f"cel.bind({self._binding}, {self._binding}__list[?0],\n{source}\n)" if self._binding else source
        try:
            expression = self._env.compile(text)
        except RuntimeError as error:
            expression = self._unchecked(text, str(error))
        syntax = read_syntax(expression.serialize())
        checker = Checker(self._variables)
        scope = {self._binding: self._variables[self._binding]} if self._binding else {}
        root = syntax.root
        result = checker.infer(root, scope)
        if checker.errors:
            lines = [_pointed(text, syntax.offsets.get(number, 0), message) for number, message in checker.errors]
            raise CompileError(self._placed("\n".join(dict.fromkeys(lines))))
        if self._binding and isinstance(root.content, Loop):
            syntax = Syntax(root.content.result, syntax.offsets)
        return Program(source, result, syntax, expression)

    def _placed(self, message: str) -> str:
        """Count lines from where the expression itself begins."""
        if not self._binding:
            return message
        return _LINE.sub(lambda found: f"<input>:{int(found[1]) - 1}:", message)

    def _unchecked(self, text: str, error: str) -> cel.Expression:
        """Word what the runtime's checker found; it does not know that numbers of all types compare."""
        found = _CODE.match(error)
        message = found["text"] if found else error
        missing = [name for name in _UNDECLARED.findall(message) if name not in self._variables]
        for name in missing:
            if name in functions.NOT_MODELLED or name in _TWO_VARIABLES:
                raise NotModelledError(f"the CEL function {name}") from None
        if "map(dyn, dyn)" in message:
            raise NotModelledError("this use of quantities, URLs and addresses") from None
        if _NUMERIC.match(message) and message.count("ERROR:") == 1:
            return self._env.compile(text, disable_check=True)
        raise CompileError(self._placed(message)) from None


def _pointed(text: str, offset: int, message: str) -> str:
    """Show an error below the line that it is in, as CEL does."""
    before = text[:offset]
    line, column = before.count("\n") + 1, offset - (before.rfind("\n") + 1)
    shown = text.splitlines()[line - 1] if text else ""
    return f"ERROR: <input>:{line}:{column + 1}: {message}\n | {shown}\n | {'.' * column}^"


def _worded(error: str) -> str:
    """Word a runtime error as the API server's CEL does."""
    found = _CODE.match(error)
    text = found["text"] if found else error
    if _NO_OVERLOAD in text:
        return "no such overload"
    for pattern, wording in _WORDINGS:
        match = pattern.match(text)
        if match:
            return match.expand(wording)
    return text


_WORDINGS = (
    (re.compile(r'Key not found in map : "?(.*?)"?$'), r"no such key: \1"),
    (re.compile(r"Index error: index=(-?\d+).*"), r"index out of bounds: \1"),
    (re.compile(r"divide by zero"), "division by zero"),
    (re.compile(r"modulus by zero"), "modulus by zero"),
    (re.compile(r"integer overflow"), "integer overflow"),
)


__all__ = ["DYN", "CompileError", "EvaluationError", "Language", "NotModelledError", "Program"]
