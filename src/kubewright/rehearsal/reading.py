"""What a rehearsal reads of a cluster: whatever decides where an application's pods may run, and whether at all.

Nobody's Secrets are read: those that the application names are taken to be there.
"""

from __future__ import annotations

import enum
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass

from kubewright.api.crds.appservice import APP_SERVICE_CRD
from kubewright.api.crds.sizepolicy import SIZE_POLICIES
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.copying import PAGE_SIZE, Copied, items_of
from kubewright.workloads.children import NAME_LABEL
from kubewright.workloads.kinds import OPTIONAL

_ALIVE = "status.phase!=Succeeded,status.phase!=Failed"


class Scope(enum.Enum):
    """Of which objects of a kind there is need."""

    CLUSTER = "all"
    NAMESPACE = "those of the application's namespace"
    APPLICATION = "the application's own"


@dataclass(frozen=True, slots=True)
class Part:
    """A kind, and which of its objects are read."""

    kind: Copied
    scope: Scope
    field_selector: str = ""

    def path(self, key: ObjectKey) -> str:
        """Return where they are listed, for an application."""
        if self.scope is Scope.CLUSTER:
            return self.kind.path
        return f"{self.kind.root}/namespaces/{key.namespace}/{self.kind.plural}"

    def query(self, key: ObjectKey) -> Mapping[str, str]:
        """Return what chooses them."""
        found = {"limit": str(PAGE_SIZE)}
        if self.scope is Scope.APPLICATION:
            found["labelSelector"] = f"{NAME_LABEL}={key.name}"
        return found | ({"fieldSelector": self.field_selector} if self.field_selector else {})


def _parts(scope: Scope, group: str, *names: str) -> tuple[Part, ...]:
    pairs = (name.split("/") for name in names)
    return tuple(Part(Copied(group, "v1", plural, kind), scope) for plural, kind in pairs)


_DEFINITIONS = Copied("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition")
PARTS: tuple[Part, ...] = (
    *_parts(Scope.CLUSTER, "", "nodes/Node", "namespaces/Namespace", "persistentvolumes/PersistentVolume"),
    *_parts(Scope.CLUSTER, "storage.k8s.io", "storageclasses/StorageClass", "csinodes/CSINode"),
    *_parts(Scope.CLUSTER, "scheduling.k8s.io", "priorityclasses/PriorityClass"),
    *_parts(Scope.CLUSTER, "node.k8s.io", "runtimeclasses/RuntimeClass"),
    *_parts(
        Scope.CLUSTER,
        "admissionregistration.k8s.io",
        "validatingadmissionpolicies/ValidatingAdmissionPolicy",
        "validatingadmissionpolicybindings/ValidatingAdmissionPolicyBinding",
    ),
    *(
        Part(_DEFINITIONS, Scope.CLUSTER, f"metadata.name={name}")
        for name in (
            APP_SERVICE_CRD["metadata"]["name"],
            *(f"{kind.plural}.{kind.group}" for kind in (*OPTIONAL, SIZE_POLICIES)),
        )
    ),
    Part(Copied("", "v1", "pods", "Pod"), Scope.CLUSTER, _ALIVE),
    *_parts(Scope.NAMESPACE, "", "serviceaccounts/ServiceAccount", "configmaps/ConfigMap", "services/Service"),
    *_parts(Scope.NAMESPACE, "", "limitranges/LimitRange", "resourcequotas/ResourceQuota"),
    *_parts(Scope.NAMESPACE, "", "persistentvolumeclaims/PersistentVolumeClaim"),
    *_parts(Scope.NAMESPACE, "apps", "deployments/Deployment", "replicasets/ReplicaSet", "statefulsets/StatefulSet"),
    *_parts(Scope.NAMESPACE, "policy", "poddisruptionbudgets/PodDisruptionBudget"),
    *_parts(Scope.APPLICATION, "apps", "controllerrevisions/ControllerRevision"),
    *_parts(Scope.APPLICATION, "networking.k8s.io", "ingresses/Ingress", "networkpolicies/NetworkPolicy"),
    Part(Copied("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler"), Scope.APPLICATION),
    *(Part(Copied(each.group, each.version, each.plural, each.kind), Scope.APPLICATION) for each in OPTIONAL),
    Part(Copied(SIZE_POLICIES.group, SIZE_POLICIES.version, SIZE_POLICIES.plural, SIZE_POLICIES.kind), Scope.NAMESPACE),
)


async def read(client: Client, key: ObjectKey) -> AsyncIterator[Manifest]:
    """Give every object that is read for an application; raises OpError. A kind that is not served has none."""
    for part in PARTS:
        try:
            path, query = part.path(key), part.query(key)
            first = await client.raw("GET", path, query=query)
            async for item in items_of(client, path, query, first):
                yield {"apiVersion": part.kind.api_version, "kind": part.kind.kind, **item}
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
