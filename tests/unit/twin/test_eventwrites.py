"""Writing events without requests leaves nothing that requests would not have left."""

import asyncio

import pytest

from kubewright.api.core import EVENTS, NODES, PODS
from kubewright.api.meta import KubeObject, ObjectKey, ObjectMeta
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.runtime.events import EventRecorder
from kubewright.twin.call import ADMIN
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer

BUCKET = (EVENTS.group, EVENTS.plural)
MATCH = {"resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}]}
POLICY = {
    "metadata": {"name": "anything"},
    "spec": {"validations": [{"expression": "true"}], "matchConstraints": MATCH},
}
BINDING = {"metadata": {"name": "anything"}, "spec": {"policyName": "anything", "validationActions": ["Deny"]}}
HALF = 5
"""Of the events that are recorded, so many come before what happens meanwhile."""


class Cluster:
    """A bare server, and a recorder of a kubelet's events."""

    def __init__(self, *, at_once):
        clock = Clock.virtual()
        self.server = ApiServer(clock, KindTable.builtin())
        self.client = RestClient(InProcessTransport(self.server.answering(ADMIN)))
        self.requests = 0
        store = self.server.event_writes() if at_once else None
        self.recorder = EventRecorder(self, clock, "kubelet", store=store)

    async def create(self, *args, **options):
        self.requests += 1
        return await self.client.create(*args, **options)

    async def patch(self, *args, **options):
        return await self.client.patch(*args, **options)

    @property
    def events(self):
        return [(each.key, each.revision, each.encoded) for each in self.server.store.list(BUCKET)[0]]


def pod(number):
    metadata = ObjectMeta(name=f"pod-{number}", namespace="shop", uid=f"uid-{number}", resource_version=str(number))
    return KubeObject(metadata=metadata)


def record(recorder, number):
    recorder.record(pod(number), PODS, "Normal", "Scheduled", f'100 % of "pod-{number}" → é')
    recorder.record(pod(number), PODS, "Warning", "Failed", "", field_path="spec.containers{main}", host="node-1")
    recorder.record(ObjectKey("", f"node-{number}"), NODES, "Normal", "Rebooted", "it is back")


async def recorded(*, at_once, meanwhile=None):
    cluster = Cluster(at_once=at_once)
    for name in ("shop", "default"):
        await cluster.client.raw("POST", "/api/v1/namespaces", body={"metadata": {"name": name}})
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(cluster.recorder.run())
        for number in range(2 * HALF):
            if number == HALF and meanwhile is not None:
                await meanwhile(cluster)
            record(cluster.recorder, number)
            await asyncio.sleep(0.7)
        running.cancel()
    return cluster


def both_ways(meanwhile=None):
    quick = run_virtual(recorded(at_once=True, meanwhile=meanwhile))
    asked = run_virtual(recorded(at_once=False, meanwhile=meanwhile))
    return quick, asked


def test_every_event_is_the_one_that_a_request_makes():
    quick, asked = both_ways()
    assert len(quick.events) == 6 * HALF
    assert quick.events == asked.events


def test_one_request_is_made_for_each_form():
    quick, asked = both_ways()
    assert (quick.requests, asked.requests) == (3, 6 * HALF)


async def a_policy(cluster):
    path = "/apis/admissionregistration.k8s.io/v1"
    await cluster.client.raw("POST", f"{path}/validatingadmissionpolicies", body=POLICY)
    await cluster.client.raw("POST", f"{path}/validatingadmissionpolicybindings", body=BINDING)


async def a_quota(cluster):
    body = {"metadata": {"name": "few"}, "spec": {"hard": {"count/events": "100"}}}
    await cluster.client.raw("POST", "/api/v1/namespaces/shop/resourcequotas", body=body)


async def the_end_of_the_namespace(cluster):
    await cluster.client.raw("DELETE", "/api/v1/namespaces/shop")


@pytest.mark.parametrize("meanwhile", [a_policy, a_quota, the_end_of_the_namespace])
def test_what_might_refuse_an_event_is_asked(meanwhile):
    quick, asked = both_ways(meanwhile)
    assert quick.events == asked.events
    assert quick.requests >= 3 + 2 * HALF


def test_watches_are_told():
    async def main():
        cluster = await recorded(at_once=True)
        changes = cluster.server.store.changes_since(BUCKET, 0)
        assert [each.type for each in changes] == ["ADDED"] * 6 * HALF
        assert [each.revision for each in changes] == sorted({each.revision for each in changes})

    run_virtual(main())
