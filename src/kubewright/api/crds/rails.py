"""Rails: what objects of a namespace may not ask for. Part of a PlatformPolicy, for all, and of a Team, for its own.

`guardrails.render` makes ValidatingAdmissionPolicies of them, so that the API server holds them without anybody's help.
A rail that is left out allows everything; an empty list allows nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from kubewright.api.described import described
from kubewright.api.meta import EMPTY, Leaf

ANY, TAGGED, DIGEST = "Any", "Tagged", "Digest"
TRIABLE = (
    "registries",
    "imageVersions",
    "hostPaths",
    "denyPrivileged",
    "denyHostNamespaces",
    "capabilities",
    "limits",
    "highestPriority",
    "priorityClasses",
    "gpusPerPod",
    "gpuResources",
    "gpuModels",
    "deviceClasses",
    "schedulers",
    "tolerations",
    "nodeLabels",
    "storageClasses",
    "serviceTypes",
    "denyExternalIps",
    "ingressClasses",
    "gatewayClasses",
    "hosts",
)
"""Every rail, by its name in JSON."""

_MOST = {"maxItems": 64}
_REGISTRY = r"^(localhost|[A-Za-z0-9-]+([.:][A-Za-z0-9-]+)+)(/[a-z0-9._-]+)*$"
_HOST = r"^(\*\.)?[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*$"
_TOLERATION = r"^[A-Za-z0-9][-A-Za-z0-9._/]*(=[-A-Za-z0-9._]*)?$"


def _items(**rules: object) -> dict[str, object]:
    return {**_MOST, "items": {"type": "string", "minLength": 1, "maxLength": 253, **rules}}


class Rails(Leaf, frozen=True):
    """What objects may not ask for. A rail that is left out allows everything, an empty list nothing."""

    registries: Annotated[
        tuple[str, ...] | None,
        described(
            "Where images may come from: `registry.example.com`, or what is below a path of it. Plain names are those "
            "of docker.io.",
            _items(pattern=_REGISTRY),
            atomic=True,
        ),
    ] = None
    image_versions: Annotated[
        str,
        described(
            "Tagged: images name a tag besides `latest`, or a digest. Digest: a digest.",
            {"enum": [ANY, TAGGED, DIGEST]},
        ),
    ] = ANY
    host_paths: Annotated[
        tuple[str, ...] | None,
        described("The paths of nodes that may be mounted, with all below.", _items(pattern="^/"), atomic=True),
    ] = None
    deny_privileged: Annotated[bool, described("Containers are not privileged.")] = False
    deny_host_namespaces: Annotated[bool, described("Pods have no network, processes or ports of their node.")] = False
    capabilities: Annotated[
        tuple[str, ...] | None, described("What containers may add, as NET_BIND_SERVICE.", _items(), atomic=True)
    ] = None
    limits: Annotated[
        tuple[str, ...],
        described("Resources that each container has a limit of, as memory, once defaults are set.", _items()),
    ] = ()
    highest_priority: Annotated[
        int | None, described("The value of the highest priority that pods may have.", {"format": "int32"})
    ] = None
    priority_classes: Annotated[
        tuple[str, ...] | None, described("The PriorityClasses that pods may name.", _items(), atomic=True)
    ] = None
    gpus_per_pod: Annotated[
        int | None, described("How many GPUs, or instances of MIG, a pod may have.", {"minimum": 0, "maximum": 4096})
    ] = None
    gpu_resources: Annotated[
        tuple[str, ...] | None,
        described("The resources of GPUs that pods may request, as nvidia.com/gpu.", _items(), atomic=True),
    ] = None
    gpu_models: Annotated[
        tuple[str, ...] | None,
        described(
            "The models that pods with GPUs must choose from, by the node label nvidia.com/gpu.product.",
            _items(),
            atomic=True,
        ),
    ] = None
    device_classes: Annotated[
        tuple[str, ...] | None, described("The DeviceClasses that resource claims may name.", _items(), atomic=True)
    ] = None
    schedulers: Annotated[
        tuple[str, ...] | None,
        described("The schedulers that may place pods; nobody then chooses a node himself.", _items(), atomic=True),
    ] = None
    tolerations: Annotated[
        tuple[str, ...] | None,
        described(
            "The taints that may be tolerated, `key` or `key=value`, besides those of node.kubernetes.io.",
            _items(pattern=_TOLERATION),
            atomic=True,
        ),
    ] = None
    node_labels: Annotated[
        Mapping[str, tuple[str, ...]],
        described(
            "Labels of nodes, each with the values that pods may ask for.",
            {
                "maxProperties": 32,
                "additionalProperties": {
                    "type": "array",
                    "maxItems": 64,
                    "items": {"type": "string", "maxLength": 63},
                },
            },
        ),
    ] = EMPTY
    storage_classes: Annotated[
        tuple[str, ...] | None, described("The StorageClasses that claims may name.", _items(), atomic=True)
    ] = None
    service_types: Annotated[
        tuple[str, ...] | None,
        described(
            "The types that Services may have.",
            {
                "items": {"type": "string", "enum": ["ClusterIP", "ExternalName", "LoadBalancer", "NodePort"]},
                "maxItems": 4,
            },
            atomic=True,
        ),
    ] = None
    deny_external_ips: Annotated[bool, described("Services claim no addresses that nobody gave them.")] = False
    ingress_classes: Annotated[
        tuple[str, ...] | None, described("The classes that Ingresses must choose from.", _items(), atomic=True)
    ] = None
    gateway_classes: Annotated[
        tuple[str, ...] | None, described("The classes that Gateways must choose from.", _items(), atomic=True)
    ] = None
    hosts: Annotated[
        tuple[str, ...] | None,
        described(
            "The names that Ingresses, Gateways and routes may serve: `a.example.com`, or all below `*.example.com`.",
            _items(pattern=_HOST),
            atomic=True,
        ),
    ] = None
    trial: Annotated[
        tuple[str, ...],
        described(
            "Rails that only warn, and are noted in the audit log, until they are taken off this list.",
            {"items": {"type": "string", "enum": list(TRIABLE)}, "maxItems": len(TRIABLE)},
            atomic=True,
        ),
    ] = ()
