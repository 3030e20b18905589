"""What each namespace is given: the `default` ServiceAccount, and the ConfigMap with the cluster's certificate."""

from __future__ import annotations

from dataclasses import dataclass

from kubewright.api.core import CONFIG_MAPS, SERVICE_ACCOUNTS, ConfigMap, Namespace, ServiceAccount
from kubewright.api.meta import KubeObject, ObjectKey
from kubewright.runtime.controller import Done, watch_mapped, watch_own
from kubewright.twin.caches import Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Create, Patch, Write, Writer

NAME = "serviceaccount-controller"
ACCOUNT = "default"
ROOT_CA = "kube-root-ca.crt"
_ANNOTATIONS = {
    "kubernetes.io/description": "Contains a CA bundle that can be used to verify the kube-apiserver when using"
    " internal endpoints such as the internal service IP or kubernetes.default.svc. No other usage is guaranteed across"
    " distributions of Kubernetes clusters."
}


def decide(namespace: Namespace, account: ServiceAccount | None, bundle: ConfigMap | None, ca: str) -> list[Write]:
    """Return what the namespace lacks."""
    if namespace.metadata.deletion_timestamp is not None:
        return []
    place = namespace.metadata.name
    writes: list[Write] = []
    if account is None:
        manifest = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": ACCOUNT, "namespace": place}}
        writes.append(Create(SERVICE_ACCOUNTS, manifest, once=True))
    data = {"ca.crt": ca}
    if bundle is None:
        metadata = {"name": ROOT_CA, "namespace": place, "annotations": _ANNOTATIONS}
        manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        writes.append(Create(CONFIG_MAPS, manifest, once=True))
    elif dict(bundle.data) != data:
        writes.append(Patch(CONFIG_MAPS, bundle.key, bundle.metadata.uid, {"data": data}))
    return writes


@dataclass(frozen=True, slots=True)
class AccountReconciler:
    """One namespace's turn."""

    caches: Caches
    writer: Writer
    ca: str

    async def reconcile(self, key: ObjectKey) -> Done:
        """Give the namespace what it lacks."""
        namespace = self.caches.namespaces.index.get(key)
        if namespace is not None:
            account = self.caches.service_accounts.index.get(ObjectKey(key.name, ACCOUNT))
            bundle = self.caches.config_maps.index.get(ObjectKey(key.name, ROOT_CA))
            await self.writer.do(decide(namespace, account, bundle, self.ca))
        return Done()


def add_to(context: Context, *, ca: str = "") -> None:
    """Wire the controller: namespaces, and the two objects if someone takes them away."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    watch_own(caches.namespaces, queue)
    watch_mapped(caches.service_accounts, queue, lambda each: _namespace_of(each, ACCOUNT))
    watch_mapped(caches.config_maps, queue, lambda each: _namespace_of(each, ROOT_CA))
    informers = (caches.namespaces, caches.service_accounts, caches.config_maps)
    context.controller(NAME, AccountReconciler(caches, context.writer(NAME), ca), queue, informers)


def _namespace_of(each: KubeObject, name: str) -> tuple[ObjectKey, ...]:
    return (ObjectKey("", each.metadata.namespace),) if each.metadata.name == name else ()
