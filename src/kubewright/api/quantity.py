"""Kubernetes quantities: `100m`, `1.5Gi`, `2e3`, exactly.

Everything that adds up resources calls `milli` or `value`; the twin calls `canonical` on what it stores. Amounts are
Fractions, so nothing is ever rounded but where Kubernetes rounds: away from zero, to a billionth.
"""

from __future__ import annotations

import math
import re
from fractions import Fraction
from functools import lru_cache
from typing import Literal, TypeAlias

Quantity: TypeAlias = str | int | float
"""A quantity as it stands in a JSON document. API servers write strings; people also write numbers."""

Format: TypeAlias = Literal["DecimalSI", "BinarySI", "DecimalExponent"]

_TEXT = re.compile(r"([+-]?)([0-9]*)(?:\.([0-9]*))?([eEinumkKMGTP]*[-+]?[0-9]*)", re.ASCII)
_EXPONENT = re.compile(r"[eE]([-+]?[0-9]{1,18})", re.ASCII)
_DECIMAL = {"n": -9, "u": -6, "m": -3, "": 0, "k": 3, "M": 6, "G": 9, "T": 12, "P": 15, "E": 18}
_BINARY = {"Ki": 10, "Mi": 20, "Gi": 30, "Ti": 40, "Pi": 50, "Ei": 60}
_DECIMAL_SUFFIX = {power: suffix for suffix, power in _DECIMAL.items()}
_BINARY_SUFFIX = {power: suffix for suffix, power in _BINARY.items()} | {0: ""}
_THOUSANDTHS = {
    "": (1000, 1),
    "m": (1, 1),
    "u": (1, 1000),
    "n": (1, 10**6),
    "Ki": (1024_000, 1),
    "Mi": (1024**2 * 1000, 1),
}
"""How many thousandths so many of a unit are; of those that measurements come in."""
_FEW_DIGITS = 12
_NANO = 10**9
_MAX_BINARY = 2**63 - 1
_FAST_DIGITS = 18
_MAX_EXPONENT = 1000
"""Refuse larger exponents: `1e999999999` is 14 bytes of text and 400 MB of integer."""


@lru_cache(maxsize=8192)
def _parse(text: str) -> tuple[Fraction, Format]:
    match = _TEXT.fullmatch(text)
    if not text or match is None:
        raise ValueError(f"quantity {text!r}: a number with an optional suffix is expected, such as 100m, 1.5 or 2Gi")
    sign, whole, decimals, suffix = match[1], match[2], match[3] or "", match[4]
    factor, style = _factor(text, suffix)
    amount = Fraction(int((whole or "0") + decimals), 10 ** len(decimals)) * factor
    amount = _to_nano(amount)
    if style == "BinarySI":
        amount = min(amount, Fraction(_MAX_BINARY))
    return (-amount if sign == "-" else amount), style


def _factor(text: str, suffix: str) -> tuple[Fraction, Format]:
    if suffix in _DECIMAL:
        return Fraction(10) ** _DECIMAL[suffix], "DecimalSI"
    if suffix in _BINARY:
        return Fraction(2 ** _BINARY[suffix]), "BinarySI"
    exponent = _EXPONENT.fullmatch(suffix)
    if exponent is None:
        raise ValueError(f"quantity {text!r}: unknown suffix {suffix!r}")
    power = int(exponent[1])
    if abs(power) > _MAX_EXPONENT:
        raise ValueError(f"quantity {text!r}: the exponent is out of range")
    return Fraction(10) ** power, "DecimalExponent"


def _to_nano(amount: Fraction) -> Fraction:
    scaled = amount * _NANO
    return amount if scaled.denominator == 1 else Fraction(math.ceil(scaled), _NANO)


def _text(quantity: Quantity) -> str:
    return quantity.strip() if isinstance(quantity, str) else repr(quantity)


def parse_quantity(quantity: Quantity) -> Fraction:
    """Return the exact amount; raises ValueError. Finer than a billionth rounds away from zero, as in Kubernetes."""
    return _parse(_text(quantity))[0]


def approximate(quantity: Quantity) -> float:
    """Return an amount as a float, infinite beyond all of these (`AsApproximateFloat64`); raises ValueError."""
    amount = parse_quantity(quantity)
    try:
        return float(amount)
    except OverflowError:
        return math.inf if amount > 0 else -math.inf


def _round_up(amount: Fraction) -> int:
    return math.ceil(amount) if amount >= 0 else math.floor(amount)


@lru_cache(maxsize=8192)
def _milli(text: str) -> int:
    suffix = text.lstrip("0123456789")
    digits = text[: len(text) - len(suffix)]
    if suffix in _THOUSANDTHS and 0 < len(digits) <= _FEW_DIGITS:  # as nearly all are, and a Fraction takes long
        many, of = _THOUSANDTHS[suffix]
        return -(-int(digits) * many // of)
    return _round_up(_parse(text)[0] * 1000)


@lru_cache(maxsize=8192)
def _value(text: str) -> int:
    return _round_up(_parse(text)[0])


def milli(quantity: Quantity) -> int:
    """Return thousandths, rounded away from zero (`Quantity.MilliValue`); raises ValueError."""
    return _milli(_text(quantity))


def value(quantity: Quantity) -> int:
    """Return whole units, rounded away from zero (`Quantity.Value`); raises ValueError."""
    return _value(_text(quantity))


def format_quantity(amount: Fraction | int, style: Format = "DecimalSI") -> str:
    """Write an amount in canonical form: the largest suffix that needs no fraction.

    A binary style falls back to the decimal one below 1024 and for fractions, as Kubernetes does.
    """
    exact = Fraction(amount)
    if exact == 0:
        return "0"
    if style == "BinarySI" and abs(exact) >= 1024 and exact.denominator == 1:  # noqa: PLR2004  the binary step
        return _format_binary(exact.numerator)
    return _format_decimal(exact, style)


def _format_binary(units: int) -> str:
    power = 0
    while units % 1024 == 0 and power + 10 in _BINARY_SUFFIX:
        units //= 1024
        power += 10
    return f"{units}{_BINARY_SUFFIX[power]}"


def _format_decimal(amount: Fraction, style: Format) -> str:
    scaled = amount * _NANO
    units = _round_up(scaled)
    power = -9
    while units % 1000 == 0 and (style == "DecimalExponent" or power + 3 in _DECIMAL_SUFFIX):
        units //= 1000
        power += 3
    if style == "DecimalExponent":
        return f"{units}e{power}" if power else str(units)
    return f"{units}{_DECIMAL_SUFFIX[power]}"


def canonical(quantity: Quantity) -> str:
    """Return the text that an API server stores for a quantity; raises ValueError.

    Like Kubernetes it keeps the family of the suffix: `1024Mi` becomes `1Gi`, `0.5` becomes `500m`, `1000e0` `1e3`.
    """
    text = _text(quantity)
    amount, style = _parse(text)
    return text if _kept_as_written(text, style) else format_quantity(amount, style)


def _kept_as_written(text: str, style: Format) -> bool:
    """Whether Kubernetes takes the text for canonical although it is not quite: `+5`, `007`, `1.500`."""
    match = _TEXT.fullmatch(text)
    whole, decimals = (match[2].lstrip("0"), match[3] or "") if match else ("", "")
    if not match or not whole:
        return False
    digits = whole + decimals
    if style == "BinarySI":
        power = _BINARY[match[4]]
        return not decimals and len(whole) < 15 - power * 3 // 10 and int(whole) % 8 != 0
    power = _DECIMAL[match[4]] if style == "DecimalSI" else int(match[4][1:])
    scale = power - len(decimals)
    return len(digits) <= _FAST_DIGITS and scale >= -9 and scale % 3 == 0 and not digits.endswith("000")  # noqa: PLR2004  nano
