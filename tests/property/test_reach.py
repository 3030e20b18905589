"""`can-reach` agrees with plain loops over every pod, on hundreds of random clusters, and its remedies hold there."""

import random

import msgspec
import pytest

from kubewright.reach.ends import AddressEnd, Connection, NodeEnd, PodEnd
from kubewright.reach.policies import judged
from kubewright.reach.questions import can_reach
from kubewright.reach.verdict import Verdict
from tests.property.netpol_oracle import Oracle
from tests.unit.reach.build import NODES, pod, policy, world

CASES = 240
KEYS, VALUES = ("app", "tier", "zone"), ("a", "b", "c")
SPACES = ("red", "green", "blue")
ADDRESSES = ("8.8.8.8", "203.0.113.7", "172.17.1.9", "10.9.0.1")
BLOCKS = (
    ("0.0.0.0/0", ("10.0.0.0/8",)),
    ("172.17.0.0/16", ("172.17.1.0/24",)),
    ("10.0.0.0/8", ()),
    ("10.0.0.0/8", ("10.0.0.4/30", "10.9.0.0/16")),
    ("192.168.0.0/31", ()),
    ("203.0.113.0/24", ()),
)
PORTS = (80, 443, 8080, 8081, 9000)
PROTOCOLS = ("TCP", "TCP", "TCP", "UDP", "SCTP")
NAMES = ("http", "dns", "admin")


class Draw:
    """Random manifests."""

    def __init__(self, seed):
        self.random = random.Random(seed)

    def maybe(self, chance):
        return self.random.random() < chance

    def labels(self):
        return {key: self.random.choice(VALUES) for key in KEYS if self.maybe(0.6)}

    def selector(self):
        found = {}
        if self.maybe(0.5):
            found["matchLabels"] = {self.random.choice(KEYS): self.random.choice(VALUES)}
        if self.maybe(0.3):
            operator = self.random.choice(["In", "NotIn", "Exists", "DoesNotExist"])
            values = {"values": self.random.sample(VALUES, 2)} if operator in {"In", "NotIn"} else {}
            found["matchExpressions"] = [{"key": self.random.choice(KEYS), "operator": operator, **values}]
        return found

    def peer(self):
        kind = self.random.choice(["pods", "spaces", "both", "block"])
        if kind == "block":
            cidr, holes = self.random.choice(BLOCKS)
            return {"ipBlock": {"cidr": cidr} | ({"except": list(holes)} if holes else {})}
        parts = {
            "pods": ("podSelector",),
            "spaces": ("namespaceSelector",),
            "both": ("podSelector", "namespaceSelector"),
        }
        return {each: self.selector() for each in parts[kind]}

    def port(self):
        found = {"protocol": self.random.choice(PROTOCOLS)} if self.maybe(0.8) else {}
        kind = self.random.choice(["number", "number", "range", "name", "all"])
        if kind == "name":
            found["port"] = self.random.choice(NAMES)
        elif kind != "all":
            found["port"] = self.random.choice(PORTS)
        if kind == "range":
            found["endPort"] = found["port"] + self.random.choice([0, 1, 500])
        return found

    def rule(self, field):
        found = {}
        if self.maybe(0.75):
            found[field] = [self.peer() for _ in range(self.random.randint(0, 2))]
        if self.maybe(0.6):
            found["ports"] = [self.port() for _ in range(self.random.randint(0, 2))]
        return found

    def policy(self, number):
        spec = {"podSelector": self.selector()}
        if self.maybe(0.7):
            spec["ingress"] = [self.rule("from") for _ in range(self.random.randint(0, 2))]
        if self.maybe(0.5):
            spec["egress"] = [self.rule("to") for _ in range(self.random.randint(0, 2))]
        if self.maybe(0.5):
            spec["policyTypes"] = self.random.choice([["Ingress"], ["Egress"], ["Ingress", "Egress"]])
        return policy(f"p{number}", self.random.choice(SPACES), **spec)

    def pods(self):
        found = []
        for number in range(self.random.randint(3, 8)):
            node = self.random.choice(sorted(NODES))
            hosted = self.maybe(0.15)
            ports = [
                (each, self.random.choice(NAMES), self.random.choice(PROTOCOLS))
                for each in self.random.sample(PORTS, self.random.randint(0, 2))
            ]
            address = NODES[node] if hosted else f"10.0.0.{number + 1}"
            spec = {"hostNetwork": True} if hosted else {}
            space = self.random.choice(SPACES)
            found.append(pod(f"pod-{number}", space, ip=address, node=node, ports=ports, labels=self.labels(), **spec))
        return found


EXPECTED = {
    frozenset({True}): Verdict.ALLOWED,
    frozenset({False}): Verdict.REFUSED,
    frozenset({True, False}): Verdict.UNKNOWN,
}


@pytest.mark.parametrize("seed", range(CASES))
def test_every_pair_fares_as_by_plain_loops(seed):
    draw = Draw(seed)
    pods, spaces = draw.pods(), {each: draw.labels() for each in SPACES}
    policies = [draw.policy(number) for number in range(draw.random.randint(1, 6))]
    known = {name: {"kubernetes.io/metadata.name": name, **labels} for name, labels in spaces.items()}
    oracle, seen = Oracle(pods, policies, known, NODES), world(pods, policies, spaces)
    by_key = {(each.metadata.namespace, each.metadata.name): each for each in seen.pods}

    def ours(end):
        kind, what = end
        match kind:
            case "pod":
                return PodEnd(by_key[what["metadata"]["namespace"], what["metadata"]["name"]])
            case "node":
                return NodeEnd(what, (NODES[what],))
            case _:
                return AddressEnd(what)

    ends = [*(("pod", each) for each in pods), *(("node", each) for each in NODES)]
    ends += [("address", each) for each in ADDRESSES]
    for source in ends:
        for destination in ends:
            port, protocol = draw.random.choice(PORTS), draw.random.choice(PROTOCOLS)
            connection = Connection(ours(source), ours(destination), port, protocol)
            for direction in ("Ingress", "Egress"):
                wanted = oracle.answers(direction.lower(), source, destination, port, protocol)
                hop = judged(connection, direction, seen)
                assert hop.verdict is EXPECTED[frozenset(wanted)], (source, destination, port, protocol, hop)


@pytest.mark.parametrize("seed", range(40))
def test_what_would_open_a_way_opens_it_and_isolates_nobody(seed):
    draw = Draw(seed + 10_000)
    pods = [each for each in draw.pods() if not each["spec"].get("hostNetwork")] or draw.pods()[:1]
    policies = [draw.policy(number) for number in range(4)]
    spaces = {each: draw.labels() for each in SPACES}
    seen = world(pods, policies, spaces)
    known = {name: {"kubernetes.io/metadata.name": name, **labels} for name, labels in spaces.items()}
    before = Oracle(pods, policies, known, NODES)
    for source in pods:
        for destination in pods:
            names = ["{namespace}/pod/{name}".format(**each["metadata"]) for each in (source, destination)]
            answer = can_reach(*names, seen, port=8080, protocol="TCP")
            if not answer.remedy:
                continue
            added = [msgspec.json.decode(msgspec.json.encode(each)) for each in answer.remedy]
            after = Oracle(pods, [*policies, *added], known, NODES)
            ends = ("pod", source), ("pod", destination)
            for direction in ("ingress", "egress"):
                assert after.answers(direction, *ends, 8080, "TCP") == {True}
            for other in pods:
                for third in pods:
                    for direction in ("ingress", "egress"):
                        asked = direction, ("pod", other), ("pod", third), 8080, "TCP"
                        assert True in after.answers(*asked) or True not in before.answers(*asked), answer.remedy
