"""What Istio lacks to let callers in: one more AuthorizationPolicy that allows them, beside those that allow others.

Where a DENY policy or a missing identity is in the way no addition helps, so there is none. It must select only pods
that have an ALLOW policy already: of others it would shut out everybody else.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

from kubewright.api.core import Pod
from kubewright.api.meshes import AUTHORIZATION_POLICIES
from kubewright.api.meta import Manifest
from kubewright.reach.ends import Connection, PodEnd
from kubewright.reach.istio import allowing, lacking
from kubewright.reach.selecting import chosen, free_name
from kubewright.reach.world import World


def allowances(connections: Iterable[Connection], name: str, world: World) -> list[Manifest]:
    """Return the policies that would allow connections which no rule allows, one for each namespace called."""
    called: defaultdict[str, list[tuple[Pod, str, int]]] = defaultdict(list)
    for connection in connections:
        principal = lacking(connection, world)
        if principal and isinstance(connection.destination, PodEnd):
            pod = connection.destination.pod
            called[pod.metadata.namespace].append((pod, principal, connection.port))
    made = (_policy(namespace, few, name, world) for namespace, few in called.items())
    return [each for each in made if each is not None]


def _policy(namespace: str, calls: Iterable[tuple[Pod, str, int]], name: str, world: World) -> Manifest | None:
    listed = list(calls)
    pods = list({pod.key: pod for pod, _, _ in listed}.values())
    labels = chosen(pods, world)
    hit = [pod for pod in world.pods_of[namespace] if labels.items() <= pod.metadata.labels.items()]
    if not labels or not all(allowing(pod, world) for pod in hit):
        return None
    taken = (each.metadata.name for each in world.istio_policies if each.metadata.namespace == namespace)
    principals = list(dict.fromkeys(principal for _, principal, _ in listed))
    numbers = sorted({str(port) for _, _, port in listed})
    rule = {"from": [{"source": {"principals": principals}}], "to": [{"operation": {"ports": numbers}}]}
    return {
        "apiVersion": AUTHORIZATION_POLICIES.api_version,
        "kind": AUTHORIZATION_POLICIES.kind,
        "metadata": {"name": free_name(name, taken), "namespace": namespace},
        "spec": {"selector": {"matchLabels": labels}, "action": "ALLOW", "rules": [rule]},
    }
