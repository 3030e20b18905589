"""What-if: a fork lives on its own, beginning where the original is."""

import asyncio

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import CONFIG_MAPS, NODES, PODS
from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock, run_virtual
from kubewright.twin.cluster import Twin
from kubewright.twin.kinds import KindTable
from tests.sim.build import Day, deployment

WEB = ObjectKey("default", "web")
PODS_BUCKET = ("", "pods")


def state(twin):
    """Everything the API server holds, and the moment it is of."""
    store = twin.server.store
    buckets = [(kind.group, kind.plural) for kind in KindTable.builtin().all() if kind.plural]
    records = {(bucket, each.key): each.obj for bucket in buckets for each in store.list(bucket)[0]}
    return store.revision, records


def run(scenario, nodes=3):
    async def day():
        async with Twin(Clock.virtual(), nodes=nodes) as twin:
            await scenario(Day(twin))

    run_virtual(day())


async def settled(day):
    await day.deploy("web", replicas=3)
    await day.expose("web")
    await day.until_complete("web")
    await asyncio.sleep(30)


def test_a_fork_that_begins_to_run_changes_nothing_but_leases_and_events():
    async def scenario(day):
        await settled(day)
        forked = day.twin.fork()
        assert state(forked) == state(day.twin)
        _, before = state(forked)
        async with forked:
            await asyncio.sleep(60)
            _, after = state(forked)
        changed = {bucket for bucket, key in before | after if before.get((bucket, key)) != after.get((bucket, key))}
        assert changed <= {("coordination.k8s.io", "leases"), ("", "events")}

    run(scenario)


def test_neither_side_sees_what_happens_on_the_other():
    async def scenario(day):
        await settled(day)
        forked = day.twin.fork()
        revision, original = state(day.twin)
        async with forked:
            other = Day(forked)
            await other.change("web", replicas=7)
            await other.until_complete("web")
            await other.client.delete(CONFIG_MAPS, ObjectKey("default", "kube-root-ca.crt"))
            assert len(await other.ready("web")) == 7
            assert len(await day.ready("web")) == 3
            await day.change("web", replicas=1)
            await day.until_complete("web")
            assert len(await other.ready("web")) == 7
        await day.client.get(CONFIG_MAPS, ObjectKey("default", "kube-root-ca.crt"))
        pods = day.twin.server.store.list(PODS_BUCKET, revision=revision)[0]
        assert [each.obj for each in pods] == [obj for (bucket, _), obj in original.items() if bucket == PODS_BUCKET]

    run(scenario)


def test_a_watch_of_the_original_goes_on_and_hears_nothing_of_the_fork():
    async def scenario(day):
        await settled(day)
        seen = []

        async def watch():
            version = str(day.twin.server.store.revision)
            async for event in day.client.watch(CONFIG_MAPS, namespace="default", resource_version=version):
                seen.append(event.key)  # noqa: PERF401  it is cancelled in between

        def note(name):
            return {"metadata": {"name": name}}

        async with asyncio.TaskGroup() as tasks:
            watching = tasks.create_task(watch())
            await asyncio.sleep(1)
            forked = day.twin.fork()
            client = forked.client()
            await client.create(CONFIG_MAPS, note("there"), namespace="default")
            await day.client.create(CONFIG_MAPS, note("here"), namespace="default")
            await asyncio.sleep(1)
            watching.cancel()
        assert [key for key in seen if key is not None] == [ObjectKey("default", "here")]

    run(scenario)


def test_a_watch_of_the_fork_may_begin_before_it():
    async def scenario(day):
        version = str(day.twin.server.store.revision)
        await settled(day)
        forked = day.twin.fork()
        watch = forked.client().watch(DEPLOYMENTS, resource_version=version)
        first = await anext(watch)
        await watch.aclose()
        assert first.key == WEB

    run(scenario)


def test_forks_of_one_moment_live_the_same_life():
    lives = []

    async def scenario(day):
        await settled(day)
        for forked in (day.twin.fork(), day.twin.fork()):
            at = day.twin.clock.now()
            lives.append(names := [])
            client = forked.client()
            for number in range(3):
                manifest = deployment(f"app-{number}")
                await client.create(DEPLOYMENTS, manifest, namespace="default")
                pod = {"metadata": {"generateName": "p-"}, "spec": {"containers": [{"name": "main", "image": "x"}]}}
                made = await client.create(PODS, pod, namespace="default")
                names.append((made.metadata.name, made.metadata.uid))
            assert day.twin.clock.now() == at

    run(scenario)
    assert lives[0] == lives[1]


def test_faults_and_running_pods_go_on_in_a_fork():
    async def scenario(day):
        await settled(day)
        victim = (await day.pods("web"))[0].spec.node_name
        day.twin.kubelet.kill_node(victim)
        day.twin.kubelet.fail_image("broken*")
        await asyncio.sleep(60)
        started = {pod.metadata.uid: pod.status.start_time for pod in await day.pods("web")}
        async with day.twin.fork() as forked:
            other = Day(forked)
            await asyncio.sleep(60)
            assert not (await other.client.get(NODES, ObjectKey("", victim))).is_ready
            assert {pod.metadata.uid: pod.status.start_time for pod in await other.pods("web")} == started
            forked.kubelet.revive_node(victim)
            await asyncio.sleep(30)
            assert (await other.client.get(NODES, ObjectKey("", victim))).is_ready
            assert not (await day.client.get(NODES, ObjectKey("", victim))).is_ready
            await other.deploy("late", replicas=1, image="broken:1")
            await asyncio.sleep(30)
            assert not await other.ready("late")

    run(scenario)


def test_addresses_taken_in_the_original_are_not_given_again():
    async def scenario(day):
        await settled(day)
        async with day.twin.fork() as forked:
            other = Day(forked)
            await other.expose("second")
            await other.deploy("second", replicas=3)
            await other.until_complete("second")
            services = (await other.client.raw("GET", "/api/v1/services"))["items"]
            ips = [each["spec"]["clusterIP"] for each in services]
            assert len(set(ips)) == len(ips) == 3
            pods = [*await other.pods("web"), *await other.pods("second")]
            assert len({pod.status.pod_ip for pod in pods}) == 6

    run(scenario)


def test_a_fork_of_a_fork_may_outlive_the_original():
    async def scenario(day):
        await settled(day)
        second = day.twin.fork().fork()
        await day.client.delete(DEPLOYMENTS, WEB)
        await asyncio.sleep(30)
        async with second:
            await Day(second).until_complete("web")

    run(scenario)
