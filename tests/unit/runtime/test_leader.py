"""Election on a Lease; that never two lead at once, whatever fails, is in tests/property/test_leader.py."""

import asyncio
import contextlib

import pytest
from prometheus_client import CollectorRegistry

from kubewright.api.coordination import LEASES
from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind
from kubewright.runtime.leader import LeaderElector, LeadershipLostError
from kubewright.runtime.metrics import RuntimeMetrics
from tests.unit.runtime.fake_server import FakeServer, failure, seeded

KEY = ObjectKey("ns", "platform")


def now():
    return asyncio.get_running_loop().time()


class Replica:
    """A process that wants to lead; notes when it began and ended to."""

    def __init__(self, server, name, *, registry=None, work_seconds=1e6):
        self.registry = registry or CollectorRegistry()
        self.elector = LeaderElector(
            server, Clock.virtual(), KEY, name, rng=seeded(len(name)), metrics=RuntimeMetrics(self.registry)
        )
        self.work_seconds = work_seconds
        self.led = []

    async def main(self):
        self.led.append(("began", now()))
        try:
            await asyncio.sleep(self.work_seconds)
        finally:
            self.led.append(("ended", now()))

    async def run(self):
        await self.elector.run(self.main)

    @property
    def leads(self):
        return bool(self.led) and self.led[-1][0] == "began"

    @property
    def status(self):
        return self.registry.get_sample_value("leader_election_master_status", {"name": "platform"})


def lease(server):
    return server.documents["leases", KEY]["spec"]


@contextlib.asynccontextmanager
async def running(*replicas):
    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(replica.run()) for replica in replicas]
        await asyncio.sleep(0.1)
        yield tasks
        for task in tasks:
            task.cancel()


def test_the_first_leads_at_once_and_says_so_in_the_lease():
    async def main():
        server = FakeServer()
        replica = Replica(server, "first")
        assert replica.status == 0
        async with running(replica):
            assert replica.led == [("began", 0)]
            assert replica.status == 1
            assert lease(server) == {
                "holderIdentity": "first",
                "leaseDurationSeconds": 15,
                "acquireTime": "2030-01-01T00:00:00.000000Z",
                "renewTime": "2030-01-01T00:00:00.000000Z",
                "leaseTransitions": 0,
            }
        assert replica.status == 0

    run_virtual(main())


def test_it_renews_every_two_seconds_and_keeps_what_others_wrote_into_the_lease():
    async def main():
        server = FakeServer()
        async with running(Replica(server, "first")):
            server.documents["leases", KEY]["metadata"]["labels"] = {"team": "platform"}
            await asyncio.sleep(60)
            assert lease(server)["renewTime"] == "2030-01-01T00:01:00.000000Z"
            assert lease(server)["acquireTime"] == "2030-01-01T00:00:00.000000Z"
            assert server.calls.count("update") == 30
            assert server.documents["leases", KEY]["metadata"]["labels"] == {"team": "platform"}

    run_virtual(main())


def test_the_second_waits_while_the_first_renews():
    async def main():
        server = FakeServer()
        first, second = Replica(server, "first"), Replica(server, "second")
        async with running(first, second):
            await asyncio.sleep(3600)
            assert first.leads
            assert second.led == []
            assert second.elector.leader == "first"

    run_virtual(main())


def test_a_leader_that_ends_lets_go_and_the_next_need_not_wait_for_the_lease_to_expire():
    async def main():
        server = FakeServer()
        first, second = Replica(server, "first"), Replica(server, "second")
        async with running(first, second) as (leading, _):
            await asyncio.sleep(100)
            leading.cancel()
            await asyncio.sleep(5)
            assert not first.leads
            assert second.leads
            assert lease(server)["holderIdentity"] == "second"
            assert lease(server)["leaseTransitions"] == 1

    run_virtual(main())


def test_the_lease_is_free_only_after_main_has_ended():
    async def main():
        server = FakeServer()
        replica = Replica(server, "first")
        holders = []

        async def slow_to_end():
            try:
                await asyncio.sleep(1e6)
            finally:
                await asyncio.sleep(3)
                holders.append(lease(server)["holderIdentity"])

        replica.main = slow_to_end
        async with running(replica):
            pass
        assert holders == ["first"]
        assert lease(server)["holderIdentity"] == ""

    run_virtual(main())


def test_a_main_that_is_finished_gives_the_lease_up():
    async def main():
        server = FakeServer()
        await Replica(server, "first", work_seconds=30).run()
        assert now() == pytest.approx(30)
        assert lease(server)["holderIdentity"] == ""

    run_virtual(main())


def test_a_leader_that_dies_is_followed_when_its_lease_has_not_changed_for_its_duration():
    async def main():
        server = FakeServer()
        first, second = Replica(server, "first"), Replica(server, "second")
        async with running(first):
            await asyncio.sleep(50)
        lease(server).update(holderIdentity="first", leaseDurationSeconds=15)  # as if it had died without a word
        died_at = now()
        async with running(second):
            await asyncio.sleep(14.9)
            assert second.led == []
            await asyncio.sleep(5)
            assert second.leads
            assert second.led[0][1] > died_at + 15

    run_virtual(main())


def test_a_leaders_wrong_clock_does_not_matter():
    async def main():
        server = FakeServer()
        await server.create(LEASES, manifest_of("other", renew_time="1999-01-01T00:00:00.000000Z"))
        second = Replica(server, "second")
        async with running(second):
            await asyncio.sleep(14)
            assert second.led == []

    run_virtual(main())


def manifest_of(holder, *, renew_time):
    spec = {"holderIdentity": holder, "leaseDurationSeconds": 15, "renewTime": renew_time, "leaseTransitions": 4}
    return {"metadata": {"name": KEY.name, "namespace": KEY.namespace}, "spec": spec}


def fail_everything(server):
    for failures in server.failures.values():
        failures.extend(failure() for _ in range(100))


def hang_everything(server):
    server.hang.update(server.failures)


def give_it_to_another(server):
    server.documents["leases", KEY]["spec"]["holderIdentity"] = "usurper"
    server.documents["leases", KEY]["metadata"]["resourceVersion"] = "999"


@pytest.mark.parametrize(
    ("happens", "ended_at"),
    [
        pytest.param(fail_everything, 30, id="no renewal succeeds: 10 s after the last one"),
        pytest.param(hang_everything, 30, id="no answer comes: 10 s after the last one"),
        pytest.param(give_it_to_another, 22, id="another holds it: at the next renewal"),
    ],
)
def test_a_leader_that_cannot_keep_the_lease_stops_what_it_leads_and_says_so(happens, ended_at):
    async def main():
        server = FakeServer()
        replica = Replica(server, "first")
        asyncio.get_running_loop().call_later(20.5, happens, server)
        with pytest.raises(LeadershipLostError):
            await replica.run()
        assert replica.led == [("began", 0), ("ended", pytest.approx(ended_at))]
        assert replica.status == 0

    run_virtual(main())


def test_a_short_outage_is_survived():
    async def main():
        server = FakeServer()
        replica = Replica(server, "first")
        async with running(replica):
            server.failures["get"].extend(failure() for _ in range(3))
            await asyncio.sleep(60)
            assert replica.leads

    run_virtual(main())


def test_a_lease_that_someone_deleted_is_made_anew():
    async def main():
        server = FakeServer()
        replica = Replica(server, "first")
        async with running(replica):
            del server.documents["leases", KEY]
            await asyncio.sleep(3)
            assert replica.leads
            assert lease(server)["holderIdentity"] == "first"

    run_virtual(main())


def test_two_that_start_at_once_agree_on_one():
    async def main():
        server = FakeServer()
        replicas = [Replica(server, name) for name in ("a", "bb", "ccc")]
        async with running(*replicas):
            await asyncio.sleep(30)
            assert [replica.leads for replica in replicas].count(True) == 1

    run_virtual(main())


def test_what_main_raises_is_raised_and_the_lease_given_up():
    async def main():
        server = FakeServer()
        replica = Replica(server, "first")

        async def broken():
            raise failure(ErrorKind.FORBIDDEN, "no")

        with pytest.raises(type(failure()), match="forbidden"):
            await replica.elector.run(broken)
        assert lease(server)["holderIdentity"] == ""

    run_virtual(main())


def test_a_renewal_deadline_after_the_lease_is_refused():
    with pytest.raises(ValueError, match="outlast"):
        LeaderElector(FakeServer(), Clock.virtual(), KEY, "a", lease_seconds=10, renew_seconds=10)
