"""NetworkPolicies by plain loops over every pod, written from the API's documentation alone: nothing of ours is used.

Everything is JSON as it is written. A pod is a manifest with status.podIP; what a policy allows is spelled out pod by
pod and port by port before anything is asked of it.
"""

import ipaddress


def matches(selector, labels):
    for key, value in (selector.get("matchLabels") or {}).items():
        if labels.get(key) != value:
            return False
    for each in selector.get("matchExpressions") or []:
        key, operator, values = each["key"], each["operator"], each.get("values", [])
        if operator == "In" and (key not in labels or labels[key] not in values):
            return False
        if operator == "NotIn" and key in labels and labels[key] in values:
            return False
        if operator == "Exists" and key not in labels:
            return False
        if operator == "DoesNotExist" and key in labels:
            return False
    return True


class Oracle:
    """A cluster: pods and policies as manifests, namespaces' labels by name, nodes' addresses by name."""

    def __init__(self, pods, policies, namespaces, nodes):
        self.pods, self.policies, self.namespaces, self.nodes = pods, policies, namespaces, nodes

    def answers(self, direction, source, destination, port, protocol):
        """The set of possible answers: two where the documentation leaves it to the network plugin.

        Ends are `("pod", manifest)`, `("node", name)` or `("address", text)`.
        """
        return {
            self.allowed(direction, source, destination, port, protocol, hosts_are_pods=choice)
            for choice in (True, False)
        }

    def allowed(self, direction, source, destination, port, protocol, *, hosts_are_pods):
        subject, other = (source, destination) if direction == "egress" else (destination, source)
        if subject[0] != "pod":
            return True
        pod = subject[1]
        if self._open(pod, other, hosts_are_pods):
            return True
        isolating = [policy for policy in self.policies if self._isolates(policy, pod, direction)]
        if not isolating:
            return True
        field = "from" if direction == "ingress" else "to"
        return any(
            self._port_ok(rule, destination, port, protocol, hosts_are_pods)
            and self._peer_ok(rule.get(field), policy, other, hosts_are_pods)
            for policy in isolating
            for rule in policy["spec"].get(direction) or []
        )

    def _open(self, pod, other, hosts_are_pods):
        """Whether a pod's policies have no say, whatever they are."""
        if other[0] == "pod" and other[1] is pod:
            return True  # nobody is kept from itself
        if other[0] == "node" and other[1] == pod["spec"]["nodeName"]:
            return True  # nor from its node
        hosted = other[0] == "pod" and other[1]["spec"].get("hostNetwork")
        if hosted and other[1]["spec"]["nodeName"] == pod["spec"]["nodeName"]:
            return True
        return bool(pod["spec"].get("hostNetwork")) and not hosts_are_pods

    def _isolates(self, policy, pod, direction):
        spec = policy["spec"]
        if policy["metadata"]["namespace"] != pod["metadata"]["namespace"]:
            return False
        if not matches(spec.get("podSelector") or {}, pod["metadata"].get("labels", {})):
            return False
        kinds = spec.get("policyTypes")
        if not kinds:
            kinds = ["Ingress"] + (["Egress"] if spec.get("egress") else [])
        return {"ingress": "Ingress", "egress": "Egress"}[direction] in kinds

    def _port_ok(self, rule, destination, port, protocol, hosts_are_pods):
        if not rule.get("ports"):
            return True
        for each in rule["ports"]:
            if each.get("protocol", "TCP") != protocol:
                continue
            wanted = each.get("port")
            if wanted is None or (isinstance(wanted, int) and port in range(wanted, each.get("endPort", wanted) + 1)):
                return True
            if isinstance(wanted, str) and port in self._named(wanted, destination, protocol, hosts_are_pods):
                return True
        return False

    def _named(self, name, end, protocol, hosts_are_pods):
        if end[0] != "pod" or (end[1]["spec"].get("hostNetwork") and not hosts_are_pods):
            return set()
        return {
            declared["containerPort"]
            for container in end[1]["spec"]["containers"]
            for declared in container.get("ports", [])
            if declared.get("name") == name and declared.get("protocol", "TCP") == protocol
        }

    def _peer_ok(self, peers, policy, other, hosts_are_pods):
        if not peers:
            return True
        for peer in peers:
            if "ipBlock" in peer:
                block = ipaddress.ip_network(peer["ipBlock"]["cidr"])
                holes = [ipaddress.ip_network(each) for each in peer["ipBlock"].get("except", [])]
                address = ipaddress.ip_address(self._address(other))
                if address in block and not any(address in hole for hole in holes):
                    return True
            elif any(other[0] == "pod" and other[1] is each for each in self._meant(peer, policy, hosts_are_pods)):
                return True
        return False

    def _meant(self, peer, policy, hosts_are_pods):
        for candidate in self.pods:
            if candidate["spec"].get("hostNetwork") and not hosts_are_pods:
                continue
            namespace = candidate["metadata"]["namespace"]
            if "namespaceSelector" in peer:
                if not matches(peer["namespaceSelector"], self.namespaces[namespace]):
                    continue
            elif namespace != policy["metadata"]["namespace"]:
                continue
            if matches(peer.get("podSelector") or {}, candidate["metadata"].get("labels", {})):
                yield candidate

    def _address(self, end):
        if end[0] == "pod":
            return end[1]["status"]["podIP"]
        return self.nodes[end[1]] if end[0] == "node" else end[1]
