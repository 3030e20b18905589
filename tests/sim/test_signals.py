"""The API's own signals: a fault reaches whoever decides within 15 seconds, and what is none reaches nobody."""

import asyncio
from collections import Counter

import pytest

from kubewright.api.core import NODES, PODS
from kubewright.api.meta import ObjectKey
from kubewright.signals.service import SignalsIn
from kubewright.signals.signal import Fault, Witness
from kubewright.twin.nodes import NodeShape
from tests.sim.build import run
from tests.sim.faulty import client_called, inject, lift

PROMISED_SECONDS = 15.0
CALLED = "kubewright-monitoring"
ONE_NODE = {"nodes": {"names": ["node-01"]}}
WEB = {"pods": {"labelSelector": {"matchLabels": {"app": "web"}}}}
PROBED = {"httpGet": {"path": "/", "port": 80}, "periodSeconds": 2, "failureThreshold": 1}


class Decider:
    """Notes what it is told, and when."""

    def __init__(self, clock):
        self._clock = clock
        self.told = []

    async def handle(self, signal):
        self.told.append((self._clock.now(), signal))

    def of(self, fault, *, ended=False):
        return [(at, each) for at, each in self.told if each.fault == fault and each.ended == ended]

    async def hears(self, fault, *, ended=False, seconds=120.0):
        """Wait until it is told, and return when and what."""
        async with asyncio.timeout(seconds):
            while not self.of(fault, ended=ended):  # noqa: ASYNC110  virtual time
                await asyncio.sleep(0.05)
        return self.of(fault, ended=ended)[0]


def watched(scenario, **options):
    """Run a day with somebody who decides."""

    async def day(day):
        decider = Decider(day.twin.clock)
        service = SignalsIn(client_called(day, CALLED), day.twin.clock, decider)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(service.run())
            while not service.synced:  # noqa: ASYNC110  virtual time
                await asyncio.sleep(0.1)
            await scenario(day, decider)
            running.cancel()

    run(day, **{"nodes": 4, **options})


async def serving(day, **options):
    await day.deploy("web", replicas=4, **options)
    await day.until_complete("web")


async def probed(day):
    """Deploy pods that are asked every two seconds whether they are ready."""
    container = {"name": "main", "image": "shop/web:1", "readinessProbe": PROBED}
    template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}
    await serving(day, template=template)


@pytest.mark.parametrize("fault", ["KubeletHung", "NodeDown", "NodePartitioned", "CertificateExpiry"])
def test_a_silent_node_is_suspect_by_its_lease_long_before_it_is_given_up(fault):
    async def scenario(day, decider):
        await asyncio.sleep(33)
        start = day.twin.clock.now()
        await inject(day, "silence", fault, ONE_NODE)
        at, signal = await decider.hears(Fault.NODE_SILENT)
        assert at - start <= PROMISED_SECONDS
        assert (signal.about, signal.node) == ((NODES, ObjectKey("", "node-01")), "node-01")
        assert signal.witness is Witness.LEASE
        assert (await day.client.get(NODES, ObjectKey("", "node-01"))).is_ready, "nobody else has noticed"
        _, given_up = await decider.hears(Fault.NODE_NOT_READY)
        assert given_up.witness is Witness.CONTROLLER
        assert {each.node for _, each in decider.told} == {"node-01"}
        await lift(day, "silence")
        await decider.hears(Fault.NODE_SILENT, ended=True)
        await decider.hears(Fault.NODE_NOT_READY, ended=True)

    watched(scenario)


def test_a_crash_loop_is_told_once_for_each_pod_and_ends_when_it_stays_up():
    async def scenario(day, decider):
        await serving(day)
        start = day.twin.clock.now()
        await inject(day, "loop", "CrashLoop", WEB, crashLoop={"afterSeconds": 1})
        at, signal = await decider.hears(Fault.CRASH_LOOP)
        assert at - start <= PROMISED_SECONDS
        assert signal.about[0].target(signal.about[1]).startswith("Pod/default/web-")
        assert "exit code" in signal.evidence
        await asyncio.sleep(600)
        assert set(Counter(each.about[1] for _, each in decider.of(Fault.CRASH_LOOP)).values()) == {1}
        assert len(decider.of(Fault.CRASH_LOOP)) == 4
        await lift(day, "loop")
        await asyncio.sleep(600)
        assert len(decider.of(Fault.CRASH_LOOP, ended=True)) == 4

    watched(scenario)


def test_a_pod_that_loses_its_readiness_is_told_and_one_that_starts_slowly_is_not():
    async def scenario(day, decider):
        await probed(day)
        assert decider.told == [], "they have only started"
        start = day.twin.clock.now()
        await inject(day, "probes", "ProbeFailure", WEB, probeFailure={"probe": "Readiness"})
        at, signal = await decider.hears(Fault.NOT_READY)
        assert at - start <= PROMISED_SECONDS
        assert signal.node
        await lift(day, "probes")
        await decider.hears(Fault.NOT_READY, ended=True)
        decider.told.clear()
        await day.change("web", template={"metadata": {"annotations": {"twin.kubewright.dev/ready-seconds": "240"}}})
        await day.until_complete("web", 3000)
        assert {each.fault for _, each in decider.told} == {Fault.SLOW_START}, "which by itself is nothing"

    watched(scenario)


def test_an_image_that_cannot_be_pulled_and_a_rollout_that_is_stuck_are_told():
    async def scenario(day, decider):
        await serving(day, progressDeadlineSeconds=60)
        await day.change("web", template={"metadata": {"annotations": {"twin.kubewright.dev/fail-pull": "not found"}}})
        start = day.twin.clock.now()
        await day.new_image("web", "shop/web:2")
        at, signal = await decider.hears(Fault.IMAGE_NOT_PULLED)
        assert at - start <= PROMISED_SECONDS
        assert "shop/web:2" in signal.evidence or "not found" in signal.evidence
        at, signal = await decider.hears(Fault.ROLLOUT_STUCK)
        assert 60 <= at - start <= 60 + PROMISED_SECONDS
        assert signal.about[1] == ObjectKey("default", "web")

    watched(scenario)


def test_a_container_that_is_killed_for_its_memory_is_told():
    async def scenario(day, decider):
        limited = {"name": "main", "image": "a:1", "resources": {"limits": {"memory": "64Mi"}}}
        template = {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [limited]}}
        await serving(day, template=template)
        await inject(day, "leak", "MemoryLeak", WEB, memoryLeak={"bytesPerSecond": "8Mi"})
        at, signal = await decider.hears(Fault.OUT_OF_MEMORY)
        assert at - signal.since <= PROMISED_SECONDS

    watched(scenario)


@pytest.mark.parametrize(("fault", "condition"), [("DiskFull", "DiskPressure"), ("GpuXid", "AcceleratedHardwareReady")])
def test_a_node_that_says_itself_what_is_wrong_is_believed(fault, condition):
    async def scenario(day, decider):
        start = day.twin.clock.now()
        more = {"gpuXid": {"code": 79}} if fault == "GpuXid" else {}
        await inject(day, "ill", fault, ONE_NODE, **more)
        at, signal = await decider.hears(Fault.NODE_CONDITION)
        assert at - start <= PROMISED_SECONDS
        assert signal.evidence.startswith(condition)
        assert signal.witness is Witness.KUBELET

    watched(scenario, shape=NodeShape(gpus=2))


def test_who_hears_from_nobody_suspects_nobody():
    async def scenario(day, decider):
        await inject(day, "deaf", "WatchStale", {"clients": {"userAgents": [CALLED]}})
        await asyncio.sleep(90)
        assert decider.of(Fault.NODE_SILENT) == []
        await lift(day, "deaf")
        await asyncio.sleep(60)
        assert decider.of(Fault.NODE_SILENT) == []

    watched(scenario)


def test_a_day_on_which_nothing_is_wrong_has_no_signals():
    async def scenario(day, decider):
        await probed(day)
        for image in ("shop/web:2", "shop/web:3"):
            await day.new_image("web", image)
            await day.until_complete("web")
        await day.change("web", replicas=9)
        await day.until_complete("web")
        await day.change("web", replicas=1)
        (gone, *_) = await day.pods("web")
        await day.client.delete(PODS, gone.key)
        await asyncio.sleep(3600)
        assert decider.told == []

    watched(scenario)
