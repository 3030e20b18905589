"""Asking an API server for whole documents, as the contract's cases do.

The product's client decodes what it reads; a contract is about every field, header and message. So the cases send
their own requests, on the product's own transport.
"""

from __future__ import annotations

import asyncio
import json
import re
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from typing import Any, TypeAlias

from kubewright.client.lines import LineSplitter
from kubewright.client.transport import Request, Transport

JSON = "application/json"
JSON_PATCH = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
APPLY = "application/apply-patch+yaml"
TABLE = "application/json;as=Table;v=v1;g=meta.k8s.io,application/json"
PARTIAL = "application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io"
PARTIAL_LIST = "application/json;as=PartialObjectMetadataList;v=v1;g=meta.k8s.io"

PATIENCE_SECONDS = 180
POLL_SECONDS = 0.05

WARNING = re.compile(r'299 - "((?:[^"\\]|\\.)*)"')
REASONS = {
    "Required value": "FieldValueRequired",
    "Invalid value": "FieldValueInvalid",
    "Unsupported value": "FieldValueNotSupported",
    "Duplicate value": "FieldValueDuplicate",
    "Not found": "FieldValueNotFound",
    "Forbidden": "FieldValueForbidden",
    "Too long": "FieldValueTooLong",
    "Too many": "FieldValueTooMany",
}

Document: TypeAlias = dict[str, Any]
Event: TypeAlias = tuple[str, Document]

ROOTS = {
    "/api/v1": "configmaps endpoints events namespaces nodes persistentvolumeclaims persistentvolumes pods secrets"
    " serviceaccounts services",
    "/apis/apps/v1": "daemonsets deployments replicasets statefulsets",
    "/apis/apiextensions.k8s.io/v1": "customresourcedefinitions",
    "/apis/batch/v1": "cronjobs jobs",
    "/apis/coordination.k8s.io/v1": "leases",
    "/apis/discovery.k8s.io/v1": "endpointslices",
    "/apis/networking.k8s.io/v1": "networkpolicies ingresses",
    "/apis/policy/v1": "poddisruptionbudgets",
    "/apis/rbac.authorization.k8s.io/v1": "roles rolebindings",
    "/apis/storage.k8s.io/v1": "storageclasses",
}
ROOT_OF = {plural: root for root, plurals in ROOTS.items() for plural in plurals.split()}


@dataclass(frozen=True)
class Refusal:
    """What a Status of failure says."""

    code: int
    reason: str
    message: str
    causes: tuple[tuple[str, str, str], ...] = ()
    """(field, reason, message) each."""

    @property
    def fields(self) -> dict[str, str]:
        """Field -> reason, of every cause."""
        return {field: reason for field, reason, _ in self.causes}


@dataclass(frozen=True)
class Answer:
    """Any answer; `ok` and `refused` also assert which it is."""

    status: int
    headers: dict[str, str]
    document: Any

    def ok(self) -> Document:
        """The document of a success."""
        assert self.status < 300, (self.status, self.document)
        return self.document

    @property
    def refused(self) -> Refusal:
        """The Status of a failure."""
        assert self.status >= 400, f"accepted: {self.document}"
        status = self.document
        assert isinstance(status, dict), status
        assert (status["kind"], status["apiVersion"], status["status"]) == ("Status", "v1", "Failure"), status
        assert status["code"] == self.status
        causes = (status.get("details") or {}).get("causes") or []
        entries = tuple((each.get("field", ""), each.get("reason", ""), each.get("message", "")) for each in causes)
        return Refusal(self.status, status.get("reason", ""), status["message"], entries)

    @property
    def warnings(self) -> list[str]:
        """The texts of the warning headers: `299 - "text"`."""
        return [text.replace('\\"', '"') for text in WARNING.findall(self.headers.get("warning", ""))]


@dataclass(frozen=True)
class Api:
    """Any path of one API server."""

    transport: Transport

    async def ask(
        self, method: str, path: str, body: Any = None, *, content_type: str = JSON, accept: str = JSON, **query: Any
    ) -> Answer:
        """Send one request. A body that is text goes as it stands, all else as JSON."""
        headers = {"accept": accept, "user-agent": "contract"}
        content = b""
        if body is not None:
            headers["content-type"] = content_type
            content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        texts = {name: as_text(value) for name, value in query.items()}
        response = await self.transport.send(Request(method, path, texts, headers, content))
        return Answer(response.status, dict(response.headers), decoded(response.body, response.headers))

    async def get(self, path: str, **query: Any) -> Answer:
        """Read a path."""
        return await self.ask("GET", path, **query)

    async def events(self, path: str, *, accept: str = JSON, **query: Any) -> AsyncIterator[Event]:
        """Watch a path: (type, object) until the server ends it."""
        texts = {name: as_text(value) for name, value in {"watch": True, **query}.items()}
        headers = {"accept": accept, "user-agent": "contract"}
        response = await self.transport.send(Request("GET", path, texts, headers), stream=True)
        assert response.stream is not None, response.body
        splitter = LineSplitter()
        try:
            async for chunk in response.stream:
                for line in splitter.feed(chunk):
                    event = json.loads(bytes(line))
                    yield event["type"], event["object"]
        finally:
            await response.stream.aclose()

    def of(self, plural: str, namespace: str = "", *, root: str = "") -> Collection:
        """All objects of a kind, or those in one namespace."""
        scope = f"/namespaces/{namespace}" if namespace else ""
        return Collection(self, f"{root or ROOT_OF[plural]}{scope}/{plural}")


@dataclass(frozen=True)
class Collection:
    """A kind's objects at one path."""

    api: Api
    path: str

    def at(self, name: str, subresource: str = "") -> str:
        """Give the path of an object or of its subresource."""
        return f"{self.path}/{name}/{subresource}" if subresource else f"{self.path}/{name}"

    async def get(self, name: str, subresource: str = "", **query: Any) -> Answer:
        return await self.api.ask("GET", self.at(name, subresource), **query)

    async def list(self, **query: Any) -> Answer:
        return await self.api.ask("GET", self.path, **query)

    async def create(self, document: Document, **query: Any) -> Answer:
        return await self.api.ask("POST", self.path, document, **query)

    async def update(self, document: Document, subresource: str = "", **query: Any) -> Answer:
        return await self.api.ask("PUT", self.at(document["metadata"]["name"], subresource), document, **query)

    async def patch(self, name: str, content_type: str, patch: Any, subresource: str = "", **query: Any) -> Answer:
        return await self.api.ask("PATCH", self.at(name, subresource), patch, content_type=content_type, **query)

    async def merge(self, name: str, patch: Any, subresource: str = "", **query: Any) -> Answer:
        return await self.patch(name, MERGE, patch, subresource, **query)

    async def apply(self, document: Document, manager: str, subresource: str = "", **query: Any) -> Answer:
        name = document["metadata"]["name"]
        return await self.patch(name, APPLY, document, subresource, fieldManager=manager, **query)

    async def delete(self, name: str, options: Document | None = None, **query: Any) -> Answer:
        body = None if options is None else {"apiVersion": "v1", "kind": "DeleteOptions", **options}
        return await self.api.ask("DELETE", self.at(name), body, **query)

    async def names(self, **query: Any) -> list[str]:
        """Give the names that a list answers with."""
        return [item["metadata"]["name"] for item in (await self.list(**query)).ok()["items"]]

    def watch(self, **query: Any) -> AsyncIterator[Event]:
        return self.api.events(self.path, **query)

    async def watched(self, enough: Callable[[list[Event]], bool], **query: Any) -> list[Event]:
        """Watch until the events so far are enough, or the server ends it."""
        seen: list[Event] = []
        async with asyncio.timeout(PATIENCE_SECONDS):
            stream = self.watch(**query)
            try:
                async for event in stream:
                    seen.append(event)
                    if enough(seen):
                        break
            finally:
                await stream.aclose()
        return seen

    async def becomes(self, name: str, condition: Callable[[Document], Any]) -> Document:
        """Wait until the object is there and the condition holds."""

        async def met() -> Document | None:
            answer = await self.get(name)
            return answer.document if answer.status == 200 and condition(answer.document) else None

        return await eventually(met, lambda: self.get(name))

    async def passes(self, made: Document, condition: Callable[[Document], Any]) -> Document:
        """Wait for a state of what was read or written that may not last: every write since then is looked at."""
        start = made["metadata"]["resourceVersion"]
        query = {"fieldSelector": f"metadata.name={made['metadata']['name']}", "resourceVersion": start}
        if condition(made):
            return made
        seen = await self.watched(lambda events: condition(events[-1][1]), **query)
        assert condition(seen[-1][1]), seen
        return seen[-1][1]

    async def refuses(self, document: Document, says: str = "") -> Refusal:
        """Create, dry, until the server's caches know why not, in words that hold `says`."""
        answer = await self._dry(document, lambda it: it.status >= 400 and says in it.refused.message)
        return answer.refused

    async def takes(self, document: Document, condition: Callable[[Document], Any] = bool) -> Document:
        """Create, dry, until the server's caches have what the document names and what it is to be completed with."""
        answer = await self._dry(document, lambda it: it.status < 300 and condition(it.document))
        return answer.ok()

    async def _dry(self, document: Document, enough: Callable[[Answer], Any]) -> Answer:
        async def tried() -> Answer | None:
            answer = await self.create(document, dryRun="All")
            return answer if enough(answer) else None

        return await eventually(tried, lambda: self.create(document, dryRun="All"))

    async def served(self) -> None:
        """Wait until the kind is served: a new definition is, a little after it is established."""

        async def found() -> bool:
            return (await self.list()).status == 200

        await eventually(found, self.list)

    async def gone(self, name: str) -> None:
        """Wait until the object is not found."""

        async def missing() -> bool:
            return (await self.get(name)).status == 404

        await eventually(missing, lambda: self.get(name))


async def eventually(probe: Callable[[], Awaitable[Any]], shown: Callable[[], Awaitable[Any]] | None = None) -> Any:
    """Ask until the probe gives something true; a failure shows the state."""
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):
            while not (found := await probe()):  # noqa: ASYNC110  another process is waited for
                await asyncio.sleep(POLL_SECONDS)
            return found
    except TimeoutError:
        state = await shown() if shown else ""
        raise AssertionError(f"not so after {PATIENCE_SECONDS} s: {state}") from None


def invalid(what: str, *lines: str) -> Refusal:
    """Make the refusal of an object, `Kind.group "name"`, from lines of `field: message`."""
    causes = tuple(cause(line) for line in lines)
    told = lines[0] if len(lines) == 1 else f"[{', '.join(lines)}]"
    return Refusal(422, "Invalid", f"{what} is invalid: {told}", causes)


def cause(line: str) -> tuple[str, str, str]:
    """Read `field: message` as (field, reason, message)."""
    field, _, message = line.partition(": ")
    if " in body must be of type " in message:
        return field, "FieldValueTypeInvalid", message
    return field, REASONS[message.partition(":")[0]], message


def decoded(body: bytes, headers: Any) -> Any:
    """Read JSON where it is JSON."""
    return json.loads(body) if body and JSON in headers.get("content-type", "") else body.decode(errors="replace")


def as_text(value: Any) -> str:
    """Write a query value as Kubernetes does: booleans in lower case."""
    return str(value).lower() if isinstance(value, bool) else str(value)


def version_of(document: Document) -> int:
    """Give the resourceVersion as the number that it is."""
    return int(document["metadata"]["resourceVersion"])


def managers(document: Document) -> list[tuple[str, str, str]]:
    """Give (manager, operation, subresource) of every entry of managedFields, sorted."""
    entries = document["metadata"].get("managedFields") or []
    return sorted((each["manager"], each["operation"], each.get("subresource", "")) for each in entries)


def fields_of(document: Document, manager: str, operation: str = "Apply", subresource: str = "") -> Document:
    """Give the fields that a manager owns."""
    for each in document["metadata"]["managedFields"]:
        if (each["manager"], each["operation"], each.get("subresource", "")) == (manager, operation, subresource):
            return each["fieldsV1"]
    raise AssertionError(f"{manager} {operation} owns nothing: {managers(document)}")


def without(document: Document, *paths: str) -> Document:
    """Copy a document, leaving dotted paths out."""
    copy = json.loads(json.dumps(document))
    for path in paths:
        *parents, last = path.split(".")
        place = copy
        for parent in parents:
            place = place.get(parent, {})
        place.pop(last, None)
    return copy
