"""Keeps quotas' status: the first count, a new limit, and what is free again when something goes.

Admission adds to a quota what it lets in; this controller counts anew what is there. It writes only over the very
version of the quota that it read before it counted, so that nothing let in meanwhile is lost.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kubewright.api.core import PODS
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource
from kubewright.api.pods import Pod
from kubewright.api.quotas import RESOURCE_QUOTAS, ResourceQuota
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Change
from kubewright.runtime.workqueue import WorkQueue
from kubewright.twin.admission.podusage import total
from kubewright.twin.admission.quota.scopes import counts
from kubewright.twin.admission.quota.usage import kinds_of, usage
from kubewright.twin.controllers.context import Context
from kubewright.twin.reading import as_dict, dicts, dig, text

NAME = "resourcequota-controller"
_MANAGER = "kube-controller-manager"
_RESYNC_SECONDS = 300.0
_GATHER_SECONDS = 0.05
"""Deletions come in bursts: one count serves them all."""
_SHRINKING = frozenset({"services", "persistentvolumeclaims"})
_ENDED = frozenset({"Succeeded", "Failed"})


@dataclass(frozen=True, slots=True)
class QuotaReconciler:
    """One quota's turn."""

    client: Client

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Count what the quota limits and write it down if it is news."""
        path = f"/api/v1/namespaces/{key.namespace}/resourcequotas/{key.name}"
        quota = await self._read(path)
        if quota is None:
            return Done()
        hard = as_dict(dig(quota, "spec", "hard"))
        used = await self._used(quota, key.namespace, hard)
        status = as_dict(quota.get("status"))
        if as_dict(status.get("hard")) != hard or as_dict(status.get("used")) != used:
            body = {**quota, "status": {"hard": hard, "used": used}}
            await self.client.raw("PUT", f"{path}/status", query={"fieldManager": _MANAGER}, body=body)
        return RequeueAfter(_RESYNC_SECONDS)

    async def _read(self, path: str) -> Manifest | None:
        try:
            return await self.client.raw("GET", path)
        except OpError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise

    async def _used(self, quota: Manifest, namespace: str, hard: Manifest) -> dict[str, str]:
        """Count, kind by kind; what nobody serves is not counted at all."""
        by_kind: dict[tuple[str, str], list[str]] = {}
        for name in hard:
            kind = kinds_of(name)
            if kind is not None:
                by_kind.setdefault(kind, []).append(name)
        used: dict[str, str] = {}
        for (group, plural), names in by_kind.items():
            objects = await self._objects(group, plural, namespace)
            if objects is None:
                continue
            taken = [usage(group, plural, each) for each in objects if counts(quota, group, plural, each)]
            for name in names:
                used[name] = total(each[name] for each in taken if name in each)
        return {name: used[name] for name in hard if name in used}

    async def _objects(self, group: str, plural: str, namespace: str) -> list[Manifest] | None:
        root = "/api/v1"
        if group:
            served = await self._read(f"/apis/{group}")
            if served is None:
                return None
            root = f"/apis/{text(served, 'preferredVersion', 'groupVersion')}"
        listing = await self._read(f"{root}/namespaces/{namespace}/{plural}")
        return None if listing is None else dicts(listing, "items")


@dataclass(frozen=True, slots=True)
class QuotaNews:
    """Which quotas to count anew when something in their namespace goes or shrinks."""

    queue: WorkQueue[ObjectKey]
    by_namespace: dict[str, dict[ObjectKey, None]] = field(default_factory=dict[str, dict[ObjectKey, None]])

    def on_quota(self, change: Change[ResourceQuota]) -> None:
        """Count a new quota, and one that limits something else than it did; not each of its charges."""
        old, new = change.old, change.new
        if new is None:
            if old is not None:
                self.by_namespace.get(old.key.namespace, {}).pop(old.key, None)
            return
        self.by_namespace.setdefault(new.key.namespace, {})[new.key] = None
        if old is None or old.metadata.uid != new.metadata.uid or old.spec != new.spec:
            self.queue.add(new.key)

    def on_object(self, resource: Resource[Any], change: Change[Any]) -> None:
        """Look at any object's change."""
        old: KubeObject | None = change.old
        if old is None:
            return
        quotas = self.by_namespace.get(old.metadata.namespace)
        if quotas and _frees(resource, old, change.new):
            for key in quotas:
                self.queue.add(key, after_seconds=_GATHER_SECONDS)


def _frees(resource: Resource[Any], old: KubeObject, new: KubeObject | None) -> bool:
    if new is None or new.metadata.uid != old.metadata.uid:
        return True
    if resource == PODS and isinstance(old, Pod) and isinstance(new, Pod):
        return new.status.phase in _ENDED and old.status.phase not in _ENDED
    return not resource.group and resource.plural in _SHRINKING


def add_to(context: Context) -> QuotaNews:
    """Wire the controller; whoever follows every kind tells the returned `QuotaNews` of what changes."""
    queue = context.queue(NAME, ObjectKey)
    quotas = context.caches.of(RESOURCE_QUOTAS)
    news = QuotaNews(queue)
    quotas.add_handler(news.on_quota)
    context.controller(NAME, QuotaReconciler(context.client), queue, (quotas,))
    return news
