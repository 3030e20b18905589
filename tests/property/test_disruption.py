"""Several services that take pods and nodes out of service at once never go beyond a limit, whatever they see of it."""

from __future__ import annotations

import math
from random import Random

from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kubewright.api.crds.disruptionledger import LedgerStatus
from kubewright.disruption.ledger import settled, without
from kubewright.disruption.limits import judge
from kubewright.disruption.permits import looked_out
from kubewright.disruption.requests import Granted, PodRef, Request, Urgency
from tests.unit.disruption.worlds import NOW, ZONE, limit, node, pod, world

REQUESTERS = ("healing", "nodes", "gpu", "sizing")
LAG_SECONDS = 20


def share(text, total):
    return math.ceil(int(text[:-1]) * total / 100) if text.endswith("%") else int(text)


class Life:
    """A cluster as it is, and services that see it late, ask for more than is good, and act when they come to it."""

    def __init__(self, rng):
        self.rng, self.now, self.made, self.ledger = rng, NOW, 0, LedgerStatus()
        zones = range(rng.randint(1, 3))
        names = [(f"z{zone}n{number}", f"z{zone}") for zone in zones for number in range(rng.randint(2, 8))]
        self.nodes = {name: node(name, zone, gpus=2) for name, zone in names}
        self.replicas = {f"app{number}": rng.randint(1, 8) for number in range(3)}
        self.pods, self.granted, self.doing, self.begun = {}, {}, [], []
        for app, count in self.replicas.items():
            for _ in range(count):
                self.make(app)
        self.per_zone, self.per_app = rng.choice(["1", "2", "30%"]), rng.choice(["1", "2", "50%"])
        self.hourly = rng.randint(2, 9)
        self.limits = [
            limit("z", per="Zone", nodes={"max_unavailable": self.per_zone, "max_per_hour": self.hourly}),
            limit("a", per="App", pods={"max_unavailable": self.per_app}),
            limit("g", gpus={"max_unavailable": "50%"}),
        ]
        self.views = {who: self.look() for who in REQUESTERS}

    def make(self, app, *, ready=True):
        self.made += 1
        name = f"{app}-{self.made}"
        self.pods[name] = pod(name, app, self.rng.choice(list(self.nodes)), ready=ready, created=self.now)

    def look(self):
        return list(self.nodes.values()), list(self.pods.values()), self.now

    def step(self):
        steps = [self.ask_for_a_node, self.ask_for_pods, self.act, self.go_on, self.come_back, self.see]
        self.rng.choices(steps, [2, 6, 6, 4, 2, 3])[0]()
        self.check()

    def see(self):
        self.views[self.rng.choice(REQUESTERS)] = self.look()

    def go_on(self):
        self.now += self.rng.choice([1, 5, 30, 300])
        for who, (_, _, at) in self.views.items():
            if self.now - at > LAG_SECONDS:
                self.views[who] = self.look()
        for app, count in self.replicas.items():
            there = [each for each in self.pods.values() if each.metadata.labels["app"] == app]
            for _ in range(count - len(there) if self.rng.random() < 0.7 else 0):
                self.make(app, ready=False)
            for each in there:
                if not each.is_ready and self.rng.random() < 0.4:
                    well = pod(each.metadata.name, app, each.spec.node_name, created=self.now - 5)
                    self.pods[each.metadata.name] = well

    def ask_for_a_node(self):
        name = self.rng.choice(list(self.nodes))
        self.ask(f"node/{name}", nodes=(name,), urgency=self.rng.choice(list(Urgency)))

    def ask_for_pods(self):
        who = self.rng.choice(REQUESTERS)
        seen = self.views[who][1]
        if seen:
            chosen = self.rng.sample(seen, min(len(seen), self.rng.randint(1, 3)))
            self.ask(f"pods/{self.made}/{self.now}", who, pods=tuple(map(PodRef.of, chosen)))

    def ask(self, about, who="", **asked):
        who = who or self.rng.choice(REQUESTERS)
        request = Request(who, about, "why", seconds=1e6, **asked)
        nodes, pods, _ = self.views[who]
        seen = world(nodes, pods, limits=self.limits, now=self.now)
        looks = looked_out([request], seen)
        seen = seen.corrected(
            {name: self.nodes[name] for name in looks.nodes},
            {each: self.pods.get(each.name) for each in looks.pods},
        )
        decision, self.ledger = judge(request, settled(self.ledger, seen), seen)
        if isinstance(decision, Granted):
            if request.nodes and request.id not in self.granted:
                self.begun.append((self.now, self.nodes[request.nodes[0]].metadata.labels[ZONE]))
            self.granted[request.id] = request
            self.doing.append(request)

    def act(self):
        if self.doing:
            request = self.doing.pop(self.rng.randrange(len(self.doing)))
            for name in request.nodes:
                self.cordon(name, cordoned=True)
            for ref in request.pods:
                there = self.pods.get(ref.key.name)
                if there is not None and there.metadata.uid == ref.uid:
                    del self.pods[ref.key.name]

    def come_back(self):
        busy = {each.id for each in self.doing}
        held = [each for each in self.granted.values() if each.nodes and each.id not in busy]
        if held:
            request = self.rng.choice(held)
            if sum(each.nodes == request.nodes for each in self.granted.values()) == 1:
                self.cordon(request.nodes[0], cordoned=False)
            del self.granted[request.id]
            self.ledger = without(self.ledger, [request.id])

    def cordon(self, name, *, cordoned):
        old = self.nodes[name]
        self.nodes[name] = replace(old, spec=replace(old.spec, unschedulable=cordoned))

    def check(self):
        zones = {}
        for each in self.nodes.values():
            zones.setdefault(each.metadata.labels[ZONE], []).append(each.spec.unschedulable)
        for zone, out in zones.items():
            assert sum(out) <= share(self.per_zone, len(out))
            assert sum(at > self.now - 3600 and where == zone for at, where in self.begun) <= self.hourly
        assert sum(map(sum, zones.values())) * 2 <= share("50%", 2 * len(self.nodes))
        for app, replicas in self.replicas.items():
            well = sum(each.metadata.labels["app"] == app and each.is_ready for each in self.pods.values())
            assert replicas - well <= share(self.per_app, replicas)


@given(seed=st.integers(0, 2**32))
@settings(max_examples=60, deadline=None)
def test_no_limit_is_ever_exceeded(seed):
    life = Life(Random(seed))
    for _ in range(120):
        life.step()
    assert life.granted
