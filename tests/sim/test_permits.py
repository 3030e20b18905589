"""Permits on a twin: services that ask at once are never given the same room, and a restart forgets nothing."""

import asyncio

from kubewright.api.core import NODES
from kubewright.api.crds import all_crds
from kubewright.api.crds.disruptionledger import DISRUPTION_LEDGERS
from kubewright.api.crds.disruptionlimit import DISRUPTION_LIMITS
from kubewright.api.meta import ObjectKey, parse_time
from kubewright.clock import Clock, run_virtual
from kubewright.disruption.permits import Permits
from kubewright.disruption.requests import Granted, Request
from kubewright.disruption.watching import permits
from kubewright.runtime.definitions import install
from kubewright.runtime.operators import Operator
from kubewright.twin.cluster import Twin

LIMIT = {
    "apiVersion": "kubewright.dev/v1alpha1",
    "kind": "DisruptionLimit",
    "metadata": {"name": "zones"},
    "spec": {"nodes": {"maxUnavailable": "3"}},
}


async def asking(case):
    """Have five services on a twin of ten nodes, of which three may be out at once."""
    clock = Clock.virtual()
    async with Twin(clock, nodes=10) as twin:
        await install(twin.client(), all_crds())
        await twin.client().create(DISRUPTION_LIMITS, LIMIT)
        operators = [Operator(f"service-{number}", twin.client(), clock) for number in range(5)]
        asked = [permits(each) for each in operators]
        async with asyncio.TaskGroup() as tasks:
            running = [tasks.create_task(each.run()) for each in operators]
            await asyncio.sleep(5)
            await case(twin, asked)
            for each in running:
                each.cancel()


def wanting(service: Permits, name: str) -> Request:
    return Request(service.requester, f"node/{name}", "a reason", nodes=(name,))


def test_five_services_that_ask_at_once_are_given_no_more_than_there_is():
    async def case(twin, asked):
        names = sorted(each.metadata.name for each in await twin_nodes(twin))
        pairs = zip(asked, zip(names[::2], names[1::2], strict=True), strict=True)
        decisions = await asyncio.gather(
            *(service.take(wanting(service, one), wanting(service, other)) for service, (one, other) in pairs)
        )
        granted = [each for both in decisions for each in both if isinstance(each, Granted)]
        assert len(granted) == 3
        ledger = await twin.client().get(DISRUPTION_LEDGERS, ObjectKey("", "cluster"))
        assert sorted(each.id for each in ledger.status.permits) == sorted(each.id for each in granted)

    run_virtual(asking(case))


def test_who_begins_anew_finds_what_it_holds_and_gives_it_back():
    async def case(twin, asked):
        first, second = asked[0], asked[1]
        names = sorted(each.metadata.name for each in await twin_nodes(twin))
        await first.take(*(wanting(first, name) for name in names[:3]))
        again = Permits(twin.client(), first.requester, first.world)
        assert await again.standing() == [f"node/{name}" for name in names[:3]]
        (held,) = await again.take(wanting(first, names[0]))
        assert isinstance(held, Granted)
        assert not held.fresh
        (refused,) = await second.take(wanting(second, names[3]))
        assert not isinstance(refused, Granted)
        await again.give_back(f"node/{names[0]}")
        (granted,) = await second.take(wanting(second, names[3]))
        assert isinstance(granted, Granted)

    run_virtual(asking(case))


def test_what_is_asked_for_again_late_is_held_for_longer_however_lately_the_ledger_was_read():
    async def case(twin, asked):
        service, names = asked[0], sorted(each.metadata.name for each in await twin_nodes(twin))
        await service.take(wanting(service, names[0]))
        await asyncio.sleep(400)
        await service.take(wanting(service, names[1]))
        (held,) = await service.take(wanting(service, names[0]))
        assert isinstance(held, Granted)
        assert not held.fresh
        ledger = await twin.client().get(DISRUPTION_LEDGERS, ObjectKey("", "cluster"))
        untils = {each.nodes: parse_time(each.until) for each in ledger.status.permits}
        assert untils[names[0],] >= untils[names[1],] - 1

    run_virtual(asking(case))


def test_a_limit_says_whether_it_holds_and_what_is_wrong_with_it():
    async def case(twin, asked):
        wrong = {"nodes": {}, "windows": [{"schedule": "every day", "durationMinutes": 5}]}
        limit = {**LIMIT, "metadata": {"name": "wrong"}, "spec": wrong}
        await twin.client().create(DISRUPTION_LIMITS, limit)
        await asyncio.sleep(5)
        found = {each.metadata.name: each.status for each in (await twin.client().list(DISRUPTION_LIMITS)).items}
        assert [(each.status, each.reason) for each in found["zones"].conditions] == [("True", "Holds")]
        (ready,) = found["wrong"].conditions
        assert (ready.status, ready.reason) == ("False", "InvalidSpec")
        assert ready.message.startswith("nothing is done that it is about: spec.windows[0]: ")

    run_virtual(asking(case))


async def twin_nodes(twin):
    return (await twin.client().list(NODES)).items
