"""Versions in expressions: `semver("1.2.3").isGreaterThan(semver("1.2.0"))`, as Semantic Versioning 2.0 orders them."""

from __future__ import annotations

import re
from typing import TypeAlias

from kubewright.api.meta import Manifest

_KEY = "semver"
_NUMBER = r"(0|[1-9][0-9]*)"
_SUFFIX = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(rf"{_NUMBER}\.{_NUMBER}\.{_NUMBER}(?:-({_SUFFIX}))?(?:\+{_SUFFIX})?", re.ASCII)
_LOOSE = re.compile(r"v?([0-9]+)(?:\.([0-9]+))?(?:\.([0-9]+))?(.*)", re.ASCII)
_LIMIT = 2**63

Rank: TypeAlias = tuple[int, int, int, bool, tuple[tuple[bool, int, str], ...]]


def _normalized(text: str) -> str:
    """Add what is missing and drop what is too much of `v1.02` (`1.2.0`), as the second argument allows."""
    found = _LOOSE.fullmatch(text)
    if found is None:
        return text
    return ".".join(str(int(part or "0")) for part in found.groups()[:3]) + found[4]


def to_version(text: str, normalize: bool = False) -> Manifest:  # CEL passes arguments by place
    """Read a version; raises ValueError."""
    text = _normalized(text) if normalize else text
    found = _VERSION.fullmatch(text)
    if found is None or any(int(found[part]) >= _LIMIT for part in (1, 2, 3)):
        raise ValueError(f"{text!r} is not a semantic version")
    prerelease = found[4] or ""
    if any(len(part) > 1 and part.isdigit() and part[0] == "0" for part in prerelease.split(".")):
        raise ValueError("Numeric PreRelease version must not contain leading zeroes")
    # What follows a plus sign has no say in order or equality.
    return {_KEY: [int(found[1]), int(found[2]), int(found[3]), prerelease]}


def is_version(text: str, normalize: bool = False) -> bool:  # CEL passes arguments by place
    """Tell whether a text is a version."""
    try:
        to_version(text, normalize)
    except ValueError:
        return False
    return True


def is_one(value: Manifest) -> bool:
    """Tell a version from other values that travel as maps."""
    return _KEY in value


def major(version: Manifest) -> int:
    """Return the first number."""
    return int(version[_KEY][0])


def minor(version: Manifest) -> int:
    """Return the second number."""
    return int(version[_KEY][1])


def patch(version: Manifest) -> int:
    """Return the third number."""
    return int(version[_KEY][2])


def _rank(version: Manifest) -> Rank:
    first, second, third, prerelease = version[_KEY]
    parts = tuple(
        (not part.isdigit(), int(part) if part.isdigit() else 0, "" if part.isdigit() else part)
        for part in (prerelease.split(".") if prerelease else ())
    )
    return first, second, third, not prerelease, parts


def compare(one: Manifest, other: Manifest) -> int:
    """Return 1, 0 or -1."""
    first, second = _rank(one), _rank(other)
    return (first > second) - (first < second)


def greater(one: Manifest, other: Manifest) -> bool:
    """Tell whether it is later than another."""
    return _rank(one) > _rank(other)


def less(one: Manifest, other: Manifest) -> bool:
    """Tell whether it is earlier than another."""
    return _rank(one) < _rank(other)
