"""Renewing leases without a request leaves nothing that a request would not have left."""

import asyncio

from kubewright.api.coordination import LEASES
from kubewright.api.meta import ObjectKey
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.twin.call import ADMIN
from kubewright.twin.kinds import KindTable
from kubewright.twin.nodes import LEASE_NAMESPACE, Heartbeats
from kubewright.twin.renewals import LeaseRenewals
from kubewright.twin.server import ApiServer

NAMES = ["node-1", "node-2"]
KEY = ObjectKey(LEASE_NAMESPACE, "node-1")
BUCKET = (LEASES.group, LEASES.plural)
MATCH = {"resourceRules": [{"apiGroups": ["*"], "apiVersions": ["*"], "operations": ["*"], "resources": ["*"]}]}
POLICY = {
    "metadata": {"name": "anything"},
    "spec": {"validations": [{"expression": "true"}], "matchConstraints": MATCH},
}
BINDING = {"metadata": {"name": "anything"}, "spec": {"policyName": "anything", "validationActions": ["Deny"]}}


class Cluster:
    """A bare server whose nodes beat."""

    def __init__(self, *, at_once):
        self.clock = Clock.virtual()
        self.server = ApiServer(self.clock, KindTable.builtin())
        self.client = RestClient(InProcessTransport(self.server.answering(ADMIN)))
        self.renewals = LeaseRenewals(self.server.store)
        self.requests = 0
        self.beats = Heartbeats(
            self, self.clock, NAMES, lambda _: True, (), renewals=self.renewals if at_once else None
        )

    async def patch(self, *args, **options):
        self.requests += 1
        return await self.client.patch(*args, **options)

    async def create(self, *args, **options):
        return await self.client.create(*args, **options)

    @property
    def lease(self):
        return self.server.store.get(BUCKET, KEY)


async def after(seconds, *, at_once, meanwhile=None):
    cluster = Cluster(at_once=at_once)
    await cluster.client.raw("POST", "/api/v1/namespaces", body={"metadata": {"name": LEASE_NAMESPACE}})
    async with asyncio.TaskGroup() as tasks:
        beating = tasks.create_task(cluster.beats.run())
        await asyncio.sleep(15)
        if meanwhile is not None:
            await meanwhile(cluster)
        await asyncio.sleep(seconds - 15)
        beating.cancel()
    return cluster


def changes(cluster):
    found = cluster.server.store.changes_since(BUCKET, 0)
    return [(each.type, each.revision, each.record.encoded) for each in found]


def both_ways(seconds, meanwhile=None):
    quick = run_virtual(after(seconds, at_once=True, meanwhile=meanwhile))
    asked = run_virtual(after(seconds, at_once=False, meanwhile=meanwhile))
    return quick, asked


def test_every_change_is_the_one_that_a_patch_makes():
    quick, asked = both_ways(45)
    assert changes(quick) == changes(asked)
    assert (quick.requests, asked.requests) == (0, 8)


def test_a_lease_that_somebody_else_wrote_to_is_renewed_by_requests():
    async def label(cluster):
        await cluster.client.patch(LEASES, KEY, {"metadata": {"labels": {"team": "blue"}}}, field_manager="somebody")

    quick, asked = both_ways(45, label)
    assert changes(quick) == changes(asked)
    assert quick.lease.obj["metadata"]["labels"] == {"team": "blue"}
    assert quick.requests == 3


def test_a_lease_that_was_deleted_is_made_anew():
    async def delete(cluster):
        await cluster.client.delete(LEASES, KEY)

    quick, asked = both_ways(45, delete)
    assert changes(quick) == changes(asked)
    assert quick.lease is not None


def test_with_a_bound_admission_policy_every_renewal_is_a_request():
    async def bind(cluster):
        group = "/apis/admissionregistration.k8s.io/v1"
        await cluster.client.raw("POST", f"{group}/validatingadmissionpolicies", body=POLICY)
        await cluster.client.raw("POST", f"{group}/validatingadmissionpolicybindings", body=BINDING)

    quick = run_virtual(after(45, at_once=True, meanwhile=bind))
    assert quick.requests == 6
