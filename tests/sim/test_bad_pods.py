"""Pods that nobody can place, beside others: each is told what is wrong with it, and nothing else is touched."""

import asyncio

from tests.sim.scheduling import CLASSES, live, pod


def asking(resource, amount):
    return {"resources": {"requests": {resource: amount}, "limits": {resource: amount}}}


def nodes_that(**requirement):
    terms = {"nodeSelectorTerms": [requirement]}
    return {"affinity": {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": terms}}}


def expression(key, operator, *values):
    return {"key": key, "operator": operator, "values": list(values)}


SPREAD = {"maxSkew": 1, "topologyKey": "example.com/row", "whenUnsatisfiable": "DoNotSchedule", "labelSelector": {}}
NEAR = {"topologyKey": "example.com/row", "labelSelector": {"matchLabels": {"a": "b"}}}
BAD = {
    "gpus": (asking("nvidia.com/gpu", "1000000"), "1000000 nvidia.com/gpu are requested, and no node has any."),
    "cpu": (asking("cpu", "9223372036854775807"), "no node has more than 8, even empty."),
    "memory": (asking("memory", "16Ei"), "no node has more than 32Gi, even empty."),
    "spread": ({"topologySpreadConstraints": [SPREAD]}, "no node has the label example.com/row, its topologyKey"),
    "near": (
        {"affinity": {"podAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [NEAR]}}},
        "no node has the label example.com/row, its topologyKey",
    ),
    "nowhere": ({"nodeSelector": {"kubernetes.io/os": "plan9"}}, "no node has the label kubernetes.io/os=plan9"),
    "more": (
        nodes_that(matchExpressions=[expression("kubernetes.io/os", "Gt", "9" * 20)]),
        "didn't match Pod's node affinity/selector",
    ),
    "both": (
        nodes_that(matchExpressions=[expression("kubernetes.io/os", "In", each) for each in ("linux", "plan9")]),
        "didn't match Pod's node affinity/selector",
    ),
    "named": (nodes_that(matchFields=[expression("metadata.name", "In", "gone")]), "there is no such node"),
}


def bad(name, spec):
    made = pod(f"bad-{name}", priorityClassName="high")
    resources = {key: each for key, each in spec.items() if key == "resources"}
    made["spec"]["containers"][0] |= resources
    made["spec"] |= {key: each for key, each in spec.items() if key not in resources}
    return made


def test_pods_with_absurd_wishes_are_told_and_keep_and_drive_nobody_away():
    async def day(cluster):
        await cluster.client.create(CLASSES, {"metadata": {"name": "high"}, "value": 1000})
        await cluster.create(*(pod(f"good-{number}", "2") for number in range(12)))
        await asyncio.sleep(10)
        before = await cluster.placed("good")
        await cluster.create(*(bad(name, spec) for name, (spec, _) in BAD.items()))
        await asyncio.sleep(90)
        after, told = await cluster.placed("good"), {name: await cluster.why(f"bad-{name}") for name in BAD}
        await cluster.delete("good-0")
        await cluster.create(pod("late", "2"))
        await asyncio.sleep(10)
        return before, after, told, await cluster.running("late"), await cluster.running("bad")

    before, after, told, *running = live(day)
    assert len(before) == 12
    assert after == before
    assert running == [1, 0]
    for name, (_, words) in BAD.items():
        assert told[name].startswith("0/3 nodes are available: "), name
        assert words in told[name]
