"""What a Pod Security check finds, and the wording that the checks share."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import as_dict, dicts, text


@dataclass(frozen=True, slots=True)
class Finding:
    """Why a pod is not allowed: in a few words, and where."""

    reason: str
    detail: str

    def __str__(self) -> str:
        return f"{self.reason} ({self.detail})" if self.detail else self.reason


Check = Callable[[Manifest, Manifest], "Finding | None"]
"""Looks at a pod's metadata and spec."""


def containers(spec: Manifest) -> list[Manifest]:
    """Return all containers in the order in which they are reported."""
    return [*dicts(spec, "initContainers"), *dicts(spec, "containers"), *dicts(spec, "ephemeralContainers")]


def security(part: Manifest) -> dict[str, Any]:
    """Return the security context of a pod's spec or of a container."""
    return as_dict(part.get("securityContext"))


def offenders(spec: Manifest, offends: Callable[[dict[str, Any]], bool]) -> list[str]:
    """Return the names of containers whose security context offends."""
    return [text(each, "name") for each in containers(spec) if offends(security(each))]


def listed(names: Iterable[str]) -> str:
    """Quote names: `"a", "b"`."""
    return ", ".join(f'"{name}"' for name in names)


def named(names: Sequence[str], what: str = "container") -> str:
    """Write `container "a"`, or `containers "a", "b"`."""
    return f"{what}{'' if len(names) == 1 else 's'} {listed(names)}"


def setters(names: Sequence[str], *, pod: bool) -> str:
    """Name who set something: `pod`, `container "a"`, or `pod and containers "a", "b"`."""
    return " and ".join([*(["pod"] if pod else []), *([named(names)] if names else [])])


def is_windows(spec: Manifest) -> bool:
    """Tell whether the pod is for Windows, where some checks make no sense."""
    return text(spec, "os", "name") == "windows"


def has_own_users(spec: Manifest) -> bool:
    """Tell whether the pod has a user namespace of its own."""
    return spec.get("hostUsers") is False


def profile_finding(spec: Manifest, field: str, is_bad: Callable[[str], bool]) -> tuple[bool, list[str], list[str]]:
    """Return whether the pod's own `field` has a bad type, which containers' have, and the bad types."""
    own = text(security(spec), field, "type")
    bad = {text(each, "name"): text(security(each), field, "type") for each in containers(spec)}
    bad = {name: kind for name, kind in bad.items() if kind and is_bad(kind)}
    pod = bool(own) and is_bad(own)
    return pod, list(bad), sorted({*bad.values(), *([own] if pod else [])})
