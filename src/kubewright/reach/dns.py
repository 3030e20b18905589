"""Whether a pod can have names resolved: are the pods of the cluster's DNS service open to it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace

from kubewright.api.core import Pod, Service
from kubewright.api.meta import ObjectKey
from kubewright.api.networking import EGRESS, INGRESS
from kubewright.reach.ends import AddressEnd, Connection, PodEnd
from kubewright.reach.policies import agreed, judged
from kubewright.reach.services import endpoints
from kubewright.reach.verdict import Hop, Verdict, worst
from kubewright.reach.world import World

STAGE = "dns"
PORT = 53
NAMESPACE = "kube-system"
SERVICE = ObjectKey(NAMESPACE, "kube-dns")
APP_LABEL = "k8s-app"
LOCAL_CACHE = "node-local-dns"
LOCAL_ADDRESS = "169.254.20.10"
_CLUSTER_POLICIES = frozenset({"ClusterFirst", "ClusterFirstWithHostNet"})


def dns_service(world: World) -> Service | None:
    """Return the service that pods ask for names: kube-dns, whatever serves it, or one that is labelled so."""
    found = world.service.get(SERVICE)
    labelled = (
        each
        for each in world.services
        if each.metadata.namespace == NAMESPACE and each.metadata.labels.get(APP_LABEL) == SERVICE.name
    )
    return found or next(labelled, None)


def resolves(pod: Pod, world: World) -> Hop:
    """Say whether a pod can have names resolved, by the policies between it and the cluster's DNS."""
    asks_node = pod.spec.host_network and pod.spec.dns_policy == "ClusterFirst"
    if asks_node or pod.spec.dns_policy not in _CLUSTER_POLICIES:
        said = "its node's resolver" if asks_node or pod.spec.dns_policy == "Default" else "servers of its own"
        return Hop(STAGE, Verdict.UNKNOWN, detail=f"it asks {said} for names, and what these know is not known here")
    service = dns_service(world)
    if service is None and ("services" in world.unread or NAMESPACE not in world.limited.get("services", (NAMESPACE,))):
        return Hop(STAGE, Verdict.UNKNOWN, detail=f"the services of {NAMESPACE} were not read")
    if service is None:
        return Hop(STAGE, Verdict.WARNED, detail=f"no service {SERVICE} was found: who resolves names is not known")
    by_udp = _asked(pod, service, "UDP", world)
    if any(each.metadata.labels.get(APP_LABEL) == LOCAL_CACHE for each in world.pods_of.get(NAMESPACE, ())):
        local = Connection(PodEnd(pod), AddressEnd(LOCAL_ADDRESS), PORT, "UDP")
        at_node = replace(judged(local, EGRESS, world), stage=STAGE)
        by_udp = agreed(by_udp, at_node, f"{{}} at the pods of {service.key}, {{}} at the node's cache {LOCAL_ADDRESS}")
    if by_udp.verdict is not Verdict.ALLOWED:
        return by_udp
    by_tcp = _asked(pod, service, "TCP", world)
    if by_tcp.verdict is Verdict.REFUSED:
        return Hop(
            STAGE, Verdict.WARNED, by_tcp.rule, f"by UDP alone: answers too long for it are lost ({by_tcp.detail})"
        )
    return by_udp


def _asked(pod: Pod, service: Service, protocol: str, world: World) -> Hop:
    """Say what comes of questions by one protocol, which go to any one of the DNS pods."""
    name = f"service {service.key}"
    hops = list(_paths(pod, service, protocol, world))
    if not hops:
        port = next((each for each in service.spec.ports if each.protocol == protocol), None)
        said = f"it has no port for {protocol}" if port is None else "it has no endpoint that is ready"
        return Hop(STAGE, Verdict.REFUSED, name, said)
    stands = [hop for hop in hops if hop.verdict is not Verdict.ALLOWED]
    if not stands:
        return Hop(STAGE, Verdict.ALLOWED, hops[0].rule, f"{protocol} {PORT} to the pods of {service.key}")
    if len(stands) < len(hops) and worst(stands) is Verdict.REFUSED:
        detail = f"only {len(hops) - len(stands)} of {len(hops)} pods of {service.key} can be asked"
        return Hop(STAGE, Verdict.UNKNOWN, stands[0].rule, detail)
    first = next(hop for hop in stands if hop.verdict is worst(stands))
    return Hop(STAGE, first.verdict, first.rule, f"{protocol} {PORT} to the pods of {service.key}: {first.detail}")


def _paths(pod: Pod, service: Service, protocol: str, world: World) -> Iterator[Hop]:
    """Yield for each DNS pod the step that decides."""
    for connection in questions(pod, service, protocol, world):
        out, into = judged(connection, EGRESS, world), judged(connection, INGRESS, world)
        yield into if worst((out, into)) is not out.verdict else out


def questions(pod: Pod, service: Service, protocol: str, world: World) -> Iterator[Connection]:
    """Yield the connections by which a pod may ask the DNS service."""
    for port in service.spec.ports:
        if port.protocol != protocol or port.port != PORT:
            continue
        for backend in endpoints(service, port, world):
            yield Connection(PodEnd(pod), backend.end, backend.port, protocol, backend.version)
