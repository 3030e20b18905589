"""The audit log on a twin: one chain for all who write, whatever happens between."""

import asyncio

import pytest

from kubewright.api.crds import all_crds
from kubewright.api.crds.auditrecord import AUDIT_RECORDS
from kubewright.audit.chain import verify
from kubewright.audit.entries import entry
from kubewright.audit.files import read_cluster, read_records, write_records
from kubewright.audit.log import AuditLog, prune
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
            await asyncio.sleep(300)
            assert log.settled
            running.cancel()
        return await read_cluster(twin.client())

    records = on_twin(case)
    assert verify(records).findings == ()
    assert written(records) == ["Node/n0", "Node/n1", "Node/n2"]


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
