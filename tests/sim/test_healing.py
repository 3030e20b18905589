"""The healer on a twin: what breaks is mended, as far as a policy lets it; and a restart in any phase loses nothing."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from kubewright.api.apiextensions import CRDS
from kubewright.api.core import EVENTS
from kubewright.api.crds.healingpolicy import HEALING_POLICIES, HEALING_POLICY_CRD
from kubewright.api.crds.incident import INCIDENTS, approval
from kubewright.api.meta import ObjectKey
from kubewright.api.rights import account
from kubewright.app import Choices, Platform
from kubewright.errors import OpError
from kubewright.healing import rights
from kubewright.runtime.definitions import install
from kubewright.runtime.informer import Informer
from kubewright.twin.access.users import ADMIN
from kubewright.twin.kubelet.behaviour import FAIL_PULL
from tests.sim.accounts import grant, refusals
from tests.sim.build import run
from tests.sim.faulty import client_called

BAD = "shop/web:404"


async def policy(day, mode="act", name="all", **spec):
    await install(day.client, [HEALING_POLICY_CRD])
    head = {"apiVersion": HEALING_POLICIES.api_version, "kind": "HealingPolicy", "metadata": {"name": name}}
    await day.client.create(HEALING_POLICIES, {**head, "spec": {"mode": mode, **spec}})


@asynccontextmanager
async def healing(day, user=ADMIN):
    """Run the service beside a day; several times is as many restarts."""
    client, choices = client_called(day, "kubewright-healing", user), Choices(("healing",))
    platform = Platform(client, day.twin.clock, choices=choices)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(platform.run())
        while not platform.ready:  # noqa: ASYNC110  virtual time
            await asyncio.sleep(0.1)
        yield
        running.cancel()


async def incidents(day):
    return list((await day.client.list(INCIDENTS)).items)


async def in_phase(day, *phases, seconds=600):
    async def reached():
        found = await incidents(day)
        return bool(found) and all(each.status.phase in phases for each in found)

    await day.until(reached, seconds)
    return await incidents(day)


async def seen_in(day, phase):
    """Wait until an incident is in a phase, however shortly."""
    reached, informer = asyncio.Event(), Informer(day.client, INCIDENTS)
    informer.add_handler(lambda change: reached.set() if change.new and change.new.status.phase == phase else None)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(informer.run())
        async with asyncio.timeout(120):
            await reached.wait()
        running.cancel()


async def broken_release(day):
    """A fleet that runs well, and then is given an image that is in no registry."""
    await day.deploy("web", replicas=3)
    await day.until_complete("web")
    await broken(day)


async def broken(day):
    """Give a fleet an image that is in no registry."""
    container = {"name": "main", "image": BAD}
    metadata = {"annotations": {FAIL_PULL: "not found"}}
    await day.change("web", template={"metadata": metadata, "spec": {"containers": [container]}})


def test_a_bad_release_is_taken_back_and_its_incident_tells_how():
    async def scenario(day):
        await policy(day)
        async with healing(day):
            await broken_release(day)
            (incident,) = await in_phase(day, "Resolved")
            await day.until_complete("web")
            status = incident.status
            assert (await day.deployment("web")).spec.template["spec"]["containers"][0]["image"] == "shop/web:1"
            assert status.actions[-1].outcome == "Helped"
            assert status.plan is not None
            assert all((status.times.detected, status.times.decided, status.times.acted, status.times.verified))
            events = [each.reason for each in (await day.client.list(EVENTS)).items]
            assert "Resolved" in events

    run(scenario)


@pytest.mark.parametrize("mode", ["observe", "approve"])
def test_without_leave_nothing_is_done(mode):
    async def scenario(day):
        await policy(day, mode)
        async with healing(day):
            await broken_release(day)
            expected = {"observe": "Observed", "approve": "AwaitingApproval"}[mode]
            (incident,) = await in_phase(day, expected)
            await asyncio.sleep(120)
            assert (await day.deployment("web")).spec.template["spec"]["containers"][0]["image"] == BAD
            assert incident.status.actions == ()
            if mode == "approve":
                await day.client.patch(INCIDENTS, incident.key, approval("anna", incident.status.plan.digest))
                await in_phase(day, "Resolved")

    run(scenario)


def test_without_a_policy_it_observes():
    async def scenario(day):
        async with healing(day):
            await broken_release(day)
            (incident,) = await in_phase(day, "Observed")
            assert "no policy" in incident.status.message

    run(scenario)


@pytest.mark.parametrize("phase", ["Open", "Rehearsing", "Acting", "Verifying"])
def test_a_restart_in_any_phase_goes_on_from_there(phase):
    async def scenario(day):
        await policy(day)
        async with healing(day):
            await broken_release(day)

            await seen_in(day, phase)
        await asyncio.sleep(5)
        async with healing(day):
            (incident,) = await in_phase(day, "Resolved")
            await day.until_complete("web")
            assert len(incident.status.actions) == 1

    run(scenario)


def test_a_fleet_that_is_well_is_left_alone_through_releases_and_starts():
    async def scenario(day):
        await policy(day)
        async with healing(day):
            await day.deploy("web", replicas=3)
            await day.until_complete("web")
            await day.new_image("web", "shop/web:2")
            await day.until_complete("web")
            await asyncio.sleep(300)
            assert await incidents(day) == []

    run(scenario)


def test_policies_that_contradict_each_other_are_told_and_the_careful_one_holds():
    async def scenario(day):
        await policy(day, "act", "bold")
        await policy(day, "observe", "careful")
        async with healing(day):
            await broken_release(day)
            (incident,) = await in_phase(day, "Observed")
            assert incident.status.policy == "careful"
            for name in ("bold", "careful"):
                told = await day.client.get(HEALING_POLICIES, ObjectKey("", name))
                assert [each.reason for each in told.status.conditions] == ["Contradicts"]

    run(scenario)


def test_it_lives_with_exactly_its_own_rights():
    async def scenario(day):
        await policy(day)
        user = await grant(day.twin, account(rights.ACCOUNT, "default", rights.cluster_rules()))
        refused = refusals(day.twin)
        async with healing(day, user):
            await broken_release(day)
            await in_phase(day, "Resolved")
        assert refused == []

    run(scenario)


def test_an_incident_that_somebody_deletes_and_a_definition_that_goes_come_back():
    async def scenario(day):
        async with healing(day):
            await broken_release(day)
            (incident,) = await in_phase(day, "Observed")
            await day.client.delete(INCIDENTS, incident.key)
            await in_phase(day, "Observed", seconds=60)
            await day.client.delete(CRDS, ObjectKey("", "incidents.kubewright.dev"))

            async def back():
                try:
                    return [each.status.phase for each in await incidents(day)] == ["Observed"]
                except OpError:
                    return False

            await asyncio.sleep(5)
            await day.until(back, 300)

    run(scenario)
