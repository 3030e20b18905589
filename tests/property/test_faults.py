"""Whatever is broken and mended, in whatever order: once every fault is lifted the cluster is as it should be."""

import asyncio

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from kubewright.api.core import NODES
from kubewright.api.meta import ObjectKey
from kubewright.twin.faults.fault import FAULTS
from tests.sim.build import run

WEB = {"pods": {"labelSelector": {"matchLabels": {"app": "web"}}}}
NODE = {"nodes": {}}
COMPONENTS = {"clients": {"userAgents": ["kubewright-twin/*"]}}
SPECS = (
    {"type": "NodeDown", "target": {**NODE, "count": 1}},
    {"type": "KubeletHung", "target": {**NODE, "count": 1}},
    {"type": "NodePartitioned", "target": {**NODE, "percent": 50}},
    {"type": "DiskFull", "target": {**NODE, "count": 1}},
    {"type": "SlowDisk", "target": NODE},
    {"type": "ClockSkew", "target": {**NODE, "count": 1}, "clockSkew": {"seconds": -90}},
    {"type": "CrashLoop", "target": {**WEB, "percent": 50}},
    {"type": "ContainerCrash", "target": WEB, "schedule": {"durationSeconds": 5, "periodSeconds": 20}},
    {"type": "ImagePullFailure", "target": WEB},
    {"type": "ProbeFailure", "target": WEB},
    {"type": "MemoryLeak", "target": {**WEB, "count": 1}, "memoryLeak": {"bytesPerSecond": "64Mi"}},
    {"type": "NetworkPartition", "target": WEB},
    {"type": "ApiError", "target": {**COMPONENTS, "percent": 40}, "apiError": {"code": 500}},
    {"type": "ApiError", "target": {**COMPONENTS, "count": 9}, "apiError": {"code": 409}},
    {"type": "ApiLatency", "target": COMPONENTS, "apiLatency": {"milliseconds": 300}},
    {"type": "ApiReset", "target": {**COMPONENTS, "percent": 20}, "apiReset": {"when": "After"}},
    {"type": "WatchDrop", "target": COMPONENTS, "watchDrop": {"afterSeconds": 5, "expired": True}},
    {"type": "WatchStale", "target": COMPONENTS},
    {"type": "Compaction"},
)
specs = st.builds(lambda spec, seed: {**spec, "seed": seed}, st.sampled_from(SPECS), st.integers(0, 3))
steps = st.one_of(
    st.tuples(st.just("inject"), specs),
    st.tuples(st.just("lift"), st.integers(0, 5)),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 1.0, 15.0, 70.0, 400.0])),
    st.tuples(st.just("scale"), st.integers(1, 6)),
)


async def take(day, step, number, held):
    match step:
        case ("inject", spec):
            name = f"fault-{number}"
            head = {"apiVersion": FAULTS.api_version, "kind": FAULTS.kind, "metadata": {"name": name}}
            await day.client.create(FAULTS, {**head, "spec": spec})
            held.append(name)
        case ("lift", which) if held:
            await day.client.delete(FAULTS, ObjectKey("", held.pop(which % len(held))))
        case ("wait", seconds):
            await asyncio.sleep(seconds)
        case ("scale", replicas):
            await day.change("web", replicas=replicas)


async def is_well(day):
    nodes = (await day.client.list(NODES)).items
    pressed = [each for node in nodes for each in node.status.conditions if each.type == "DiskPressure"]
    return all(node.is_ready and not node.spec.taints for node in nodes) and not any(each.is_true for each in pressed)


@settings(max_examples=10, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(steps, min_size=2, max_size=8))
def test_the_cluster_converges_once_every_fault_is_lifted(script):
    async def day(day):
        await day.deploy("web", replicas=3)
        held = []
        for number, step in enumerate(script):
            await take(day, step, number, held)
        for name in held:
            await day.client.delete(FAULTS, ObjectKey("", name))
        await day.until(lambda: is_well(day), 120)
        await day.until_complete("web", 1200)
        pods = [pod for pod in await day.pods("web") if not pod.is_terminating and not pod.is_finished]
        wanted = (await day.deployment("web")).spec.replicas
        assert len(pods) == wanted
        assert all(pod.is_ready for pod in pods)

    run(day)
