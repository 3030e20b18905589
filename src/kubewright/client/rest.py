"""`RestClient`: the verbs of `Client` as requests on a Transport, over HTTP or in process alike.

Nothing here knows a socket; nothing above knows a path, a query parameter or a media type.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping, Sequence
from typing import Any, TypeVar

import msgspec

from kubewright import __version__
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource
from kubewright.client.calls import Caller
from kubewright.client.decode import Page, decoder_for
from kubewright.client.lines import LineSplitter
from kubewright.client.paths import collection_path, manifest_key, object_path
from kubewright.client.protocol import Listing, PatchType, Propagation, Undecodable, WatchEvent
from kubewright.client.requests import (
    APPLY,
    JSON,
    FieldValidation,
    RequestBuilder,
    listed_as,
    not_older_than,
    selection,
    watch_query,
)
from kubewright.client.transport import Request, Response, Transport
from kubewright.errors import ErrorKind, OpError

T = TypeVar("T", bound=KubeObject)

_NO_QUERY: Mapping[str, str] = {}


class RestClient:
    """A `Client` that speaks the Kubernetes API on a Transport.

    `field_validation` goes with every write; empty leaves it to the server, which then warns (`Warn`).
    """

    def __init__(
        self,
        transport: Transport,
        *,
        user_agent: str = f"kubewright/{__version__}",
        field_validation: FieldValidation = "",
    ) -> None:
        self._transport = transport
        self._caller = Caller(transport)
        self._requests = RequestBuilder(user_agent, field_validation)

    async def get(self, resource: Resource[T], key: ObjectKey, *, subresource: str = "") -> T:
        """Read one object."""
        request = self._requests.read(object_path(resource, key, subresource))
        return await self._one("client.get", resource, resource.target(key), request)

    async def list(
        self,
        resource: Resource[T],
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        page_size: int = 500,
    ) -> Listing[T]:
        """Read all objects, page by page; an expired page token starts over once without paging."""
        selected = selection(label_selector, field_selector)
        version = not_older_than(resource_version)
        limit = {"limit": str(page_size)} if page_size else {}
        try:
            return await self._pages(resource, namespace, {**selected, **limit}, version)
        except _PageTokenExpired:
            return await self._pages(resource, namespace, selected, {})

    async def _pages(
        self, resource: Resource[T], namespace: str, every_page: Mapping[str, str], first_page: Mapping[str, str]
    ) -> Listing[T]:
        path = collection_path(resource, namespace)
        target = _collection_target(resource, namespace)
        items: list[T] = []
        undecodable: list[Undecodable] = []
        query = {**every_page, **first_page}
        while True:
            page = await self._page(resource, target, path, query)
            items += page.items
            undecodable += page.undecodable
            if not page.meta.next_token:
                return Listing(items, page.meta.resource_version, undecodable)
            query = {**every_page, "continue": page.meta.next_token}

    async def _page(self, resource: Resource[T], target: str, path: str, query: Mapping[str, str]) -> Page[T]:
        op = "client.list"
        try:
            response = await self._caller.call(op, target, self._requests.read(path, query, listed_as(resource.type)))
        except OpError as error:
            if error.kind is ErrorKind.EXPIRED and "continue" in query:
                raise _PageTokenExpired from error
            raise
        return decoder_for(resource.type).page(op, target, response.body)

    async def watch(
        self,
        resource: Resource[T],
        *,
        namespace: str = "",
        label_selector: str = "",
        field_selector: str = "",
        resource_version: str = "",
        send_initial_events: bool = False,
        timeout_seconds: float | None = None,
    ) -> AsyncIterator[WatchEvent[T]]:
        """Follow changes after `resource_version`, bookmarks included, until the server ends it or is long silent."""
        query = watch_query(
            resource_version, send_initial_events=send_initial_events, timeout_seconds=timeout_seconds
        ) | selection(label_selector, field_selector)
        target = _collection_target(resource, namespace)
        request = self._requests.read(collection_path(resource, namespace), query)
        response = await self._caller.call("client.watch", target, request, stream=True)
        stream = response.stream or _whole(response.body)
        decode = decoder_for(resource.type).event
        splitter = LineSplitter()
        try:
            async for chunk in stream:
                for line in splitter.feed(chunk):
                    if (event := decode("client.watch", target, line)) is not None:
                        yield event
            if (line := splitter.rest()) and (event := decode("client.watch", target, line)) is not None:
                yield event
        except OpError as error:
            if error.target == target:
                raise
            raise OpError("client.watch", error.kind, target, error.detail) from error
        finally:
            await _close(stream)

    async def create(
        self,
        resource: Resource[T],
        manifest: Manifest,
        *,
        namespace: str = "",
        name: str = "",
        subresource: str = "",
        field_manager: str = "",
        dry_run: bool = False,
    ) -> T:
        """Create an object, or with `name` and `subresource` post to one (`binding`, `eviction`, `token`)."""
        key = manifest_key(manifest, namespace, name)
        path = object_path(resource, key, subresource) if subresource else collection_path(resource, key.namespace)
        body = manifest if subresource else _typed(resource, manifest)
        request = self._requests.write("POST", path, body, field_manager=field_manager, dry_run=dry_run)
        return await self._one("client.create", resource, _target(resource, key, subresource), request)

    async def update(
        self,
        resource: Resource[T],
        manifest: Manifest,
        *,
        subresource: str = "",
        field_manager: str = "",
        dry_run: bool = False,
    ) -> T:
        """Replace an object whole; for documents that are owned whole, such as leases."""
        key = manifest_key(manifest)
        path = object_path(resource, key, subresource)
        request = self._requests.write(
            "PUT", path, _typed(resource, manifest), field_manager=field_manager, dry_run=dry_run
        )
        return await self._one("client.update", resource, _target(resource, key, subresource), request)

    async def apply(
        self,
        resource: Resource[T],
        manifest: Manifest,
        *,
        field_manager: str,
        force: bool = True,
        subresource: str = "",
        dry_run: bool = False,
    ) -> T:
        """Server-side apply: create the object or make the fields of `manifest` so, and own them."""
        key = manifest_key(manifest)
        path = object_path(resource, key, subresource)
        # JSON is YAML, and the server takes it as such.
        request = self._requests.write(
            "PATCH",
            path,
            _typed(resource, manifest),
            media_type=APPLY,
            field_manager=field_manager,
            dry_run=dry_run,
            force=force,
        )
        return await self._one("client.apply", resource, _target(resource, key, subresource), request)

    async def patch(
        self,
        resource: Resource[T],
        key: ObjectKey,
        patch: Manifest | Sequence[Mapping[str, Any]],
        patch_type: PatchType = PatchType.MERGE,
        *,
        subresource: str = "",
        field_manager: str = "",
        dry_run: bool = False,
    ) -> T:
        """Change single fields."""
        path = object_path(resource, key, subresource)
        request = self._requests.write(
            "PATCH", path, patch, media_type=patch_type.value, field_manager=field_manager, dry_run=dry_run
        )
        return await self._one("client.patch", resource, _target(resource, key, subresource), request)

    async def delete(
        self,
        resource: Resource[T],
        target: T | ObjectKey,
        *,
        uid: str = "",
        propagation: Propagation | None = None,
        grace_period_seconds: int | None = None,
        dry_run: bool = False,
    ) -> None:
        """Delete an object; one that was read, or whose `uid` is given, only if it is still the same."""
        options: Manifest = {"apiVersion": "v1", "kind": "DeleteOptions"}
        key = target if isinstance(target, ObjectKey) else target.key
        uid = uid if isinstance(target, ObjectKey) else target.metadata.uid
        if uid:
            options["preconditions"] = {"uid": uid}
        if propagation is not None:
            options["propagationPolicy"] = propagation
        if grace_period_seconds is not None:
            options["gracePeriodSeconds"] = grace_period_seconds
        if dry_run:
            options["dryRun"] = ["All"]
        request = self._requests.any("DELETE", object_path(resource, key), _NO_QUERY, options)
        await self._caller.call("client.delete", resource.target(key), request)

    async def raw(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """Ask for what has no typed form (discovery, /version) and return the decoded JSON, or text."""
        request = self._requests.any(method, path, query or _NO_QUERY, body, accept="application/json, */*")
        response = await self._caller.call("client.raw", f"{method} {path}", request)
        try:
            return _untyped(response)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            detail = f"the answer does not decode: {error}"
            raise OpError("client.raw", ErrorKind.UNAVAILABLE, f"{method} {path}", detail) from error

    async def close(self) -> None:
        """Give connections back."""
        await self._transport.close()

    async def _one(self, op: str, resource: Resource[T], target: str, request: Request) -> T:
        response = await self._caller.call(op, target, request)
        return decoder_for(resource.type).one(op, target, response.body)


class _PageTokenExpired(Exception):  # noqa: N818  a turn in the flow of `list`, seen by nobody else
    """The server has forgotten the snapshot that the next page would come from."""


def _typed(resource: Resource[T], manifest: Manifest) -> Manifest:
    """Add kind and apiVersion where the caller left them to the resource."""
    return {"apiVersion": resource.api_version, "kind": resource.kind, **manifest}


def _target(resource: Resource[T], key: ObjectKey, subresource: str) -> str:
    return f"{resource.target(key)}/{subresource}" if subresource else resource.target(key)


def _collection_target(resource: Resource[T], namespace: str) -> str:
    return f"{resource.kind}/{namespace}/*" if namespace else f"{resource.kind}/*"


def _untyped(response: Response) -> Any:
    """Decode what is JSON; a log line that looks like JSON stays text."""
    if JSON not in response.headers.get("content-type", ""):
        return response.body.decode(errors="replace")
    return msgspec.json.decode(response.body)


async def _whole(body: bytes) -> AsyncIterator[bytes]:
    """Present a body that came at once as a stream."""
    yield body


async def _close(stream: AsyncIterator[bytes]) -> None:
    """End the request behind a stream; only generators and the transports' own streams can be closed."""
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
