"""Gangs on a twin, under virtual time: all or none, whole or given back, together where they ask for it."""

import asyncio
import random

import pytest

from kubewright.api.core import PODS
from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.scheduler.groups.reading import DEADLINE, PREFERRED_TOPOLOGY, TOPOLOGY
from tests.sim.scheduling import gang, live, pod

ZONE = "topology.kubernetes.io/zone"


def test_a_gang_runs_once_all_its_pods_are_there():
    async def day(cluster):
        await cluster.create(*gang("train", 3, needed=4))
        await asyncio.sleep(20)
        before, why = await cluster.running(), await cluster.why("train-2")
        await cluster.create(*gang("train", 1, needed=4, begin=3))
        await asyncio.sleep(5)
        return before, why, await cluster.running()

    before, why, after = live(day)
    assert (before, after) == (0, 4)
    assert why == "gang default/train: waits for more pods: 4 run together or none, 1 are missing"


def test_a_gang_that_does_not_fit_takes_nothing_and_leaves_the_room_to_others():
    async def day(cluster):
        await cluster.create(*gang("large", 4, "7"))
        await asyncio.sleep(5)
        none, why = await cluster.running("large"), await cluster.why("large-0")
        await cluster.create(*(pod(f"small-{number}", "7") for number in range(3)))
        await asyncio.sleep(5)
        return none, why, await cluster.running("small")

    none, why, small = live(day)
    assert (none, small) == (0, 3)
    assert why.startswith("gang default/large: 3 of 4 pods fit: 0/3 nodes are available: 3 Insufficient cpu.")


def test_two_gangs_that_do_not_both_fit_run_one_after_the_other():
    async def day(cluster):
        for pair in zip(gang("a", 3, "7"), gang("b", 3, "7"), strict=True):
            await cluster.create(*pair)
        await asyncio.sleep(20)
        first = await cluster.placed()
        await cluster.delete(*first)
        await asyncio.sleep(20)
        return first, await cluster.placed()

    first, second = live(day)
    assert {len({name[0] for name in each}) for each in (first, second)} == {1}
    assert (len(first), len(second)) == (3, 3)
    assert set(first) != set(second)


def test_what_a_gang_can_do_without_runs_where_there_is_room_and_comes_later():
    async def day(cluster):
        await cluster.create(*gang("elastic", 4, "7", needed=2))
        await asyncio.sleep(10)
        return await cluster.running(), await cluster.why("elastic-3")

    n_running, why = live(day)
    assert n_running == 3
    assert "0/3 nodes are available: 3 Insufficient cpu." in why


def test_when_there_is_room_again_the_stranded_gang_has_it_though_others_wait_longer():
    async def day(cluster):
        """Stranded gangs: what a repaired node gave back went to newcomers, and the gang was never whole again."""
        await cluster.create(*gang("train", 2, "7"), pod("filler", "7"))
        await asyncio.sleep(10)
        await cluster.delete("train-1")
        await cluster.create(pod("thief", "7"))
        await asyncio.sleep(5)
        for number in range(4):
            await cluster.create(pod(f"new-{number}", "7"))
        await asyncio.sleep(20)
        await cluster.create(*gang("train", 1, "7", needed=2, begin=2))
        await asyncio.sleep(20)
        stranded = await cluster.running("train")
        await cluster.delete("thief")
        await asyncio.sleep(5)
        return stranded, await cluster.placed()

    stranded, placed = live(day)
    assert stranded == 1
    assert {"train-0", "train-2"} <= set(placed)


def test_a_gang_that_cannot_be_completed_by_its_deadline_gives_back_what_it_has():
    async def day(cluster):
        notes = {DEADLINE: "120"}
        await cluster.create(*gang("train", 3, "7", notes=notes))
        await asyncio.sleep(10)
        await cluster.delete("train-1")
        await cluster.create(pod("thief", "7"))
        await asyncio.sleep(5)
        await cluster.create(*gang("train", 1, "7", needed=3, begin=3, notes=notes))
        await asyncio.sleep(100)
        before = await cluster.running("train")
        await asyncio.sleep(70)
        return before, await cluster.running("train"), await cluster.events("train-0"), await cluster.pods()

    before, after, events, _ = live(day)
    assert (before, after) == (2, 0)
    assert ("GangGaveBack", "gang default/train was not whole 120 s after it began, and needs 3 pods") in events


def test_a_gang_whose_owner_wants_no_more_of_it_is_left_alone():
    async def day(cluster):
        await cluster.create(*gang("train", 3, notes={DEADLINE: "60"}))
        await asyncio.sleep(10)
        await cluster.delete("train-1")
        await asyncio.sleep(200)
        return await cluster.running("train")

    assert live(day) == 2


def test_pods_that_have_done_their_work_are_not_missing():
    async def day(cluster):
        await cluster.create(*gang("train", 3, notes={DEADLINE: "60"}))
        await asyncio.sleep(10)
        key = ObjectKey("default", "train-0")
        await cluster.client.patch(PODS, key, {"status": {"phase": "Succeeded"}}, subresource="status")
        await cluster.create(*gang("train", 1, "70", needed=3, begin=3, notes={DEADLINE: "60"}))
        await asyncio.sleep(200)
        return await cluster.running("train")

    assert live(day) == 2


class Refusing:
    """Refuses the bindings of one pod for a while."""

    def __init__(self, client, name, clock, until):
        self._client, self._name, self._clock, self._until = client, name, clock, until

    def __getattr__(self, name):
        return getattr(self._client, name)

    async def create(self, resource, manifest, **options):
        is_binding = options.get("subresource") == "binding" and options["name"] == self._name
        if is_binding and self._clock.now() < self._until:
            raise OpError("client.create", ErrorKind.UNAVAILABLE, self._name, "try later")
        return await self._client.create(resource, manifest, **options)


def through(name, seconds):
    return lambda twin: Refusing(twin.client(), name, twin.clock, twin.clock.now() + seconds)


def test_a_binding_that_fails_is_made_up_for_within_the_deadline():
    async def day(cluster):
        await cluster.create(*gang("train", 3, notes={DEADLINE: "120"}))
        await asyncio.sleep(10)
        before = await cluster.running()
        await asyncio.sleep(110)
        return before, await cluster.running()

    assert live(day, client=through("train-1", 60)) == (2, 3)


def test_a_gang_of_which_one_is_never_bound_gives_back_all_and_is_tried_again_later():
    async def day(cluster):
        await cluster.create(*gang("train", 3, notes={DEADLINE: "60"}))
        seen = []
        for _ in range(30):
            await asyncio.sleep(5)
            seen.append(await cluster.running())
        return seen

    seen = live(day, client=through("train-1", 10_000))
    assert seen[:11] == [2] * 11
    assert set(seen[13:]) == {0}


def test_a_gang_that_must_be_together_is_in_one_zone_or_waits():
    """Scattered nodes: room here and there is of no use to a group that is to be near."""

    async def day(cluster):
        for number in range(1, 7):
            await cluster.label_node(f"node-{number:02}", **{ZONE: f"z{number % 2}"})
        await cluster.create(*(pod(f"there-{n}", "7", nodeSelector={ZONE: f"z{n}"}) for n in range(2)))
        await asyncio.sleep(5)
        await cluster.create(*gang("near", 3, "7", notes={TOPOLOGY: ZONE}))
        await asyncio.sleep(5)
        scattered, why = await cluster.running("near"), await cluster.why("near-0")
        await cluster.delete("there-1")
        await asyncio.sleep(15)
        nodes = (await cluster.placed("near")).values()
        return scattered, why, {int(name[-2:]) % 2 for name in nodes}, len(nodes)

    scattered, why, zones, n_placed = live(day, nodes=6)
    assert (scattered, zones, n_placed) == (0, {1}, 3)
    assert "no domain of topology.kubernetes.io/zone that has room for more than 2 of the pods" in why


def test_a_gang_that_would_rather_be_together_takes_few_nodes():
    async def day(cluster):
        notes = {PREFERRED_TOPOLOGY: "kubernetes.io/hostname"}
        await cluster.create(*gang("near", 6, "1", notes=notes))
        await cluster.create(*(pod(f"far-{number}", "100m") for number in range(6)))
        await asyncio.sleep(5)
        near, far = await cluster.placed("near"), await cluster.placed("far")
        return len(set(near.values())), len(set(far.values()))

    n_near, n_far = live(day, nodes=6)
    assert n_near == 1
    assert n_far > 1


def test_a_label_that_is_no_number_is_said_and_others_run():
    async def day(cluster):
        bad = gang("bad", 1)
        bad[0]["metadata"]["labels"]["pod-group.scheduling.sigs.k8s.io/min-available"] = "many"
        await cluster.create(*bad, pod("good"))
        await asyncio.sleep(5)
        return await cluster.why("bad-0"), await cluster.placed()

    why, placed = live(day)
    assert "many is not a number from 1" in why
    assert list(placed) == ["good"]


async def hard_times(cluster, seed, steps=60):
    """Gangs come, lose pods and get others, while room comes and goes; tells how long each was there in part."""
    rng, log, since, longest = random.Random(seed), [], {}, 0.0
    made = dict.fromkeys("abcd", 4)
    notes = {DEADLINE: "60"}
    for name in made:
        await cluster.create(*gang(name, 4, "3", notes=notes))
    for step in range(steps):
        await asyncio.sleep(5)
        pods, placed = await cluster.pods(), sorted(await cluster.placed())
        if step < steps - 20 and placed and rng.random() < 0.3:
            await cluster.delete(rng.choice(placed))
        if step < steps - 20 and rng.random() < 0.2:
            await cluster.create(pod(f"thief-{step}", "6"))
        for name in made:
            there = [each for each in pods.values() if each.metadata.name.startswith(f"{name}-")]
            if len(there) < 4:
                await cluster.create(*gang(name, 1, "3", needed=4, begin=made[name], notes=notes))
                made[name] += 1
            n_running = await cluster.running(f"{name}-")
            if n_running in {0, 4}:
                since.pop(name, None)
            else:
                longest = max(longest, (step - since.setdefault(name, step)) * 5.0)
        log.append(tuple(placed))
    return longest, log


@pytest.mark.parametrize("seed", range(2))
def test_no_gang_runs_in_part_for_longer_than_its_deadline_whatever_happens(seed):
    longest, log = live(lambda cluster: hard_times(cluster, seed), nodes=4)
    assert longest <= 60 + 15
    assert any(len([each for each in placed if each.startswith("a-")]) == 4 for placed in log)


def test_the_same_hard_times_have_the_same_outcome():
    once, again = (live(lambda cluster: hard_times(cluster, 1, 35), nodes=4) for _ in range(2))
    assert once == again


def test_a_pod_group_is_told_why_it_waits_and_once_that_it_was_scheduled():
    async def day(cluster):
        await cluster.pod_group("train", 2)
        await asyncio.sleep(40)
        members = [pod(f"train-{number}", "7", schedulingGroup={"podGroupName": "train"}) for number in range(2)]
        await cluster.create(pod("filler-0", "7"), pod("filler-1", "7"))
        await asyncio.sleep(5)
        await cluster.create(*members)
        await asyncio.sleep(5)
        refused = await cluster.told("train")
        await cluster.delete("filler-0")
        await asyncio.sleep(5)
        placed = await cluster.told("train")
        await cluster.create(pod("train-2", "7", schedulingGroup={"podGroupName": "train"}))
        await asyncio.sleep(5)
        return refused, placed, await cluster.told("train"), await cluster.running("train")

    refused, placed, later, n_running = live(day)
    assert (refused.status, refused.reason) == ("False", "Unschedulable")
    assert refused.message.startswith("gang default/train: 1 of 2 pods fit: 0/3 nodes are available")
    assert (placed.status, placed.reason, placed.observed_generation) == ("True", "Scheduled", 1)
    assert later == placed
    assert n_running == 2
