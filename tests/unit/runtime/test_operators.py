"""An operator put together with the kit lives on the twin: it makes, repairs, prunes, and lets go."""

import asyncio
import contextlib

import pytest

from kubewright.api.applyset import ApplySet
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import CONFIG_MAPS, NAMESPACES
from kubewright.api.meta import ObjectKey
from kubewright.api.plan import Plan
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.recording import Mode, RecordingClient
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.runtime import Done, Operator, Shard, Watch
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer
from tests.seeded import right
from tests.seeded.widget import LABEL, SAMPLE, WIDGET_CRD, WIDGETS, config_map

KEY = ObjectKey("default", "sample")


@contextlib.asynccontextmanager
async def living(build=right.build, **options):
    """An operator on a server of its own; yields the server's client and what the operator writes."""
    client = RestClient(InProcessTransport(ApiServer(Clock.virtual(), KindTable.builtin())))
    for namespace in ("default", "other"):
        await client.create(NAMESPACES, {"metadata": {"name": namespace}})
    recording = RecordingClient(client, Mode.FORWARD)
    operator = Operator("widgets", recording, Clock.virtual(), **options)
    build(operator)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(operator.run())
        await asyncio.sleep(2)
        yield client, recording, operator
        running.cancel()


async def names(client, resource):
    return [str(obj.key) for obj in (await client.list(resource)).items]


def test_children_are_made_repaired_and_pruned_and_go_with_their_owner():
    async def main():
        async with living() as (client, recording, operator):
            await client.create(WIDGETS, SAMPLE)
            await asyncio.sleep(2)
            assert await names(client, CONFIG_MAPS) == ["default/sample-extra", "default/sample-text"]
            assert await names(client, DEPLOYMENTS) == ["default/sample"]
            await client.delete(DEPLOYMENTS, KEY)
            await client.patch(CONFIG_MAPS, ObjectKey("default", "sample-text"), {"data": {"text": "edited"}})
            await asyncio.sleep(2)
            assert await names(client, DEPLOYMENTS) == ["default/sample"]
            assert (await client.raw("GET", "/api/v1/namespaces/default/configmaps/sample-text"))["data"] == {
                "text": "hello",
                "a": "1",
            }
            await client.patch(WIDGETS, KEY, {"spec": {"extra": False, "config": "words"}})
            await asyncio.sleep(2)
            assert await names(client, CONFIG_MAPS) == ["default/sample-words"]
            before = len(recording.writes)
            await asyncio.sleep(300)
            assert recording.writes[before:] == []
            assert operator.settled
            await client.delete(WIDGETS, KEY)
            await asyncio.sleep(2)
            assert await names(client, WIDGETS) == await names(client, CONFIG_MAPS) == []

    run_virtual(main())


def test_a_name_that_is_taken_is_left_alone_and_said_and_heals_when_it_is_free():
    async def main():
        async with living() as (client, _, _operator):
            foreign = {"metadata": {"name": "sample-text", "namespace": "default"}, "data": {"mine": "1"}}
            await client.create(CONFIG_MAPS, foreign)
            await client.create(WIDGETS, SAMPLE)
            await asyncio.sleep(5)
            widget = await client.get(WIDGETS, KEY)
            assert [(each.reason, each.status) for each in widget.status.conditions] == [("NameTaken", "False")]
            assert "ConfigMap default/sample-text was made by someone else" in widget.status.conditions[0].message
            assert await names(client, CONFIG_MAPS) == ["default/sample-text"]
            await client.delete(CONFIG_MAPS, ObjectKey("default", "sample-text"))
            await asyncio.sleep(90)
            assert await names(client, CONFIG_MAPS) == ["default/sample-extra", "default/sample-text"]

    run_virtual(main())


def test_a_name_is_asked_for_only_after_it_was_found_taken():
    class Asking(RecordingClient):
        async def get(self, resource, key, *, subresource=""):
            asked.append(str(key))
            return await super().get(resource, key, subresource=subresource)

    asked: list[str] = []

    async def main():
        client = RestClient(InProcessTransport(ApiServer(Clock.virtual(), KindTable.builtin())))
        await client.create(NAMESPACES, {"metadata": {"name": "default"}})
        await client.create(CONFIG_MAPS, {"metadata": {"name": "other-text"}}, namespace="default")
        operator = Operator("widgets", Asking(client, Mode.FORWARD), Clock.virtual())
        right.build(operator)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(operator.run())
            await asyncio.sleep(2)
            asked.clear()
            await client.create(WIDGETS, SAMPLE)
            await asyncio.sleep(2)
            assert asked == []
            await client.create(WIDGETS, {**SAMPLE, "metadata": {"name": "other", "namespace": "default"}})
            await asyncio.sleep(2)
            assert set(asked) == {"default/other-text"}
            assert not (await client.get(CONFIG_MAPS, ObjectKey("default", "other-text"))).metadata.owner_references
            running.cancel()

    run_virtual(main())


def test_a_child_that_lost_its_owner_is_known_by_its_label_and_owned_again():
    async def main():
        async with living() as (client, _, _operator):
            await client.create(WIDGETS, SAMPLE)
            await asyncio.sleep(2)
            await client.patch(DEPLOYMENTS, KEY, {"metadata": {"ownerReferences": None}})
            await asyncio.sleep(90)
            widget = await client.get(WIDGETS, KEY)
            deployment = await client.get(DEPLOYMENTS, KEY)
            assert [ref.uid for ref in deployment.metadata.owner_references] == [widget.metadata.uid]

    run_virtual(main())


def test_two_shards_share_the_namespaces_and_leave_none_out():
    async def made_by(shard):
        async with living(shard=shard) as (client, _, _operator):
            for namespace in ("default", "other"):
                metadata = {**SAMPLE["metadata"], "namespace": namespace}
                await client.create(WIDGETS, {**SAMPLE, "metadata": metadata})
            await asyncio.sleep(2)
            return await names(client, DEPLOYMENTS)

    first, second = (run_virtual(made_by(Shard(index, 2))) for index in range(2))
    assert sorted(first + second) == ["default/sample", "other/sample"]
    assert first
    assert second


def test_a_shard_by_label_sees_only_what_bears_it():
    async def main():
        async with living(shard=Shard(label_selector="team=a")) as (client, _, _operator):
            for name, team in (("one", "a"), ("two", "b")):
                metadata = {"name": name, "namespace": "default", "labels": {"team": team}}
                await client.create(WIDGETS, {**SAMPLE, "metadata": metadata})
            await asyncio.sleep(2)
            assert await names(client, DEPLOYMENTS) == ["default/one"]

    run_virtual(main())


def test_a_change_elsewhere_concerns_whom_the_map_says():
    seen = []

    class Noting:
        async def reconcile(self, key):
            seen.append(key.name)
            return right.Done()

    def build(operator):
        operator.define(right.WIDGET_CRD)
        maps = operator.informer(CONFIG_MAPS)
        named = Watch(
            maps, lambda obj: [ObjectKey("default", obj.metadata.labels["for"])] if obj.metadata.labels else ()
        )
        operator.controller(operator.own(WIDGETS), Noting(), watches=[named])

    async def main():
        async with living(build) as (client, _, _operator):
            await client.create(
                CONFIG_MAPS, {"metadata": {"name": "a", "namespace": "default", "labels": {"for": "x"}}}
            )
            await client.create(CONFIG_MAPS, {"metadata": {"name": "b", "namespace": "default"}})
            await asyncio.sleep(1)
            assert seen == ["x"]

    run_virtual(main())


def test_a_cache_that_was_made_without_indexers_cannot_be_given_some():
    operator = Operator("x", RestClient(InProcessTransport(None)), Clock.virtual())
    assert operator.informer(CONFIG_MAPS) is operator.informer(CONFIG_MAPS)
    with pytest.raises(ValueError, match="other indexers"):
        operator.informer(CONFIG_MAPS, indexers={"name": lambda obj: (obj.key,)})


def test_a_child_is_looked_at_again_after_it_was_applied():
    asked = []

    def build(operator):
        operator.define(WIDGET_CRD)
        widgets = operator.own(WIDGETS)
        children = operator.children((CONFIG_MAPS,), label_selector=LABEL)
        executor = operator.executor(WIDGETS)

        class Turns:
            async def reconcile(self, key):
                asked.append(key)
                widget = widgets.index.get(key)
                owned = ApplySet(widget, WIDGETS, children.kinds, {LABEL: "sample"})
                wanted = [owned.child(config_map(widget))]
                observed = await children.observe(widget, wanted)
                await executor.execute(Plan(tuple(owned.converge(wanted, observed)), "made"), about=widget)
                return Done()

        operator.controller(widgets, Turns(), owns=children.informers)

    async def main():
        async with living(build) as (client, _, _):
            await client.create(WIDGETS, SAMPLE)
            await asyncio.sleep(2)
            assert len(asked) == 2
            await client.patch(CONFIG_MAPS, ObjectKey("default", "sample-text"), {"data": {"text": "edited"}})
            await asyncio.sleep(2)
            assert len(asked) == 4

    run_virtual(main())
