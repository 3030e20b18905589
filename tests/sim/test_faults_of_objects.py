"""Finalizers that nobody takes off, until the fault is lifted."""

from kubewright.api.core import CONFIG_MAPS
from kubewright.api.meta import ObjectKey
from tests.sim.build import run
from tests.sim.faulty import inject, lift, status

TARGET = {"objects": {"apiVersion": "v1", "resource": "configmaps", "namespaces": ["default"], "names": ["a*"]}}
FINALIZER = "twin.kubewright.dev/stuck"


async def make(day, name):
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name, "namespace": "default"}}
    return await day.client.create(CONFIG_MAPS, manifest, namespace="default")


async def finalizers(day):
    listing = await day.client.list(CONFIG_MAPS, namespace="default")
    return {each.metadata.name: each.metadata.finalizers for each in listing.items if each.metadata.name[0] in "ab"}


def test_what_is_deleted_stays_until_the_fault_is_lifted():
    async def day(day):
        await make(day, "a1")
        await make(day, "b1")
        await inject(day, "stuck", "StuckFinalizer", TARGET)
        assert (await status(day, "stuck")).targets == ("default/a1",)
        await make(day, "a2")

        async def both():
            return (await status(day, "stuck")).targets == ("default/a1", "default/a2")

        await day.until(both, 10)
        await day.client.delete(CONFIG_MAPS, ObjectKey("default", "a1"))
        await day.client.delete(CONFIG_MAPS, ObjectKey("default", "b1"))
        assert await finalizers(day) == {"a1": (FINALIZER,), "a2": (FINALIZER,)}
        await lift(day, "stuck")
        assert await finalizers(day) == {"a2": ()}

    run(day)


def test_of_two_such_faults_the_one_that_remains_keeps_what_it_means():
    async def day(day):
        await make(day, "a1")
        await make(day, "a2")
        only_second = {"objects": {**TARGET["objects"], "names": ["a2"]}}
        await inject(day, "wide", "StuckFinalizer", TARGET)
        await inject(day, "narrow", "StuckFinalizer", only_second, schedule={"durationSeconds": 60})
        await lift(day, "wide")
        assert await finalizers(day) == {"a1": (), "a2": (FINALIZER,)}

        async def lifted():
            return await finalizers(day) == {"a1": (), "a2": ()}

        await day.until(lifted, 70)
        assert (await status(day, "narrow")).phase == "Over"

    run(day)


def test_a_kind_that_is_not_there_matches_nothing_and_what_cannot_be_written_says_why():
    async def day(day):
        await make(day, "a1")
        nowhere = {"objects": {"apiVersion": "example.com/v1", "resource": "things"}}
        await inject(day, "nowhere", "StuckFinalizer", nowhere)
        conditions = {each.type: each for each in (await status(day, "nowhere")).conditions}
        assert (conditions["TargetFound"].status, conditions["TargetFound"].reason) == ("False", "NothingMatches")
        await lift(day, "nowhere")
        reviews = {"objects": {"apiVersion": "authentication.k8s.io/v1", "resource": "tokenreviews"}}
        await inject(day, "wrong", "StuckFinalizer", reviews)
        conditions = {each.type: each for each in (await status(day, "wrong")).conditions}
        assert (conditions["InForce"].status, conditions["InForce"].reason) == ("False", "NotPossibleHere")
        assert "does not allow this method" in conditions["InForce"].message
        await lift(day, "wrong")
        assert await finalizers(day) == {"a1": ()}

    run(day)
