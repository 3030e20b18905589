"""The messages of the kubelet's device plugin (v1beta1) and pod resources (v1) APIs, built from compact tables.

The tables have the names and numbers of `k8s.io/kubelet/pkg/apis`; protobuf makes the classes at run time. What comes
from gRPC and protobuf has no types: it stays in this module, in `plugin` and in `podresources`.
"""

from __future__ import annotations

import importlib
from functools import cache
from typing import Any

VERSION = "v1beta1"
REGISTRATION = f"{VERSION}.Registration"
DEVICE_PLUGIN = f"{VERSION}.DevicePlugin"
POD_RESOURCES_VERSION = "v1"
POD_RESOURCES = f"{POD_RESOURCES_VERSION}.PodResourcesLister"
MISSING = "the GPU agent needs the extra `gpu`: pip install 'kubewright[gpu]'"

_MESSAGES = {
    "Empty": "",
    "DevicePluginOptions": "pre_start_required:bool=1 get_preferred_allocation_available:bool=2",
    "RegisterRequest": "version:string=1 endpoint:string=2 resource_name:string=3 options:DevicePluginOptions=4",
    "NUMANode": "ID:int64=1",
    "TopologyInfo": "nodes:NUMANode*=1",
    "Device": "ID:string=1 health:string=2 topology:TopologyInfo=3",
    "ListAndWatchResponse": "devices:Device*=1",
    "PreStartContainerRequest": "devices_ids:string*=1",
    "PreStartContainerResponse": "",
    "ContainerPreferredAllocationRequest": (
        "available_deviceIDs:string*=1 must_include_deviceIDs:string*=2 allocation_size:int32=3"
    ),
    "PreferredAllocationRequest": "container_requests:ContainerPreferredAllocationRequest*=1",
    "ContainerPreferredAllocationResponse": "deviceIDs:string*=1",
    "PreferredAllocationResponse": "container_responses:ContainerPreferredAllocationResponse*=1",
    "ContainerAllocateRequest": "devices_ids:string*=1",
    "AllocateRequest": "container_requests:ContainerAllocateRequest*=1",
    "Pair": "key:string=1 value:string=2",
    "CDIDevice": "name:string=1",
    "ContainerAllocateResponse": "envs:Pair*=1 annotations:Pair*=4 cdi_devices:CDIDevice*=5",
    "AllocateResponse": "container_responses:ContainerAllocateResponse*=1",
}
"""`name:type=number`, a star for repeated. A map is, on the wire, repeated pairs."""
_POD_RESOURCES_MESSAGES = {
    "ListPodResourcesRequest": "",
    "ContainerDevices": "resource_name:string=1 device_ids:string*=2",
    "ContainerResources": "name:string=1 devices:ContainerDevices*=2",
    "PodResources": "name:string=1 namespace:string=2 containers:ContainerResources*=3",
    "ListPodResourcesResponse": "pod_resources:PodResources*=1",
}
_PACKAGES = {VERSION: _MESSAGES, POD_RESOURCES_VERSION: _POD_RESOURCES_MESSAGES}


@cache
def messages(package: str = VERSION) -> dict[str, Any]:
    """Return an API's message classes by name; raises ImportError with a hint where protobuf is not installed."""
    try:
        descriptor_pb2 = importlib.import_module("google.protobuf.descriptor_pb2")
        descriptor_pool = importlib.import_module("google.protobuf.descriptor_pool")
        message_factory = importlib.import_module("google.protobuf.message_factory")
    except ImportError as error:
        raise ImportError(MISSING) from error
    field = descriptor_pb2.FieldDescriptorProto
    plain = {"string": field.TYPE_STRING, "bool": field.TYPE_BOOL, "int64": field.TYPE_INT64, "int32": field.TYPE_INT32}
    table = _PACKAGES[package]
    file = descriptor_pb2.FileDescriptorProto(name=f"{package}.proto", package=package, syntax="proto3")
    for name, fields in table.items():
        message = file.message_type.add(name=name)
        for text in fields.split():
            label, _, rest = text.partition(":")
            kind, _, number = rest.partition("=")
            repeated, kind = kind.endswith("*"), kind.rstrip("*")
            made = message.field.add(name=label, number=int(number))
            made.label = field.LABEL_REPEATED if repeated else field.LABEL_OPTIONAL
            made.type = plain.get(kind, field.TYPE_MESSAGE)
            if kind not in plain:
                made.type_name = f".{package}.{kind}"
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return {name: message_factory.GetMessageClass(pool.FindMessageTypeByName(f"{package}.{name}")) for name in table}


def grpc() -> Any:
    """Return `grpc.aio`'s home; raises ImportError with a hint."""
    try:
        importlib.import_module("grpc.aio")
        return importlib.import_module("grpc")
    except ImportError as error:
        raise ImportError(MISSING) from error
