"""What the twin answers when it refuses: Status documents with the API server's own words.

A verb raises `StatusError`; `server.py` alone turns it into a response. Reasons, codes, messages and details follow
`k8s.io/apimachinery/pkg/api/errors`, because clients decide on them and people read them.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.kinds import KindInfo
from kubewright.twin.validation.fields import FieldError


@dataclass(frozen=True, slots=True)
class StatusError(Exception):
    """A refusal, ready to be sent."""

    code: int
    reason: str
    message: str
    details: Mapping[str, Any] | None = None
    list_metadata: Mapping[str, Any] = field(default_factory=dict[str, Any])
    """The Status's own metadata: an expired page token carries the one to go on with."""

    def __str__(self) -> str:
        return self.message

    def body(self) -> Manifest:
        """Return the Status document."""
        status: Manifest = {
            "kind": "Status",
            "apiVersion": "v1",
            "metadata": dict(self.list_metadata),
            "status": "Failure",
            "message": self.message,
        }
        if self.reason:
            status["reason"] = self.reason
        if self.details is not None:
            status["details"] = dict(self.details)
        status["code"] = self.code
        return status


def success(details: Mapping[str, Any] | None = None) -> Manifest:
    """Return the Status of what is done, with details of what was deleted."""
    head: Manifest = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Success"}
    return head if details is None else {**head, "details": dict(details)}


def qualified(group: str, name: str) -> str:
    """Write `deployments.apps`, or `pods` for the core group."""
    return f"{name}.{group}" if group else name


def _details(kind: KindInfo, name: str) -> dict[str, Any]:
    return _named(name, kind.group, kind.plural)


def _named(name: str, group: str, kind: str) -> dict[str, Any]:
    return {key: value for key, value in (("name", name), ("group", group), ("kind", kind)) if value}


def bad_request(message: str) -> StatusError:
    """The request cannot be understood."""
    return StatusError(400, "BadRequest", message)


def not_found(kind: KindInfo, name: str) -> StatusError:
    """There is no such object."""
    message = f'{qualified(kind.group, kind.plural)} "{name}" not found'
    return StatusError(404, "NotFound", message, _details(kind, name))


def no_such_resource() -> StatusError:
    """The path is of the API's form, but nothing is served there."""
    return StatusError(404, "NotFound", "the server could not find the requested resource", {})


def already_exists(kind: KindInfo, name: str, *, being_deleted: bool = False) -> StatusError:
    """The name is taken, perhaps by an object that is on its way out."""
    prefix = "object is being deleted: " if being_deleted else ""
    message = f'{prefix}{qualified(kind.group, kind.plural)} "{name}" already exists'
    return StatusError(409, "AlreadyExists", message, _details(kind, name))


def conflict(kind: KindInfo, name: str, cause: str, *, resource: str = "") -> StatusError:
    """The object is not as the caller thought; `resource` is named instead of the plural where the API server does."""
    plural = resource or kind.plural
    message = f'Operation cannot be fulfilled on {qualified(kind.group, plural)} "{name}": {cause}'
    return StatusError(409, "Conflict", message, _named(name, kind.group, plural))


STALE = "the object has been modified; please apply your changes to the latest version and try again"


def stale(kind: KindInfo, name: str) -> StatusError:
    """The resourceVersion sent is not the present one."""
    return conflict(kind, name, STALE)


def apply_conflict(conflicts: Sequence[tuple[str, str]]) -> StatusError:
    """Server-side apply met fields of other managers: `conflicts` are (manager as described, field path)."""
    causes = [
        {"reason": "FieldManagerConflict", "message": f"conflict with {manager}", "field": path}
        for manager, path in conflicts
    ]
    return StatusError(409, "Conflict", _apply_message(conflicts), {"causes": causes})


def _apply_message(conflicts: Sequence[tuple[str, str]]) -> str:
    if len(conflicts) == 1:
        manager, path = conflicts[0]
        return f"Apply failed with 1 conflict: conflict with {manager}: {path}"
    by_manager: dict[str, list[str]] = {}
    for manager, path in conflicts:
        by_manager.setdefault(manager, []).append(path)
    lines: list[str] = []
    for manager, paths in sorted(by_manager.items()):
        lines.append(f"conflicts with {manager}:")
        lines += [f"- {path}" for path in paths]
    return f"Apply failed with {len(conflicts)} conflicts: " + "\n".join(lines)


def invalid(group: str, kind: str, name: str, errors: Sequence[FieldError]) -> StatusError:
    """The object breaks rules, field by field."""
    causes = [{"reason": error.reason, "message": error.message, "field": error.field} for error in errors]
    lines = list(dict.fromkeys(f"{error.field}: {error.message}" for error in errors))
    text = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    message = f'{qualified(group, kind)} "{name}" is invalid: {text}'
    return StatusError(422, "Invalid", message, {**_named(name, group, kind), "causes": causes})


def forbidden(kind: KindInfo, name: str, cause: str, *, causes: Sequence[Mapping[str, str]] = ()) -> StatusError:
    """Admission says no."""
    quoted = f' "{name}"' if name else ""
    message = f"{qualified(kind.group, kind.plural)}{quoted} is forbidden: {cause}"
    details = _details(kind, name)
    if causes:
        details["causes"] = list(causes)
    return StatusError(403, "Forbidden", message, details)


def unauthorized() -> StatusError:
    """Nobody known asks."""
    return StatusError(401, "Unauthorized", "Unauthorized")


def method_not_allowed() -> StatusError:
    """The resource has no such verb."""
    message = "the server does not allow this method on the requested resource"
    return StatusError(405, "MethodNotAllowed", message, {})


def too_large(limit: int) -> StatusError:
    """The body is larger than what is read."""
    return StatusError(413, "RequestEntityTooLarge", f"Request entity too large: limit is {limit}")


def unsupported_media_type(accepted: Sequence[str]) -> StatusError:
    """The body is of a form that is not read."""
    listed = ", ".join(accepted)
    message = f"the body of the request was in an unknown format - accepted media types include: {listed}"
    return StatusError(415, "UnsupportedMediaType", message)


def unsupported_patch_type() -> StatusError:
    """The patch is of a kind that the resource does not take."""
    return StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})


def not_acceptable(accepted: Sequence[str]) -> StatusError:
    """The answer is wanted in a form that is not written."""
    message = f"406: Not Acceptable\n\nAvailable representations: {', '.join(accepted)}"
    return StatusError(406, "NotAcceptable", message, {})


def not_acceptable_form(accepted: Sequence[str]) -> StatusError:
    """The answer is wanted as a kind that is not written, in a media type that is."""
    return StatusError(406, "NotAcceptable", f"only the following media types are accepted: {', '.join(accepted)}")


def not_that_many(message: str, kind: str) -> StatusError:
    """Metadata of a list is wanted of one object, or the other way round."""
    return StatusError(406, "NotAcceptable", f"{message} (*core.{kind})", None)


def expired(message: str, *, continue_token: str = "") -> StatusError:
    """The version asked for is forgotten: list again, or go on with the inconsistent token."""
    return StatusError(410, "Expired", message, None, {"continue": continue_token} if continue_token else {})


def too_large_version(asked: int, present: int) -> StatusError:
    """The version asked for does not exist yet."""
    cause = {"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}
    message = f"Timeout: Too large resource version: {asked}, current: {present}"
    return StatusError(504, "Timeout", message, {"causes": [cause], "retryAfterSeconds": 1})


def timed_out() -> StatusError:
    """The request took longer than a request may."""
    return StatusError(504, "Timeout", "Timeout: request did not complete within requested timeout", {})


def not_in_time() -> StatusError:
    """Return what is said when a client does not end its request: 504."""
    return StatusError(504, "Timeout", "Timeout: request did not complete within the allotted timeout", {})


def not_modelled(what: str) -> StatusError:
    """The twin has no such part (`twin.NOT_MODELLED`) and says so instead of guessing."""
    return StatusError(501, "NotImplemented", f"the twin does not model {what}")


def internal(message: str) -> StatusError:
    """The twin itself failed."""
    return StatusError(500, "InternalError", f"Internal error occurred: {message}")
