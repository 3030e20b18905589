"""Money as whole numbers of a billionth of a billionth of the currency's unit: what is divided adds up again."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction
from typing import TypeAlias

Money: TypeAlias = int
"""In `UNIT`ths of a dollar, euro or whatever prices are in."""
UNIT = 10**18
_PLACES = 18


def money(amount: Fraction | float | str) -> Money:
    """Return an amount of the currency, cut where money has no smaller part; a float counts as it is written."""
    exact = Fraction(repr(amount)) if isinstance(amount, float) else Fraction(amount)
    return exact.numerator * UNIT // exact.denominator


def split(whole: Money, weights: Sequence[int]) -> list[Money]:
    """Divide by weights, none of them negative and one above 0, so that the parts are the whole.

    What division leaves over goes to the parts that lost the most by it (largest remainder), the first of several.
    """
    total = sum(weights)
    parts = [whole * weight // total for weight in weights]
    order = sorted(range(len(weights)), key=lambda at: -(whole * weights[at] % total))
    for at in order[: whole - sum(parts)]:
        parts[at] += 1
    return parts


def decimal(amount: Money, places: int = _PLACES) -> str:
    """Write an amount in decimals, rounded half up, without zeros that say nothing."""
    text = fixed(amount, places)
    return text.rstrip("0").rstrip(".") if "." in text else text


def fixed(amount: Money, places: int) -> str:
    """Write an amount with so many decimals, rounded half up."""
    step = 10 ** (_PLACES - places)
    rounded = (abs(amount) + step // 2) // step
    whole, rest = divmod(rounded, 10**places)
    sign = "-" if amount < 0 and rounded else ""
    return f"{sign}{whole}.{rest:0{places}d}" if places else f"{sign}{whole}"
