"""Owner references that say the same twice: each is kept once, and the client is warned."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import dicts, text

_WARNING = (
    ".metadata.ownerReferences contains duplicate entries%s; API server dedups owner references in 1.20+, and may"
    " reject such requests as early as 1.24; please fix your requests; duplicate UID(s) observed: %s"
)


def deduplicate(obj: Manifest, *, patched: bool = False) -> list[str]:
    """Drop, in place, every reference that stands before it already, and return what the client is warned of.

    A real server looks at what a patch made only after mutating admission, and says so.
    """
    references = dicts(obj, "metadata", "ownerReferences")
    if len(references) < 2:  # noqa: PLR2004  two of a kind
        return []
    kept: list[Manifest] = []
    doubled: list[str] = []
    for reference in references:
        if any(_essence(reference) == _essence(each) for each in kept):
            doubled.append(text(reference, "uid"))
        else:
            kept.append(reference)
    if not doubled:
        return []
    obj["metadata"]["ownerReferences"] = kept
    return [_WARNING % (" after mutating admission happens" if patched else "", ", ".join(doubled))]


def _essence(reference: Manifest) -> tuple[Any, ...]:
    names = ("apiVersion", "kind", "name", "uid")
    return (*(text(reference, name) for name in names), *(reference.get(name) for name in _FLAGS))


_FLAGS = ("controller", "blockOwnerDeletion")
