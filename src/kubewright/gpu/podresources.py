"""The kubelet's word on which container has which devices: its PodResources API, asked over its socket."""

from __future__ import annotations

from pathlib import Path

from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.gpu.messages import POD_RESOURCES, POD_RESOURCES_VERSION, grpc, messages
from kubewright.gpu.use import Holding

SOCKET = Path("/var/lib/kubelet/pod-resources/kubelet.sock")
_SECONDS = 10.0


async def holdings(resource: str, socket: Path = SOCKET) -> list[Holding]:
    """Return the containers of this node that have devices of a resource; raises OpError while no kubelet answers."""
    kinds, rpc = messages(POD_RESOURCES_VERSION), grpc()
    async with rpc.aio.insecure_channel(f"unix:{socket}") as channel:
        call = channel.unary_unary(
            f"/{POD_RESOURCES}/List",
            request_serializer=kinds["ListPodResourcesRequest"].SerializeToString,
            response_deserializer=kinds["ListPodResourcesResponse"].FromString,
        )
        try:
            answer = await call(kinds["ListPodResourcesRequest"](), timeout=_SECONDS)
        except rpc.aio.AioRpcError as error:
            raise OpError("gpu.holdings", ErrorKind.UNAVAILABLE, str(socket), error.details()) from error
    return [
        Holding(ObjectKey(pod.namespace, pod.name), container.name, tuple(devices.device_ids))
        for pod in answer.pod_resources
        for container in pod.containers
        for devices in container.devices
        if devices.resource_name == resource
    ]
