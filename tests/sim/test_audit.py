"""The audit log on a twin: one chain for all who write, whatever happens between."""

import asyncio
from contextlib import asynccontextmanager

import pytest
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

from kubewright.api.core import EVENTS
from kubewright.api.crds import all_crds
from kubewright.api.crds.audithead import AUDIT_HEADS, HEAD
from kubewright.api.crds.auditrecord import AUDIT_RECORDS, record_key
from kubewright.app import Choices, Platform
from kubewright.audit.chain import verify
from kubewright.audit.entries import entry
from kubewright.audit.files import read_cluster, read_noted, read_records, write_records
from kubewright.audit.log import MOST_WAITING, AuditLog, Ink
from kubewright.audit.pruning import prune
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.definitions import install
from kubewright.twin.cluster import Twin


class Unreliable:
    """A client whose next creations fail, before or after the server has done them."""

    def __init__(self, inner, failures):
        self.inner, self.failures = inner, failures

    def __getattr__(self, name):
        return getattr(self.inner, name)

    async def create(self, *args, **rest):
        failure = self.failures.pop(0) if self.failures else ""
        if failure == "before":
            raise OpError("client.create", ErrorKind.UNAVAILABLE, "x", "connection refused")
        made = await self.inner.create(*args, **rest)
        if failure == "after":
            raise OpError("client.create", ErrorKind.TIMEOUT, "x", "no answer")
        return made


def on_twin(case, *arguments):
    async def run():
        clock = Clock.virtual()
        async with Twin(clock, nodes=1) as twin:
            await install(twin.client(), all_crds())
            return await case(twin, clock, *arguments)

    return run_virtual(run())


def about(name):
    return entry("service", f"Node/{name}", "a reason")


def written(records):
    return [each["about"] for record in records for each in record.spec["entries"] if each["kind"] != "Intended"]


def test_five_writers_at_once_make_one_chain():
    async def case(twin, clock):
        logs = [AuditLog(twin.client(), clock, f"service-{number}") for number in range(5)]

        async def life(log):
            for number in range(4):
                async with log.doing(about(f"{log.writer}-{number}")):
                    await asyncio.sleep(0.1)
                await log.flush()

        await asyncio.gather(*map(life, logs))
        return await read_cluster(twin.client())

    records = on_twin(case)
    verdict = verify(records)
    assert (verdict.records, verdict.entries, verdict.findings, verdict.open) == (40, 40, (), ())


def test_what_fails_is_written_as_failed_and_what_was_cut_short_stays_open():
    async def case(twin, clock):
        log = AuditLog(twin.client(), clock, "service")
        with pytest.raises(ValueError, match="no room"):
            async with log.doing(about("a")):
                raise ValueError("no room")
        await log.flush()
        cut = await log.intend(about("b"))
        return await read_cluster(twin.client()), cut

    records, cut = on_twin(case)
    outcomes = [(each["kind"], each.get("outcome")) for record in records for each in record.spec["entries"]]
    assert outcomes == [("Intended", None), ("Failed", "no room"), ("Intended", None)]
    assert verify(records).open == (cut,)


@pytest.mark.parametrize("failures", [["before"], ["after"], ["before", "after", "before"]])
def test_nothing_is_lost_or_written_twice_where_the_server_is_away(failures):
    async def case(twin, clock):
        log = AuditLog(Unreliable(twin.client(), list(failures)), clock, "service")
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(log.run())
            for number in range(3):
                log.record(about(f"n{number}"))
            await asyncio.sleep(2.5)
            log.record(about("n3"))
            await asyncio.sleep(300)
            assert log.settled
            running.cancel()
        return await read_cluster(twin.client())

    records = on_twin(case)
    assert verify(records).findings == ()
    assert written(records) == ["Node/n0", "Node/n1", "Node/n2", "Node/n3"]


def test_with_nothing_written_for_long_the_oldest_are_given_up_and_that_is_written():
    async def case(twin, clock):
        log = AuditLog(Unreliable(twin.client(), ["before"]), clock, "service")
        log.record(about("first"))
        with pytest.raises(OpError):
            await log.flush()
        for number in range(MOST_WAITING + 2):
            log.record(about(f"n{number}"))
        await log.flush()
        return [entry for record in await read_cluster(twin.client()) for entry in record.spec["entries"]]

    first, lost, *rest = on_twin(case)
    assert first["about"] == "Node/first"
    assert lost["why"] == "2 entries could not be written and are lost"
    assert [each["about"] for each in rest] == [f"Node/n{number}" for number in range(2, MOST_WAITING + 2)]


def test_nothing_is_done_whose_intention_cannot_be_written():
    async def case(twin, clock):
        log = AuditLog(Unreliable(twin.client(), ["before"]), clock, "service")
        done = False
        with pytest.raises(OpError):
            async with log.doing(about("a")):
                done = True
        return done

    assert on_twin(case) is False


def test_the_rest_is_verifiable_after_pruning_and_the_export_whole(tmp_path):
    async def case(twin, clock):
        sink = tmp_path / "audit.jsonl"
        log = AuditLog(twin.client(), clock, "service", sink=sink)
        for number in range(9):
            log.record(about(f"n{number}"))
            await log.flush()
        write_records(tmp_path / "export.jsonl", await read_cluster(twin.client()))
        assert await prune(log, 4) == 5
        return await read_cluster(twin.client())

    records = on_twin(case)
    assert [each.sequence for each in records] == [6, 7, 8, 9, 10]
    assert verify(records).findings == ()
    assert verify(read_records(tmp_path / "export.jsonl")).records == 9
    assert verify(read_records(tmp_path / "audit.jsonl")).findings == ()
    assert verify(records[1:]).findings, "more is gone than the checkpoint says"
    assert verify(records[:-1]).findings, "without its checkpoint nobody knows what was before"


def test_a_batch_is_one_record():
    async def case(twin, clock):
        log = AuditLog(twin.client(), clock, "service")
        for number in range(250):
            log.record(about(f"n{number}"))
        await log.flush()
        return (await twin.client().list(AUDIT_RECORDS)).items

    assert [len(each.spec.entries) for each in on_twin(case)] == [100, 100, 50]


KEY = Ed25519PrivateKey.generate()


@asynccontextmanager
async def kept(twin, clock, count=9, **choices):
    """Have the service `audit` look after the log; gives a log whose records are there already, signed."""
    log = Ink(KEY).log(twin.client(), clock, "service")
    for number in range(count):
        log.record(about(f"n{number}"))
        await log.flush()
    platform = Platform(twin.client(), clock, choices=Choices(services=("audit",), ink=Ink(KEY), **choices))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(platform.run())
        await asyncio.sleep(10)
        yield log
        running.cancel()


async def stands(twin):
    head, _ = await read_noted(twin.client())
    (ready,) = head.status.conditions
    return head.spec.sequence, ready.reason, ready.message


def test_the_oldest_go_into_the_archive_and_the_rest_stays_verifiable_and_signed(tmp_path):
    archive = tmp_path / "archive.jsonl"

    async def case(twin, clock):
        async with kept(twin, clock, 25, audit_keep=4, audit_archive=archive) as log:
            await asyncio.sleep(120)
            log.record(about("late"))
            await log.flush()
            await asyncio.sleep(120)
            head, records = await read_noted(twin.client())
            return records, head, await stands(twin)

    records, head, said = on_twin(case)
    assert [each.sequence for each in records] == list(range(22, 28))
    assert verify(records, key=KEY.public_key(), note=head.spec).findings == ()
    assert said == (27, "Intact", "nothing was changed or removed")
    whole = read_records(archive)
    assert [each.sequence for each in whole] == list(range(1, 28))
    assert verify(whole, key=KEY.public_key()).findings == ()


@pytest.mark.parametrize("rewritten", [False, True])
def test_an_end_that_is_cut_off_is_told_though_the_chain_is_whole_and_then_nothing_is_pruned(rewritten):
    async def case(twin, clock):
        async with kept(twin, clock) as log:
            for place in (8, 9):
                await twin.client().delete(AUDIT_RECORDS, record_key(place))
            if rewritten:
                forger = AuditLog(twin.client(), clock, log.writer)
                for number in range(4):
                    forger.record(about(f"forged-{number}"))
                    await forger.flush()
            await asyncio.sleep(70)
            head, records = await read_noted(twin.client())
            events = (await twin.client().list(EVENTS)).items
            return records, head, await stands(twin), {each.reason for each in events}

    records, head, (place, reason, message), events = on_twin(case)
    assert "Broken" in events
    assert verify(records).findings == (), "by itself the chain is whole"
    assert verify(records, note=head.spec).findings
    assert (place, reason) == (9, "Broken")
    assert ("written anew" if rewritten else "removed: 8 to 9: the end was cut off") in message
    assert records[0].sequence == 1


def test_a_note_is_not_taken_back():
    async def case(twin, clock):
        async with kept(twin, clock):
            with pytest.raises(OpError, match="not taken back"):
                await twin.client().patch(AUDIT_HEADS, HEAD, {"spec": {"sequence": 3, "hash": "x"}})

    on_twin(case)


def test_what_is_in_the_archive_and_not_in_the_cluster_is_told(tmp_path):
    archive = tmp_path / "archive.jsonl"

    async def case(twin, clock):
        async with kept(twin, clock, audit_archive=archive):
            await twin.client().delete(AUDIT_HEADS, HEAD)
            await twin.client().delete(AUDIT_RECORDS, record_key(9))
            await asyncio.sleep(70)
            return (await read_noted(twin.client()))[0], read_records(archive)

    head, archived = on_twin(case)
    assert head is None, "nothing is noted of what is not whole"
    assert len(archived) == 9


def test_an_archive_that_cannot_be_written_keeps_records_in_the_cluster(tmp_path):
    async def case(twin, clock):
        async with kept(twin, clock, 15, audit_keep=2, audit_archive=tmp_path / "nowhere" / "archive.jsonl"):
            await asyncio.sleep(70)
            return await read_cluster(twin.client())

    assert len(on_twin(case)) == 15
