"""Deletes what is in a namespace that is being deleted, then lets the namespace go."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from kubewright.api.core import NAMESPACES, Namespace
from kubewright.api.meta import ObjectKey, PartialObject, Resource
from kubewright.client.paths import collection_path
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.controller import Done, RequeueAfter, watch_own
from kubewright.twin.caches import Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Patch, Writer
from kubewright.twin.resources import deletable_resources

NAME = "namespace-controller"
_WITH_DEPENDENTS = {"propagationPolicy": "Background"}
LOOK_AGAIN_SECONDS = 1.0
_FINALIZER = "kubernetes"


def conditions(left: Mapping[str, tuple[int, tuple[str, ...]]], now: str) -> list[dict[str, str]]:
    """Say what still keeps the namespace: by kind, how many objects and which finalizers."""
    remaining = ", ".join(f"{kind} has {count} resource instances" for kind, (count, _) in sorted(left.items()))
    holders = sorted({name for _, names in left.values() for name in names})
    in_some = ", ".join(
        f"{name} in {sum(count for count, names in left.values() if name in names)} resource instances"
        for name in holders
    )
    return [
        _condition("NamespaceDeletionDiscoveryFailure", "", "ResourcesDiscovered",
                   "All resources successfully discovered", now),
        _condition("NamespaceDeletionGroupVersionParsingFailure", "", "ParsedGroupVersions",
                   "All legacy kube types successfully parsed", now),
        _condition("NamespaceDeletionContentFailure", "", "ContentDeleted",
                   "All content successfully deleted, may be waiting on finalization", now),
        _condition("NamespaceContentRemaining", remaining, "SomeResourcesRemain" if left else "ContentRemoved",
                   f"Some resources are remaining: {remaining}" if left else "All content successfully removed", now),
        _condition("NamespaceFinalizersRemaining", in_some,
                   "SomeFinalizersRemain" if holders else "ContentHasNoFinalizers",
                   f"Some content in the namespace has finalizers remaining: {in_some}"
                   if holders else "All content-preserving finalizers finished", now),
    ]  # fmt: skip


def _condition(type_: str, trouble: str, reason: str, message: str, now: str) -> dict[str, str]:
    return {
        "type": type_,
        "status": "True" if trouble else "False",
        "lastTransitionTime": now,
        "reason": reason,
        "message": message,
    }


@dataclass(frozen=True, slots=True)
class NamespaceReconciler:
    """One namespace's turn; nothing is done until it is deleted."""

    caches: Caches
    client: Client
    writer: Writer

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Delete all content, wait until it is gone, then finalize."""
        namespace = self.caches.namespaces.index.get(key)
        if namespace is None or namespace.metadata.deletion_timestamp is None:
            return Done()
        if _FINALIZER not in namespace.spec.finalizers:
            return Done()
        left: dict[str, tuple[int, tuple[str, ...]]] = {}
        for resource in await deletable_resources(self.client):
            if resource.namespaced:
                remaining = await self._empty(key.name, resource)
                if remaining:
                    finalizers = tuple(sorted({name for each in remaining for name in each.metadata.finalizers}))
                    left[f"{resource.plural}.{resource.group}"] = (len(remaining), finalizers)
        await self._report(namespace, left)
        if left:
            return RequeueAfter(LOOK_AGAIN_SECONDS)
        await self._finalize(namespace)
        return Done()

    async def _empty(self, namespace: str, resource: Resource[PartialObject]) -> list[PartialObject]:
        """Delete a kind's objects and return those that are left; a kind without any costs one request."""
        listed = await self.client.list(resource, namespace=namespace)
        if any(each.metadata.deletion_timestamp is None for each in listed.items):
            await self.client.raw("DELETE", collection_path(resource, namespace), query=_WITH_DEPENDENTS)
            listed = await self.client.list(resource, namespace=namespace)
        return list(listed.items)

    async def _report(self, namespace: Namespace, left: Mapping[str, tuple[int, tuple[str, ...]]]) -> None:
        wanted = conditions(left, namespace.metadata.deletion_timestamp or "")
        present = {each.type: (each.status, each.message) for each in namespace.status.conditions}
        if present == {each["type"]: (each["status"], each["message"]) for each in wanted}:
            return
        changes = {"status": {"conditions": wanted}}
        await self.writer.do_one(Patch(NAMESPACES, namespace.key, namespace.metadata.uid, changes, "status"))

    async def _finalize(self, namespace: Namespace) -> None:
        metadata = {"name": namespace.metadata.name, "uid": namespace.metadata.uid}
        finalizers = [name for name in namespace.spec.finalizers if name != _FINALIZER]
        manifest = {
            "apiVersion": "v1",
            "kind": "Namespace",
            "metadata": metadata,
            "spec": {"finalizers": finalizers},
        }
        try:
            await self.client.update(NAMESPACES, manifest, subresource="finalize")
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise


def add_to(context: Context) -> None:
    """Wire the controller."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    watch_own(caches.namespaces, queue)
    reconciler = NamespaceReconciler(caches, context.client, context.writer(NAME))
    context.controller(NAME, reconciler, queue, (caches.namespaces,), concurrency=2)
