"""Guard rails tried on objects: an API server in this process has the rails, and answers as the cluster's would.

Whatever makes pods is tried twice: as it is, and as the first pod that it would make, since that is refused later and
by nobody's hand. PriorityClasses that are named and not known count as of value 0.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import TEAM_LABEL
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import Manifest, Resource
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.protocol import Client
from kubewright.client.transport import Request
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.guardrails.decide import BINDINGS, POLICIES
from kubewright.guardrails.render import SCOPE_LABEL
from kubewright.twin.kinds import KindInfo, KindTable
from kubewright.twin.reading import as_dict, text
from kubewright.twin.server import ApiServer

_WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')
_REFUSED, _CONFLICT = 400, 409
_FIRST = ("Namespace", "PriorityClass", "RuntimeClass", "StorageClass", "LimitRange")
"""What other objects depend on: it is made, not only tried, and in this order."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What was said of an object."""

    what: str
    said: str
    refused: bool

    @property
    def verdict(self) -> str:
        """Return it as a word."""
        return "refused" if self.refused else "warning"

    @property
    def line(self) -> str:
        """Say it in one line."""
        return f"{self.verdict} {self.what}: {self.said}"


async def rails_of_cluster(client: Client) -> tuple[list[Manifest], dict[str, dict[str, str]]]:
    """Return a cluster's guard rails, and its namespaces' labels; only reads. Raises OpError."""
    found: list[Manifest] = []
    for kind in map(live_resource, (POLICIES, BINDINGS)):
        listed = await client.list(kind, label_selector=SCOPE_LABEL)
        found += [_made(each, kind) for each in listed.items]
    spaces = await client.list(NAMESPACES)
    return found, {each.metadata.name: dict(each.metadata.labels) for each in spaces.items}


def _made(live: LiveObject, kind: Resource[LiveObject]) -> Manifest:
    metadata = {"name": live.metadata.name, "labels": dict(live.metadata.labels)}
    return {"apiVersion": kind.api_version, "kind": kind.kind, "metadata": metadata, "spec": live.spec}


@dataclass(slots=True)
class Trial:
    """Rails, and the namespaces that they hold in."""

    rails: Sequence[Manifest]
    labels: Mapping[str, Mapping[str, str]]
    namespace: str
    team: str
    _kinds: KindTable = field(default_factory=KindTable.builtin)
    _server: InProcessTransport = field(init=False)

    async def findings(self, documents: Sequence[Manifest]) -> list[Finding]:
        """Return what is refused or warned of, in order; raises OpError for rails that no server would take."""
        self._server = InProcessTransport(ApiServer(Clock.virtual(), self._kinds))
        first = sorted((each for each in documents if each.get("kind") in _FIRST), key=_order)
        spaces = [self._namespace(name) for name in dict.fromkeys(self._space(each) for each in documents)]
        for each in (*sorted((*first, *spaces), key=_order), *_classes(documents), *self.rails):
            await self._make(each)
        found: list[Finding] = []
        for document in documents:
            if document not in first:
                found += await self._tried(document)
        return found

    def _space(self, document: Manifest) -> str:
        return text(document, "metadata", "namespace") or self.namespace

    def _namespace(self, name: str) -> Manifest:
        labels = {**self.labels.get(name, {}), **({TEAM_LABEL: self.team} if self.team else {})}
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}

    async def _make(self, document: Manifest) -> None:
        answer = await self._write(document, dry_run=False)
        if answer is not None and answer[0] >= _REFUSED and answer[0] != _CONFLICT:
            name = f"{document['kind']}/{document['metadata'].get('name', '')}"
            raise OpError("guardrails.check", ErrorKind.INVALID, name, answer[1])

    async def _tried(self, document: Manifest) -> list[Finding]:
        what = f"{document['kind']}/{self._space(document)}/{document['metadata'].get('name', '')}"
        found = await self._said(document, what)
        pod = _pod_of(document)
        if pod is not None and not any(each.refused for each in found):
            pod["metadata"]["namespace"] = self._space(document)
            told = {each.said for each in found}
            found += [each for each in await self._said(pod, f"the pods of {what}") if each.said not in told]
        return found

    async def _said(self, document: Manifest, what: str) -> list[Finding]:
        answer = await self._write(document, dry_run=True)
        if answer is None:
            return [Finding(what, "is of a kind that guard rails do not look at", refused=False)]
        code, message, warnings = answer
        refusals = [Finding(what, message, refused=True)] if code >= _REFUSED else []
        return refusals + [Finding(what, each, refused=False) for each in warnings]

    async def _write(self, document: Manifest, *, dry_run: bool) -> tuple[int, str, list[str]] | None:
        """Return the code, the message and the warnings of an answer; None of a kind that is not served here."""
        info = self._kinds.by_kind(str(document.get("apiVersion")), str(document.get("kind")))
        if info is None:
            return None
        query = {"dryRun": "All"} if dry_run else {}
        headers = {"content-type": "application/json", "accept": "application/json"}
        body = msgspec.json.encode(document)
        answer = await self._server.send(Request("POST", self._path(info, document), query, headers, body))
        warnings = [each.replace('\\"', '"') for each in _WARNING.findall(answer.headers.get("warning", ""))]
        said: Any = msgspec.json.decode(answer.body)
        return answer.status, text(said, "message"), warnings

    def _path(self, info: KindInfo, document: Manifest) -> str:
        root = f"/apis/{info.group}/{info.version}" if info.group else f"/api/{info.version}"
        return (
            f"{root}/namespaces/{self._space(document)}/{info.plural}" if info.namespaced else f"{root}/{info.plural}"
        )


def _order(document: Manifest) -> int:
    return _FIRST.index(document["kind"])


def _template(document: Manifest) -> Manifest:
    spec = as_dict(document.get("spec"))
    return as_dict(as_dict(as_dict(spec.get("jobTemplate")).get("spec")).get("template") or spec.get("template"))


def _pod_of(document: Manifest) -> Manifest | None:
    """Return the pod that a workload would make, as it would be written."""
    template = _template(document)
    if "spec" not in template:
        return None
    metadata = {"generateName": f"{document['metadata'].get('name', '')}-", **as_dict(template.get("metadata"))}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": template["spec"]}


def _classes(documents: Iterable[Manifest]) -> list[Manifest]:
    """Return PriorityClasses for the names that pods use."""
    specs = [as_dict(_template(each).get("spec") or each.get("spec")) for each in documents]
    names = dict.fromkeys(text(spec, "priorityClassName") for spec in specs)
    return [
        {"apiVersion": "scheduling.k8s.io/v1", "kind": "PriorityClass", "metadata": {"name": name}, "value": 0}
        for name in names
        if name and not name.startswith("system-")
    ]
