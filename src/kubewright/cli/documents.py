"""Documents from files, as `kubectl -f` reads them, and as an API server would take the AppServices among them."""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, TypeVar, cast

from kubewright.api.apiextensions import CRDS
from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import APP_SERVICE_CRD, APP_SERVICES, AppService
from kubewright.api.crds.platformpolicy import PLATFORM_POLICIES, PLATFORM_POLICY_CRD, PlatformPolicy
from kubewright.api.crds.queue import QUEUE_CRD, QUEUES, Queue
from kubewright.api.meta import KubeObject, Manifest, Resource
from kubewright.cli.yamlinput import documents as yaml_documents
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError

T = TypeVar("T", bound=KubeObject)

_SUFFIXES = (".yaml", ".yml", ".json")


def read(paths: Iterable[str]) -> list[Manifest]:
    """Return the documents of files, of folders' files in order of their names, and of standard input (`-`).

    Raises OpError for what cannot be read, and for a document that is no object.
    """
    found = ((path, document) for path in paths for text in _texts(path) for document in _parsed(path, text))
    return [each for path, document in found for each in _objects(path, document)]


def read_plain(path: str) -> Any:
    """Return the one document of a YAML file, whatever it is, None for an empty one; raises OpError."""
    found = [document for text in _texts(path) for document in _parsed(path, text)]
    if len(found) > 1:
        raise OpError("read", ErrorKind.INVALID, path, f"one document is expected, {len(found)} are there")
    return found[0] if found else None


def is_app_service(document: Manifest) -> bool:
    """Whether the document is an AppService."""
    return document.get("kind") == APP_SERVICES.kind and document.get("apiVersion") == APP_SERVICES.api_version


def _texts(path: str) -> Iterator[str]:
    try:
        if path == "-":
            yield sys.stdin.buffer.read().decode()
            return
        found = Path(path)
        files = sorted(each for each in found.iterdir() if each.suffix in _SUFFIXES) if found.is_dir() else [found]
        for each in files:
            yield each.read_text(encoding="utf-8")
    except OSError as error:
        raise OpError("read", ErrorKind.INVALID, path, error.strerror or str(error)) from error
    except UnicodeDecodeError as error:
        raise OpError("read", ErrorKind.INVALID, path, f"not text in UTF-8: {error}") from error


def _parsed(path: str, text: str) -> list[Any]:
    try:
        return list(yaml_documents(text))
    except ValueError as error:
        raise OpError("read", ErrorKind.INVALID, path, str(error)) from error


def _objects(path: str, document: Any) -> Iterator[Manifest]:
    """Yield the objects of a document, those of a List each; nothing of an empty one."""
    if document is None:
        return
    if not _is_object(document):
        raise OpError("read", ErrorKind.INVALID, path, "a document is an object with apiVersion, kind and metadata")
    manifest = cast("Manifest", document)
    if manifest["kind"] != "List":
        yield manifest
        return
    items: Any = manifest.get("items") or []
    if not isinstance(items, list):
        raise OpError("read", ErrorKind.INVALID, path, "the items of a List are objects, each after a dash")
    for each in cast("list[Any]", items):
        yield from _objects(path, each)


def _is_object(document: Any) -> bool:
    if not isinstance(document, dict):
        return False
    kind, metadata = (cast("Manifest", document).get(name) for name in ("kind", "metadata"))
    return isinstance(kind, str) and (kind == "List" or _is_metadata(metadata))


def _is_metadata(metadata: Any) -> bool:
    if not isinstance(metadata, dict):
        return False
    found = cast("Manifest", metadata)
    return all(isinstance(found.get(name) or {}, dict) for name in ("labels", "annotations"))


async def admitted(documents: Iterable[Manifest], namespace: str) -> list[AppService]:
    """Return the AppServices as an API server stores them, defaults filled in; raises OpError for what it refuses."""
    client = await empty_server(APP_SERVICE_CRD)
    found: list[AppService] = []
    spaces: set[str] = set()
    for document in documents:
        space = str(document["metadata"].get("namespace") or namespace)
        if space not in spaces:
            spaces.add(space)
            await _make(client, space)
        found.append(await client.create(APP_SERVICES, document, namespace=space))
    return found


async def admitted_queues(documents: Iterable[Manifest]) -> list[Queue]:
    """Return Queues as an API server stores them; raises OpError for what it refuses, and for what is none."""
    return await _admitted(documents, QUEUES, QUEUE_CRD)


async def admitted_policies(documents: Iterable[Manifest]) -> list[PlatformPolicy]:
    """Return PlatformPolicies as an API server stores them; raises OpError as for Queues."""
    return await _admitted(documents, PLATFORM_POLICIES, PLATFORM_POLICY_CRD)


async def _admitted(documents: Iterable[Manifest], kind: Resource[T], definition: Manifest) -> list[T]:
    client = await empty_server(definition)
    found: list[T] = []
    for document in documents:
        name = f"{document['kind']}/{document['metadata'].get('name', '')}"
        if document["kind"] != kind.kind or document.get("apiVersion") != kind.api_version:
            raise OpError("read", ErrorKind.INVALID, name, f"expected a {kind.kind} of {kind.api_version}")
        found.append(await client.create(kind, _as_given(document)))
    return found


def _as_given(document: Manifest) -> Manifest:
    """Return what a user wrote of an object, without what a server added: `kubectl get -o yaml` is edited, too."""
    metadata = {key: each for key, each in document["metadata"].items() if key in {"name", "labels", "annotations"}}
    return {**{key: each for key, each in document.items() if key != "status"}, "metadata": metadata}


async def empty_server(*definitions: Manifest) -> RestClient:
    """Return a client of an empty server in this process that serves kinds of ours: no cluster is asked."""
    from kubewright.twin.kinds import KindTable
    from kubewright.twin.server import ApiServer

    client = RestClient(InProcessTransport(ApiServer(Clock.virtual(), KindTable.builtin())), field_validation="Strict")
    for definition in definitions:
        await client.create(CRDS, definition)
    return client


async def _make(client: RestClient, namespace: str) -> None:
    try:
        await client.create(NAMESPACES, {"metadata": {"name": namespace}})
    except OpError as error:
        if error.kind is not ErrorKind.ALREADY_EXISTS:
            raise
