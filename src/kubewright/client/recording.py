"""`RecordingClient`: a Client that writes down what is written, for dry runs and audits.

Reads go through to the client inside. Each write becomes a `Write` in `writes`, and then, by `mode`, is passed on
(audit), sent as a server-side dry run (the server validates and changes nothing), or not sent at all. In that last
mode a write is answered with what was asked for, decoded, as if the server had taken it unchanged.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource
from kubewright.client.decode import decoder_for
from kubewright.client.paths import manifest_key
from kubewright.client.protocol import Client, Listing, PatchType, Propagation, WatchEvent

T = TypeVar("T", bound=KubeObject)

_READING = frozenset({"GET", "HEAD", "OPTIONS"})


class Mode(enum.Enum):
    """What becomes of a write once it is recorded."""

    FORWARD = "forward"
    DRY_RUN = "dry run"
    KEEP = "keep"


@dataclass(frozen=True, slots=True)
class Write:
    """One write that was asked for; `resource` is `apps/v1/deployments`, `options` holds what differs from default."""

    verb: str
    resource: str
    key: ObjectKey
    body: Any = None
    options: Mapping[str, Any] = field(default_factory=dict[str, Any])


class RecordingClient:
    """A `Client` around a `Client`."""

    def __init__(self, inner: Client, mode: Mode = Mode.KEEP) -> None:
        self._inner = inner
        self._mode = mode
        self.writes: list[Write] = []

    async def get(self, resource: Resource[T], key: ObjectKey, *, subresource: str = "") -> T:
        """Read through."""
        return await self._inner.get(resource, key, subresource=subresource)

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
        """Read through."""
        return await self._inner.list(
            resource,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            resource_version=resource_version,
            page_size=page_size,
        )

    def watch(
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
        """Read through."""
        return self._inner.watch(
            resource,
            namespace=namespace,
            label_selector=label_selector,
            field_selector=field_selector,
            resource_version=resource_version,
            send_initial_events=send_initial_events,
            timeout_seconds=timeout_seconds,
        )

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
        """Record, then pass on or answer with what was asked for."""
        key = manifest_key(manifest, namespace, name)
        self._record("create", resource, key, manifest, subresource=subresource, field_manager=field_manager)
        if self._mode is Mode.KEEP:
            return _as_asked(resource, key, {} if subresource else manifest)
        return await self._inner.create(
            resource,
            manifest,
            namespace=namespace,
            name=name,
            subresource=subresource,
            field_manager=field_manager,
            dry_run=self._dry(dry_run),
        )

    async def update(
        self,
        resource: Resource[T],
        manifest: Manifest,
        *,
        subresource: str = "",
        field_manager: str = "",
        dry_run: bool = False,
    ) -> T:
        """Record, then pass on or answer with what was asked for."""
        key = manifest_key(manifest)
        self._record("update", resource, key, manifest, subresource=subresource, field_manager=field_manager)
        if self._mode is Mode.KEEP:
            return _as_asked(resource, key, manifest)
        return await self._inner.update(
            resource, manifest, subresource=subresource, field_manager=field_manager, dry_run=self._dry(dry_run)
        )

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
        """Record, then pass on or answer with what was asked for."""
        key = manifest_key(manifest)
        self._record("apply", resource, key, manifest, subresource=subresource, field_manager=field_manager)
        if self._mode is Mode.KEEP:
            return _as_asked(resource, key, manifest)
        return await self._inner.apply(
            resource,
            manifest,
            field_manager=field_manager,
            force=force,
            subresource=subresource,
            dry_run=self._dry(dry_run),
        )

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
        """Record, then pass on; a patch that is kept is answered with the object as it is."""
        self._record(
            "patch",
            resource,
            key,
            patch,
            patch_type=patch_type.value,
            subresource=subresource,
            field_manager=field_manager,
        )
        if self._mode is Mode.KEEP:
            return await self._inner.get(resource, key)
        return await self._inner.patch(
            resource,
            key,
            patch,
            patch_type,
            subresource=subresource,
            field_manager=field_manager,
            dry_run=self._dry(dry_run),
        )

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
        """Record, then pass on."""
        key = target if isinstance(target, ObjectKey) else target.key
        self._record("delete", resource, key, None, propagation=propagation, grace_period_seconds=grace_period_seconds)
        if self._mode is Mode.KEEP:
            return
        await self._inner.delete(
            resource,
            target,
            uid=uid,
            propagation=propagation,
            grace_period_seconds=grace_period_seconds,
            dry_run=self._dry(dry_run),
        )

    async def raw(self, method: str, path: str, *, query: Mapping[str, str] | None = None, body: Any = None) -> Any:
        """Read through; a write is recorded under its path, and with a dry run has `dryRun=All` in its query."""
        if method in _READING:
            return await self._inner.raw(method, path, query=query, body=body)
        self.writes.append(Write(method, path, ObjectKey("", ""), body, dict(query or {})))
        if self._mode is Mode.KEEP:
            return body
        dry = {"dryRun": "All"} if self._mode is Mode.DRY_RUN else {}
        return await self._inner.raw(method, path, query={**(query or {}), **dry}, body=body)

    async def close(self) -> None:
        """Close the client inside."""
        await self._inner.close()

    def _record(self, verb: str, resource: Resource[T], key: ObjectKey, body: Any, **options: Any) -> None:
        chosen = {name: value for name, value in options.items() if value not in {"", None}}
        self.writes.append(Write(verb, f"{resource.api_version}/{resource.plural}", key, body, chosen))

    def _dry(self, asked: bool) -> bool:
        return asked or self._mode is Mode.DRY_RUN


def _as_asked(resource: Resource[T], key: ObjectKey, manifest: Manifest) -> T:
    metadata: Manifest = {"name": key.name, "namespace": key.namespace, **(manifest.get("metadata") or {})}
    body = msgspec.json.encode({**manifest, "metadata": metadata})
    return decoder_for(resource.type).one("client.record", resource.target(key), body)
