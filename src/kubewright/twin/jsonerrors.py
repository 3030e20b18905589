"""What is wrong with JSON that does not parse, in the words of Go's decoder, which the API server passes on.

`media.py` asks this of a body that msgspec has refused; msgspec says neither the character nor the place as Go does.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

ENDS = "unexpected end of JSON input"
_SPACE = re.compile(r"[ \t\r\n]*")
_PLAIN = re.compile(r'[^"\\\x00-\x1f]*')
_NUMBER = re.compile(r"[0-9]*")
_DIGITS = "0123456789"
_LITERALS = {"t": "true", "f": "false", "n": "null"}
_HEX = frozenset("0123456789abcdefABCDEF")
_HEX_DIGITS = 4


class _SyntaxFoundError(ValueError):
    """The first character that is wrong, described."""


def json_error(body: bytes) -> str:
    """Return Go's complaint about a document, or "" when it parses."""
    scanner = _Scanner(body.decode("latin-1"))  # Go names the byte that it does not understand
    try:
        scanner.document()
    except _SyntaxFoundError as error:
        return str(error)
    except RecursionError:
        return "invalid character '[' exceeded max depth"
    return ""


@dataclass(slots=True)
class _Scanner:
    text: str
    at: int = 0

    def document(self) -> None:
        self._value()
        self._skip(_SPACE)
        if self.at < len(self.text):
            raise self._wrong("after top-level value")

    def _value(self) -> None:
        match self._next():
            case "{":
                self._object()
            case "[":
                self._array()
            case '"':
                self._string()
            case "t" | "f" | "n" as first:
                self._literal(_LITERALS[first])
            case first if first in "-" + _DIGITS:
                self._number()
            case _:
                raise self._wrong("looking for beginning of value")

    def _object(self) -> None:
        self.at += 1
        where = "looking for beginning of object key string"
        if self._next() == "}":
            self.at += 1
            return
        while True:
            if self._next() != '"':
                raise self._wrong(where)
            self._string()
            self._expect(":", "after object key")
            self._value()
            if self._expect(",}", "after object key:value pair") == "}":
                return

    def _array(self) -> None:
        self.at += 1
        if self._next() == "]":
            self.at += 1
            return
        while True:
            self._value()
            if self._expect(",]", "after array element") == "]":
                return

    def _string(self) -> None:
        self.at += 1
        while True:
            self._skip(_PLAIN)
            match self._here():
                case '"':
                    self.at += 1
                    return
                case "\\":
                    self.at += 1
                    self._escape()
                case _:
                    raise self._wrong("in string literal")

    def _escape(self) -> None:
        if self._here() not in '"\\/bfnrtu':
            raise self._wrong("in string escape code")
        digits = _HEX_DIGITS if self.text[self.at] == "u" else 0
        self.at += 1
        for _ in range(digits):
            if self._here() not in _HEX:
                raise self._wrong("in \\u hexadecimal character escape")
            self.at += 1

    def _literal(self, literal: str) -> None:
        for expected in literal:
            if self._here() != expected:
                raise self._wrong(f"in literal {literal} (expecting '{expected}')")
            self.at += 1

    def _number(self) -> None:
        if self.text[self.at] == "-":
            self.at += 1
        if self._here() == "0":
            self.at += 1
        else:
            self._digits("in numeric literal")
        if self.text.startswith(".", self.at):
            self.at += 1
            self._digits("after decimal point in numeric literal")
        if self.text.startswith(("e", "E"), self.at):
            self.at += 1
            if self._here() in "+-":
                self.at += 1
            self._digits("in exponent of numeric literal")

    def _digits(self, where: str) -> None:
        if self._here() not in _DIGITS:
            raise self._wrong(where)
        self._skip(_NUMBER)

    def _expect(self, choices: str, where: str) -> str:
        found = self._next()
        if found not in choices:
            raise self._wrong(where)
        self.at += 1
        return found

    def _next(self) -> str:
        self._skip(_SPACE)
        return self._here()

    def _here(self) -> str:
        if self.at >= len(self.text):
            raise _SyntaxFoundError(ENDS)
        return self.text[self.at]

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        self.at = self.at if match is None else match.end()

    def _wrong(self, where: str) -> _SyntaxFoundError:
        character = self.text[self.at]
        shown = {"'": "'\\''", '"': "'\"'"}.get(character) or f"'{character}'"
        if not character.isprintable():
            shown = "'" + character.encode("unicode_escape").decode() + "'"
        return _SyntaxFoundError(f"invalid character {shown} {where}")
