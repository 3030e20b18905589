"""Teams' queues on a twin, under virtual time: quotas, shares, and taking back what is lent."""

import asyncio

import pytest

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.conditions import find_condition
from kubewright.api.core import NODES
from kubewright.api.crds.queue import QUEUES
from kubewright.api.meta import ObjectKey
from tests.sim.scheduling import CLASSES, gang, live, pod


def pods(team, count, cpu="1", *, begin=0, **options):
    return [pod(f"{team}-{number}", cpu, namespace=team, **options) for number in range(begin, begin + count)]


def test_a_team_runs_within_its_quota_and_is_told_what_is_left_of_it():
    async def day(cluster):
        await cluster.queue("blue", cpu=4)
        await cluster.create(*pods("blue", 3), pod("large", "2", namespace="blue"), pod("free", "2"))
        await asyncio.sleep(10)
        why, events = await cluster.why("large", "blue"), await cluster.events("large", "blue")
        before = await cluster.placed()
        await cluster.delete("blue-0", namespace="blue")
        await asyncio.sleep(10)
        return before, why, events, await cluster.placed(), await cluster.queue_status("blue")

    before, why, events, after, status = live(day, queues=True)
    assert set(before) == {"blue-0", "blue-1", "blue-2", "free"}
    assert why == "queue blue: needs 2 cpu, 1 left of 4"
    assert ("FailedScheduling", why) in events
    assert set(after) == {"blue-1", "blue-2", "large", "free"}
    assert (status.pending, status.running, status.share) == (0, 3, "1.000")
    assert [(each.resource, each.nominal, each.used, each.borrowed) for each in status.quotas] == [
        ("cpu", "4", "4", "0")
    ]
    assert find_condition(status.conditions, "Ready").is_true


@pytest.mark.parametrize("cpu", ["1e400", "1e30"])
def test_a_pod_that_takes_beyond_all_measure_keeps_no_other_team_from_its_turns(cpu):
    async def day(cluster):
        for team in ("blue", "red"):
            await cluster.queue(team, cpu=4)
        await cluster.create(pod("odd", cpu, namespace="blue", nodeName="ghost"), pod("large", cpu, namespace="blue"))
        await cluster.create(*pods("blue", 2), *pods("red", 2))
        await asyncio.sleep(40)
        return set(await cluster.placed()), (await cluster.queue_status("red")).running

    placed, running = live(day, queues=True)
    assert placed >= {"red-0", "red-1"}
    assert running == 2


def test_who_waits_for_quota_is_told_what_would_help_and_once_it_is_done_runs():
    async def day(cluster):
        await cluster.queue("blue", cpu=4)
        await cluster.create(*pods("blue", 3), pod("large", "2", namespace="blue"), *gang("train", 2, namespace="blue"))
        await asyncio.sleep(40)
        told = await cluster.why("large", "blue"), await cluster.why("train-0", "blue")
        events = await cluster.events("large", "blue")
        quotas = [{"resource": "cpu", "nominal": 5}]
        await cluster.client.patch(QUEUES, ObjectKey("", "blue"), {"spec": {"quotas": quotas}})
        await asyncio.sleep(20)
        return told, events, await cluster.running("large"), await cluster.running("train")

    (large, train), events, *running = live(day, queues=True)
    short = "queue blue: needs 2 cpu, 1 left of 4"
    assert large == f"{short} Advice: 1 more cpu of queue blue's quota, or request 1 cpu at most."
    assert ("FailedScheduling", large) in events
    assert train == f"gang blue/train: {short} Advice: 1 more cpu of queue blue's quota."
    assert running == [1, 0]


def test_without_any_queue_nothing_changes_for_anyone():
    async def day(cluster):
        await cluster.namespace("blue", "nobody")
        await cluster.create(*pods("blue", 5))
        await asyncio.sleep(10)
        return await cluster.running()

    assert live(day) == live(day, queues=True) == 5


def test_a_label_that_names_no_queue_is_said_and_the_queue_helps_when_it_comes():
    async def day(cluster):
        await cluster.queue("other", cpu=1)
        await cluster.namespace("blue", "late")
        await cluster.create(*pods("blue", 1))
        await asyncio.sleep(10)
        why = await cluster.why("blue-0", "blue")
        await cluster.client.create(QUEUES, {"metadata": {"name": "late"}, "spec": {}})
        await asyncio.sleep(10)
        return why, await cluster.running()

    assert live(day, queues=True) == ("queue late: there is no such queue", 1)


def test_a_queue_that_comes_to_be_served_while_the_scheduler_runs_is_heeded():
    async def day(cluster):
        from kubewright.api.crds.queue import QUEUE_CRD
        from kubewright.runtime.definitions import install

        await install(cluster.client, [QUEUE_CRD])
        await cluster.queue("blue", cpu=1)
        await asyncio.sleep(40)
        await cluster.create(*pods("blue", 3))
        await asyncio.sleep(10)
        return await cluster.running()

    assert live(day) == 1


async def cohort(cluster, **spec):
    await cluster.queue("all")
    await cluster.queue("blue", cpu=8, parent="all", **spec)
    await cluster.queue("green", cpu=8, parent="all", **spec)


def test_what_a_team_leaves_others_borrow_and_it_takes_back_what_is_its_own():
    async def day(cluster):
        await cohort(cluster)
        await cluster.create(*pods("blue", 20))
        await asyncio.sleep(10)
        lent = await cluster.by_namespace()
        await cluster.create(*pods("green", 6))
        await asyncio.sleep(60)
        return lent, await cluster.by_namespace()

    lent, after = live(day, queues=True, nodes=2)
    assert lent["blue"] == 16
    assert (after["green"], after["blue"]) == (6, 10)


def test_a_gang_is_taken_back_whole_and_a_gang_takes_back_for_all_its_pods_or_for_none():
    async def day(cluster):
        await cohort(cluster)
        await cluster.create(*gang("a", 4, "1.7", namespace="blue"), *gang("b", 4, "1.7", namespace="blue"))
        await asyncio.sleep(10)
        lent = await cluster.placed()
        await cluster.create(*gang("c", 4, "1.9", namespace="green"))
        await asyncio.sleep(60)
        return lent, await cluster.placed()

    lent, after = live(day, queues=True, nodes=2)
    assert len(lent) == 8
    by_gang = [sum(name.startswith(letter) for name in after) for letter in "abc"]
    assert by_gang in ([4, 0, 4], [0, 4, 4])


def test_what_is_taken_back_for_a_gang_that_must_be_together_is_in_one_place():
    """Scattered nodes: reclaim freed as many as a gang needs, here and there, where it could not use them."""

    async def day(cluster):
        zones = {f"node-{number:02}": f"zone-{number % 2}" for number in range(1, 5)}
        for name, zone in zones.items():
            await cluster.label_node(name, **{"topology.kubernetes.io/zone": zone})
        await cluster.queue("all")
        await cluster.queue("blue", cpu=14, parent="all")
        await cluster.queue("green", cpu=14, parent="all")
        await cluster.create(*pods("blue", 8, "3.5"))
        await asyncio.sleep(10)
        lent = await cluster.placed("blue")
        notes = {"kubewright.dev/gang-topology": "topology.kubernetes.io/zone"}.items()
        await cluster.create(*gang("train", 4, "3.5", namespace="green", notes=notes))
        await asyncio.sleep(60)
        left = await cluster.placed("blue")
        zones_of = [{zones[node] for node in each.values()} for each in (await cluster.placed("train"), left)]
        return len(lent), len(left), zones_of

    n_lent, n_left, (gangs, others) = live(day, queues=True, nodes=4)
    assert (n_lent, n_left) == (8, 4)
    assert len(gangs) == len(others) == 1
    assert gangs != others


def test_what_was_taken_back_is_not_admitted_again_and_taken_again():
    """Reclaim loops: what was reclaimed was admitted again at once, by what it had left free, and reclaimed again."""

    async def day(cluster):
        await cohort(cluster, backoffSeconds=60)
        await cluster.create(*pods("blue", 14))
        await asyncio.sleep(10)
        seen, known, evicted = [], set(await cluster.placed("blue")), 0
        await cluster.create(*pods("green", 8))
        for number in range(100):
            await asyncio.sleep(6)
            placed = await cluster.placed("blue")
            evicted += len(known - set(placed))
            known = set(placed)
            missing = 14 - len(await cluster.pods("blue"))
            if missing > 0:  # its controller makes others in their place
                await cluster.create(*pods("blue", missing, begin=100 + number * 20))
            running = await cluster.by_namespace()
            seen.append((running["blue"], running["green"]))
        return seen, evicted

    seen, evicted = live(day, queues=True, nodes=2)
    assert set(seen[2:]) == {(8, 8)}
    assert evicted == 6


def deployment(team, name, replicas, cpu, **spec):
    made = pod(name, cpu, namespace=team, labels={"app": name}.items(), **spec)
    template = {"metadata": {"labels": {"app": name}}, "spec": made["spec"]}
    spec = {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template}
    return {"metadata": {"name": name, "namespace": team}, "spec": spec}


def test_who_was_pushed_aside_does_not_push_those_aside_whose_own_it_would_only_borrow():
    """It would borrow what was just taken from it, and the room of those that had their own would be taken next."""

    async def day(cluster):
        await cluster.client.create(CLASSES, {"metadata": {"name": "high"}, "value": 1000})
        first, second = sorted(each.metadata.name for each in (await cluster.client.list(NODES)).items)
        on_first, on_second = ({"nodeSelector": {"kubernetes.io/hostname": each}} for each in (first, second))
        await cluster.queue("all", cpu=5)
        await cluster.queue("blue", cpu=4, parent="all", backoffSeconds=0)
        await cluster.queue("green", parent="all", reclaim="FairShare")
        found = []
        for step in (
            deployment("blue", "small", 4, "1", **on_first),
            deployment("blue", "large", 1, "5", priorityClassName="high"),
            deployment("green", "green", 1, "4", **on_second),
        ):
            await cluster.client.create(DEPLOYMENTS, step, namespace=step["metadata"]["namespace"])
            await asyncio.sleep(90)
            found.append(sorted(name.split("-")[0] for name in await cluster.placed()))
        return found

    assert live(day, queues=True, nodes=2) == [["small"] * 4, ["large", *["small"] * 4], ["green", *["small"] * 4]]


def test_who_has_only_just_begun_is_left_alone_until_its_minimum():
    async def day(cluster):
        await cohort(cluster, minimumRuntimeSeconds=120)
        await cluster.create(*pods("blue", 16))
        await asyncio.sleep(10)
        await cluster.create(*pods("green", 4))
        await asyncio.sleep(60)
        early = await cluster.by_namespace()
        await asyncio.sleep(120)
        return early, await cluster.by_namespace()

    early, late = live(day, queues=True, nodes=2)
    assert (early["green"], late["green"]) == (0, 4)


def test_turns_go_by_weight():
    async def day(cluster):
        await cluster.queue("all", cpu=12)
        await cluster.queue("blue", parent="all", weight=1)
        await cluster.queue("green", parent="all", weight=3)
        for pair in zip(pods("blue", 20), pods("green", 20), strict=True):
            await cluster.create(*pair)
        await asyncio.sleep(10)
        before = await cluster.by_namespace()
        for _ in range(12):
            (oldest, *_), team = sorted(await cluster.placed("blue")), "blue"
            await cluster.delete(oldest, namespace=team)
            await asyncio.sleep(2)
        await asyncio.sleep(12)
        return before, await cluster.by_namespace()

    before, after = live(day, queues=True)
    assert sum(before.values()) == 12
    assert (after["blue"], after["green"]) == (3, 9)


def test_a_queue_on_a_cycle_says_so_has_its_own_and_no_other_is_touched():
    async def day(cluster):
        await cluster.queue("blue", cpu=2, parent="green")
        await cluster.queue("green", cpu=2, parent="blue")
        await cluster.queue("red", cpu=2)
        await cluster.create(*pods("blue", 4), *pods("red", 2))
        await asyncio.sleep(15)
        status = [await cluster.queue_status(name) for name in ("blue", "red")]
        return await cluster.by_namespace(), [find_condition(each.conditions, "Ready") for each in status]

    running, (blue, red) = live(day, queues=True)
    assert (running["blue"], running["red"]) == (2, 2)
    assert (blue.status, blue.reason) == ("False", "Cycle")
    assert blue.message.startswith("parent: blue -> green -> blue is a cycle")
    assert red.is_true


def test_a_quota_below_what_is_used_evicts_nobody_and_says_so():
    async def day(cluster):
        await cluster.queue("blue", cpu=4)
        await cluster.create(*pods("blue", 4))
        await asyncio.sleep(10)
        quotas = [{"resource": "cpu", "nominal": 2}]
        await cluster.client.patch(QUEUES, ObjectKey("", "blue"), {"spec": {"quotas": quotas}})
        await cluster.create(*pods("blue", 1, begin=9))
        await asyncio.sleep(60)
        return await cluster.running(), await cluster.queue_status("blue"), await cluster.why("blue-9", "blue")

    running, status, why = live(day, queues=True)
    assert running == 4
    within = find_condition(status.conditions, "WithinQuota")
    assert (within.status, within.reason) == ("False", "UseAboveQuota")
    assert within.message.startswith("4 cpu used, 2 allowed; nothing is taken away for that")
    assert why == "queue blue: needs 1 cpu, 0 left of 2 Advice: 3 more cpu of queue blue's quota."


def test_a_pod_without_a_queue_pushes_a_gang_aside_whole_or_rather_others():
    async def day(cluster):
        await cluster.client.create(CLASSES, {"metadata": {"name": "high"}, "value": 1000})
        await cluster.create(*gang("train", 2, "7"), pod("lonely", "7"))
        await asyncio.sleep(10)
        await cluster.create(pod("first", "7", priorityClassName="high"))
        await asyncio.sleep(40)
        one = set(await cluster.placed())
        await cluster.create(pod("second", "7", priorityClassName="high"))
        await asyncio.sleep(40)
        return one, set(await cluster.placed())

    one, two = live(day)
    assert one == {"train-0", "train-1", "first"}
    assert two == {"first", "second"}


@pytest.mark.parametrize("pinned", [True, False])
def test_a_model_of_gpu_has_a_quota_of_its_own(pinned):
    product = "nvidia.com/gpu.product"

    async def day(cluster):
        for name, model in (("node-01", "A100"), ("node-02", "L4")):
            changes = {"metadata": {"labels": {product: model}}}
            await cluster.client.patch(NODES, ObjectKey("", name), changes)
            status = {"status": {"allocatable": {"nvidia.com/gpu": "8"}, "capacity": {"nvidia.com/gpu": "8"}}}
            await cluster.client.patch(NODES, ObjectKey("", name), status, subresource="status")
        await cluster.client.create(
            QUEUES,
            {
                "metadata": {"name": "blue"},
                "spec": {"quotas": [{"resource": "nvidia.com/gpu", "model": "A100", "nominal": 2}]},
            },
        )
        await cluster.namespace("blue", "blue")
        await asyncio.sleep(2)
        for number in range(6):
            manifest = pod(f"g-{number}", namespace="blue", nodeSelector={product: "A100"} if pinned else {})
            resources = manifest["spec"]["containers"][0]["resources"]
            resources["requests"]["nvidia.com/gpu"] = "1"
            resources["limits"] = {"nvidia.com/gpu": "1"}
            await cluster.create(manifest)
        await asyncio.sleep(10)
        nodes = list((await cluster.placed("g")).values())
        return nodes.count("node-01"), nodes.count("node-02"), await cluster.why("g-5", "blue")

    on_a100, on_l4, why = live(day, queues=True, nodes=2)
    assert on_a100 == 2 if pinned else on_a100 <= 2
    assert on_l4 == (0 if pinned else 6 - on_a100)
    assert not pinned or why == "queue blue: needs 1 nvidia.com/gpu@A100, 0 left of 2"
