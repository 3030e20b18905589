"""SizePolicies on a twin, under virtual time: pods that ask for too much or too little, and who is not touched."""

import asyncio

import pytest

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.autoscaling import AUTOSCALERS
from kubewright.api.crds.sizepolicy import SIZE_POLICIES
from kubewright.api.meta import ObjectKey
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.api.quantity import milli, value
from kubewright.api.quotas import LIMIT_RANGES, RESOURCE_QUOTAS
from kubewright.api.rights import account
from kubewright.app import Choices, Platform
from kubewright.series.protocol import CONTAINER, Missing, PodQuery, Series, Signal, Why
from kubewright.sizing import rights
from tests.sim.accounts import grant
from tests.sim.build import deployment, run
from tests.sim.test_autoscaling import autoscaler

WEB = ObjectKey("default", "web")
MIB = 1 << 20


def policy(name="web", **spec):
    spec = {"target": {"name": "web"}, "mode": "apply", **spec}
    head = {"apiVersion": "kubewright.dev/v1alpha1", "kind": "SizePolicy"}
    return {**head, "metadata": {"name": name, "namespace": "default"}, "spec": spec}


class Remembering:
    """The twin's measurements, and days of history before them: what the containers of `web` used."""

    def __init__(self, source, clock, history, problem=None):
        self.source, self.clock, self.history, self.problem = source, clock, history, problem

    async def instant(self, query):
        return self.problem or await self.source.instant(query)

    async def range(self, query, span):
        value = self.history.get(query.signal) if isinstance(query, PodQuery) else None
        if value is None:
            return Missing(Why.NO_DATA)
        labels = {"namespace": "default", "pod": "web-7d9f8c6b5-abcde", CONTAINER: "main"}
        steps = int((span.end - span.start) // span.step_seconds) + 1
        return (Series(labels, tuple((span.start + n * span.step_seconds, value) for n in range(steps))),)


class Sized:
    """A day with sizing running."""

    def __init__(self, day):
        self.day, self.client = day, day.client

    async def deploy(self, requests, limits=None, replicas=2, cpu="300m", memory="300Mi", **container):
        notes = {"twin.kubewright.dev/cpu": cpu, "twin.kubewright.dev/memory": memory}
        manifest = deployment("web", replicas=replicas, annotations=notes)
        [main] = manifest["spec"]["template"]["spec"]["containers"]
        main |= {"resources": {"requests": requests, "limits": limits or {}}, **container}
        await self.day.create(DEPLOYMENTS, manifest)

    async def size(self, **spec):
        await self.day.create(SIZE_POLICIES, policy(**spec))

    async def resources(self):
        """Return each pod's resources, as its node has allocated them."""
        return [pod.spec.containers[0].resources for pod in await self.day.pods("web")]

    async def requests(self):
        return [(milli(each.requests["cpu"]), value(each.requests["memory"]) // MIB) for each in await self.resources()]

    async def status(self, name="web"):
        return (await self.client.get(SIZE_POLICIES, ObjectKey("default", name))).status

    async def ready(self):
        return {each.type: each for each in (await self.status()).conditions}["Ready"]


def live(story, *pods, history=None, problem=None, with_rights=False, before=(), **options):
    """Tell a story of pods that ran before sizing began; `history` is what one of them used for a week."""
    history = {} if history is None else {Signal.CONTAINER_CPU: history[0], Signal.CONTAINER_MEMORY: history[1] * MIB}

    async def day(day):
        clock = day.twin.clock
        source = Remembering(day.twin.exporters.measurements, clock, history, problem)
        client = day.client
        if with_rights:
            documents = account(rights.ACCOUNT, "default", rights.cluster_rules())
            client = day.twin.client(await grant(day.twin, documents))
        sized = Sized(day)
        for resource, manifest in before:
            await day.create(resource, manifest)
        await sized.deploy(*pods, **options)
        await asyncio.sleep(30)
        async with asyncio.TaskGroup() as tasks:
            running = []

            async def begin():
                """Begin, in place of the process that ran before."""
                for task in running:
                    task.cancel()
                platform = Platform(client, clock, choices=Choices(services=("sizing",)), source=source)
                running.append(tasks.create_task(platform.run()))
                while not platform.ready:  # noqa: ASYNC110  virtual time
                    await asyncio.sleep(1)

            sized.begin = begin
            await begin()
            await story(sized)
            running[-1].cancel()

    return run(day, nodes=2)


def test_pods_shrink_step_by_step_to_what_a_week_shows_with_their_own_rights():
    async def story(sized):
        await sized.size()
        await asyncio.sleep(300)
        assert await sized.requests() == [(1000, 1024)] * 2
        await asyncio.sleep(420)
        first = sorted(await sized.requests())
        assert first[0][0] == 700
        await asyncio.sleep(2700)
        for each in await sized.resources():
            cpu, memory = milli(each.requests["cpu"]), value(each.requests["memory"])
            assert 345 <= cpu <= 440
            assert 345 * MIB <= memory <= 440 * MIB
            assert milli(each.limits["cpu"]) == pytest.approx(2 * cpu, abs=2)
            assert each.limits["memory"] == each.requests["memory"]
        pods = await sized.day.ready("web")
        assert [pod.restart_count for pod in pods] == [0, 0]
        ready = await sized.ready()
        assert (ready.status, ready.reason) == ("True", "Applying")
        [cpu, memory] = (await sized.status()).advice
        assert (cpu.resource, memory.resource) == ("cpu", "memory")
        assert 300 < milli(cpu.target) < milli(cpu.upper)

    live(story, {"cpu": "1", "memory": "1Gi"}, {"cpu": "2", "memory": "1Gi"}, history=(0.3, 300), with_rights=True)


def test_pods_that_were_made_smaller_are_left_alone_for_a_while_also_by_whoever_takes_over():
    async def story(sized):
        await sized.size()
        await asyncio.sleep(720)
        before = sorted(cpu for cpu, _ in await sized.requests())
        assert before[0] == 700
        await sized.begin()
        await asyncio.sleep(420)
        assert sorted(cpu for cpu, _ in await sized.requests()) == before
        await asyncio.sleep(420)
        assert sorted(cpu for cpu, _ in await sized.requests()) < before

    live(story, {"cpu": "1", "memory": "350Mi"}, history=(0.3, 300))


def test_who_lacks_cpu_gets_it_at_once_as_far_as_the_quota_goes():
    async def story(sized):
        await sized.size()
        await asyncio.sleep(180)
        assert sorted(cpu for cpu, _ in await sized.requests()) == [251, 349]

    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "team", "namespace": "default"}}
    before = [(RESOURCE_QUOTAS, {**quota, "spec": {"hard": {"requests.cpu": "600m"}}})]
    live(story, {"cpu": "200m", "memory": "512Mi"}, history=(0.3, 300), before=before)


def test_a_range_of_limits_is_kept():
    async def story(sized):
        await sized.size()
        await asyncio.sleep(2400)
        assert [cpu for cpu, _ in await sized.requests()] == [600, 600]

    item = {"type": "Container", "min": {"cpu": "600m"}, "default": {"cpu": "2"}, "defaultRequest": {"cpu": "2"}}
    ranges = {"apiVersion": "v1", "kind": "LimitRange", "metadata": {"name": "team", "namespace": "default"}}
    before = [(LIMIT_RANGES, {**ranges, "spec": {"limits": [item]}})]
    live(story, {"cpu": "1", "memory": "350Mi"}, history=(0.3, 300), before=before)


def test_a_container_that_is_killed_for_want_of_memory_has_more_within_seconds():
    async def story(sized):
        await sized.size()

        async def grown():
            return all(memory >= 356 for _, memory in await sized.requests())

        await sized.day.until(grown, 900)
        await asyncio.sleep(600)
        assert [pod.restart_count for pod in await sized.day.pods("web")] == [1, 1]

    live(
        story,
        {"cpu": "100m", "memory": "256Mi"},
        {"memory": "256Mi"},
        cpu="50m",
        memory="0s:100Mi 600s:100Mi 660s:300Mi",
    )


def test_what_replicas_are_scaled_by_is_left_alone():
    async def story(sized):
        await sized.day.create(AUTOSCALERS, autoscaler(least=2, most=3))
        await sized.size()
        await asyncio.sleep(2400)
        found = await sized.requests()
        assert {cpu for cpu, _ in found} == {1000}
        assert max(memory for _, memory in found) < 500
        assert "HorizontalPodAutoscaler web" in (await sized.ready()).message

    live(story, {"cpu": "1", "memory": "1Gi"}, history=(0.3, 300))


def test_a_container_that_must_restart_for_it_waits_for_the_budget():
    async def story(sized):
        budget = {"apiVersion": "policy/v1", "kind": "PodDisruptionBudget"}
        metadata = {"name": "web", "namespace": "default"}
        spec = {"maxUnavailable": 0, "selector": {"matchLabels": {"app": "web"}}}
        await sized.day.create(POD_DISRUPTION_BUDGETS, {**budget, "metadata": metadata, "spec": spec})
        await sized.size()
        await asyncio.sleep(900)
        assert await sized.requests() == [(350, 1024)] * 2
        assert sum(pod.restart_count for pod in await sized.day.pods("web")) == 0
        await sized.client.patch(POD_DISRUPTION_BUDGETS, WEB, {"spec": {"maxUnavailable": 1}})
        await asyncio.sleep(300)
        assert min(memory for _, memory in await sized.requests()) < 1024
        assert sum(pod.restart_count for pod in await sized.day.pods("web")) > 0

    restart = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
    live(story, {"cpu": "350m", "memory": "1Gi"}, resizePolicy=restart, history=(0.3, 300))


def test_it_only_recommends_if_told_so_and_a_second_policy_yields():
    async def story(sized):
        await sized.size(mode="recommend")
        await asyncio.sleep(10)
        await sized.size(name="second")
        await asyncio.sleep(900)
        assert await sized.requests() == [(1000, 1024)] * 2
        assert (await sized.ready()).reason == "Recommending"
        status = await sized.status()
        assert 1100 < milli(status.saves_cpu) < 1400
        [second] = (await sized.status("second")).conditions
        assert (second.status, second.reason) == ("False", "TargetTaken")

    live(story, {"cpu": "1", "memory": "1Gi"}, history=(0.3, 300))


@pytest.mark.parametrize("problem", [Missing(Why.UNAVAILABLE, "connection refused"), Missing(Why.NO_DATA, "no series")])
def test_without_measurements_nothing_is_touched_and_it_says_so(problem):
    async def story(sized):
        await sized.size()
        await asyncio.sleep(900)
        assert await sized.requests() == [(1000, 1024)] * 2
        ready = await sized.ready()
        assert (ready.status, ready.reason) == ("False", "MetricsFailed")
        assert problem.why.value in ready.message

    live(story, {"cpu": "1", "memory": "1Gi"}, problem=problem)
