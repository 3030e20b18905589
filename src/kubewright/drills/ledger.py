"""Notes what somebody writes to a cluster: a transport in front of another. How a drill knows what was touched."""

from __future__ import annotations

from dataclasses import dataclass, field

from kubewright.api.places import SYSTEM_NAMESPACE
from kubewright.client.transport import Request, Response, Transport
from kubewright.twin.kinds import KindTable

_READS = frozenset({"GET", "HEAD"})
_OWN = frozenset(
    {
        "incidents",
        "healingpolicies",
        "auditrecords",
        "disruptionlimits",
        "disruptionledgers",
        "leases",
        "events",
        "customresourcedefinitions",
    }
)
"""Kinds in which a platform keeps its own books."""
_REVIEWS = frozenset({"tokenreviews", "subjectaccessreviews", "selfsubjectaccessreviews"})


@dataclass(slots=True)
class Ledger:
    """A transport that notes writes on what is not the platform's own."""

    transport: Transport
    kinds: KindTable
    written: list[str] = field(default_factory=list[str])
    """Targets as `Pod/drill/web-1`, in their order."""

    async def send(self, request: Request, *, stream: bool = False) -> Response:
        """Pass a request on."""
        if request.method not in _READS and "dryRun" not in request.query:
            target = self.target(request.path)
            if target:
                self.written.append(target)
        return await self.transport.send(request, stream=stream)

    async def close(self) -> None:
        """Close what is behind it."""
        await self.transport.close()

    def target(self, path: str) -> str:
        """Read `/api/v1/namespaces/drill/pods/web-1/eviction` as `Pod/drill/web-1`."""
        parts = path.strip("/").split("/")
        group, version, rest = ("", parts[1], parts[2:]) if parts[0] == "api" else (parts[1], parts[2], parts[3:])
        namespace = ""
        if rest[0] == "namespaces" and len(rest) > 2:  # noqa: PLR2004  namespaces/NAME/PLURAL
            namespace, rest = f"{rest[1]}/", rest[2:]
        plural, name = rest[0], rest[1] if len(rest) > 1 else "*"
        kind = self.kinds.lookup(group, version, plural)
        if plural in _OWN | _REVIEWS or (plural == "namespaces" and name in {SYSTEM_NAMESPACE, "*"}):
            return ""
        return f"{kind.kind if kind else plural}/{namespace}{name}"
