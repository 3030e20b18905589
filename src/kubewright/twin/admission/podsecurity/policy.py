"""A namespace's labels as levels: what is refused, and what is warned of."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass

PREFIX = "pod-security.kubernetes.io/"
LEVELS = ("privileged", "baseline", "restricted")
LATEST = 10_000
"""Later than any minor version."""
_VERSION = re.compile(r"v1\.(0|[1-9][0-9]{0,3})", re.ASCII)
_MODES = ("enforce", "audit", "warn")


@dataclass(frozen=True, slots=True)
class Standard:
    """A level as of a minor version: `restricted:latest`."""

    level: str = "privileged"
    minor: int = LATEST

    def __str__(self) -> str:
        return f"{self.level}:{'latest' if self.minor == LATEST else f'v1.{self.minor}'}"

    @property
    def strictness(self) -> int:
        """Return the level's place, the most open one's being 0."""
        return LEVELS.index(self.level)


@dataclass(frozen=True, slots=True)
class Policy:
    """What a namespace enforces, and what it warns of: at least what it enforces, unless it says otherwise."""

    enforce: Standard = Standard()
    warn: Standard = Standard()


OPEN = Policy()


def policy_of(labels: Mapping[str, str]) -> Policy:
    """Read a namespace's labels; what does not read is privileged, as nothing that was stored can be."""
    if not any(name.startswith(PREFIX) for name in labels):
        return OPEN
    enforce = _standard(labels, "enforce")
    warn = _standard(labels, "warn")
    if f"{PREFIX}warn" not in labels and enforce.strictness > warn.strictness:
        warn = enforce
    return Policy(enforce, warn)


def _standard(labels: Mapping[str, str], mode: str) -> Standard:
    level = labels.get(PREFIX + mode, "privileged")
    minor = minor_of(labels.get(f"{PREFIX}{mode}-version", "latest"))
    if level not in LEVELS or minor is None:
        return Standard()
    return Standard(level, minor)


def minor_of(version: str) -> int | None:
    """Return the minor version that a label names; None when it names none."""
    if version == "latest":
        return LATEST
    match = _VERSION.fullmatch(version)
    return int(match[1]) if match else None


def problems(labels: Mapping[str, str]) -> list[tuple[str, str, str]]:
    """Return (label, value, problem) of each label that does not read."""
    found: list[tuple[str, str, str]] = []
    for mode in _MODES:
        level, version = labels.get(PREFIX + mode), labels.get(f"{PREFIX}{mode}-version")
        if level is not None and level not in LEVELS:
            found.append((PREFIX + mode, level, f"must be one of {', '.join(LEVELS)}"))
        if version is not None and minor_of(version) is None:
            found.append((f"{PREFIX}{mode}-version", version, 'must be "latest" or "v1.x"'))
    return found
