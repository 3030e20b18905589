"""What a request wants: a verb on a resource, or on a path that is none.

The authorizer decides about these; they come from a request's method, path and query, or from a review.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import unquote

from kubewright.api.selectors import parse_field_selector
from kubewright.twin.access.users import User

_VERBS = {"POST": "create", "GET": "get", "HEAD": "get", "PUT": "update", "PATCH": "patch", "DELETE": "delete"}
_OF_A_NAMESPACE = frozenset({"status", "finalize"})
_FALSE = frozenset({"0", "f", "F", "false", "FALSE", "False"})
_OLD_PREFIXES = frozenset({"watch", "proxy"})
_INSIDE_NAMESPACE = 3


@dataclass(frozen=True, slots=True)
class Attributes:
    """A verb on a `resource` (with its group, namespace and name), or on a `path` when `resource` is empty."""

    user: User
    verb: str
    group: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    path: str = ""

    @property
    def whole_resource(self) -> str:
        """Return `pods` or `pods/log`."""
        return f"{self.resource}/{self.subresource}" if self.subresource else self.resource


def requested(user: User, method: str, path: str, query: Mapping[str, str]) -> Attributes:
    """Read what a request wants (`RequestInfoFactory.NewRequestInfo`)."""
    parts = [unquote(part) for part in path.strip("/").split("/")]
    head = {"api": 2, "apis": 3}.get(parts[0], 0)
    if not head or len(parts) <= head:
        return Attributes(user, method.lower(), path=unquote(path))
    group, rest = (parts[1] if parts[0] == "apis" else ""), parts[head:]
    verb = _VERBS.get(method, "")
    if rest[0] in _OLD_PREFIXES and len(rest) > 1:
        verb, rest = rest[0], rest[1:]
    namespace, rest = _namespace(rest)
    resource, name, subresource = (*rest, "", "", "")[:3]
    if not name:
        verb, name = _of_collection(verb, query)
    return Attributes(user, verb, group, resource, subresource, namespace, name)


def _namespace(rest: list[str]) -> tuple[str, list[str]]:
    """Split the namespace off; a namespace's own requests are inside it."""
    if rest[0] != "namespaces" or len(rest) == 1:
        return "", rest
    if len(rest) >= _INSIDE_NAMESPACE and rest[2] not in _OF_A_NAMESPACE:
        return rest[1], rest[2:]
    return rest[1], rest


def _of_collection(verb: str, query: Mapping[str, str]) -> tuple[str, str]:
    """Return the verb on a whole collection, and the one name that its field selector leaves."""
    if verb == "get":
        verb = "watch" if query.get("watch", "false") not in _FALSE else "list"
    elif verb == "delete":
        verb = "deletecollection"
    if verb in {"list", "watch", "deletecollection"} and query.get("fieldSelector"):
        return verb, _selected_name(query["fieldSelector"])
    return verb, ""


def _selected_name(selector: str) -> str:
    try:
        terms = parse_field_selector(selector)
    except ValueError:
        return ""
    return next((value for field, op, value in terms if field == "metadata.name" and op == "="), "")
