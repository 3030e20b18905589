"""NodePools on a twin under virtual time: what is half empty is given back, and what waits has nodes."""

import asyncio

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.conditions import find_condition
from kubewright.api.core import EVENTS, NODES, PODS
from kubewright.api.crds.disruptionlimit import DISRUPTION_LIMITS
from kubewright.api.crds.nodepool import NODE_POOLS
from kubewright.api.meta import ObjectKey
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.app import Choices, Platform
from kubewright.clock import Clock, run_virtual
from kubewright.nodepools.simulated import SimulatedProvider
from kubewright.twin.cluster import Twin
from kubewright.twin.nodes import NodeShape

TYPES = [
    {"name": "small", "price": "0.1", "allocatable": {"cpu": "2", "memory": "8Gi"}},
    {"name": "large", "price": "0.36", "allocatable": {"cpu": "8", "memory": "32Gi"}},
]
LARGE = NodeShape(labels={"pool": "web", "node.kubernetes.io/instance-type": "large"})


def pool(consolidation=None, **spec):
    rules = {"afterSeconds": 60, "minLifetimeSeconds": 60, "budgets": [{"nodes": "50%"}]} | (consolidation or {})
    whole = {"nodeSelector": {"pool": "web"}, "types": TYPES, "max": 20, "consolidation": rules} | spec
    return {"apiVersion": "kubewright.dev/v1alpha1", "kind": "NodePool", "metadata": {"name": "web"}, "spec": whole}


def app(name, replicas, cpu="1", **spec):
    container = {"name": "c", "image": "app:1", "resources": {"requests": {"cpu": cpu, "memory": "64Mi"}}}
    template = {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container], **spec}}
    whole = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": name}, "spec": whole}


class Day:
    def __init__(self, twin, provider):
        self.twin, self.provider, self.client = twin, provider, twin.client()

    async def deploy(self, *args, **spec):
        await self.client.create(DEPLOYMENTS, app(*args, **spec), namespace="default")

    async def scale(self, name, replicas):
        await self.client.patch(DEPLOYMENTS, ObjectKey("default", name), {"spec": {"replicas": replicas}})

    async def nodes(self):
        return {each.metadata.name: each for each in (await self.client.list(NODES)).items}

    async def types(self):
        labels = [each.metadata.labels for each in (await self.nodes()).values()]
        return sorted(each["node.kubernetes.io/instance-type"] for each in labels)

    async def ready(self):
        pods = (await self.client.list(PODS)).items
        return sum(each.is_ready and not each.is_terminating for each in pods)

    async def pods(self):
        return {each.metadata.name: each for each in (await self.client.list(PODS)).items}

    async def reasons(self):
        return [each.reason for each in (await self.client.list(EVENTS)).items]

    async def pool(self):
        return await self.client.get(NODE_POOLS, ObjectKey("", "web"))


def live(day, *, nodes=4, startup_seconds=60.0):
    async def run():
        async with Twin(Clock.virtual(), nodes=nodes, shape=LARGE, seed=1) as twin, asyncio.TaskGroup() as tasks:
            provider = SimulatedProvider(twin, startup_seconds)
            choices = Choices(services=("nodes",))
            platform = Platform(twin.client(), twin.clock, choices=choices, nodes_from=provider)
            running = tasks.create_task(platform.run())
            await asyncio.sleep(5)
            found = await day(Day(twin, provider))
            running.cancel()
            return found

    return run_virtual(run())


def test_a_fleet_that_is_half_empty_becomes_as_small_as_its_pods_need():
    async def day(it):
        await it.deploy("web", 8)
        await asyncio.sleep(30)
        await it.client.create(NODE_POOLS, pool())
        await asyncio.sleep(600)
        return await it.nodes(), await it.ready(), await it.pool()

    nodes, ready, found = live(day)
    assert ready == 8
    assert len(nodes) == 1
    assert not any(each.spec.unschedulable for each in nodes.values())
    assert (found.status.nodes, found.status.emptying, found.status.hourly_cost) == (1, 0, "0.36")
    assert find_condition(found.status.conditions, "Ready").reason == "Steady"


def test_nothing_is_emptied_while_a_limit_is_paused():
    async def day(it):
        kind = {"apiVersion": "kubewright.dev/v1alpha1", "kind": "DisruptionLimit"}
        spec = {"nodes": {"maxUnavailable": "1"}, "paused": "an audit"}
        await it.client.create(DISRUPTION_LIMITS, {**kind, "metadata": {"name": "freeze"}, "spec": spec})
        await it.deploy("web", 8)
        await asyncio.sleep(30)
        await it.client.create(NODE_POOLS, pool())
        await asyncio.sleep(400)
        held = await it.nodes()
        await it.client.patch(DISRUPTION_LIMITS, ObjectKey("", "freeze"), {"spec": {"paused": ""}})
        most = 0
        for _ in range(300):
            await asyncio.sleep(4)
            most = max(most, sum(each.spec.unschedulable for each in (await it.nodes()).values()))
        return held, most, await it.nodes()

    held, most, left = live(day)
    assert len(held) == 4
    assert not any(each.spec.unschedulable for each in held.values())
    assert (most, len(left)) == (1, 1)


def test_no_budget_is_broken_while_nodes_are_emptied():
    async def day(it):
        rule = {"maxUnavailable": 1, "selector": {"matchLabels": {"app": "web"}}}
        budget = {"metadata": {"name": "web"}, "spec": rule}
        await it.client.create(POD_DISRUPTION_BUDGETS, budget, namespace="default")
        await it.deploy("web", 8)
        await asyncio.sleep(60)
        await it.client.create(NODE_POOLS, pool())
        fewest = 8
        for _ in range(600):
            await asyncio.sleep(2)
            fewest = min(fewest, await it.ready())
        return fewest, await it.nodes(), await it.ready()

    fewest, nodes, ready = live(day)
    assert fewest >= 7
    assert (len(nodes), ready) == (1, 8)


def test_what_must_not_be_moved_keeps_its_node_and_nobody_is_evicted_for_nothing():
    async def day(it):
        await it.deploy("web", 3, nodeSelector={"kubernetes.io/hostname": "node-02"})
        kept = app("kept", 1, nodeSelector={"kubernetes.io/hostname": "node-01"})
        kept["spec"]["template"]["metadata"]["annotations"] = {"kubewright.dev/do-not-disrupt": "true"}
        await it.client.create(DEPLOYMENTS, kept, namespace="default")
        alone = {"metadata": {"name": "alone"}, "spec": {"containers": [{"name": "c", "image": "app:1"}]}}
        alone["spec"]["nodeSelector"] = {"kubernetes.io/hostname": "node-03"}
        await it.client.create(PODS, alone, namespace="default")
        await asyncio.sleep(60)
        before = await it.pods()
        await it.client.create(NODE_POOLS, pool())
        await asyncio.sleep(600)
        return before, await it.pods(), await it.nodes()

    before, after, nodes = live(day)
    assert set(nodes) == {"node-01", "node-02", "node-03"}
    assert {name: pod.metadata.uid for name, pod in before.items()} == {
        name: pod.metadata.uid for name, pod in after.items()
    }


def test_the_cheapest_nodes_come_for_pods_that_wait():
    async def day(it):
        await it.client.create(NODE_POOLS, pool({"mode": "Never"}))
        await it.deploy("web", 10)
        await asyncio.sleep(300)
        return await it.types(), await it.ready()

    # Two pods fit a small one for 0.1, eight a large one for 0.36: five small ones cost more than one of each.
    assert live(day, nodes=0) == (["large", "small"], 10)


def test_a_pod_that_no_node_could_hold_is_told_why_and_adds_nothing():
    async def day(it):
        await it.client.create(NODE_POOLS, pool())
        await it.deploy("huge", 1, "64")
        await asyncio.sleep(300)
        events = (await it.client.list(EVENTS, namespace="default")).items
        said = [each.message for each in events if each.reason == "NoNodeCouldHoldIt"]
        return await it.nodes(), said

    nodes, said = live(day, nodes=0)
    assert nodes == {}
    assert said == ["no node of any pool could hold it: web large, web small: Insufficient cpu"]


def test_a_type_that_is_sold_out_is_left_alone_and_another_comes():
    async def day(it):
        it.provider.sold_out.add("large")
        await it.client.create(NODE_POOLS, pool({"mode": "Never"}))
        await it.deploy("web", 4)
        await it.deploy("wide", 1, "4")
        await asyncio.sleep(200)
        first = await it.types(), await it.ready(), await it.reasons()
        it.provider.sold_out.clear()
        await asyncio.sleep(1500)
        return first, await it.ready()

    (types, ready, reasons), later = live(day, nodes=0)
    assert (types, ready, later) == (["small", "small"], 4, 5)
    assert "LaunchFailed" in reasons


def test_a_provider_that_never_delivers_is_asked_again_and_the_pool_stays_within_its_bounds():
    async def day(it):
        await it.client.create(NODE_POOLS, pool(max=2, startupSeconds=120))
        await it.deploy("web", 40)
        most = 0
        for _ in range(120):
            await asyncio.sleep(10)
            most = max(most, len(it.provider._coming))
        return most, await it.nodes()

    most, nodes = live(day, nodes=0, startup_seconds=10_000)
    assert nodes == {}
    assert 2 <= most <= 8


def test_load_that_goes_up_and_down_does_not_churn_nodes():
    async def day(it):
        await it.client.create(NODE_POOLS, pool({"afterSeconds": 300}))
        await it.deploy("web", 8)
        await asyncio.sleep(300)
        seen, most = set(), 0
        for number in range(10):
            await it.scale("web", 24 if number % 2 else 8)
            for _ in range(20):
                await asyncio.sleep(10)
                nodes = set(await it.nodes())
                seen, most = seen | nodes, max(most, len(nodes))
        return seen, most, await it.ready()

    seen, most, ready = live(day, nodes=0)
    assert (len(seen), most, ready) == (3, 3, 24)


def test_a_pool_keeps_its_minimum_and_its_headroom():
    async def day(it):
        room = [{"count": 2, "requests": {"cpu": "6", "memory": "1Gi"}}]
        await it.client.create(NODE_POOLS, pool(min=1, headroom=room))
        await asyncio.sleep(400)
        kept = await it.types()
        await it.client.patch(NODE_POOLS, ObjectKey("", "web"), {"spec": {"headroom": None}})
        await asyncio.sleep(400)
        return kept, await it.types()

    kept, later = live(day)
    assert kept == ["large", "large"]
    assert len(later) == 1


def test_a_large_node_is_replaced_by_a_cheaper_one_that_suffices():
    async def day(it):
        await it.deploy("web", 1)
        await it.client.create(NODE_POOLS, pool())
        await asyncio.sleep(900)
        return await it.types(), await it.ready()

    assert live(day, nodes=1) == (["small"], 1)


def test_a_node_that_is_not_empty_in_time_takes_pods_again_and_is_left_alone():
    async def day(it):
        it.provider.give_back = forgetful
        await it.client.create(NODE_POOLS, pool({"drainSeconds": 60}, startupSeconds=60))
        await asyncio.sleep(150)
        begun = await it.nodes()
        await asyncio.sleep(150)
        return begun, await it.nodes(), await it.reasons()

    begun, later, reasons = live(day, nodes=2)
    assert [each.spec.unschedulable for each in begun.values()].count(True) == 1
    assert len(later) == 2
    assert reasons.count("NotConsolidated") >= 1


def test_a_pool_that_says_what_cannot_be_does_nothing_and_says_why():
    async def day(it):
        twice = [{"nodes": "10%", "schedule": "99 * * * *", "durationMinutes": 60}]
        await it.client.create(NODE_POOLS, pool({"budgets": twice}))
        await asyncio.sleep(200)
        return await it.nodes(), (await it.pool()).status.conditions

    nodes, conditions = live(day)
    ready = find_condition(conditions, "Ready")
    assert len(nodes) == 4
    assert (ready.status, ready.reason) == ("False", "InvalidSpec")
    assert "spec.consolidation.budgets[0].schedule" in ready.message


async def forgetful(_pool, _node):
    """Take nothing back."""
