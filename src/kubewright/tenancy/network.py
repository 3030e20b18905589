"""The network policy of a team's namespace: nobody but its environment, DNS, and the peers it declares. Pure.

Both sides declare each other: what one team may begin, the other must let in.
"""

from __future__ import annotations

from kubewright.api.core import METADATA_NAME
from kubewright.api.crds.appservice import TEAM_LABEL
from kubewright.api.crds.team import Peer, Team
from kubewright.api.crds.team.spec import BOTH, EGRESS, INGRESS
from kubewright.api.meta import Manifest
from kubewright.tenancy.names import ENVIRONMENT_LABEL, NETWORK_POLICY, labels_of, manifest

_DNS_PORT = 53


def network_policy(team: Team, namespace: str, environment: str) -> Manifest:
    """Return the policy, written as an API server keeps it: it is compared whole, since its lists only allow."""
    near = _namespaces({TEAM_LABEL: team.name, ENVIRONMENT_LABEL: environment})
    dns = [{"port": _DNS_PORT, "protocol": protocol} for protocol in ("UDP", "TCP")]
    ingress: list[Manifest] = [{"from": [near]}]
    egress: list[Manifest] = [{"to": [near]}, {"ports": dns, "to": [_namespaces({METADATA_NAME: "kube-system"})]}]
    for each in team.spec.network.peers:
        if each.direction in {INGRESS, BOTH}:
            ingress.append({**_ports(each), "from": [_who(each)]})
        if each.direction in {EGRESS, BOTH}:
            egress.append({**_ports(each), "to": [_who(each)]})
    spec: Manifest = {"podSelector": {}, "policyTypes": ["Ingress", "Egress"], "ingress": ingress, "egress": egress}
    head = manifest("networking.k8s.io/v1", "NetworkPolicy", NETWORK_POLICY, labels_of(team.name), namespace)
    return {**head, "spec": spec}


def _who(peer: Peer) -> Manifest:
    if peer.cidr:
        block: Manifest = {"cidr": peer.cidr}
        return {"ipBlock": block | ({"except": list(peer.except_)} if peer.except_ else {})}
    if peer.namespace:
        return _namespaces({METADATA_NAME: peer.namespace})
    environment = {ENVIRONMENT_LABEL: peer.environment} if peer.environment else {}
    return _namespaces({TEAM_LABEL: peer.team, **environment})


def _ports(peer: Peer) -> Manifest:
    return {"ports": [{"port": each.port, "protocol": each.protocol} for each in peer.ports]} if peer.ports else {}


def _namespaces(labels: dict[str, str]) -> Manifest:
    return {"namespaceSelector": {"matchLabels": labels}}
