"""Copying a cluster into a file, over nothing but a Client: `kubewright twin save` and `twin from-cluster`.

Everything is read as of one moment: the first list says its version, and all others are asked for exactly that one.
What is copied is the list below and every custom resource. Not copied are events, leases, reviews and metrics, which
are of the moment, and admission webhooks, API services and certificate requests, which would lead from the copy back
to the original or mean nothing without it.
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from kubewright.api.meta import Manifest, rfc3339
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.reading import as_dict, dicts, text
from kubewright.twin.redaction import redacted
from kubewright.twin.savefile import Header, writing

PAGE_SIZE = 500
_DEFINITIONS = "customresourcedefinitions"


@dataclass(frozen=True, slots=True)
class Copied:
    """A resource that is copied, in the version that is asked for."""

    group: str
    version: str
    plural: str
    kind: str

    @property
    def path(self) -> str:
        """Return the path of all its objects."""
        return f"{self.root}/{self.plural}"

    @property
    def root(self) -> str:
        """Return the path of its group's version."""
        return f"/{'apis' if self.group else 'api'}/{self.api_version}"

    @property
    def name(self) -> str:
        """Return the resource's name for messages."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    @property
    def api_version(self) -> str:
        """Return what its objects name as their apiVersion."""
        return f"{self.group}/{self.version}" if self.group else self.version


def _resources(group: str, version: str, *names: str) -> tuple[Copied, ...]:
    pairs = (name.split("/") for name in names)
    return tuple(Copied(group, version, plural, kind) for plural, kind in pairs)


COPIED: tuple[Copied, ...] = (
    *_resources("", "v1", "namespaces/Namespace", "nodes/Node", "serviceaccounts/ServiceAccount"),
    *_resources("", "v1", "configmaps/ConfigMap", "secrets/Secret", "services/Service", "endpoints/Endpoints"),
    *_resources("", "v1", "limitranges/LimitRange", "resourcequotas/ResourceQuota"),
    *_resources("", "v1", "persistentvolumes/PersistentVolume", "persistentvolumeclaims/PersistentVolumeClaim"),
    *_resources("", "v1", "podtemplates/PodTemplate", "replicationcontrollers/ReplicationController", "pods/Pod"),
    *_resources("apiextensions.k8s.io", "v1", "customresourcedefinitions/CustomResourceDefinition"),
    *_resources("apps", "v1", "deployments/Deployment", "replicasets/ReplicaSet", "statefulsets/StatefulSet"),
    *_resources("apps", "v1", "daemonsets/DaemonSet", "controllerrevisions/ControllerRevision"),
    *_resources("autoscaling", "v2", "horizontalpodautoscalers/HorizontalPodAutoscaler"),
    *_resources("batch", "v1", "jobs/Job", "cronjobs/CronJob"),
    *_resources("discovery.k8s.io", "v1", "endpointslices/EndpointSlice"),
    *_resources("networking.k8s.io", "v1", "ingresses/Ingress", "ingressclasses/IngressClass"),
    *_resources("networking.k8s.io", "v1", "networkpolicies/NetworkPolicy"),
    *_resources("node.k8s.io", "v1", "runtimeclasses/RuntimeClass"),
    *_resources("policy", "v1", "poddisruptionbudgets/PodDisruptionBudget"),
    *_resources("rbac.authorization.k8s.io", "v1", "roles/Role", "rolebindings/RoleBinding"),
    *_resources(
        "rbac.authorization.k8s.io", "v1", "clusterroles/ClusterRole", "clusterrolebindings/ClusterRoleBinding"
    ),
    *_resources("resource.k8s.io", "v1", "deviceclasses/DeviceClass", "resourceslices/ResourceSlice"),
    *_resources("resource.k8s.io", "v1", "resourceclaims/ResourceClaim"),
    *_resources("resource.k8s.io", "v1", "resourceclaimtemplates/ResourceClaimTemplate"),
    *_resources("scheduling.k8s.io", "v1", "priorityclasses/PriorityClass"),
    *_resources("storage.k8s.io", "v1", "storageclasses/StorageClass", "csidrivers/CSIDriver", "csinodes/CSINode"),
    *_resources("storage.k8s.io", "v1", "volumeattachments/VolumeAttachment"),
    *_resources("storage.k8s.io", "v1", "csistoragecapacities/CSIStorageCapacity"),
)


@dataclass(slots=True)
class Summary:
    """What became of a copy."""

    objects: int = 0
    skipped: list[str] = field(default_factory=list[str])
    """Resources that could not be read, each with the reason."""
    later: list[str] = field(default_factory=list[str])
    """Resources that had to be read as of a later moment than the rest."""


class Copying:
    """One copy of one cluster; `progress` is told a line for each resource."""

    def __init__(self, client: Client, clock: Clock, progress: Callable[[str], None]) -> None:
        self._client = client
        self._clock = clock
        self._progress = progress
        self._moment = ""
        self._served: dict[str, frozenset[str]] = {}
        self.summary = Summary()

    async def save(self, path: Path) -> Summary:
        """Write the file. A resource that cannot be read is skipped and told of; without a cluster there is no file."""
        version = await self._client.raw("GET", "/version")
        self._moment = await self._present()
        saved_at = rfc3339(self._clock.now())
        with writing(path) as write:
            write(Header(self._moment, saved_at, text(as_dict(version), "gitVersion")))
            custom: list[Copied] = []
            for resource in COPIED:
                if not await self._is_served(resource):
                    continue
                async for obj in self._objects(resource):
                    write(obj)
                    if resource.plural == _DEFINITIONS:
                        custom.extend(_served_by(obj))
            for resource in custom:
                async for obj in self._objects(resource):
                    write(obj)
        return self.summary

    async def _present(self) -> str:
        """Return the cluster's present version; every cluster lets its users at least see what this list needs."""
        for resource in COPIED:
            try:
                answer = await self._client.raw("GET", resource.path, query={"limit": "1"})
            except OpError as error:
                if error.kind not in {ErrorKind.FORBIDDEN, ErrorKind.NOT_FOUND}:
                    raise
            else:
                return text(as_dict(answer["metadata"]), "resourceVersion")
        raise OpError("twin.copy", ErrorKind.FORBIDDEN, "the cluster", "this user may not list anything that is copied")

    async def _is_served(self, resource: Copied) -> bool:
        """Ask discovery whether this cluster has a resource."""
        if resource.root not in self._served:
            try:
                answer = await self._client.raw("GET", resource.root)
            except OpError as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise
                answer = None
            self._served[resource.root] = frozenset(text(each, "name") for each in dicts(answer, "resources"))
        return resource.plural in self._served[resource.root]

    async def _objects(self, resource: Copied) -> AsyncIterator[Manifest]:
        count = 0
        try:
            async for obj in self._pages(resource):
                count += 1
                yield obj
        except OpError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return  # it went meanwhile
            if error.kind in {ErrorKind.UNAVAILABLE, ErrorKind.TIMEOUT}:
                # One resource may fail on its own (a conversion webhook that is down); a cluster that is away may not.
                await self._client.raw("GET", "/version")
            self.summary.skipped.append(f"{resource.name}: {error.kind.value}: {error.detail}")
            self._progress(f"{resource.name}: skipped after {count}: {error}")
            return
        self.summary.objects += count
        if count:
            self._progress(f"{resource.name}: {count}")

    async def _pages(self, resource: Copied) -> AsyncIterator[Manifest]:
        exactly = {"resourceVersion": self._moment, "resourceVersionMatch": "Exact"}
        query = {"limit": str(PAGE_SIZE), **exactly}
        try:
            answer = await self._client.raw("GET", resource.path, query=query)
        except OpError as error:
            if error.kind not in {ErrorKind.EXPIRED, ErrorKind.TIMEOUT}:
                raise
            # The moment is forgotten, or these objects are kept elsewhere under versions of their own.
            self.summary.later.append(resource.name)
            answer = await self._client.raw("GET", resource.path, query={"limit": str(PAGE_SIZE)})
        async for item in items_of(self._client, resource.path, {"limit": str(PAGE_SIZE)}, answer):
            yield _whole(resource, item)


async def items_of(client: Client, path: str, query: Mapping[str, str], answer: Manifest) -> AsyncIterator[Manifest]:
    """Yield the items of a list, of which `answer` is the first page; `query` is what other pages are asked for with.

    Raises OpError, EXPIRED among them when the server has forgotten the rest.
    """
    while True:
        for item in dicts(answer, "items"):
            yield item
        token = text(as_dict(answer["metadata"]), "continue")
        if not token:
            return
        answer = await client.raw("GET", path, query={**query, "continue": token})


def _whole(resource: Copied, item: Manifest) -> Manifest:
    """Return an item of a list as a document of its own, fit to be kept."""
    rest = {name: value for name, value in item.items() if name not in {"apiVersion", "kind"}}
    whole = {"apiVersion": resource.api_version, "kind": resource.kind, **rest}
    return redacted(whole) if (resource.group, resource.plural) == ("", "secrets") else whole


def _served_by(definition: Manifest) -> list[Copied]:
    """Return the resource that a CRD serves, in the version that its objects are stored in if that is served."""
    spec = as_dict(definition.get("spec"))
    names, versions = as_dict(spec.get("names")), [each for each in dicts(spec, "versions") if each.get("served")]
    versions.sort(key=lambda version: not version.get("storage"))
    return [
        Copied(text(spec, "group"), text(version, "name"), text(names, "plural"), text(names, "kind"))
        for version in versions[:1]
    ]
