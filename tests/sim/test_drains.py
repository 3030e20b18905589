"""Drains on a twin: past budgets that can never be met, over restarts, and while the API server is away."""

import asyncio

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import NODES, PODS
from kubewright.api.crds import all_crds
from kubewright.api.meta import ObjectKey
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.audit.chain import verify
from kubewright.audit.files import read_cluster
from kubewright.audit.log import AuditLog
from kubewright.clock import Clock, run_virtual
from kubewright.disruption.drain import DELETE, DRAIN, GIVE_UP, Order
from kubewright.disruption.draining import Drainer
from kubewright.disruption.requests import Granted
from kubewright.disruption.watching import permits
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.definitions import install
from kubewright.runtime.operators import Operator
from kubewright.twin.cluster import Twin


def app(replicas):
    container = {"name": "c", "image": "app:1", "resources": {"requests": {"cpu": "10m", "memory": "16Mi"}}}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": "web"}}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "web"}, "spec": spec}


class Life:
    """One service that drains, which may begin anew."""

    def __init__(self, twin, clock):
        self.twin, self.client, self.clock = twin, twin.client(), clock
        self.audit = AuditLog(self.client, clock, "kubewright-healing")
        self.running = None

    async def begin_anew(self, tasks):
        if self.running is not None:
            self.running.cancel()
        self.operator = Operator("kubewright-healing", self.client, self.clock)
        self.drainer = Drainer(self.operator, permits(self.operator), self.audit)
        self.running = tasks.create_task(self.operator.run())
        await asyncio.sleep(5)

    async def node(self):
        return await self.client.get(NODES, ObjectKey("", self.name))

    async def pods_there(self):
        pods = (await self.client.list(PODS)).items
        return [each for each in pods if each.spec.node_name == self.name and not each.is_terminating]

    async def go_on(self, seconds):
        for _ in range(seconds // 5):
            turn = await self.drainer.go_on(await self.node())
            if turn.is_empty or turn.gave_up:
                break
            await asyncio.sleep(5)
        return turn


def live(day, *, allowed=None):
    async def run():
        clock = Clock.virtual()
        async with Twin(clock, nodes=6) as twin, asyncio.TaskGroup() as tasks:
            it = Life(twin, clock)
            await install(it.client, all_crds())
            if allowed is not None:
                spec = {"maxUnavailable": allowed, "selector": {"matchLabels": {"app": "web"}}}
                await it.client.create(
                    POD_DISRUPTION_BUDGETS, {"metadata": {"name": "web"}, "spec": spec}, namespace="default"
                )
            await it.client.create(DEPLOYMENTS, app(12), namespace="default")
            await asyncio.sleep(30)
            await it.begin_anew(tasks)
            it.name = (await it.client.list(PODS)).items[0].spec.node_name
            found = await day(it, tasks)
            it.running.cancel()
            return found

    return run_virtual(run())


def test_a_node_is_emptied_and_takes_pods_again_at_the_end():
    async def day(it, tasks):
        assert isinstance(await it.drainer.begin(await it.node(), Order(by="healing", why="its disk fails")), Granted)
        assert (await it.node()).spec.unschedulable
        turn = await it.go_on(300)
        await it.drainer.end(await it.node())
        node = await it.node()
        return (
            turn.is_empty,
            node.spec.unschedulable,
            DRAIN in node.metadata.annotations,
            await it.drainer.permits.standing(),
        )

    assert live(day) == (True, False, False, [])


def test_a_budget_that_can_never_be_met_ends_at_the_deadline_and_is_in_the_audit_log():
    async def day(it, tasks):
        before = len(await it.pods_there())
        began = it.clock.now()
        await it.drainer.begin(await it.node(), Order(by="healing", why="it hangs", when_late=DELETE))
        await it.go_on(100)
        held = len(await it.pods_there())
        turn = await it.go_on(300)
        await it.audit.flush()
        records = await read_cluster(it.client)
        entries = [each for record in records for each in record.spec["entries"]]
        return before == held > 0, turn.is_empty, it.clock.now() - began, entries, verify(records)

    held, empty, seconds, entries, verdict = live(day, allowed=0)
    assert held
    assert empty
    assert 120 < seconds < 400
    assert {each["kind"] for each in entries} == {"Intended", "Done"}
    assert "it was not let go within 120 s" in entries[0]["why"]
    assert not verdict.findings
    assert not verdict.open


def test_a_drain_that_is_given_up_opens_the_node():
    async def day(it, tasks):
        await it.drainer.begin(
            await it.node(), Order(by="nodes", why="it saves", deadline_seconds=60, when_late=GIVE_UP)
        )
        turn = await it.go_on(200)
        return turn.gave_up, (await it.node()).spec.unschedulable, len(await it.pods_there()) > 0

    assert live(day, allowed=0) == (True, False, True)


def test_who_begins_anew_goes_on_and_nothing_is_lost_while_the_server_is_away():
    async def day(it, tasks):
        await it.drainer.begin(await it.node(), Order(by="healing", why="its disk fails"))
        node = await it.node()
        real, it.operator.client.patch = it.operator.client.patch, away
        refused = False
        try:
            await it.drainer.go_on(node)
        except OpError:
            refused = True
        there = len(await it.pods_there())
        it.operator.client.patch = real
        await it.begin_anew(tasks)
        turn = await it.go_on(300)
        return refused, there > 0, turn.is_empty

    async def away(*args, **rest):
        raise OpError("client.patch", ErrorKind.UNAVAILABLE, "x", "connection refused")

    assert live(day) == (True, True, True)
