"""What pods refer to and must be there first: ConfigMaps, Secrets, single keys of them, and claims.

Asked of the API server when containers are about to be started, and only for pods that refer to anything: nothing is
cached, least of all a Secret, of which the keys are looked at and nothing is kept.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from kubewright.api.containers import Container, KeyReference
from kubewright.api.core import Pod
from kubewright.api.meta import EMPTY, KubeObject, ObjectKey, Resource
from kubewright.api.pods import Volume
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.kubelet.life import all_containers
from kubewright.twin.kubelet.turn import NOTHING_MISSING, Missing


class _Keyed(KubeObject, frozen=True, kw_only=True):
    """A ConfigMap or Secret, by its keys; the values are not decoded."""

    data: Mapping[str, msgspec.Raw] = EMPTY
    binary_data: Mapping[str, msgspec.Raw] = EMPTY

    @property
    def keys(self) -> frozenset[str]:
        """Return the names of what it holds."""
        return frozenset((*self.data, *self.binary_data))


_CONFIG_MAPS: Resource[_Keyed] = Resource("", "v1", "configmaps", "ConfigMap", _Keyed)
_SECRETS: Resource[_Keyed] = Resource("", "v1", "secrets", "Secret", _Keyed)
_CLAIMS: Resource[_Keyed] = Resource("", "v1", "persistentvolumeclaims", "PersistentVolumeClaim", _Keyed)


def refers(pod: Pod) -> bool:
    """Tell whether the pod refers to anything that may be missing."""
    return any(_of_volume(each) is not None for each in pod.spec.volumes) or any(
        _of_variables(each) for each in all_containers(pod)
    )


async def missing(client: Client, pod: Pod) -> Missing:
    """Return what the pod refers to and is not there, as the kubelet says it."""
    if not refers(pod):
        return NOTHING_MISSING
    look = _Look(client, pod.metadata.namespace)
    volumes: list[str] = []
    for volume in pod.spec.volumes:
        found = _of_volume(volume)
        problem = "" if found is None else await look.problem(*found)
        if problem:
            volumes.append(_volume_text(pod, volume, problem))
    variables: dict[str, str] = {}
    for container in all_containers(pod):
        for resource, reference in _of_variables(container):
            problem = await look.problem(resource, reference)
            if problem:
                variables[container.name] = problem
                break
    return Missing(tuple(volumes), variables)


def _volume_text(pod: Pod, volume: Volume, problem: str) -> str:
    claim = volume.persistent_volume_claim
    if claim is None:
        return f'MountVolume.SetUp failed for volume "{volume.name}" : {problem}'
    return (
        f"Unable to attach or mount volumes: unmounted volumes=[{volume.name}], unattached volumes=[], "
        f"failed to process volumes=[{volume.name}]: error processing PVC {pod.metadata.namespace}/{claim.claim_name}: "
        f'failed to fetch PVC from API server: persistentvolumeclaims "{claim.claim_name}" not found'
    )


@dataclass(slots=True)
class _Look:
    """One look at a namespace: each object is asked for once."""

    client: Client
    namespace: str
    _seen: dict[tuple[str, str], frozenset[str] | None] = field(
        default_factory=dict[tuple[str, str], "frozenset[str] | None"]
    )

    async def problem(self, resource: Resource[_Keyed], reference: KeyReference) -> str:
        keys = await self._keys(resource, reference.name)
        if reference.optional or (keys is not None and (not reference.key or reference.key in keys)):
            return ""
        if keys is None:
            return f'{resource.kind.lower()} "{reference.name}" not found'
        return f"couldn't find key {reference.key} in {resource.kind} {self.namespace}/{reference.name}"

    async def _keys(self, resource: Resource[_Keyed], name: str) -> frozenset[str] | None:
        which = (resource.plural, name)
        if which not in self._seen:
            try:
                self._seen[which] = (await self.client.get(resource, ObjectKey(self.namespace, name))).keys
            except OpError as error:
                if error.kind is not ErrorKind.NOT_FOUND:
                    raise
                self._seen[which] = None
        return self._seen[which]


_Reference = tuple[Resource[Any], KeyReference]


def _of_volume(volume: Volume) -> _Reference | None:
    if volume.config_map is not None:
        return _CONFIG_MAPS, volume.config_map
    if volume.secret is not None:
        return _SECRETS, KeyReference(volume.secret.secret_name, optional=volume.secret.optional)
    if volume.persistent_volume_claim is not None:
        return _CLAIMS, KeyReference(volume.persistent_volume_claim.claim_name)
    return None


def _of_variables(container: Container) -> list[_Reference]:
    """Return what a container's variables come from: whole objects first, as the kubelet looks for them."""
    found: list[_Reference] = []
    for source in container.env_from:
        found += _both(source.config_map_ref, source.secret_ref)
    for variable in container.env:
        if variable.value_from is not None:
            found += _both(variable.value_from.config_map_key_ref, variable.value_from.secret_key_ref)
    return found


def _both(config_map: KeyReference | None, secret: KeyReference | None) -> list[_Reference]:
    pairs: list[tuple[Resource[Any], KeyReference | None]] = [(_CONFIG_MAPS, config_map), (_SECRETS, secret)]
    return [(resource, reference) for resource, reference in pairs if reference is not None]
