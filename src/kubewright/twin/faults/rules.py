"""What the kubelets are told of a fault: rules about nodes and containers. Pure.

`effects.py` injects them under the fault's name when it comes into force, and lifts them when it ends.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping

from kubewright.api.core import Container, Pod
from kubewright.api.meta import Leaf
from kubewright.twin.faults import parameters as p
from kubewright.twin.faults.inforce import Active
from kubewright.twin.kubelet.faults import (
    READINESS,
    ContainerTrouble,
    NodeTrouble,
    OnContainers,
    OnNodes,
    Rule,
)

PULL_ERRORS: Mapping[str, str] = {
    "NotFound": "not found",
    "Unauthorized": "unauthorized: authentication required",
    "Timeout": "net/http: request canceled while waiting for connection (Client.Timeout exceeded)",
}
_DISKS: Mapping[str, ContainerTrouble] = {
    "DiskFull": ContainerTrouble(pull_error="write: no space left on device"),
    "ReadOnlyFilesystem": ContainerTrouble(start_error="mkdir: read-only file system"),
}
RUNTIME_DOWN = "container runtime is down"
NO_NETWORK = (
    "container runtime network not ready: NetworkReady=false reason:NetworkPluginNotReady "
    "message:Network plugin returns error: cni plugin not initialized"
)
_ALL_LOOKUPS = 100


_NODES: Mapping[str, NodeTrouble] = {
    "NodeDown": NodeTrouble(down=True),
    "KubeletHung": NodeTrouble(hung=True),
    "NodePartitioned": NodeTrouble(partitioned=True),
    "RuntimeHung": NodeTrouble(stuck=True, not_ready=RUNTIME_DOWN),
    "KernelDeadlock": NodeTrouble(stuck=True),
    "NetworkUnavailable": NodeTrouble(not_ready=NO_NETWORK),
}
"""What faults of nodes that take no parameters mean to kubelets."""


def rule_of(fault: Active, nodes: Iterable[str]) -> Rule | None:
    """Return the rule that a fault means, if it is one for kubelets; `nodes` are those that it hits."""
    hit = frozenset(nodes)
    on_disk = _DISKS.get(fault.spec.type)
    if on_disk is not None:
        return OnContainers(lambda pod, _: pod.spec.node_name in hit, on_disk)
    node, container = _node_trouble(fault), _container_trouble(fault)
    if node is not None:
        return OnNodes(hit.__contains__, node)
    return None if container is None else OnContainers(containers_of(fault), container)


def _node_trouble(fault: Active) -> NodeTrouble | None:
    spec = fault.spec
    match spec.type:
        case "CertificateExpiry" if spec.target.nodes is not None:
            return NodeTrouble(unheard=True)
        case "SlowDisk":
            return NodeTrouble(slowness=float((spec.slow_disk or p.SlowDisk()).factor))
        case "ClockSkew":
            return NodeTrouble(clock_skew_seconds=float((spec.clock_skew or p.ClockSkew()).seconds))
        case type_:
            return _NODES.get(type_)


def _container_trouble(fault: Active) -> ContainerTrouble | None:
    spec = fault.spec
    match spec.type:
        case "ImagePullFailure":
            return ContainerTrouble(pull_error=PULL_ERRORS[(spec.image_pull_failure or p.ImagePullFailure()).reason])
        case "CrashLoop":
            loop = spec.crash_loop or p.CrashLoop()
            return ContainerTrouble(exit_after_seconds=float(loop.after_seconds), exit_code=loop.exit_code)
        case "BadRelease":
            return _bad_release(spec.bad_release or p.BadRelease())
        case "ProbeFailure":
            probe = (spec.probe_failure or p.ProbeFailure()).probe.lower()
            return ContainerTrouble(failing_probes=frozenset({probe}))
        case "DnsFailure" if (spec.dns_failure or p.DnsFailure()).percent == _ALL_LOOKUPS:
            return ContainerTrouble(failing_probes=frozenset({READINESS}))
        case _:
            return None


def _bad_release(release: p.BadRelease) -> ContainerTrouble | None:
    match release.mode:
        case "Crash":
            return ContainerTrouble(exit_after_seconds=float(release.after_seconds), exit_code=1)
        case "NotReady":
            return ContainerTrouble(
                failing_probes=frozenset({READINESS}), failing_after_seconds=float(release.after_seconds)
            )
        case "Errors":
            return None


def containers_of(fault: Active) -> Callable[[Pod, Container], bool]:
    """Match the containers that a fault means: the one that it names, those of its images, or the first."""
    name, pods = named_container(fault), fault.spec.target.pods

    def matches(pod: Pod, container: Container) -> bool:
        if not fault.hits_pod(pod):
            return False
        if name:
            return container.name == name
        if pods is not None and pods.images:
            return pods.runs_image(container.image)
        return fault.spec.type in _EVERY_CONTAINER or container.name == pod.spec.containers[0].name

    return matches


_EVERY_CONTAINER = frozenset({"ImagePullFailure", "ProbeFailure", "DnsFailure"})


def named_container(fault: Active) -> str:
    """Return the container that the parameters name, or nothing."""
    spec = fault.spec
    given: Iterable[Leaf | None] = (
        spec.memory_leak,
        spec.cpu_stress,
        spec.container_crash,
        spec.crash_loop,
        spec.probe_failure,
    )
    return next((getattr(each, "container", "") for each in given if each is not None), "")
