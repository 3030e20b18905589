"""What `placement` decides, said again in plain loops: one node and one pod at a time, no columns, nothing kept.

Of the product it uses only the rules for one label selector, one toleration, one node selector and one claim.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from kubewright.api.affinity import node_matches
from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.requirements import Requirement
from kubewright.api.resources import amounts, pod_request
from kubewright.api.selectors import LabelSelector
from kubewright.api.tolerations import Taint, tolerates, untolerated
from kubewright.api.volumes import claim_names
from kubewright.placement.storage import Storage, choose

HOSTNAME = "kubernetes.io/hostname"
ZONES = (
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
)
MEBIBYTE = 1024**2
ANY = ".".join("0000")


@dataclass
class Oracle:
    """A cluster, as lists."""

    nodes: list[Node]
    storage: Storage
    namespaces: dict[str, dict[str, str]]
    selector_for: Callable[[Pod], LabelSelector | None]
    placed: dict[ObjectKey, tuple[Pod, str]] = field(default_factory=dict)

    def on(self, node: Node) -> list[Pod]:
        """The pods of a node."""
        return [pod for pod, name in self.placed.values() if name == node.metadata.name]

    # Filters, in kube-scheduler's order; each gives the reasons against one node.

    def reasons(self, pod: Pod, node: Node) -> list[str]:
        """The reasons of the first filter that refuses the node."""
        affinity = pod.spec.affinity and pod.spec.affinity.node_affinity
        names = self._named(affinity)
        if names is not None and node.metadata.name not in names:
            return ["node(s) didn't satisfy plugin(s) [NodeAffinity]"]
        checks = (
            self._cordon, self._taints, self._node_affinity, self._ports, self._resources, self._disks_for_one,
            self._attachments, self._volumes, self._zones, self._spread, self._near,
        )  # fmt: skip
        return next((found for check in checks if (found := check(pod, node))), [])

    def _named(self, affinity: Any) -> set[str] | None:
        if not affinity or affinity.required is None or not affinity.required.node_selector_terms:
            return None
        names: set[str] = set()
        for term in affinity.required.node_selector_terms:
            given = [set(each.values) for each in term.match_fields if each.operator == "In"]
            if not given:
                return None
            names |= set.intersection(*given)
        return names

    def _cordon(self, pod: Pod, node: Node) -> list[str]:
        taint = Taint("node.kubernetes.io/unschedulable", "", "NoSchedule")
        cordoned = node.spec.unschedulable and not tolerates(pod.spec.tolerations, taint)
        return ["node(s) were unschedulable"] if cordoned else []

    def _taints(self, pod: Pod, node: Node) -> list[str]:
        found = untolerated(pod.spec.tolerations, node.spec.taints)
        return [] if found is None else ["node(s) had untolerated taint(s)"]

    def _node_affinity(self, pod: Pod, node: Node) -> list[str]:
        return [] if self._matches_node(pod, node) else ["node(s) didn't match Pod's node affinity/selector"]

    def _matches_node(self, pod: Pod, node: Node) -> bool:
        return node_matches(pod.spec.node_selector, pod.spec.affinity, node.metadata.name, node.metadata.labels)

    def _ports(self, pod: Pod, node: Node) -> list[str]:
        taken = [port for other in self.on(node) for port in host_ports(other)]
        for ip, protocol, number in host_ports(pod):
            for other_ip, other_protocol, other_number in taken:
                if (protocol, number) != (other_protocol, other_number):
                    continue
                if ip == other_ip or ANY in (ip, other_ip):
                    return ["node(s) didn't have free ports for the requested pod ports"]
        return []

    def _resources(self, pod: Pod, node: Node) -> list[str]:
        capacity = amounts(node.status.allocatable)
        used: dict[str, int] = {}
        for other in self.on(node):
            for name, amount in pod_request(other).items():
                used[name] = used.get(name, 0) + amount
        short = [
            name
            for name, amount in pod_request(pod).items()
            if amount and used.get(name, 0) + amount > capacity.get(name, 0)
        ]
        return ["Too many pods" if name == "pods" else f"Insufficient {name}" for name in short]

    def _disks_for_one(self, pod: Pod, node: Node) -> list[str]:
        del node
        for claim in self.storage.claims_of(pod):
            if "ReadWriteOncePod" not in claim.spec.access_modes:
                continue
            for other, _ in self.placed.values():
                if other.metadata.namespace == pod.metadata.namespace and claim.metadata.name in claim_names(other):
                    text = "PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another pod"
                    return [f"node(s) unavailable due to {text}"]
        return []

    def _attachments(self, pod: Pod, node: Node) -> list[str]:
        there = {claim for other in self.on(node) for claim in self._attached(other)}
        new = self._attached(pod) - there
        csi = self.storage.csi_nodes.get(ObjectKey("", node.metadata.name))
        for driver in csi.spec.drivers or () if csi else ():
            if driver.allocatable is None or driver.allocatable.count is None:
                continue
            wanted = sum(name == driver.name for name, _ in new)
            if wanted and wanted + sum(name == driver.name for name, _ in there) > driver.allocatable.count:
                return ["node(s) exceed max volume count"]
        return []

    def _attached(self, pod: Pod) -> set[tuple[str, ObjectKey]]:
        found: set[tuple[str, ObjectKey]] = set()
        for claim in self.storage.claims_of(pod):
            volume = self.storage.volume(claim.spec.volume_name) if claim.spec.volume_name else None
            kind = self.storage.class_of(claim)
            if volume is not None:
                driver = volume.spec.csi.driver if volume.spec.csi else ""
            else:
                driver = kind.provisioner if kind else ""
            if driver:
                found.add((driver, claim.key))
        return found

    def _volumes(self, pod: Pod, node: Node) -> list[str]:
        reasons: list[str] = []
        for claim in self.storage.claims_of(pod):
            if not claim.is_bound:
                continue
            volume = self.storage.volume(claim.spec.volume_name)
            if volume is None:
                reasons.append("node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)")
                break
            if not volume.is_reachable_from(node.metadata.labels):
                reasons.append("node(s) didn't match PersistentVolume's node affinity")
                break
        if choose(pod, self.storage, node.metadata.name, node.metadata.labels) is None:
            reasons.append("node(s) didn't find available persistent volumes to bind")
        return reasons

    def _zones(self, pod: Pod, node: Node) -> list[str]:
        labels = node.metadata.labels
        if not any(key in labels for key in ZONES):
            return []
        for claim in self.storage.claims_of(pod):
            volume = self.storage.volume(claim.spec.volume_name) if claim.spec.volume_name else None
            for key in ZONES:
                if volume is None or key not in volume.metadata.labels:
                    continue
                newer = key.replace("failure-domain.beta", "topology")
                if labels.get(key, labels.get(newer)) not in volume.metadata.labels[key].split("__"):
                    return ["node(s) had no available volume zone"]
        return []

    def _spread(self, pod: Pod, node: Node) -> list[str]:
        text = "node(s) didn't match pod topology spread constraints"
        hard = [c for c in pod.spec.topology_spread_constraints if c.when_unsatisfiable == "DoNotSchedule"]
        for constraint in hard:
            domain = node.metadata.labels.get(constraint.topology_key)
            if domain is None:
                return [f"{text} (missing required label)"]
            counts: dict[str, int] = {}
            for other in self.nodes:
                labels = other.metadata.labels
                if all(each.topology_key in labels for each in hard) and self._counts(constraint, pod, other):
                    key = labels[constraint.topology_key]
                    counts[key] = counts.get(key, 0) + self._matching(constraint, pod, other)
            least = 0 if len(counts) < constraint.min_domains else min(counts.values())
            itself = self._selector(constraint, pod).matches(pod.metadata.labels)
            if counts.get(domain, 0) + itself - least > constraint.max_skew:
                return [text]
        return []

    def _counts(self, constraint: Any, pod: Pod, node: Node) -> bool:
        if constraint.node_affinity_policy == "Honor" and not self._matches_node(pod, node):
            return False
        honors = constraint.node_taints_policy == "Honor"
        return not honors or untolerated(pod.spec.tolerations, node.spec.taints) is None

    def _selector(self, constraint: Any, pod: Pod) -> LabelSelector:
        return merged(constraint.label_selector, constraint.match_label_keys, (), pod)

    def _matching(self, constraint: Any, pod: Pod, node: Node) -> int:
        selector = self._selector(constraint, pod)
        if not selector.match_labels and not selector.match_expressions:
            return 0
        return sum(
            other.metadata.namespace == pod.metadata.namespace
            and not other.is_terminating
            and selector.matches(other.metadata.labels)
            for other in self.on(node)
        )

    def _near(self, pod: Pod, node: Node) -> list[str]:
        near, apart = required(pod, "pod_affinity"), required(pod, "pod_anti_affinity")
        if near and not self._is_near(pod, node, near):
            return ["node(s) didn't match pod affinity rules"]
        for term in apart:
            if any(
                self._means(term, pod, other) and self._shares(term, node, name) for other, name in self.placed.values()
            ):
                return ["node(s) didn't match pod anti-affinity rules"]
        for other, name in self.placed.values():
            for term in required(other, "pod_anti_affinity"):
                if self._means(term, other, pod) and self._shares(term, node, name):
                    return ["node(s) didn't satisfy existing pods anti-affinity rules"]
        return []

    def _is_near(self, pod: Pod, node: Node, near: tuple[Any, ...]) -> bool:
        if any(term.topology_key not in node.metadata.labels for term in near):
            return False
        peers = [name for other, name in self.placed.values() if all(self._means(term, pod, other) for term in near)]
        if all(any(self._shares(term, node, name) for name in peers) for term in near):
            return True
        anywhere = any(term.topology_key in self._node(name).metadata.labels for term in near for name in peers)
        return not anywhere and all(self._means(term, pod, pod) for term in near)

    def _node(self, name: str) -> Node:
        return next(node for node in self.nodes if node.metadata.name == name)

    def _shares(self, term: Any, node: Node, name: str) -> bool:
        """Whether the node is in the same domain as the other one."""
        domain = node.metadata.labels.get(term.topology_key)
        return domain is not None and self._node(name).metadata.labels.get(term.topology_key) == domain

    def _means(self, term: Any, owner: Pod, other: Pod) -> bool:
        """Whether the owner's term means the other pod."""
        if term.label_selector is None:
            return False
        names = set(term.namespaces)
        if not names and term.namespace_selector is None:
            names = {owner.metadata.namespace}
        if other.metadata.namespace not in names:
            labels = self.namespaces.get(other.metadata.namespace, {})
            if term.namespace_selector is None or not term.namespace_selector.matches(labels):
                return False
        selector = merged(term.label_selector, term.match_label_keys, term.mismatch_label_keys, owner)
        return selector.matches(other.metadata.labels)

    # Preemption.

    def ways(self, pod: Pod, budgets: list[Any]) -> dict[str, tuple[list[Pod], int]]:
        """For each node where that helps, the pods that must go, and how many of them are protected."""
        found: dict[str, tuple[list[Pod], int]] = {}
        if pod.spec.preemption_policy == "Never":
            return found
        before = dict(self.placed)
        for node in self.nodes:
            if self._is_resolvable(pod, node):
                way = self._way(pod, node, budgets)
                if way is not None and way[0]:
                    found[node.metadata.name] = way
            self.placed = dict(before)
        return found

    def _is_resolvable(self, pod: Pod, node: Node) -> bool:
        reasons = self.reasons(pod, node)
        capacity = amounts(node.status.allocatable)
        for text in reasons:
            if text.startswith("Insufficient "):
                name = text.removeprefix("Insufficient ")
                if pod_request(pod)[name] > capacity.get(name, 0):
                    return False
        helps = (
            "Insufficient",
            "Too many",
            "free ports",
            "in-use",
            "exceed max",
            "anti-affinity",
            "spread constraints",
        )
        return bool(reasons) and all(any(word in text for word in helps) and "missing" not in text for text in reasons)

    def _way(self, pod: Pod, node: Node, budgets: list[Any]) -> tuple[list[Pod], int] | None:
        lower = [each for each in self.on(node) if each.spec.priority < pod.spec.priority]
        lower.sort(key=lambda each: (-each.spec.priority, each.status.start_time or "9999"))
        for each in lower:
            del self.placed[each.key]
        if not lower or self.reasons(pod, node):
            return None
        left = {budget.key: budget.status.disruptions_allowed for budget in budgets}
        protected: list[Pod] = []
        for each in lower:
            for budget in budgets:
                same = budget.metadata.namespace == each.metadata.namespace and each.metadata.labels
                if same and budget.spec.selector.matches(each.metadata.labels):
                    left[budget.key] -= 1
                    if left[budget.key] < 0:
                        protected.append(each)
                        break
        gone: list[Pod] = []
        for each in (*protected, *(other for other in lower if other not in protected)):
            self.placed[each.key] = (each, node.metadata.name)
            if self.reasons(pod, node):
                del self.placed[each.key]
                gone.append(each)
        return [each for each in lower if each in gone], sum(each in protected for each in gone)

    # Scores of the feasible nodes.

    def scores(self, pod: Pod, feasible: list[Node]) -> dict[str, int]:
        """The weighted sum of kube-scheduler's scores for each feasible node, but for what is the same for all."""
        taints = [self._soft_taints(pod, node) for node in feasible]
        wishes = [self._preferred(pod, node) for node in feasible]
        pods = [self._preferred_pods(pod, node) for node in feasible]
        spread = self._soft_spread(pod, feasible)
        totals: dict[str, int] = {}
        for number, node in enumerate(feasible):
            total = 3 * (100 - (100 * taints[number] // max(taints) if max(taints) else 0))
            total += 2 * (100 * wishes[number] // max(wishes) if max(wishes) else 0)
            least, most = min(pods), max(pods)
            total += 2 * (int(100 * ((pods[number] - least) / (most - least))) if most > least else 0)
            total += 2 * spread[number]
            total += (
                self._least(pod, node) + self._balance(pod, node) + self._images(pod, node) + self._sizes(pod, node)
            )
            totals[node.metadata.name] = total
        return totals

    def _soft_taints(self, pod: Pod, node: Node) -> int:
        fitting = [each for each in pod.spec.tolerations if each.effect in ("", "PreferNoSchedule")]
        return sum(t.effect == "PreferNoSchedule" and not tolerates(fitting, t) for t in node.spec.taints)

    def _preferred(self, pod: Pod, node: Node) -> int:
        affinity = pod.spec.affinity and pod.spec.affinity.node_affinity
        return sum(
            each.weight
            for each in (affinity.preferred if affinity else ())
            if each.preference.matches(node.metadata.name, node.metadata.labels)
        )

    def _preferred_pods(self, pod: Pod, node: Node) -> int:
        total = 0
        for other, name in self.placed.values():
            for weight, term in preferred(pod):
                total += weight * (self._means(term, pod, other) and self._shares(term, node, name))
            for weight, term in (*preferred(other), *((1, term) for term in required(other, "pod_affinity"))):
                total += weight * (self._means(term, other, pod) and self._shares(term, node, name))
        return total

    def _soft_spread(self, pod: Pod, feasible: list[Node]) -> list[int]:
        own = pod.spec.topology_spread_constraints
        soft = [(c, self._selector(c, pod)) for c in own if c.when_unsatisfiable == "ScheduleAnyway"]
        if not own:
            selector = self.selector_for(pod)
            soft = [] if selector is None else [(c, selector) for c in system_constraints()]
        if not soft:
            return [0] * len(feasible)
        keys = [c.topology_key for c, _ in soft]
        rated = [n for n in feasible if not own or all(key in n.metadata.labels for key in keys)]
        raw: dict[str, int] = {}
        for node in rated:
            total = 0.0
            for constraint, selector in soft:
                domain = node.metadata.labels.get(constraint.topology_key)
                if domain is None:
                    continue
                if constraint.topology_key == HOSTNAME:
                    size, count = len(rated), self._alike(pod, selector, node)
                else:
                    size = len({n.metadata.labels.get(constraint.topology_key) for n in rated})
                    counting = [n for n in self.nodes if not own or all(key in n.metadata.labels for key in keys)]
                    count = self._in_domain(pod, constraint, selector, domain, counting)
                total += count * math.log(size + 2) + constraint.max_skew - 1
            raw[node.metadata.name] = math.floor(total) + (total - math.floor(total) >= 0.5)
        if not raw or not max(raw.values()):
            return [100 if node in rated else 0 for node in feasible]
        least, most = min(raw.values()), max(raw.values())
        return [
            100 * (most + least - raw[node.metadata.name]) // most if node.metadata.name in raw else 0
            for node in feasible
        ]

    def _in_domain(self, pod: Pod, constraint: Any, selector: LabelSelector, domain: str, nodes: list[Node]) -> int:
        return sum(
            self._alike(pod, selector, node)
            for node in nodes
            if node.metadata.labels.get(constraint.topology_key) == domain and self._counts(constraint, pod, node)
        )

    def _alike(self, pod: Pod, selector: LabelSelector, node: Node) -> int:
        if not selector.match_labels and not selector.match_expressions:
            return 0
        return sum(
            other.metadata.namespace == pod.metadata.namespace
            and not other.is_terminating
            and selector.matches(other.metadata.labels)
            for other in self.on(node)
        )

    def _least(self, pod: Pod, node: Node) -> int:
        capacity = amounts(node.status.allocatable)
        shares = []
        for name in ("cpu", "memory"):
            taken = sum(scored(other)[name] for other in (*self.on(node), pod))
            if capacity.get(name):
                shares.append(max(capacity[name] - taken, 0) * 100 // capacity[name])
        return sum(shares) // len(shares) if shares else 0

    def _balance(self, pod: Pod, node: Node) -> int:
        wanted = pod_request(pod)
        if not wanted.get("cpu") and not wanted.get("memory"):
            return 0
        capacity = amounts(node.status.allocatable)

        def evenness(pods: list[Pod]) -> int:
            shares = [
                min(sum(pod_request(each).get(name, 0) for each in pods) / capacity[name], 1.0)
                for name in ("cpu", "memory")
                if capacity.get(name)
            ]
            return int((1.0 - (abs(shares[0] - shares[1]) / 2 if len(shares) == 2 else 0.0)) * 100)

        pods = self.on(node)
        return 50 + (50 + evenness([*pods, pod]) - evenness(pods)) // 2

    def _images(self, pod: Pod, node: Node) -> int:
        total, images = 0, [each.image for each in (*pod.spec.init_containers, *pod.spec.containers)]
        for image in images:
            name = image if ":" in image.rpartition("/")[2] else f"{image}:latest"
            holders = [n for n in self.nodes if any(name in (each.names or ()) for each in n.status.images)]
            if node in holders:
                size = next(each.size_bytes for each in holders[0].status.images if name in (each.names or ()))
                total += int(size * (len(holders) / len(self.nodes)))
        low, high = 23 * MEBIBYTE, 1000 * MEBIBYTE * len(images)
        return 100 * (min(max(total, low), high) - low) // (high - low)

    def _sizes(self, pod: Pod, node: Node) -> int:
        choice = choose(pod, self.storage, node.metadata.name, node.metadata.labels)
        classes: dict[str, list[int]] = {}
        for claim, volume in choice.volumes if choice else ():
            sums = classes.setdefault(volume.storage_class, [0, 0])
            sums[0] += claim.size_bytes
            sums[1] += volume.size_bytes
        if not classes:
            return 0
        shares = [100 - min(100, wanted * 100 // capacity) for wanted, capacity in classes.values()]
        return math.floor(sum(shares) / len(shares) + 0.5)


def host_ports(pod: Pod) -> list[tuple[str, str, int]]:
    sidecars = [each for each in pod.spec.init_containers if each.restart_policy == "Always"]
    return [
        (port.host_ip or ANY, port.protocol, port.host_port)
        for container in (*pod.spec.containers, *sidecars)
        for port in container.ports
        if port.host_port
    ]


def scored(pod: Pod) -> dict[str, int]:
    """Requests, with something for containers that ask for nothing (the draws have no pod-level requests)."""
    totals: dict[str, int] = {}
    for name, unset in (("cpu", 100), ("memory", 200 * MEBIBYTE)):
        own = [amounts(each.resources.requests).get(name, unset) for each in pod.spec.containers]
        beside, peak = 0, 0
        for each in pod.spec.init_containers:
            wanted = amounts(each.resources.requests).get(name, unset)
            peak = max(peak, beside + wanted)
            if each.restart_policy == "Always":
                beside += wanted
        totals[name] = max(sum(own) + beside, peak)
    return totals


def required(pod: Pod, side: str) -> tuple[Any, ...]:
    affinity = pod.spec.affinity and getattr(pod.spec.affinity, side)
    return affinity.required if affinity else ()


def preferred(pod: Pod) -> list[tuple[int, Any]]:
    found: list[tuple[int, Any]] = []
    for sign, side in ((1, "pod_affinity"), (-1, "pod_anti_affinity")):
        affinity = pod.spec.affinity and getattr(pod.spec.affinity, side)
        found += [(sign * each.weight, each.pod_affinity_term) for each in (affinity.preferred if affinity else ())]
    return found


def merged(selector: Any, keys: tuple[str, ...], other_keys: tuple[str, ...], pod: Pod) -> LabelSelector:
    labels = pod.metadata.labels
    named = {*selector.match_labels, *(each.key for each in selector.match_expressions)}
    extra = [
        Requirement(key, operator, (labels[key],))
        for listed, operator in ((keys, "In"), (other_keys, "NotIn"))
        for key in listed
        if key in labels and key not in named
    ]
    return LabelSelector(selector.match_labels, (*selector.match_expressions, *extra))


def system_constraints() -> tuple[Any, ...]:
    from kubewright.api.affinity import TopologySpreadConstraint

    return (
        TopologySpreadConstraint(3, HOSTNAME, "ScheduleAnyway"),
        TopologySpreadConstraint(5, "topology.kubernetes.io/zone", "ScheduleAnyway"),
    )


def cost(way: tuple[list[Pod], int]) -> tuple[Any, ...]:
    """What preemption compares: the less the better."""
    pods, violations = way
    highest = pods[0].spec.priority
    first = min(each.status.start_time or "9999" for each in pods if each.spec.priority == highest)
    total = sum(each.spec.priority + 2**31 for each in pods)
    return violations, highest, total, len(pods), [-ord(letter) for letter in first]
