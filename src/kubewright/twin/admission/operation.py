"""A write as policies and webhooks see it, and the request that both are shown."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

from kubewright.api.meta import Manifest
from kubewright.twin.access.users import User
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict
from kubewright.twin.registry import Target

_OPTIONS = {"CREATE": "CreateOptions", "UPDATE": "UpdateOptions", "DELETE": "DeleteOptions"}


class Operation(msgspec.Struct, frozen=True):
    """A write; one of `obj` and `old` is None for a delete or a create. `given` are the options as they were sent."""

    name: str
    target: Target
    obj: Manifest | None
    old: Manifest | None
    given: Mapping[str, Any] = msgspec.field(default_factory=dict[str, Any])
    dry_run: bool = False

    @property
    def namespace(self) -> str:
        """Return the namespace that it is in; a Namespace is in itself."""
        kind = self.target.kind
        return self.object_name if kind.kind == "Namespace" and not kind.group else self.target.namespace

    @property
    def object_name(self) -> str:
        """Return the object's name; a new one may have none yet."""
        metadata = as_dict((self.obj or self.old or {}).get("metadata"))
        return metadata.get("name") or self.target.name

    def request(self, user: User, seen: KindInfo | None = None) -> Manifest:
        """Return the request without its objects, as one asked about `seen` reads it: by default the written kind."""
        kind = self.target.kind
        seen = seen or kind
        subresource = self.target.subresource
        return {
            "kind": _kind(seen, subresource),
            "resource": _resource(seen),
            "subResource": subresource,
            "requestKind": _kind(kind, subresource),
            "requestResource": _resource(kind),
            "requestSubResource": subresource,
            "name": self.object_name,
            "namespace": self.namespace,
            "operation": self.name,
            "userInfo": user.info(),
            "dryRun": self.dry_run,
            "options": {"kind": _OPTIONS[self.name], "apiVersion": "meta.k8s.io/v1", **self.given},
        }


def _kind(kind: KindInfo, subresource: str) -> Manifest:
    spoken = kind.subresource(subresource) if subresource else None
    found = spoken or kind
    return {"group": found.group, "version": found.version, "kind": found.kind}


def _resource(kind: KindInfo) -> Manifest:
    return {"group": kind.group, "version": kind.version, "resource": kind.plural}
