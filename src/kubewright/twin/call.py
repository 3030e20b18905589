"""One request, resolved: what the verbs and subresources are called with."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from kubewright.api.meta import Manifest
from kubewright.twin.access.attributes import Attributes
from kubewright.twin.access.authorizer import Authorizer
from kubewright.twin.access.credentials import Credentials
from kubewright.twin.access.refusals import refusal
from kubewright.twin.access.users import ADMIN, User
from kubewright.twin.kinds import KindInfo
from kubewright.twin.media import View, negotiate, read_body
from kubewright.twin.registry import Registry, Target

if TYPE_CHECKING:
    from kubewright.twin.moulds import Moulds
    from kubewright.twin.watch import WatchHub


__all__ = ["ADMIN", "Call", "Services", "User"]


@dataclass(frozen=True, slots=True)
class Services:
    """The parts of the server that verbs work with."""

    registry: Registry
    hub: WatchHub
    tokens: Credentials
    authorizer: Authorizer
    moulds: Moulds


class Call(msgspec.Struct, frozen=True):
    """A request for a resource: its kind and names, and the request's own parts."""

    services: Services
    method: str
    kind: KindInfo
    namespace: str
    name: str
    subresource: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes
    user: User

    @property
    def registry(self) -> Registry:
        """Return the registry, which almost every verb needs."""
        return self.services.registry

    @property
    def target(self) -> Target:
        """Return the object that the call is about."""
        return Target(self.kind, self.namespace, self.name, self.subresource)

    @property
    def content_type(self) -> str:
        """Return the body's media type without its parameters."""
        return self.headers.get("content-type", "").partition(";")[0].strip()

    def view(self) -> View:
        """Return the form of the answer; raises 406."""
        return negotiate(self.headers, self.query, of_many=self.method == "GET" and not self.name)

    def manifest(self, expected: str | None = None) -> Manifest:
        """Return the body as a manifest of the kind `expected`, by default the call's own; raises 400, 415."""
        media = self.headers.get("content-type", "")
        wanted = self.kind.kind if expected is None else expected
        return read_body(self.body, media, self.registry.kinds, wanted)

    def confirm_create(self) -> None:
        """Refuse an update or apply that is to create an object which its user may not create; raises 403."""
        kind = self.kind
        wanted = Attributes(self.user, "create", kind.group, kind.plural, "", self.namespace, self.name)
        decision = self.services.authorizer.decide(wanted)
        if not decision.allowed:
            raise refusal(wanted, decision.reason)

    def now(self) -> float:
        """Return the present time in seconds since 1970."""
        return self.registry.clock.now()
