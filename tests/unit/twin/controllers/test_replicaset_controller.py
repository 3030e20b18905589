"""The ReplicaSet controller and a cache that lags behind."""

import asyncio

from kubewright.api.apps import REPLICA_SETS
from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock, run_virtual
from kubewright.runtime.informer import Change
from kubewright.twin.caches import Caches
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.expectations import EXPIRY_SECONDS, Expectations
from kubewright.twin.controllers.podnews import PodNews
from kubewright.twin.controllers.replicaset.controller import ReplicaSetReconciler
from tests.unit.twin.controllers.build import owned, pod, replica_set

KEY = ObjectKey("default", "web-1")


class Server:
    """Takes creates and deletes, and tells no cache of them."""

    def __init__(self):
        self.created = []
        self.deleted = []

    async def create(self, resource, manifest, **_):
        self.created.append(manifest["metadata"]["generateName"])
        return pod(f"new-{len(self.created)}")

    async def delete(self, resource, key, **_):
        self.deleted.append(key.name)

    async def patch(self, resource, key, patch, *_, **__):
        return None


class World:
    def __init__(self, replicas):
        self.server = Server()
        self.caches = Caches(self.server)
        self.context = Context(self.server, Clock.virtual(), self.caches)
        self.expected = Expectations()
        queue = self.context.queue("test", ObjectKey)
        selector = lambda each: each.spec.selector
        self.news = PodNews(self.caches.replica_sets, REPLICA_SETS, selector, queue, self.expected)
        self.want(replicas)

    def want(self, replicas):
        self.caches.replica_sets.index.put(KEY, replica_set("web-1", replicas))

    def show(self, name, **options):
        """Let the cache show a pod at last."""
        shown = pod(name, owners=[owned("ReplicaSet", "web-1")], **options)
        old = self.caches.pods.index.put(shown.key, shown)
        self.news(Change(shown.key, old, shown))

    async def reconcile(self):
        writer = self.context.writer("test")
        return await ReplicaSetReconciler(REPLICA_SETS, self.caches, writer, self.context, self.expected).reconcile(KEY)


def test_pods_that_the_cache_does_not_show_yet_are_not_made_twice():
    async def main():
        world = World(2)
        await world.reconcile()
        await world.reconcile()
        assert len(world.server.created) == 2
        world.show("new-1")
        await world.reconcile()
        assert len(world.server.created) == 2
        world.show("new-2")
        world.want(3)
        await world.reconcile()
        assert len(world.server.created) == 3

    run_virtual(main())


def test_a_pod_is_not_deleted_twice_nor_another_in_its_place():
    async def main():
        world = World(1)
        for name in "abc":
            world.show(name, ready=name == "a")
        await world.reconcile()
        await world.reconcile()
        assert sorted(world.server.deleted) == ["b", "c"]
        world.show("b", terminating=True)
        world.show("c", terminating=True)
        await world.reconcile()
        assert sorted(world.server.deleted) == ["b", "c"]

    run_virtual(main())


def test_what_never_arrives_is_given_up():
    async def main():
        world = World(1)
        await world.reconcile()
        await asyncio.sleep(EXPIRY_SECONDS + 1)
        await world.reconcile()
        assert len(world.server.created) == 2

    run_virtual(main())


def due_after(change_to, *, gather_seconds=1.0):
    """Return when the owner is looked at of a pod that ran and now is otherwise."""

    async def main():
        caches = Caches(Server())
        queue = Context(Server(), Clock.virtual(), caches).queue("test", ObjectKey)
        news = PodNews(
            caches.replica_sets, REPLICA_SETS, lambda each: each.spec.selector, queue, Expectations(), gather_seconds
        )
        owners = [owned("ReplicaSet", "web-1")]
        before = pod("web-1-a", owners=owners)
        news(Change(before.key, before, pod("web-1-a", owners=owners, **change_to)))
        await queue.get()
        return asyncio.get_running_loop().time()

    return run_virtual(main())


def test_pods_that_are_ready_or_not_wait_to_be_counted_together():
    assert due_after({"ready": False}) == 1.0
    assert due_after({"ready": False}, gather_seconds=0.0) == 0.0


def test_a_pod_that_is_lost_is_not_waited_with():
    assert due_after({"phase": "Failed"}) == 0.0
    assert due_after({"terminating": True}) == 0.0
    assert due_after({"labels": {"app": "other"}}) == 0.0
