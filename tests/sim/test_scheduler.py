"""The platform's scheduler on a twin, under virtual time."""

import asyncio

import pytest

from kubewright.api.conditions import find_condition
from kubewright.api.core import EVENTS, NODES, PODS
from kubewright.api.meta import ObjectKey, PartialObject, Resource
from kubewright.app import Choices, Platform
from kubewright.clock import Clock, run_virtual
from kubewright.devices.requests import GIVEN
from kubewright.errors import ErrorKind, OpError
from kubewright.scheduler import cycle
from kubewright.scheduler.bind import Binder
from kubewright.scheduler.groups import cycle as group_cycle
from kubewright.scheduler.groups.reading import COSCHEDULING_LABEL, MIN_AVAILABLE
from kubewright.scheduler.telling import ADVICE, plain
from kubewright.twin.cluster import Twin
from kubewright.twin.nodes import NodeShape, join

NAME = "kubewright-scheduler"
CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", PartialObject, namespaced=False)


def pod(name, cpu="100m", **spec):
    container = {"name": "main", "image": "app:1", "resources": {"requests": {"cpu": cpu}}}
    metadata = {"name": name, "namespace": "default", "labels": {"app": name.partition("-")[0]}}
    return {"metadata": metadata, "spec": {"schedulerName": NAME, "containers": [container], **spec}}


class Cluster:
    def __init__(self, twin):
        self.twin = twin
        self.client = twin.client()

    async def create(self, *manifests):
        for manifest in manifests:
            await self.client.create(PODS, manifest, namespace="default")

    async def pod(self, name):
        return await self.client.get(PODS, ObjectKey("default", name))

    async def pods(self):
        listed = await self.client.list(PODS, namespace="default")
        return {each.metadata.name: each for each in listed.items}

    async def events(self, name):
        listed = await self.client.list(EVENTS, namespace="default", field_selector=f"involvedObject.name={name}")
        return [(each.reason, each.message) for each in listed.items if each.source.component == NAME]


def live(day, *, nodes=3, client=None):
    async def run():
        async with Twin(Clock.virtual(), nodes=nodes, seed=1) as twin, asyncio.TaskGroup() as tasks:
            cluster = Cluster(twin)
            choices = Choices(services=("scheduler",))
            through = client(twin) if client else twin.client()
            platform = Platform(through, twin.clock, choices=choices)
            running = tasks.create_task(platform.run())
            while not platform.ready:  # noqa: ASYNC110  several informers make it so
                await asyncio.sleep(0.1)
            found = await day(cluster)
            running.cancel()
            return found

    return run_virtual(run())


def test_pods_that_name_it_run_and_are_told_of():
    async def day(cluster):
        await cluster.create(*(pod(f"a-{number}", cpu="1") for number in range(6)))
        await asyncio.sleep(10)
        return await cluster.pods(), await cluster.events("a-0")

    pods, events = live(day)
    assert all(each.is_ready for each in pods.values())
    by_node = [each.spec.node_name for each in pods.values()]
    assert {by_node.count(node) for node in set(by_node)} == {2}
    assert events == [("Scheduled", f"Successfully assigned default/a-0 to {pods['a-0'].spec.node_name}")]


def test_nodes_that_come_and_go_are_followed_with_the_pods_that_are_on_them():
    async def day(cluster):
        await cluster.create(pod("first", cpu="7"), pod("second", cpu="7"))
        await asyncio.sleep(5)
        early = pod("early", cpu="5", nodeName="node-98")  # bound before there is such a node
        await cluster.create(early)
        await asyncio.sleep(5)
        shape = NodeShape(cpu="8", memory="32Gi", pods=110)
        await join(cluster.client, cluster.twin.clock, ["node-98", "node-99"], shape)
        await asyncio.sleep(15)
        (full,) = {each.spec.node_name for each in (await cluster.pods()).values()} - {"", "node-98", "node-99"}
        await cluster.client.delete(NODES, ObjectKey("", full))
        await asyncio.sleep(5)
        await cluster.create(pod("third", cpu="3"))
        await asyncio.sleep(15)
        return await cluster.pods()

    pods = live(day, nodes=1)
    assert pods["second"].spec.node_name == "node-99"
    assert pods["third"].spec.node_name == "node-98"


def test_the_end_of_a_pod_that_a_node_was_promised_to_is_news_for_those_who_wait():
    async def day(cluster):
        await cluster.client.create(CLASSES, {"metadata": {"name": "vital"}, "value": 1000})
        await cluster.create(pod("vital", cpu="7", priorityClassName="vital", nodeSelector={"no": "where"}))
        await asyncio.sleep(2)
        node = (await cluster.client.list(NODES)).items[0].metadata.name
        promise = {"status": {"nominatedNodeName": node}}
        await cluster.client.patch(PODS, ObjectKey("default", "vital"), promise, subresource="status")
        await asyncio.sleep(2)
        await cluster.create(pod("low", cpu="7"))
        await asyncio.sleep(2)
        before = await cluster.pod("low")
        await cluster.client.delete(PODS, ObjectKey("default", "vital"))
        await asyncio.sleep(15)
        return before, await cluster.pod("low")

    before, after = live(day, nodes=1)
    assert not before.spec.node_name
    assert after.spec.node_name


def test_what_fits_nowhere_says_why_and_goes_when_there_is_room():
    async def day(cluster):
        await cluster.create(*(pod(f"full-{number}", cpu="7") for number in range(3)))
        await asyncio.sleep(5)
        await cluster.create(pod("late", cpu="3"))
        await asyncio.sleep(5)
        waiting, events = await cluster.pod("late"), await cluster.events("late")
        await cluster.client.delete(PODS, ObjectKey("default", "full-1"), grace_period_seconds=0)
        await asyncio.sleep(5)
        return waiting, events, await cluster.pod("late")

    waiting, events, placed = live(day)
    condition = find_condition(waiting.status.conditions, "PodScheduled")
    assert (condition.status, condition.reason) == ("False", "Unschedulable")
    assert condition.message.startswith("0/3 nodes are available: 3 Insufficient cpu.")
    assert events == [("FailedScheduling", condition.message)]
    assert placed.is_ready


def test_a_new_node_takes_what_waited_and_gates_hold():
    async def day(cluster):
        await cluster.create(
            pod("wants", nodeSelector={"disk": "fast"}), pod("gated", schedulingGates=[{"name": "example.com/g"}])
        )
        await asyncio.sleep(5)
        before = await cluster.pods()
        await cluster.client.patch(NODES, ObjectKey("", "node-02"), {"metadata": {"labels": {"disk": "fast"}}})
        await cluster.client.patch(PODS, ObjectKey("default", "gated"), {"spec": {"schedulingGates": None}})
        await asyncio.sleep(12)
        return before, await cluster.pods()

    before, after = live(day)
    assert not any(each.spec.node_name for each in before.values())
    assert after["wants"].spec.node_name == "node-02"
    assert after["gated"].is_ready


class Stubborn:
    """Refuses every binding twice before the server hears of it."""

    def __init__(self, client):
        self._client = client
        self.refused = {}

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def create(self, resource, manifest, **options):
        if options.get("subresource") == "binding":
            name = options["name"]
            self.refused[name] = self.refused.get(name, 0) + 1
            if self.refused[name] <= 2:
                raise OpError("client.create", ErrorKind.UNAVAILABLE, name, "try later")
        return await self._client.create(resource, manifest, **options)


class Mute(Stubborn):
    """Carries bindings out and says that it could not; the news of them take half a minute."""

    async def create(self, resource, manifest, **options):
        found = await self._client.create(resource, manifest, **options)
        if options.get("subresource") == "binding":
            raise OpError("client.create", ErrorKind.UNAVAILABLE, options["name"], "the connection was lost")
        return found

    async def watch(self, resource, **options):
        loop, held = asyncio.get_running_loop(), []
        until = loop.time() + 30
        async for event in self._client.watch(resource, **options):
            if resource is PODS and loop.time() < until and event.obj is not None and event.obj.spec.node_name:
                held.append(event)
                continue
            while held and loop.time() >= until:
                yield held.pop(0)
            yield event


def test_the_room_of_a_binding_whose_answer_was_lost_is_not_given_to_another():
    async def day(cluster):
        await cluster.create(*(pod(f"big-{number}", cpu="7") for number in range(3)))
        await asyncio.sleep(0.5)
        await cluster.create(pod("big-3", cpu="7"))
        await asyncio.sleep(40)
        await cluster.create(pod("small"))
        await asyncio.sleep(20)
        return await cluster.pods()

    pods = live(day, client=lambda twin: Mute(twin.client()))
    assert pods.pop("small").spec.node_name
    placed = sorted(each.spec.node_name for each in pods.values() if each.spec.node_name)
    assert placed == ["node-01", "node-02", "node-03"]


def test_a_binding_that_fails_is_given_back_and_tried_again():
    async def day(cluster):
        await cluster.create(*(pod(f"big-{number}", cpu="7") for number in range(3)))
        await asyncio.sleep(20)
        return await cluster.pods()

    pods = live(day, client=lambda twin: Stubborn(twin.client()))
    assert sorted(each.spec.node_name for each in pods.values()) == ["node-01", "node-02", "node-03"]


def test_two_schedulers_of_one_cluster_bind_nothing_twice():
    async def day(cluster):
        mine = [pod(f"mine-{number}", cpu="1") for number in range(10)]
        others = [pod(f"other-{number}", cpu="1") for number in range(10)]
        for manifest in others:
            manifest["spec"]["schedulerName"] = "default-scheduler"
        for pair in zip(mine, others, strict=True):
            await cluster.create(*pair)
            await asyncio.sleep(0.2)
        await asyncio.sleep(20)
        return await cluster.pods()

    pods = live(day)
    assert all(each.is_ready for each in pods.values())


def important(name, cpu, priority="high"):
    return pod(name, cpu=cpu, priorityClassName=priority)


async def with_classes(cluster):
    for name, policy in (("high", "PreemptLowerPriority"), ("polite", "Never")):
        await cluster.client.create(CLASSES, {"metadata": {"name": name}, "value": 1000, "preemptionPolicy": policy})


def test_the_important_pushes_aside_as_little_as_will_do():
    async def day(cluster):
        await with_classes(cluster)
        await cluster.create(*(pod(f"small-{number}", cpu="3") for number in range(6)))
        await asyncio.sleep(10)
        await cluster.create(important("vital", "5"))
        await asyncio.sleep(0.2)  # the victims are on their way out
        promised = await cluster.pod("vital")
        victims = [each for each in (await cluster.pods()).values() if each.is_terminating]
        await cluster.create(pod("thief", cpu="1"))
        await asyncio.sleep(60)
        return promised, victims, await cluster.pods(), await cluster.events("vital")

    promised, victims, after, events = live(day)
    assert len(victims) == 1
    assert promised.status.nominated_node_name == victims[0].spec.node_name
    target = find_condition(victims[0].status.conditions, "DisruptionTarget")
    assert (target.reason, target.status) == ("PreemptionByScheduler", "True")
    assert after["vital"].spec.node_name == promised.status.nominated_node_name
    assert after["vital"].is_ready
    assert after["thief"].is_ready
    assert len(after) == 7
    room = f"found a potential placement for pod on node {promised.status.nominated_node_name}, preempting 1 victims"
    message = f"0/3 nodes are available: 3 Insufficient cpu. preemption: {room}"
    assert events[0] == ("FailedScheduling", message)


class Slow:
    """Takes its time for each deletion, and counts who was told that it goes."""

    def __init__(self, client):
        self._client = client
        self.told = []

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def patch(self, resource, key, changes, *args, **options):
        if "DisruptionTarget" in str(changes):
            self.told.append(key.name)
        return await self._client.patch(resource, key, changes, *args, **options)

    async def delete(self, *args, **options):
        await asyncio.sleep(0.3)
        return await self._client.delete(*args, **options)


def test_who_has_room_made_waits_until_all_of_it_is_made():
    async def day(cluster):
        await with_classes(cluster)
        small = (pod(f"small-{number}", cpu="1900m", terminationGracePeriodSeconds=0) for number in range(24))
        await cluster.create(*small)
        await asyncio.sleep(20)
        await cluster.create(*(important(f"vital-{number}", "5") for number in range(4)))
        await asyncio.sleep(30)
        return await cluster.pods()

    slow = []

    def through(twin):
        slow.append(Slow(twin.client()))
        return slow[0]

    after = live(day, nodes=6, client=through)
    left = [each for each in after.values() if each.metadata.name.startswith("small")]
    assert len(left) == 24 - 4 * 3
    assert len(slow[0].told) == 4 * 3
    assert all(each.spec.node_name for each in after.values())


def test_who_may_not_preempt_waits_and_says_so():
    async def day(cluster):
        await with_classes(cluster)
        await cluster.create(*(pod(f"small-{number}", cpu="7") for number in range(3)))
        await asyncio.sleep(10)
        await cluster.create(important("polite", "5", "polite"))
        await asyncio.sleep(60)
        return await cluster.pods()

    pods = live(day)
    condition = find_condition(pods["polite"].status.conditions, "PodScheduled")
    assert plain(condition.message) == (
        "0/3 nodes are available: 3 Insufficient cpu. preemption: not eligible due to preemptionPolicy=Never."
    )
    assert all(pods[f"small-{number}"].is_ready for number in range(3))


def test_pods_with_gpus_are_told_with_the_binding_which_they_have():
    def with_gpus(name, count):
        made = pod(name)
        made["spec"]["containers"][0]["resources"]["limits"] = {"nvidia.com/gpu": str(count)}
        return made

    async def run():
        async with Twin(Clock.virtual(), nodes=2, shape=NodeShape(gpus=4), seed=1) as twin:
            async with asyncio.TaskGroup() as tasks:
                cluster = Cluster(twin)
                platform = Platform(twin.client(), twin.clock, choices=Choices(services=("scheduler",), profile="gpu"))
                running = tasks.create_task(platform.run())
                await cluster.create(with_gpus("a", 1), with_gpus("b", 3), with_gpus("c", 4))
                await asyncio.sleep(20)
                running.cancel()
            return await cluster.pods()

    pods = run_virtual(run())
    assert all(each.is_ready for each in pods.values())
    assert pods["a"].spec.node_name == pods["b"].spec.node_name != pods["c"].spec.node_name
    given = {name: each.metadata.annotations[GIVEN].split(",") for name, each in pods.items()}
    assert sorted(given["a"] + given["b"]) == ["0", "1", "2", "3"]
    assert len(given["c"]) == 4


def test_what_has_waited_for_a_while_is_advised_once_and_its_like_with_it():
    async def day(cluster):
        await cluster.create(*(pod(f"large-{number}", cpu="9") for number in range(3)))
        await asyncio.sleep(5)
        before = await cluster.pods()
        await asyncio.sleep(20)
        after = await cluster.pods()
        await cluster.create(pod("stir", cpu="1"))
        await asyncio.sleep(600)
        return before, after, await cluster.pods(), await cluster.events("large-0")

    before, after, late, events = live(day)
    said = find_condition(before["large-0"].status.conditions, "PodScheduled").message
    assert ADVICE not in said
    advice = "request 8 cpu instead of 9 (9 cpu are requested, and no node has more than 8, even empty)."
    for number in range(3):
        for pods in (after, late):
            found = find_condition(pods[f"large-{number}"].status.conditions, "PodScheduled")
            assert found.message == f"{said}{ADVICE}{advice}"
    # Ten minutes of trying again said nothing new, so nothing was written.
    assert late["large-0"].metadata.resource_version == after["large-0"].metadata.resource_version
    assert events == [("FailedScheduling", said), ("FailedScheduling", f"{said}{ADVICE}{advice}")]


def test_advice_goes_with_the_reason_that_it_was_for():
    async def day(cluster):
        await cluster.create(pod("large", cpu="9"))
        await asyncio.sleep(30)
        advised = await cluster.pod("large")
        node = (await cluster.client.list(NODES)).items[0]
        await cluster.client.patch(NODES, node.key, {"spec": {"unschedulable": True}})
        await asyncio.sleep(15)
        return advised, await cluster.pod("large")

    advised, changed = live(day)
    first, second = (find_condition(each.status.conditions, "PodScheduled").message for each in (advised, changed))
    assert plain(first) != plain(second)
    assert "1 node(s) were unschedulable" in second


def failing(monkeypatch, place, name, about, times):
    """Have a function of a module, or of a class, fail so often for a pod."""
    real, left = getattr(place, name), [times]

    def fails(*arguments, **rest):
        if left[0] and about in str(arguments):
            left[0] -= 1
            raise OverflowError("int too large to convert to float")
        return real(*arguments, **rest)

    monkeypatch.setattr(place, name, fails)


@pytest.mark.parametrize(
    ("place", "name"), [(cycle, "fit"), (Binder, "bind")], ids=["as it is decided about", "as it is bound"]
)
def test_a_pod_with_which_something_fails_that_nobody_foresaw_keeps_nobody_else(monkeypatch, place, name):
    async def day(cluster):
        failing(monkeypatch, place, name, "odd-0", 2)
        await cluster.create(pod("odd-0"), pod("even-0"))
        await asyncio.sleep(0.9)
        early = {name for name, each in (await cluster.pods()).items() if each.spec.node_name}
        await asyncio.sleep(20.0)
        return early, {name for name, each in (await cluster.pods()).items() if each.spec.node_name}

    early, late = live(day)
    assert early == {"even-0"}
    assert late == {"even-0", "odd-0"}


def test_why_nothing_can_be_decided_about_a_pod_is_told(monkeypatch):
    async def day(cluster):
        failing(monkeypatch, cycle, "fit", "odd-0", 1)
        await cluster.create(pod("odd-0"))
        await asyncio.sleep(20.0)
        return await cluster.events("odd-0")

    events = live(day)
    assert any(reason == "FailedScheduling" and "int too large" in text for reason, text in events)


def test_a_gang_with_which_something_fails_once_runs_in_the_end(monkeypatch):
    async def day(cluster):
        failing(monkeypatch, group_cycle, "fit_group", "one-0", 1)
        labels = {COSCHEDULING_LABEL: "one", MIN_AVAILABLE: "3"}
        gang = [pod(f"one-{number}") for number in range(3)]
        for each in gang:
            each["metadata"]["labels"] = labels
        await cluster.create(*gang)
        await asyncio.sleep(30.0)
        return [bool(each.spec.node_name) for each in (await cluster.pods()).values()]

    assert live(day) == [True] * 3
