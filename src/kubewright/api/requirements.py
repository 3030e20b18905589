"""One condition on one label: what label selectors and node selectors are made of."""

from __future__ import annotations

import re
from collections.abc import Mapping

from kubewright.api.meta import Leaf

_INTEGER = re.compile(r"[+-]?[0-9]+", re.ASCII)
_INT64_LIMIT = 2**63


def integer(text: str) -> int | None:
    """Read an int64 as Kubernetes' comparison operators do, or None."""
    if _INTEGER.fullmatch(text) is None:
        return None
    number = int(text)
    return number if -_INT64_LIMIT <= number < _INT64_LIMIT else None


class Requirement(Leaf, frozen=True):
    """One condition on one label. An operator that nobody knows matches nothing."""

    key: str
    operator: str
    values: tuple[str, ...] = ()

    def matches(self, labels: Mapping[str, str]) -> bool:
        """Whether labels meet the condition; a label that is absent meets NotIn and DoesNotExist."""
        found = labels.get(self.key)
        match self.operator:
            case "In":
                return found is not None and found in self.values
            case "NotIn":
                return found is None or found not in self.values
            case "Exists":
                return found is not None
            case "DoesNotExist":
                return found is None
            case "Gt" | "Lt":
                return found is not None and self._compares(found)
            case _:
                return False

    def _compares(self, found: str) -> bool:
        if len(self.values) != 1:
            return False
        have, bound = integer(found), integer(self.values[0])
        if have is None or bound is None:
            return False
        return have > bound if self.operator == "Gt" else have < bound

    def __str__(self) -> str:
        match self.operator:
            case "In" if len(self.values) == 1:
                return f"{self.key}={self.values[0]}"
            case "NotIn" if len(self.values) == 1:
                return f"{self.key}!={self.values[0]}"
            case "In" | "NotIn":
                return f"{self.key} {self.operator.lower()} ({','.join(sorted(self.values))})"
            case "DoesNotExist":
                return f"!{self.key}"
            case "Gt" | "Lt":
                return f"{self.key}{'>' if self.operator == 'Gt' else '<'}{''.join(self.values)}"
            case _:
                return self.key
