"""Remedies are lived through on a twin of the part that they touch, and the Incident says what came of it."""

import pytest

from kubewright.api.core import NODES
from kubewright.api.meta import ObjectKey
from kubewright.rehearsal import remedies
from tests.sim.build import run
from tests.sim.faulty import inject
from tests.sim.test_healing import broken_release, healing, in_phase, incidents, policy


def test_a_rollback_is_lived_through_and_the_incident_says_how_it_went():
    async def scenario(day):
        await policy(day)
        async with healing(day):
            await broken_release(day)
            (incident,) = await in_phase(day, "Resolved")
        told = incident.status.rehearsal
        assert told.passed
        assert "on a twin all is up again within" in told.message
        assert told.slo == "nobody is missed at any moment"

    run(scenario)


def test_a_drain_says_who_is_missed_meanwhile():
    async def scenario(day):
        await policy(day)
        await day.deploy("web", replicas=4)
        await day.until_complete("web")
        node = (await day.pods("web"))[0].spec.node_name
        there = sum(each.spec.node_name == node for each in await day.pods("web"))
        async with healing(day):
            await inject(day, "disk", "DiskFailing", {"nodes": {"names": [node]}})
            (incident,) = await in_phase(day, "Acting", "Verifying", "Resolved")
        told = incident.status.rehearsal
        assert (told.passed, told.evicts, told.unplaced) == (True, there, 0)
        assert told.slo == f"up at the worst moment: default/web {4 - there} of 4"

    run(scenario)


@pytest.mark.parametrize("unrehearsed", [False, True])
def test_a_twin_that_cannot_be_made_stops_the_remedy_and_says_so(monkeypatch, unrehearsed):
    def broken(objects):
        raise ValueError("no such kind")

    async def scenario(day):
        await policy(day, unrehearsed=unrehearsed)
        monkeypatch.setattr(remedies, "store_of", broken)
        async with healing(day):
            await broken_release(day)
            if unrehearsed:
                await in_phase(day, "Resolved")
                return

            async def told():
                return any(
                    "no twin could be made: no such kind" in each.status.message for each in await incidents(day)
                )

            await day.until(told, 120)
            assert (await incidents(day))[0].status.actions == ()
            monkeypatch.undo()
            await in_phase(day, "Resolved")

    run(scenario)


def test_what_would_not_come_up_again_is_not_done(monkeypatch):
    """Placement finds room where a Deployment's own rollout finds none: the twin knows."""

    async def scenario(day):
        await policy(day)
        await day.deploy("web", replicas=2)
        await day.until_complete("web")
        node = (await day.pods("web"))[0].spec.node_name
        monkeypatch.setattr(remedies, "targets", lambda *_: [])
        async with healing(day):
            for name in {each.spec.node_name for each in await day.pods("web")} - {node}:
                await day.client.patch(NODES, ObjectKey("", name), {"spec": {"unschedulable": True}})
            await inject(day, "disk", "DiskFailing", {"nodes": {"names": [node]}})

            async def told():
                return any(each.outcome == "Refused" for one in await incidents(day) for each in one.status.actions)

            await day.until(told, 120)
        refused = [each for one in await incidents(day) for each in one.status.actions if each.outcome == "Refused"]
        assert "on a twin default/web has" in refused[0].message

    run(scenario)
