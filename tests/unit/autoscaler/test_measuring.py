"""One round of questions for all policies, whatever single ones of them ask."""

import asyncio

import msgspec
import pytest

from kubewright.api.core import Pod
from kubewright.autoscaler.batching import LABEL
from kubewright.autoscaler.measuring import MOST_ALONE, Measuring
from kubewright.autoscaler.readings import Needs, Readings
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.scaling.podset import PodSet
from kubewright.series.protocol import Expression, Missing, PodQuery, Sample, Signal, Vector, Why

POD = PodSet([msgspec.convert({"metadata": {"name": "p", "namespace": "n"}}, Pod)])


class Store:
    """Answers each part of a question with 1, and refuses a question with something bad in it."""

    def __init__(self, bad=(), down=False):
        self.bad, self.down, self.asked = set(bad), down, []

    async def instant(self, query):
        self.asked.append(query)
        if self.down:
            return Missing(Why.UNAVAILABLE, "refused")
        now = Clock.virtual().now()
        if isinstance(query, PodQuery):
            labels = {"namespace": "n", "pod": "p"}
            return Vector((Sample(labels, 2.5, now),))
        if any(each in query.promql for each in self.bad):
            return Missing(Why.INVALID, "bad_data")
        parts = query.promql.count("label_replace")
        labels = [{LABEL: str(index)} for index in range(parts)] if parts else [{}]
        return Vector(tuple(Sample(each, 1.0, now) for each in labels))

    async def range(self, query, span):
        raise NotImplementedError


class Cluster:
    """One whose metrics.k8s.io is not there."""

    async def list(self, resource, **_):
        raise OpError("client.list", ErrorKind.NOT_FOUND, resource.kind, "the server could not find it")


def measured(store, needs, rounds=1, then=lambda _: None):
    async def run():
        measuring = Measuring(Cluster(), Clock.virtual(), store, lambda: needs)
        found = Readings()
        for number in range(rounds):
            found = await measuring.readings(needs)
            if number < rounds - 1:
                then(number)
                await asyncio.sleep(15)
        return found

    return run_virtual(run())


def queries(*texts):
    return Needs(queries=frozenset(texts))


def test_a_thousand_queries_are_a_few_questions():
    store = Store()
    found = measured(store, queries(*(f"q{number:04}" for number in range(1000))))
    assert len(store.asked) == 20
    assert {found.number(f"q{number:04}") for number in range(1000)} == {1.0}


def test_a_bad_query_is_found_and_hurts_nobody_and_is_asked_alone_from_then_on():
    store = Store({"q07"})
    needs = queries(*(f"q{number:02}" for number in range(50)))
    counts = []
    found = measured(store, needs, rounds=3, then=lambda _: counts.append(len(store.asked)))
    first, second = counts[0], counts[1] - counts[0]
    assert first > 2 == second
    assert found.number("q07").why is Why.INVALID
    assert found.number("q08") == 1.0


def test_however_many_are_bad_a_round_has_an_end():
    store = Store({"q"})
    needs = queries(*(f"q{number:04}" for number in range(2000)))
    counts = []
    found = measured(store, needs, rounds=3, then=lambda _: counts.append(len(store.asked)))
    assert len(store.asked) < 3 * (2000 // 50 + 2 * 64 + MOST_ALONE + 1)
    assert all(found.number(f"q{number:04}").why is Why.INVALID for number in range(2000))


def test_a_store_that_is_down_is_asked_no_more_than_one_that_is_not():
    store = Store(down=True)
    found = measured(store, queries("a", "b"))
    assert len(store.asked) == 1
    assert found.number("a").why is Why.UNAVAILABLE


def test_without_metrics_server_the_store_tells_of_cpu():
    store = Store()
    found = measured(store, Needs(frozenset({Signal.CPU, Signal.REQUESTS}), frozenset(), frozenset({"n"})))
    assert [query.signal for query in store.asked] == [Signal.CPU, Signal.REQUESTS]
    assert {query.namespace for query in store.asked} == {"n"}
    assert found.signal(Signal.CPU, POD)["p"].amount == 2500


def test_with_neither_it_is_said_what_is_missing():
    found = measured(None, Needs(frozenset({Signal.CPU}), frozenset({"a"}), frozenset({"n"})))
    assert found.resource("cpu", "", ()).why is Why.UNSUPPORTED
    assert "--prometheus" in str(found.number("a"))


def test_turns_of_one_moment_share_a_round_and_a_new_need_makes_another():
    async def run():
        store, needs = Store(), queries("a")
        measuring = Measuring(Cluster(), Clock.virtual(), store, lambda: needs)
        await asyncio.gather(*(measuring.readings(needs) for _ in range(10)))
        assert len(store.asked) == 1
        found = await measuring.readings(queries("b"))
        assert found.number("b") == 1.0
        assert store.asked[-1] != Expression("a")
        assert len(store.asked) == 2

    run_virtual(run())


@pytest.mark.parametrize("apart", [-3600, 3600])
def test_what_speaks_of_another_time_counts_as_missing(apart):
    class Skewed(Store):
        async def instant(self, query):
            found = await super().instant(query)
            return Vector(tuple(Sample(each.labels, each.value, each.at + apart) for each in found.samples))

    found = measured(Skewed(), Needs(frozenset({Signal.GPU}), frozenset({"a"}), frozenset({"n"})))
    assert found.number("a").why is Why.STALE
    assert found.signal(Signal.GPU, ()).why is Why.STALE
