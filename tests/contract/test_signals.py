"""The API's own signals, taken from a real API server as from the embedded one."""

import asyncio
import itertools
import os
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import pytest

from kubewright.api.core import NODES
from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock
from kubewright.signals.service import SignalsIn
from kubewright.signals.signal import Fault, Witness
from tests.contract.asking import eventually
from tests.contract.manifests import pod

numbers = itertools.count(1)


class Decider:
    """Keeps what it is told."""

    def __init__(self):
        self.told = []

    async def handle(self, signal):
        self.told.append(signal)

    async def hears(self, fault, name, *, ended=False):
        async def heard():
            found = [each for each in self.told if each.fault == fault and each.about[1].name == name]
            return next((each for each in found if each.ended == ended), None)

        return await eventually(heard)


@asynccontextmanager
async def deciding(client):
    decider = Decider()
    service = SignalsIn(client, Clock.wall(), decider)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(service.run())

        async def synced():
            return service.synced

        await eventually(synced)
        yield decider
        running.cancel()


def now():
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


@pytest.fixture
async def silent(api):
    """Make a node that renews its lease twice and never again."""
    name = f"silent-{os.getpid()}-{next(numbers)}"
    labels = {"topology.kubernetes.io/zone": name}
    nodes, leases = api.of("nodes"), api.of("leases", "kube-node-lease")
    (await nodes.create({"apiVersion": "v1", "kind": "Node", "metadata": {"name": name, "labels": labels}})).ok()
    spec = {"holderIdentity": name, "leaseDurationSeconds": 40, "renewTime": now()}
    lease = {"apiVersion": "coordination.k8s.io/v1", "kind": "Lease", "metadata": {"name": name}, "spec": spec}
    (await leases.create(lease)).ok()
    (await leases.merge(name, {"spec": {"renewTime": now()}})).ok()
    yield name
    await leases.delete(name)
    await nodes.delete(name)


async def test_a_node_whose_lease_is_not_renewed_is_suspect(client, silent):
    async with deciding(client) as decider:
        signal = await decider.hears(Fault.NODE_SILENT, silent)
        assert signal.about == (NODES, ObjectKey("", silent))
        assert signal.witness is Witness.LEASE
        assert not [each for each in decider.told if each.fault == Fault.NODE_SILENT and each is not signal]


async def test_a_container_that_crashes_again_and_again_is_told_until_its_pod_is_gone(api, client, namespace):
    document = pod("loop")
    document["metadata"]["annotations"] = {"twin.kubewright.dev/exit-after": "1", "twin.kubewright.dev/exit-code": "3"}
    async with deciding(client) as decider:
        pods = api.of("pods", namespace)
        (await pods.create(document)).ok()
        signal = await decider.hears(Fault.CRASH_LOOP, "loop")
        assert "exit code 3" in signal.evidence
        assert signal.node == (await pods.get("loop")).ok()["spec"]["nodeName"]
        await pods.delete("loop", gracePeriodSeconds="0")
        await decider.hears(Fault.CRASH_LOOP, "loop", ended=True)
