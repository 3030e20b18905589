"""From a path to what it names; `server.py` asks this of every request that is not for a document."""

from __future__ import annotations

from urllib.parse import unquote

import msgspec


class Route(msgspec.Struct, frozen=True):
    """The parts of `/apis/{group}/{version}/namespaces/{namespace}/{plural}/{name}/{subresource}`."""

    group: str
    version: str
    plural: str
    namespace: str = ""
    name: str = ""
    subresource: str = ""
    rest: str = ""
    """What stands below the subresource: the path that a proxy passes on."""

    @property
    def group_version(self) -> str:
        """Return `v1` or `group/version`."""
        return f"{self.group}/{self.version}" if self.group else self.version


_OF_A_NAMESPACE = frozenset({"status", "finalize"})
_CORE_PREFIX = 2
_GROUP_PREFIX = 3


def parse_route(path: str) -> Route | None:
    """Read a resource's path; None when the path is not of that form."""
    parts = path.strip("/").split("/")
    if "%" in path:
        parts = [unquote(part) for part in parts]
    if parts[0] == "api" and len(parts) > _CORE_PREFIX:
        return _resource("", parts[1], parts[_CORE_PREFIX:])
    if parts[0] == "apis" and len(parts) > _GROUP_PREFIX:
        return _resource(parts[1], parts[2], parts[_GROUP_PREFIX:])
    return None


def group_below(path: str) -> str | None:
    """Return the API group that a path is below, whether or not anything is served there; None for all other paths."""
    match path.strip("/").split("/"):
        case ["api", _, *_]:
            return ""
        case ["apis", group, _, *_]:
            return group
        case _:
            return None


def _resource(group: str, version: str, rest: list[str]) -> Route | None:
    namespace = ""
    # `/namespaces/x/status` is a subresource of the namespace, `/namespaces/x/pods` is a list inside it.
    if rest[0] == "namespaces" and len(rest) > 2 and not (not group and rest[2] in _OF_A_NAMESPACE):  # noqa: PLR2004
        namespace, rest = rest[1], rest[2:]
    if not all(rest):
        return None
    plural, name, subresource = (*rest, "", "")[:3]
    return Route(group, version, plural, namespace, name, subresource, "/".join(rest[3:]))
