"""The text form of label selectors: `app=web,tier notin (cache,db),!legacy`.

Command lines and `labelSelector=` queries arrive in it. Grammar, oddities and messages follow `labels.Parse`: `in` and
`notin` are keywords only where an operator may stand, and an empty list stands for the empty value.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from kubewright.api.names import label_key_errors, label_value_errors
from kubewright.api.requirements import Requirement, integer

_TOKEN: Final = re.compile(r"\s*(==|!=|[=!(),<>]|[^\s=!(),<>]+)", re.ASCII)
_OPERATORS: Final = {"=": "In", "==": "In", "in": "In", "!=": "NotIn", "notin": "NotIn", ">": "Gt", "<": "Lt"}
_END: Final = ""
_SYMBOLS: Final = frozenset({"==", "!=", "=", "!", "(", ")", ",", "<", ">", _END})


def parse_requirements(text: str) -> list[Requirement]:
    """Parse to requirements in the text's order; raises ValueError."""
    return _Parser(_scan(text)).parse()


def _scan(text: str) -> list[str]:
    return [match[1] for match in _TOKEN.finditer(text)]


@dataclass(slots=True)
class _Parser:
    """A cursor over the tokens, and one method for each rule of the grammar."""

    tokens: list[str]
    position: int = 0

    def parse(self) -> list[Requirement]:
        requirements: list[Requirement] = []
        if self._peek() == _END:
            return requirements
        while True:
            if self._peek() in _SYMBOLS - {"!"}:
                place = "identifier after ','" if requirements else "!, identifier, or 'end of string'"
                raise ValueError(f"found '{self._peek()}', expected: {place}")
            requirements.append(self._requirement())
            symbol = self._next()
            if symbol == _END:
                return requirements
            if symbol != ",":
                raise ValueError(f"found '{symbol}', expected: ',' or 'end of string'")

    def _peek(self) -> str:
        return self.tokens[self.position] if self.position < len(self.tokens) else _END

    def _next(self) -> str:
        symbol = self._peek()
        self.position += 1
        return symbol

    def _requirement(self) -> Requirement:
        negated = self._peek() == "!"
        if negated:
            self._next()
        key = self._key()
        if negated or self._peek() in {_END, ","}:
            return Requirement(key, "DoesNotExist" if negated else "Exists")
        symbol = self._next()
        operator = _OPERATORS.get(symbol)
        if operator is None:
            raise _unparsable(f"found '{symbol}', expected: in, notin, =, ==, !=, gt, lt")
        values = self._list() if symbol in {"in", "notin"} else (self._exact(),)
        _check_values(key, operator, values)
        return Requirement(key, operator, values)

    def _key(self) -> str:
        key = self._next()
        if key in _SYMBOLS:
            raise _unparsable(f"found '{key}', expected: identifier")
        if errors := label_key_errors(key):
            raise _unparsable(f'<nil>: Invalid value: "{key}": {"; ".join(errors)}')
        return key

    def _exact(self) -> str:
        if self._peek() in {_END, ","}:
            return ""
        symbol = self._next()
        if symbol in _SYMBOLS:
            raise _unparsable(f"found '{symbol}', expected: identifier")
        return symbol

    def _list(self) -> tuple[str, ...]:
        if (symbol := self._next()) != "(":
            raise _unparsable(f"found '{symbol}' expected: '('")
        values: set[str] = set()
        expected = "',', ')' or identifier"
        after_value = False
        while (symbol := self._next()) != ")":
            if symbol == ",":
                values |= set() if after_value else {""}
            elif symbol in _SYMBOLS or after_value:
                raise _unparsable(f"found '{symbol}', expected: {expected}")
            else:
                values.add(symbol)
            after_value = symbol != ","
            expected = "',' or ')'" if after_value else "',', or identifier"
        return tuple(sorted(values if after_value else values | {""}))


def _check_values(key: str, operator: str, values: tuple[str, ...]) -> None:
    errors: list[str] = []
    for index, each in enumerate(values):
        if operator in {"Gt", "Lt"} and integer(each) is None:
            rule = "for 'Gt', 'Lt' operators, the value must be an integer"
            errors.append(f'values[{index}]: Invalid value: "{each}": {rule}')
    for index, each in enumerate(values):
        if wrong := label_value_errors(each):
            errors.append(f'values[{index}][{key}]: Invalid value: "{each}": {"; ".join(wrong)}')
    if errors:
        raise _unparsable(errors[0] if len(errors) == 1 else f"[{', '.join(errors)}]")


def _unparsable(detail: str) -> ValueError:
    return ValueError(f"unable to parse requirement: {detail}")
