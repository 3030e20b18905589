"""Quantities in expressions: `quantity('1Gi').isGreaterThan(quantity('500M'))`, exact as everywhere."""

from __future__ import annotations

from fractions import Fraction

from kubewright.api.meta import Manifest
from kubewright.api.quantity import parse_quantity

_KEY = "quantity"


def to_quantity(text: str) -> Manifest:
    """Read a quantity; equal amounts are equal."""
    try:
        return _made(parse_quantity(text))
    except ValueError as error:
        detail = "quantities must match the regular expression '^([+-]?[0-9.]+)([eEinumkKMGTP]*[-+]?[0-9]*)$'"
        raise ValueError(detail) from error


def _made(amount: Fraction) -> Manifest:
    return {_KEY: f"{amount.numerator}/{amount.denominator}"}


def _amount(quantity: Manifest) -> Fraction:
    return Fraction(quantity[_KEY])


def is_quantity(text: str) -> bool:
    """Tell whether a text is a quantity."""
    try:
        parse_quantity(text)
    except ValueError:
        return False
    return True


def sign(quantity: Manifest) -> int:
    """Return 1, 0 or -1."""
    amount = _amount(quantity)
    return (amount > 0) - (amount < 0)


def is_integer(quantity: Manifest) -> bool:
    """Tell whether it is whole."""
    amount = _amount(quantity)
    return amount.denominator == 1 and abs(amount) < 2**63


def as_integer(quantity: Manifest) -> int:
    """Return a whole amount; raises for others."""
    if not is_integer(quantity):
        raise ValueError("cannot convert value to integer")
    return int(_amount(quantity))


def as_float(quantity: Manifest) -> float:
    """Return the nearest float."""
    return float(_amount(quantity))


def add(one: Manifest, other: Manifest) -> Manifest:
    """Return the sum."""
    return _made(_amount(one) + _amount(other))


def add_int(one: Manifest, other: int) -> Manifest:
    """Return the sum."""
    return _made(_amount(one) + other)


def sub(one: Manifest, other: Manifest) -> Manifest:
    """Return the difference."""
    return _made(_amount(one) - _amount(other))


def sub_int(one: Manifest, other: int) -> Manifest:
    """Return the difference."""
    return _made(_amount(one) - other)


def compare(one: Manifest, other: Manifest) -> int:
    """Return 1, 0 or -1."""
    first, second = _amount(one), _amount(other)
    return (first > second) - (first < second)


def greater(one: Manifest, other: Manifest) -> bool:
    """Tell whether it is more than another."""
    return _amount(one) > _amount(other)


def less(one: Manifest, other: Manifest) -> bool:
    """Tell whether it is less than another."""
    return _amount(one) < _amount(other)
