import asyncio
import contextlib

import pytest
from prometheus_client import CollectorRegistry

from kubewright.api.meta import KubeObject, ObjectKey, ObjectMeta, Resource
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind
from kubewright.runtime.events import EventRecorder, announce_undecodable
from kubewright.runtime.informer import Informer
from kubewright.runtime.metrics import RuntimeMetrics
from tests.unit.runtime.fake_server import THINGS, FakeServer, Thing, failure

NODES = Resource("", "v1", "nodes", "Node", KubeObject, namespaced=False)


def thing(name="a", namespace="ns"):
    return Thing(metadata=ObjectMeta(name=name, namespace=namespace, uid=f"uid-{name}", resource_version="7"))


@contextlib.asynccontextmanager
async def recording(server, registry=None):
    recorder = EventRecorder(server, Clock.virtual(), "tester", metrics=RuntimeMetrics(registry))
    async with asyncio.TaskGroup() as group:
        running = group.create_task(recorder.run())
        yield recorder
        running.cancel()


def events_of(server):
    return [document for (plural, _), document in server.documents.items() if plural == "events"]


def dropped(registry, reason):
    return registry.get_sample_value("kubewright_events_dropped_total", {"component": "tester", "reason": reason})


def test_an_event_says_what_happened_to_what_and_when():
    async def main():
        server = FakeServer()
        async with recording(server) as recorder:
            await asyncio.sleep(60)
            recorder.record(thing(), THINGS, "Warning", "Broken", "it broke")
            await asyncio.sleep(1)
        (event,) = events_of(server)
        name = event["metadata"].pop("name")
        assert name.startswith("a.")
        assert int(name.removeprefix("a."), 16) > 0
        assert event["metadata"]["namespace"] == "ns"
        del event["metadata"]
        assert event == {
            "apiVersion": "v1",
            "kind": "Event",
            "involvedObject": {
                "apiVersion": "example.com/v1",
                "kind": "Thing",
                "namespace": "ns",
                "name": "a",
                "uid": "uid-a",
                "resourceVersion": "7",
            },
            "type": "Warning",
            "reason": "Broken",
            "message": "it broke",
            "count": 1,
            "firstTimestamp": "2030-01-01T00:01:00Z",
            "lastTimestamp": "2030-01-01T00:01:00Z",
            "source": {"component": "tester"},
            "reportingComponent": "tester",
            "reportingInstance": "",
        }

    run_virtual(main())


def test_the_same_again_counts_up_and_moves_the_last_time_only():
    async def main():
        server = FakeServer()
        async with recording(server) as recorder:
            for _ in range(3):
                recorder.record(thing(), THINGS, "Warning", "Broken", "it broke")
                await asyncio.sleep(60)
        (event,) = events_of(server)
        assert event["count"] == 3
        assert event["firstTimestamp"] == "2030-01-01T00:00:00Z"
        assert event["lastTimestamp"] == "2030-01-01T00:02:00Z"
        assert server.calls == ["create", "patch", "patch"]

    run_virtual(main())


def test_an_event_that_has_expired_meanwhile_is_written_anew():
    async def main():
        server = FakeServer()
        async with recording(server) as recorder:
            recorder.record(thing(), THINGS, "Warning", "Broken", "it broke")
            await asyncio.sleep(3600)
            server.documents.clear()
            recorder.record(thing(), THINGS, "Warning", "Broken", "it broke")
            await asyncio.sleep(1)
        (event,) = events_of(server)
        assert event["count"] == 2

    run_virtual(main())


def test_two_different_events_about_one_object_at_one_instant_both_stay():
    async def main():
        server = FakeServer()
        async with recording(server) as recorder:
            recorder.record(thing(), THINGS, "Normal", "Started", "it started")
            recorder.record(thing(), THINGS, "Normal", "Ready", "it is ready")
            await asyncio.sleep(1)
        assert [event["reason"] for event in events_of(server)] == ["Started", "Ready"]
        assert server.calls.count("create") == len(events_of(server))

    run_virtual(main())


def test_events_of_two_components_at_one_instant_both_stay():
    async def main():
        server = FakeServer()
        async with recording(server) as one, recording(server) as other:
            one.record(thing(), THINGS, "Normal", "Started", "it started")
            other.record(thing(), THINGS, "Normal", "Ready", "it is ready")
            await asyncio.sleep(1)
        assert {event["reason"] for event in events_of(server)} == {"Started", "Ready"}

    run_virtual(main())


def test_an_event_about_a_cluster_scoped_object_is_kept_in_default():
    async def main():
        server = FakeServer()
        async with recording(server) as recorder:
            recorder.record(thing("node-1", namespace=""), NODES, "Normal", "Ready", "it is ready")
            await asyncio.sleep(1)
        (event,) = events_of(server)
        assert event["metadata"]["namespace"] == "default"
        assert "namespace" not in event["involvedObject"]

    run_virtual(main())


def test_a_long_name_and_a_long_message_are_cut_to_what_the_server_takes():
    async def main():
        server = FakeServer()
        async with recording(server) as recorder:
            recorder.record(thing("n" * 253), THINGS, "Normal", "Long", "m" * 5000)
            await asyncio.sleep(1)
        (event,) = events_of(server)
        assert len(event["metadata"]["name"]) <= 253
        assert len(event["message"]) == 1024

    run_virtual(main())


def test_a_server_that_is_away_for_a_while_gets_the_event_later():
    async def main():
        server = FakeServer()
        server.failures["create"].extend(failure() for _ in range(4))
        async with recording(server) as recorder:
            recorder.record(thing(), THINGS, "Normal", "Ready", "it is ready")
            await asyncio.sleep(60)
        assert len(events_of(server)) == 1

    run_virtual(main())


@pytest.mark.parametrize(
    ("failures", "calls"),
    [
        pytest.param([ErrorKind.UNAVAILABLE] * 20, 5, id="a server that stays away"),
        pytest.param([ErrorKind.FORBIDDEN], 1, id="a server that refuses, at once"),
    ],
)
def test_an_event_that_cannot_be_written_is_dropped_and_counted_and_the_next_is_tried(failures, calls):
    async def main():
        server, registry = FakeServer(), CollectorRegistry()
        server.failures["create"].extend(failure(kind) for kind in failures)
        async with recording(server, registry) as recorder:
            recorder.record(thing(), THINGS, "Normal", "First", "one")
            await asyncio.sleep(300)
            assert server.calls == ["create"] * calls
            server.failures["create"].clear()
            recorder.record(thing(), THINGS, "Normal", "Second", "two")
            await asyncio.sleep(1)
        assert [event["reason"] for event in events_of(server)] == ["Second"]
        assert dropped(registry, "not written") == 1

    run_virtual(main())


def test_recording_never_waits_and_a_full_queue_drops_the_newest():
    async def main():
        server, registry = FakeServer(), CollectorRegistry()
        server.hang.add("create")
        async with recording(server, registry) as recorder:
            for number in range(1500):
                recorder.record(thing(f"thing-{number}"), THINGS, "Normal", "Ready", "it is ready")
            assert dropped(registry, "queue full") == 500
            await asyncio.sleep(1)

    run_virtual(main())


def test_what_is_over_an_objects_budget_is_not_sent():
    async def main():
        server, registry = FakeServer(), CollectorRegistry()
        async with recording(server, registry) as recorder:
            for _ in range(40):
                recorder.record(thing(), THINGS, "Warning", "Broken", "it broke")
            await asyncio.sleep(1)
        assert len(server.calls) == 25
        assert dropped(registry, "rate limit") == 15

    run_virtual(main())


def test_an_object_that_does_not_decode_is_announced():
    async def main():
        server = FakeServer()
        server.put("bad", "not a number")
        informer = Informer(server, THINGS)
        async with recording(server) as recorder, asyncio.TaskGroup() as group:
            announce_undecodable(informer, recorder)
            following = group.create_task(informer.run())
            await asyncio.sleep(1)
            following.cancel()
        (event,) = events_of(server)
        assert (event["type"], event["reason"]) == ("Warning", "Undecodable")
        assert event["involvedObject"]["name"] == "bad"
        assert "spec" in event["message"]

    run_virtual(main())


def test_the_recorder_takes_a_key_where_there_is_no_object():
    async def main():
        server = FakeServer()
        async with recording(server) as recorder:
            recorder.record(ObjectKey("ns", "gone"), THINGS, "Normal", "Deleted", "it is gone")
            await asyncio.sleep(1)
        (event,) = events_of(server)
        assert "uid" not in event["involvedObject"]

    run_virtual(main())


def test_events_wait_for_more_urgent_requests_but_not_in_any_number():
    async def main():
        server = FakeServer()
        async with recording(server) as recorder:
            busy = True
            recorder.defer_while(lambda: busy)
            for number in range(600):
                recorder.record(thing(f"a{number}"), THINGS, "Normal", "Seen", "seen")
            await asyncio.sleep(60)
            assert len(events_of(server)) == 100
            busy = False
            await asyncio.sleep(1)
            assert len(events_of(server)) == 600

    run_virtual(main())
