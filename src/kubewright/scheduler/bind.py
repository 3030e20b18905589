"""What follows a decision: volumes and devices for the pod's claims, the binding, or giving it all back."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping

from kubewright.api.core import POD_SUBRESOURCES, PODS, Node, Pod
from kubewright.api.meta import EMPTY, Manifest
from kubewright.api.volumes import claim_names
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.placement.fit import Fit
from kubewright.scheduler.claims import Devices
from kubewright.scheduler.volumes import Volumes

LOOK_AGAIN_SECONDS = (1.0, 2.0, 4.0, 8.0, 10.0)
_UNCERTAIN = frozenset({ErrorKind.UNAVAILABLE, ErrorKind.TIMEOUT})


class Binder:
    """Binds one pod at a time; many are bound at once by as many callers."""

    def __init__(self, client: Client, volumes: Volumes, devices: Devices, name: str) -> None:
        self._client = client
        self._volumes = volumes
        self._devices = devices
        self._name = name

    async def bind(self, chosen: Fit, node: Node, annotations: Mapping[str, str] = EMPTY) -> bool:
        """Bring a pod to the node chosen for it; False when it is gone, or bound by somebody else.

        The annotations reach the pod with the binding, so nobody sees it bound without them.

        Raises OpError when it did not come about and may be tried again.
        """
        pod = chosen.row.pod
        if claim_names(pod):
            await self._volumes.serve(pod, node)
        if not pod.spec.resource_claims:
            return await self._post(chosen, annotations)
        bound = False
        try:
            await self._devices.serve(pod)
            bound = await self._post(chosen, annotations)
        finally:
            if not bound:
                await self._devices.undo(pod)
        return bound

    async def _post(self, chosen: Fit, annotations: Mapping[str, str]) -> bool:
        pod = chosen.row.pod
        try:
            await self._client.create(
                POD_SUBRESOURCES,
                _binding(pod, chosen.node, annotations),
                namespace=pod.metadata.namespace,
                name=pod.metadata.name,
                subresource="binding",
                field_manager=self._name,
            )
        except OpError as error:
            if error.kind in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT}:
                return False  # the watch says what it is
            if error.kind not in _UNCERTAIN or not await self._is_bound(pod, chosen.node):
                raise
        finally:
            self._volumes.release(pod)
        return True

    async def _is_bound(self, pod: Pod, node: str) -> bool:
        """Look whether a binding came about whose answer was lost: as long as nobody knows, its room stays taken."""
        for seconds in LOOK_AGAIN_SECONDS:
            try:
                now = await self._client.get(PODS, pod.key)
            except OpError as error:
                if error.kind is ErrorKind.NOT_FOUND:
                    return False
                await asyncio.sleep(seconds)
            else:
                return now.metadata.uid == pod.metadata.uid and now.spec.node_name == node
        return False


def _binding(pod: Pod, node: str, annotations: Mapping[str, str]) -> Manifest:
    """Name the very pod: one that was replaced by a namesake is not bound by an old decision."""
    metadata = {"name": pod.metadata.name, "namespace": pod.metadata.namespace, "uid": pod.metadata.uid}
    return {
        "apiVersion": "v1",
        "kind": "Binding",
        "metadata": metadata | ({"annotations": dict(annotations)} if annotations else {}),
        "target": {"apiVersion": "v1", "kind": "Node", "name": node},
    }
