"""One of the two clusters that a sequence is done to: fills steps in, does them, and tells what came of them."""

from __future__ import annotations

import json
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

from tests.contract.asking import APPLY, JSON_PATCH, MERGE, STRATEGIC, Answer, Api, Collection
from tests.contract.sequences.neutral import Names
from tests.contract.sequences.steps import Document, Kind, Step, edited, json_patch

LAST = "zz-last"
"""The object whose coming ends every watch of a sequence."""
_WRONG_VERSION = "1"
_PATCHES = {"merge": MERGE, "strategic": STRATEGIC, "json": JSON_PATCH, "apply": APPLY}


@dataclass(frozen=True)
class Watch:
    """A watch that is open while a sequence is done."""

    kind: str
    query: tuple[tuple[str, str], ...]


@dataclass
class Side:
    """What a sequence is done to on one cluster."""

    api: Api
    namespace: str
    kinds: dict[str, Kind]
    names: Names = field(default_factory=Names)
    seen: dict[tuple[str, str], list[Document]] = field(default_factory=dict[tuple[str, str], list[Document]])

    def collection(self, kind: Kind) -> Collection:
        return self.api.of(kind.plural, self.namespace if kind.namespaced else "", root=kind.root)

    async def do(self, step: Step) -> Document:
        """Do one step; gives its answer without what may differ."""
        answer = await self._ask(step)
        document = answer.document
        self._learn(step, answer)
        shown = self.names.neutral(document)
        return {
            "code": answer.status,
            "warnings": [self.names.neutral(each) for each in answer.warnings],
            "answer": shown,
        }

    async def state(self) -> dict[str, Any]:
        """List every kind."""
        found: dict[str, Any] = {}
        for name, kind in self.kinds.items():
            document = (await self.collection(kind).list()).document
            found[name] = self.names.neutral(document)
        return found

    async def follow(self, watch: Watch) -> Callable[[], Coroutine[Any, Any, list[Document]]]:
        """Return what follows a kind from now on, until the last object comes."""
        collection = self.collection(self.kinds[watch.kind])
        version = (await collection.list()).ok()["metadata"]["resourceVersion"]

        async def events() -> list[Document]:
            seen: list[Document] = []
            stream = collection.watch(**dict(watch.query), resourceVersion=version)
            async for event, document in stream:
                seen.append({"event": event, "object": document})
                if event == "ERROR" or ((document.get("metadata") or {}).get("name"), event) == (LAST, "ADDED"):
                    break
            await stream.aclose()
            return seen

        return events

    # Filling in ------------------------------------------------------------------------------------------------

    async def _ask(self, step: Step) -> Answer:
        kind = self.kinds[step.kind]
        collection, query = self.collection(kind), dict(step.query)
        at, ask = collection.at(step.name, step.subresource), self.api.ask
        made = step.verb in {"update", "apply"} and (step.kind, step.subresource) == ("service", "status")
        if made and not self._known(step):
            return await ask(
                "GET", at, **query
            )  # the twin does not make a service from its status, as the real one does
        match step.verb:
            case "create":
                answer = await collection.create(edited(kind.document(step.name), step.edits), **query)
            case "update":
                answer = await ask("PUT", at, self._whole(kind, step), **query)
            case "delete":
                answer = await collection.delete(step.name, self._options(step), **query)
            case "collection":
                answer = await ask("DELETE", collection.path, self._options(step), **query)
            case "post":
                answer = await ask("POST", at, self._posted(step), **query)
            case "get":
                answer = await ask("GET", at, **query)
            case "list":
                answer = await collection.list(**query)
            case patch:
                body = self._patch(kind, step)
                answer = await ask("PATCH", at, body, content_type=_PATCHES[patch], **query)
        return answer

    def _known(self, step: Step) -> list[Document]:
        return self.seen.get((step.kind, step.name), [])

    def _whole(self, kind: Kind, step: Step) -> Document:
        if step.subresource == "scale":
            group = "autoscaling/v1"
            base: Document = {
                "apiVersion": group,
                "kind": "Scale",
                "metadata": {"name": step.name},
                "spec": {"replicas": 1},
            }
            known = self._known(step)
            if known and step.version in {"", "stale"}:
                base["metadata"]["resourceVersion"] = known[-1 if not step.version else 0]["metadata"][
                    "resourceVersion"
                ]
        else:
            known = self._known(step)
            base = known[0 if step.version == "stale" else -1] if known else kind.document(step.name)
        made = edited(base, step.edits)
        metadata = made.get("metadata")
        if isinstance(metadata, dict):
            if step.version == "none":
                metadata.pop("resourceVersion", None)
            elif step.version == "wrong":
                metadata["resourceVersion"] = _WRONG_VERSION
        return made

    def _patch(self, kind: Kind, step: Step) -> Any:
        if step.verb == "json":
            return json_patch(step.edits, step.operations)
        if step.verb == "apply":
            identity = {name: kind.base[name] for name in ("apiVersion", "kind")}
            base = kind.document(step.name) if step.whole else {**identity, "metadata": {"name": step.name}}
            if step.subresource == "scale":
                base = {"apiVersion": "autoscaling/v1", "kind": "Scale", "metadata": {"name": step.name}}
            return edited(base, step.edits)
        return edited({}, step.edits, removed=None)

    def _options(self, step: Step) -> Document:
        options: Document = {"apiVersion": "v1", "kind": "DeleteOptions", **json.loads(json.dumps(step.options))}
        known = self._known(step)
        conditions = options.get("preconditions", {})
        for name in ("uid", "resourceVersion"):
            if conditions.get(name) in {"current", "stale"} and known:
                document = known[-1 if conditions[name] == "current" else 0]
                conditions[name] = document["metadata"][name]
        return options

    def _posted(self, step: Step) -> Document:
        bodies: dict[str, Document] = {
            "eviction": {"apiVersion": "policy/v1", "kind": "Eviction", "metadata": {"name": step.name}},
            "binding": {
                "apiVersion": "v1",
                "kind": "Binding",
                "metadata": {"name": step.name},
                "target": {"apiVersion": "v1", "kind": "Node", "name": "nowhere"},
            },
            "token": {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}},
        }
        body = edited(bodies[step.subresource], step.edits)
        if step.subresource == "eviction" and step.options:
            body["deleteOptions"] = self._options(step)
        return body

    def _learn(self, step: Step, answer: Answer) -> None:
        document = answer.document
        if answer.status >= 300 or not isinstance(document, dict) or ("dryRun", "All") in step.query:
            return
        if document.get("kind") != self.kinds[step.kind].base["kind"] or step.verb == "list":
            return
        name = document["metadata"].get("name")
        if step.verb in {"delete", "collection"} or not name or step.options.get("dryRun"):
            return
        self.seen.setdefault((step.kind, name), []).append(document)
