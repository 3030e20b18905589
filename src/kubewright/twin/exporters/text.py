"""The text form of metrics that Prometheus reads (exposition format 0.0.4)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Literal, TypeAlias

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

Sample: TypeAlias = tuple[str, float]
"""Labels as they stand between the braces, and the value."""


@dataclass(frozen=True, slots=True)
class Family:
    """A metric's name, type and one line of help."""

    name: str
    type: Literal["counter", "gauge", "histogram"]
    help: str

    @property
    def head(self) -> str:
        """Return the two lines before its samples."""
        return f"# HELP {self.name} {self.help}\n# TYPE {self.name} {self.type}\n"

    def write(self, samples: Iterable[Sample]) -> str:
        """Return the family with its samples; nothing when there are none."""
        name = self.name
        lines = "".join([f"{name}{{{labels}}} {value!r}\n" for labels, value in samples])
        return self.head + lines if lines else ""


def counter(name: str, text: str) -> Family:
    """Describe a counter."""
    return Family(name, "counter", text)


def gauge(name: str, text: str) -> Family:
    """Describe a gauge."""
    return Family(name, "gauge", text)


def labels(**given: str) -> str:
    """Write labels as they stand between the braces."""
    return ",".join([f'{name}="{escaped(value)}"' for name, value in given.items()])


def escaped(value: str) -> str:
    """Write a label's value without its quotes."""
    if "\\" in value or '"' in value or "\n" in value:
        return value.replace("\\", "\\\\").replace("\n", "\\n").replace('"', '\\"')
    return value


def histogram(family: Family, given: str, buckets: Iterable[tuple[float, float]], total: float, summed: float) -> str:
    """Write one histogram without its head: `(upper bound, cumulative count)`, the count of all, and their sum."""
    name, comma = family.name, "," if given else ""
    lines = [f'{name}_bucket{{{given}{comma}le="{bound:g}"}} {value!r}\n' for bound, value in buckets]
    lines.append(f'{name}_bucket{{{given}{comma}le="+Inf"}} {total!r}\n')
    lines += [f"{name}_sum{{{given}}} {summed!r}\n", f"{name}_count{{{given}}} {total!r}\n"]
    return "".join(lines)
