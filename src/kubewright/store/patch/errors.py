"""The ways in which a patch is refused: it is not a patch, it does not fit, or the server gives up on it."""

from __future__ import annotations

from typing import Any

from kubewright.errors import Cause, ErrorKind, OpError

MALFORMED = "patch.decode"
"""Op of an error in the patch itself; a server answers 400."""
INAPPLICABLE = "patch.apply"
"""Op of an error that this document causes (a test that fails, a path that is missing); a server answers 422."""
UNPROCESSED = "patch.process"
"""Op of an error for which the API server has no reason of its own; a server answers 500 and the detail."""


def malformed(patch_kind: str, detail: str) -> OpError:
    """Return the error of something that is no patch."""
    return OpError(MALFORMED, ErrorKind.INVALID, patch_kind, detail)


def inapplicable(patch_kind: str, detail: str) -> OpError:
    """Return the error of a patch that does not fit the document."""
    return OpError(INAPPLICABLE, ErrorKind.INVALID, patch_kind, detail)


def unprocessed(patch_kind: str, detail: str) -> OpError:
    """Return the error of a patch that the API server fails on, although it is the sender's fault."""
    return OpError(UNPROCESSED, ErrorKind.INVALID, patch_kind, detail)


class ApplyConflictError(OpError):
    """Another manager owns a field that this apply would change. `conflicts` holds (manager as shown, field path)."""

    def __init__(self, conflicts: tuple[tuple[str, str], ...]) -> None:
        self.conflicts = conflicts
        causes = tuple(Cause(path, "FieldManagerConflict", f"conflict with {shown}") for shown, path in conflicts)
        super().__init__("patch.apply", ErrorKind.CONFLICT, "apply", _conflict_text(conflicts), causes=causes)


def _conflict_text(conflicts: tuple[tuple[str, str], ...]) -> str:
    if len(conflicts) == 1:
        shown, path = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {shown}: {path}"
    by_manager: dict[str, list[str]] = {}
    for shown, path in conflicts:
        by_manager.setdefault(shown, []).append(path)
    lines: list[str] = []
    for shown, paths in by_manager.items():
        lines.append(f"conflicts with {shown}:")
        lines.extend(f"- {path}" for path in paths)
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


def json_kind(value: Any) -> str:
    """Name a JSON value's kind as decoding errors do."""
    names = {dict: "object", list: "array", str: "string", bool: "bool", int: "number", float: "number"}
    return next((name for kind, name in names.items() if isinstance(value, kind)), "null")
