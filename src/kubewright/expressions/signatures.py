"""What CEL's functions take and give, for the type checker: overloads such as `target.(arguments) -> result`.

Capital letters stand for any type. `_NUMBERS` may be compared with each other, as in Kubernetes.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable
from dataclasses import dataclass

from kubewright.expressions.types import CelType

_STANDARD = """
_==_ A A -> bool
_!=_ A A -> bool
_&&_ bool bool -> bool
_||_ bool bool -> bool
!_ bool -> bool
_?_:_ bool A A -> A
_+_ int int -> int | uint uint -> uint | double double -> double | string string -> string | bytes bytes -> bytes
_+_ list(A) list(A) -> list(A) | timestamp duration -> timestamp | duration timestamp -> timestamp
_+_ duration duration -> duration
_-_ int int -> int | uint uint -> uint | double double -> double | timestamp timestamp -> duration
_-_ timestamp duration -> timestamp | duration duration -> duration
_*_ int int -> int | uint uint -> uint | double double -> double
_/_ int int -> int | uint uint -> uint | double double -> double
_%_ int int -> int | uint uint -> uint
-_ int -> int | double -> double
_[_] list(A) int -> A | map(A,B) A -> B
_[?_] list(A) int -> optional_type(A) | map(A,B) A -> optional_type(B)
_[?_] optional_type(list(A)) int -> optional_type(A) | optional_type(map(A,B)) A -> optional_type(B)
@in A list(A) -> bool | A map(A,B) -> bool
size string -> int | bytes -> int | list(A) -> int | map(A,B) -> int
size string.() -> int | bytes.() -> int | list(A).() -> int | map(A,B).() -> int
contains string.(string) -> bool
endsWith string.(string) -> bool
startsWith string.(string) -> bool
matches string.(string) -> bool | string string -> bool
type A -> type(A)
dyn A -> dyn
bool bool -> bool | string -> bool
bytes bytes -> bytes | string -> bytes
double double -> double | int -> double | uint -> double | string -> double
duration duration -> duration | string -> duration | int -> duration
int int -> int | uint -> int | double -> int | string -> int | timestamp -> int | duration -> int
string string -> string | bool -> string | int -> string | uint -> string | double -> string | bytes -> string
string timestamp -> string | duration -> string
timestamp timestamp -> timestamp | string -> timestamp | int -> timestamp
uint uint -> uint | int -> uint | double -> uint | string -> uint
charAt string.(int) -> string
format string.(list(dyn)) -> string
indexOf string.(string) -> int | string.(string,int) -> int
join list(string).() -> string | list(string).(string) -> string
lastIndexOf string.(string) -> int | string.(string,int) -> int
lowerAscii string.() -> string
replace string.(string,string) -> string | string.(string,string,int) -> string
split string.(string) -> list(string) | string.(string,int) -> list(string)
substring string.(int) -> string | string.(int,int) -> string
trim string.() -> string
upperAscii string.() -> string
strings.quote string -> string
optional.of A -> optional_type(A)
optional.ofNonZeroValue A -> optional_type(A)
optional.none -> optional_type(A)
value optional_type(A).() -> A
hasValue optional_type(A).() -> bool
or optional_type(A).(optional_type(A)) -> optional_type(A)
orValue optional_type(A).(A) -> A
getFullYear timestamp.() -> int | timestamp.(string) -> int
getMonth timestamp.() -> int | timestamp.(string) -> int
getDate timestamp.() -> int | timestamp.(string) -> int
getDayOfMonth timestamp.() -> int | timestamp.(string) -> int
getDayOfWeek timestamp.() -> int | timestamp.(string) -> int
getDayOfYear timestamp.() -> int | timestamp.(string) -> int
getHours timestamp.() -> int | timestamp.(string) -> int | duration.() -> int
getMinutes timestamp.() -> int | timestamp.(string) -> int | duration.() -> int
getSeconds timestamp.() -> int | timestamp.(string) -> int | duration.() -> int
getMilliseconds timestamp.() -> int | timestamp.(string) -> int | duration.() -> int
"""
_ORDERED = ("bool", "string", "bytes", "timestamp", "duration")
_NUMBERS = ("int", "uint", "double")
_WORD = re.compile(r"\s*([\w.@]+|[(),])")


@dataclass(frozen=True, slots=True)
class Overload:
    """One way to call a function."""

    arguments: tuple[CelType, ...]
    result: CelType
    member: bool
    """Whether the first argument is what it is called on."""


def overload(text: str) -> Overload:
    """Read `string int -> bool`, or `string.(int) -> bool` for a member."""
    given, _, result = text.partition("->")
    target, dot, rest = given.strip().partition(".(")
    if dot:
        return Overload((_type(target), *_types(rest[:-1].replace(",", " "))), _type(result), member=True)
    return Overload(_types(given), _type(result), member=False)


def _types(text: str) -> tuple[CelType, ...]:
    words = [found[1] for found in _WORD.finditer(text)]
    types: list[CelType] = []
    at = 0
    while at < len(words):
        found, at = _read(words, at)
        types.append(found)
    return tuple(types)


def _type(text: str) -> CelType:
    return _types(text)[0]


def _read(words: list[str], at: int) -> tuple[CelType, int]:
    name, at = words[at], at + 1
    inner: list[CelType] = []
    if at < len(words) and words[at] == "(":
        while words[at] != ")":
            found, at = _read(words, at + 1)
            inner.append(found)
        at += 1
    return CelType(name, tuple(inner)), at


@functools.cache
def standard() -> dict[str, tuple[Overload, ...]]:
    """Return the overloads of the language's own functions by name."""
    found: dict[str, list[Overload]] = {}
    for line in filter(None, _STANDARD.splitlines()):
        name, _, rest = line.partition(" ")
        found.setdefault(name, []).extend(overload(each) for each in rest.split("|"))
    for operator in ("_<_", "_<=_", "_>_", "_>=_"):
        found[operator] = [overload(f"{a} {b} -> bool") for a, b in _comparable()]
    return {name: tuple(overloads) for name, overloads in found.items()}


def _comparable() -> Iterable[tuple[str, str]]:
    yield from ((name, name) for name in _ORDERED)
    yield from ((one, other) for one in _NUMBERS for other in _NUMBERS)
