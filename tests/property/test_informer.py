"""Whatever happens on the way, once it stops the informer's index and what its handlers were told equal the server."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubewright.clock import run_virtual
from kubewright.errors import ErrorKind
from kubewright.runtime.informer import Informer
from tests.unit.runtime.fake_server import THINGS, FakeServer, failure, seeded

names = st.sampled_from("abcd")
errors = st.sampled_from([ErrorKind.UNAVAILABLE, ErrorKind.TIMEOUT, ErrorKind.EXPIRED, ErrorKind.FORBIDDEN])
changes = st.one_of(
    st.tuples(st.just("put"), names, st.integers(0, 3)),
    st.tuples(st.just("remove"), names),
    st.tuples(st.just("break object"), names),
)
steps = st.one_of(
    changes,
    st.tuples(st.just("gap"), st.lists(changes, min_size=1, max_size=4)),
    st.tuples(st.just("compact")),
    st.tuples(st.just("end watches")),
    st.tuples(st.just("fail watches"), errors),
    st.tuples(st.just("refuse"), st.sampled_from(["list", "watch"]), errors, st.integers(1, 3)),
    st.tuples(st.just("freeze")),
    st.tuples(st.just("thaw")),
    st.tuples(st.just("wait"), st.sampled_from([0.0, 0.01, 1.0, 20.0, 700.0])),
)


async def do(server, step):  # noqa: C901  a table
    match step:
        case ("put", name, value):
            server.put(name, value)
        case ("break object", name):
            server.put(name, "does not decode")
        case ("remove", name):
            server.remove(name)
        case ("gap", unseen):
            await asyncio.sleep(5)
            server.freeze()
            for change in unseen:
                await do(server, change)
            server.compact()
            server.freeze(frozen=False)
        case ("compact",):
            server.compact()
        case ("end watches",):
            server.end_watches()
        case ("fail watches", kind):
            server.end_watches(failure(kind))
        case ("refuse", verb, kind, times):
            server.failures[verb].extend(failure(kind) for _ in range(times))
        case ("freeze",):
            server.freeze()
        case ("thaw",):
            server.freeze(frozen=False)
        case ("wait", seconds):
            await asyncio.sleep(seconds)


class Told:
    """What a handler knows from changes alone; each must fit what it was told before."""

    def __init__(self):
        self.objects = {}

    def __call__(self, change):
        known = self.objects.pop(change.key, None)
        assert (known is None) == (change.old is None)
        assert known is None or known.metadata.uid == change.old.metadata.uid
        assert change.new is None or known != change.new
        if change.new is not None:
            self.objects[change.key] = change.new


@pytest.mark.parametrize("watch_list", [True, False], ids=["by streamed lists", "by paged lists"])
@settings(max_examples=300)
@given(scenario=st.lists(steps, max_size=40), seed=st.integers(0, 3))
def test_the_informer_converges(watch_list, scenario, seed):
    async def main():
        server = FakeServer()
        informer = Informer(server, THINGS, rng=seeded(seed), watch_list=watch_list)
        told = Told()
        failed = []

        def handler(change):
            try:
                told(change)
            except AssertionError:
                failed.append(change)

        informer.add_handler(handler)
        async with asyncio.TaskGroup() as group:
            following = group.create_task(informer.run())
            for step in scenario:
                await do(server, step)
            for verb in ("list", "watch"):
                server.failures[verb].clear()
            server.freeze(frozen=False)
            for key, document in tuple(server.things().items()):
                if document["spec"]["value"] == "does not decode":
                    server.put(key.name, 9)  # mended, so that the two sides can be compared
            await asyncio.sleep(120)  # two times the longest back-off
            following.cancel()
        expected = {key: document["metadata"]["resourceVersion"] for key, document in server.things().items()}
        assert failed == []
        assert {key: informer.index.get(key).metadata.resource_version for key in informer.index} == expected
        assert {key: obj.metadata.resource_version for key, obj in told.objects.items()} == expected
        assert informer.problem == ""

    run_virtual(main())
