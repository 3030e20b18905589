"""ScalePolicies on a twin, under virtual time: load comes and goes, hours change, measurements fail."""

import asyncio

import pytest

from kubewright.api.autoscaling import AUTOSCALERS
from kubewright.api.crds.scalepolicy import SCALE_POLICIES
from kubewright.api.meta import ObjectKey, PartialObject, Resource
from kubewright.api.rights import account
from kubewright.app import Choices, Platform
from kubewright.autoscaler import rights
from kubewright.autoscaler.controller import ADOPTED
from kubewright.series.protocol import Expression, Missing, Sample, Vector, Why
from kubewright.twin.access.users import account_user
from tests.sim.build import run
from tests.sim.test_autoscaling import autoscaler

WEB = ObjectKey("default", "web")
LOAD = {"requests-per-second": "bursty 80..330 every=30m for=10m", "cpu-per-request": "1m"}


def policy(name="web", **spec):
    spec = {"target": {"name": "web"}, "min": 2, "max": 10, "metrics": [{"cpu": {"percent": 50}}], **spec}
    head = {"apiVersion": "kubewright.dev/v1alpha1", "kind": "ScalePolicy"}
    return {**head, "metadata": {"name": name, "namespace": "default"}, "spec": spec}


class Store:
    """A store that answers what the test says, or fails as it says."""

    def __init__(self, clock):
        self.clock = clock
        self.numbers = {}
        self.problem = None
        self.asked = 0

    async def instant(self, query):
        self.asked += 1
        if self.problem is not None:
            return self.problem
        if isinstance(query, Expression) and query.promql in self.numbers:
            found = self.numbers[query.promql]
            values = found if isinstance(found, list) else [found]
            return Vector(tuple(Sample({"n": str(n)}, value, self.clock.now()) for n, value in enumerate(values)))
        return Missing(Why.NO_DATA, "no series")

    async def range(self, query, span):
        del query, span
        return Missing(Why.NO_DATA)


class Scaled:
    """A day with the autoscaler running."""

    def __init__(self, day, store):
        self.day, self.client, self.store = day, day.client, store

    async def scale(self, **spec):
        await self.day.create(SCALE_POLICIES, policy(**spec))

    async def replicas(self):
        return (await self.day.deployment("web")).spec.replicas

    async def policy(self, name="web"):
        return await self.client.get(SCALE_POLICIES, ObjectKey("default", name))

    async def says(self, type_, name="web"):
        found = {each.type: each for each in (await self.policy(name)).status.conditions}
        return found[type_].reason if type_ in found else None

    async def deploy(self, replicas=2, load=LOAD, **options):
        notes = {f"twin.kubewright.dev/{key}": text for key, text in load.items()}
        await self.day.deploy("web", replicas=replicas, annotations=notes, **options)
        await asyncio.sleep(60)


def live(story, *, granted=False, nodes=2):
    async def day(day):
        store = Store(day.twin.clock)
        client = day.twin.client(await _granted(day)) if granted else day.client
        platform = Platform(client, day.twin.clock, choices=Choices(services=("autoscaler",)), source=store)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(platform.run())
            while not platform.ready:  # noqa: ASYNC110  virtual time
                await asyncio.sleep(1)
            await story(Scaled(day, store))
            running.cancel()

    return run(day, nodes=nodes)


async def _granted(day):
    group = "rbac.authorization.k8s.io"
    for document in account(rights.ACCOUNT, "default", rights.cluster_rules()):
        kind = document["kind"]
        place = group if kind != "ServiceAccount" else ""
        resource = Resource(place, "v1", f"{kind.lower()}s", kind, PartialObject)
        await day.client.create(resource, document, namespace=document["metadata"].get("namespace", ""))
    return account_user(ObjectKey("default", rights.ACCOUNT))


def test_it_grows_and_shrinks_as_an_autoscaler_does_with_its_own_rights():
    async def story(scaled):
        await scaled.deploy()
        await scaled.scale(mode="reactive")
        wanted = []
        for _ in range(30):
            await asyncio.sleep(60)
            wanted.append(await scaled.replicas())
        grown, shrunk = wanted.index(7), len(wanted) - wanted[::-1].index(7)
        assert set(wanted[:grown]) <= {2, 4}
        assert 14 <= shrunk - grown <= 16
        assert set(wanted[shrunk:]) <= {2, 3}
        found = (await scaled.policy()).status
        assert (found.mode, found.desired_replicas) == ("reactive", await scaled.replicas())
        assert {each.type: each.reason for each in found.conditions} | {"AbleToScale": ""} == {
            "AbleToScale": "",
            "ScalingActive": "ValidMetricFound",
            "ScalingLimited": "DesiredWithinRange",
            "ScaledToZero": "NotScaledToZero",
            "Ready": "Scaling",
        }
        (metric,) = found.metrics
        assert (metric.name, metric.target) == ("cpu", "50%")

    live(story, granted=True, nodes=1)


@pytest.mark.parametrize(
    ("memory", "metric"),
    [
        ("10Pi", {"memory": {"percent": 50}}),
        ("64Mi", {"memory": {"average": "10Pi"}}),
        ("64Mi", {"requests": {"average": "1e30"}}),
    ],
)
def test_amounts_beyond_all_measure_in_one_policy_keep_no_other_from_scaling(memory, metric):
    async def story(scaled):
        await scaled.deploy()
        container = {"name": "main", "image": "shop/big:1", "resources": {"requests": {"memory": memory}}}
        template = {"metadata": {"labels": {"app": "big"}}, "spec": {"containers": [container]}}
        await scaled.day.deploy("big", template=template)
        await scaled.scale(name="big", target={"name": "big"}, metrics=[metric])
        await asyncio.sleep(60)
        await scaled.scale()
        await asyncio.sleep(60)
        assert (await scaled.policy()).status.conditions
        assert (await scaled.policy("big")).status.conditions
        for _ in range(1800):
            if await scaled.replicas() == 7:
                return
            await asyncio.sleep(1)
        raise AssertionError(await scaled.policy())

    live(story, nodes=1)


QUEUE = {"queue": {"query": "waiting", "average": 10, "activation": 2}}
IDLE = {"cpu": "10m"}


def test_a_queue_wakes_what_sleeps_and_puts_it_to_sleep_five_minutes_after_the_work_is_done():
    async def story(scaled):
        scaled.store.numbers["waiting"] = 0
        await scaled.deploy(replicas=0, load=IDLE)
        await scaled.scale(min=0, metrics=[QUEUE])
        await asyncio.sleep(60)
        assert await scaled.replicas() == 0
        scaled.store.numbers["waiting"] = 2
        await asyncio.sleep(60)
        assert await scaled.replicas() == 0, "so little may wait"
        scaled.store.numbers["waiting"] = 35
        await asyncio.sleep(30)
        assert await scaled.replicas() == 4
        scaled.store.numbers["waiting"] = 3
        await asyncio.sleep(400)
        assert await scaled.replicas() == 1, "there is work"
        scaled.store.numbers["waiting"] = 0
        await asyncio.sleep(250)
        assert await scaled.replicas() == 1
        await asyncio.sleep(100)
        assert await scaled.replicas() == 0
        assert await scaled.says("ScaledToZero") == "ScaledToZero"
        scaled.store.problem = Missing(Why.UNAVAILABLE, "refused")
        await asyncio.sleep(60)
        assert await scaled.replicas() == 0
        assert await scaled.says("Ready") == "MetricsFailed"
        scaled.store.problem, scaled.store.numbers["waiting"] = None, 11
        await asyncio.sleep(30)
        assert await scaled.replicas() == 2

    live(story)


BAD = {
    "a query that does not parse": (Missing(Why.INVALID, "bad_data: parse error"), "InvalidQuery"),
    "nothing": (Missing(Why.NO_DATA, "no series"), "NoData"),
    "what is no number": (Missing(Why.NO_DATA, "1 series, none of them a finite number"), "NoData"),
    "a store that is down": (Missing(Why.UNAVAILABLE, "refused"), "SourceUnavailable"),
    "several series": ([1.0, 2.0], "InvalidQuery"),
    "a number below zero": (-5.0, "InvalidQuery"),
}


@pytest.mark.parametrize(("answer", "reason"), BAD.values(), ids=BAD)
def test_the_last_decision_holds_for_an_hour_and_a_condition_says_so(answer, reason):
    async def story(scaled):
        store = scaled.store
        store.numbers["waiting"] = 50
        await scaled.deploy(load=IDLE)
        await scaled.scale(min=0, metrics=[QUEUE])
        await asyncio.sleep(60)
        assert await scaled.replicas() == 5
        assert await scaled.says("Ready") == "Scaling"
        if isinstance(answer, Missing):
            store.problem = answer
        else:
            store.numbers["waiting"] = answer
        await asyncio.sleep(3600)
        assert await scaled.replicas() == 5
        assert await scaled.says("ScalingActive") == reason
        assert await scaled.says("Ready") == "MetricsFailed"
        store.problem, store.numbers["waiting"] = None, 70
        await asyncio.sleep(60)
        assert await scaled.replicas() == 7
        assert await scaled.says("Ready") == "Scaling"

    live(story)


def test_a_moment_of_another_time_decides_nothing():
    async def story(scaled):
        scaled.store.numbers["waiting"] = 50
        await scaled.deploy(load=IDLE)
        await scaled.scale(metrics=[QUEUE])
        await asyncio.sleep(60)
        assert await scaled.replicas() == 5
        clock = scaled.store.clock
        for jump in (-3600, 3600):
            scaled.store.clock = type(clock)(clock.epoch_seconds + jump)
            scaled.store.numbers["waiting"] = 1000
            await asyncio.sleep(600)
            assert await scaled.replicas() == 5
            assert await scaled.says("ScalingActive") == "StaleMetric"

    live(story)


def test_a_fallback_is_for_when_nothing_is_known_and_takes_nobody_away():
    async def story(scaled):
        scaled.store.problem = Missing(Why.UNAVAILABLE, "refused")
        await scaled.deploy(load=IDLE)
        await scaled.scale(metrics=[QUEUE], fallback={"replicas": 6, "afterSeconds": 120})
        await asyncio.sleep(90)
        assert await scaled.replicas() == 2
        await asyncio.sleep(60)
        assert await scaled.replicas() == 6
        await scaled.day.change("web", replicas=8)
        await asyncio.sleep(300)
        assert await scaled.replicas() == 8

    live(story)


def test_hours_of_a_time_zone_have_bounds_of_their_own():
    # The day begins at midnight UTC, which is one o'clock in Berlin.
    hours = {"name": "morning", "start": "0 2 * * *", "end": "0 3 * * *", "timeZone": "Europe/Berlin", "min": 6}

    async def story(scaled):
        await scaled.deploy(load=IDLE)
        await scaled.scale(schedules=[hours])
        await asyncio.sleep(3000)
        assert await scaled.replicas() == 2
        await asyncio.sleep(600)
        assert await scaled.replicas() == 6
        await asyncio.sleep(2900)
        assert await scaled.replicas() == 6
        await asyncio.sleep(1200)
        assert await scaled.replicas() == 2

    live(story)


def test_a_schedule_that_no_clock_can_follow_is_told_once_and_scales_nothing():
    async def story(scaled):
        await scaled.deploy()
        await scaled.scale(schedules=[{"name": "a", "start": "0 3 * * *1", "end": "0 4 * * *", "min": 5}])
        await asyncio.sleep(60)
        told = await scaled.policy()
        assert await scaled.says("Stalled") == "InvalidSpec"
        await asyncio.sleep(120)
        assert (await scaled.policy()).metadata.resource_version == told.metadata.resource_version
        assert await scaled.replicas() == 2

    live(story)


def test_a_policy_beside_an_autoscaler_recommends_until_it_adopts_or_leaves_it():
    async def story(scaled):
        await scaled.deploy(replicas=2, load={"cpu": "100m"})
        await scaled.day.create(AUTOSCALERS, autoscaler(most=4))
        await scaled.scale()
        await asyncio.sleep(120)
        found = (await scaled.policy()).status
        assert await scaled.replicas() == 4, "the autoscaler's most"
        assert found.desired_replicas == 8
        assert await scaled.says("Ready") == "Shadowing"
        await scaled.client.patch(SCALE_POLICIES, WEB, {"spec": {"existing": "Leave"}})
        await asyncio.sleep(60)
        assert await scaled.says("Ready") == "LeftAlone"
        await scaled.client.patch(SCALE_POLICIES, WEB, {"spec": {"existing": "Adopt"}})
        await asyncio.sleep(60)
        assert await scaled.replicas() == 10
        assert not (await scaled.client.list(AUTOSCALERS, namespace="default")).items
        kept = (await scaled.policy()).metadata.annotations[ADOPTED]
        assert kept.startswith('web {"scaleTargetRef"')

    live(story)


def test_of_two_policies_the_older_one_scales():
    async def story(scaled):
        await scaled.deploy(load={"cpu": "100m"})
        await scaled.scale(max=3)
        await asyncio.sleep(5)
        await scaled.day.create(SCALE_POLICIES, policy("second", max=9))
        await asyncio.sleep(120)
        assert await scaled.replicas() == 3
        assert await scaled.says("Ready", "second") == "TargetTaken"

    live(story)


def test_while_pods_of_two_revisions_run_there_are_at_least_so_many():
    async def story(scaled):
        await scaled.deploy(load=IDLE, minReadySeconds=60)
        await scaled.scale(rolloutMin=5)
        await asyncio.sleep(60)
        assert await scaled.replicas() == 2
        await scaled.day.change("web", template={"metadata": {"annotations": {"release": "2"}}})
        await asyncio.sleep(45)
        assert await scaled.replicas() == 5
        await asyncio.sleep(900)
        assert await scaled.replicas() == 2

    live(story)


def test_what_is_not_there_is_told_and_scaled_once_it_is():
    async def story(scaled):
        await scaled.scale(mode="recommend")
        await asyncio.sleep(30)
        assert await scaled.says("Ready") == "FailedGetScale"
        await scaled.deploy(load={"cpu": "100m"})
        await asyncio.sleep(60)
        assert await scaled.says("Ready") == "Recommending"
        assert (await scaled.policy()).status.desired_replicas == 4
        assert await scaled.replicas() == 2
        await scaled.client.patch(SCALE_POLICIES, WEB, {"spec": {"target": {"name": "elsewhere"}}})
        await asyncio.sleep(30)
        assert await scaled.says("Ready") == "FailedGetScale"
        status = (await scaled.policy()).status
        assert (status.current_replicas, status.desired_replicas) == (0, 0)

    live(story)
