"""What containers used before anybody measured: of whom it is asked, when, how often, and what counts twice."""

import math
import re

import msgspec
import pytest

from kubewright.api.core import Pod
from kubewright.api.workload import Workload
from kubewright.scaling.sizing import BYTES, CORES, DAY_SECONDS, Recommendation
from kubewright.series.promql import Vocabulary
from kubewright.series.protocol import CONTAINER, Missing, PodQuery, Sample, Series, Signal, Vector, Why
from kubewright.sizing.book import Book
from kubewright.sizing.history import WORKLOADS_AT_ONCE, History

NOW = 1_800_000_000.0
DOWN = Missing(Why.UNAVAILABLE, "connection refused")
AT_FIRST, LATER = 8 * 6 + 8, 8 * 2 + 4


class Store:
    """A store in which one pod of each workload used a third of a core, and 300 MB, for as long as it remembers."""

    def __init__(self, *workloads, days=8.0):
        self.workloads, self.days = workloads, days
        self.asked = []
        self.refusing = {}

    async def range(self, query, span):
        self.asked.append((query, span))
        if (refusal := self.refusing.get(len(self.asked)) or self.refusing.get(query.signal)) is not None:
            return refusal
        times = [span.start + n * span.step_seconds for n in range(round((span.end - span.start) / span.step_seconds))]
        value = 0.3 if query.signal is Signal.CONTAINER_CPU else 3e8
        points = tuple((at, value) for at in (*times, span.end) if at > NOW - self.days * DAY_SECONDS)
        names = [f"{each.name}-7d9f8c6b5-x2x4z" for each in self.workloads]
        labels = [{"namespace": "default", "pod": name, CONTAINER: "main"} for name in names]
        return tuple(Series(each, points) for each in labels) if points else Missing(Why.NO_DATA)


class Still:
    def now(self):
        return NOW


def deployment(name="web", namespace="default"):
    return Workload(namespace, "Deployment", name)


@pytest.fixture
def pods():
    return {}


@pytest.fixture
def book(pods):
    return Book(pods.get)


def days(book, workload, resource=CORES):
    return book.days(workload, "main", resource)


async def test_at_first_all_are_asked_about_in_pieces_and_nobody_again(book):
    web, db = deployment(), deployment("db")
    store = Store(web, db)
    history = History(Still(), store, book)
    await history.of_all({web, db})
    assert len(store.asked) == AT_FIRST
    assert {query.names for query, _ in store.asked} == {""}
    assert [days(book, each, of) for each in (web, db) for of in (CORES, BYTES)] == pytest.approx([8.0] * 4)
    await history.of_later({web, db}, answers=True)
    assert len(store.asked) == AT_FIRST


async def test_one_that_comes_later_is_asked_about_by_its_pods_names_in_few_questions(book):
    web, late = deployment(), deployment("late.1")
    store = Store(web, late, deployment("other"))
    history = History(Still(), store, book)
    await history.of_all({web})
    before = days(book, web)
    await history.of_later({web, late}, answers=True)
    assert len(store.asked) == AT_FIRST + LATER
    query, _ = store.asked[-1]
    assert query.namespace == "default"
    assert re.fullmatch(query.names, "late.1-7d9f8c6b5-x2x4z")
    assert not re.fullmatch(query.names, "lateX1-7d9f8c6b5-x2x4z")
    assert (days(book, late), days(book, late, BYTES)) == pytest.approx((8.0, 8.0))
    assert days(book, web) == before
    assert not book.knows(deployment("other"))
    assert isinstance(book.advise(late, "main", CORES, NOW), Recommendation)


async def test_many_that_come_at_once_wait_for_their_turn(book):
    many = {deployment(f"app-{number}", f"team-{number % 2}") for number in range(WORKLOADS_AT_ONCE + 1)}
    store = Store()
    history = History(Still(), store, book)
    await history.of_later(many, answers=True)
    assert len(store.asked) == LATER
    assert store.asked[0][0].namespace == ""
    await history.of_later(many, answers=True)
    await history.of_later(many, answers=True)
    assert len(store.asked) == 2 * LATER


async def test_what_was_measured_since_counts_once(book, pods):
    web = deployment()
    labels = {"pod-template-hash": "7d9f8c6b5"}
    owner = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": "web-7d9f8c6b5", "uid": "u", "controller": True}
    metadata = {"name": "web-7d9f8c6b5-x2x4z", "namespace": "default", "labels": labels, "ownerReferences": [owner]}
    pod = msgspec.convert({"metadata": metadata}, Pod)
    pods[pod.key] = pod
    of_pod = {"namespace": "default", "pod": pod.metadata.name, CONTAINER: "main"}
    for ago in range(600, -1, -60):
        book.take(CORES, Vector((Sample(of_pod, 0.3, NOW - ago),)), 60.0)
    assert book.since(web) == NOW - 660
    await History(Still(), Store(web, days=1.0), book).of_later({web}, answers=True)
    [use] = book._uses[web].values()
    assert use.covered_seconds[CORES] == pytest.approx(DAY_SECONDS, abs=120)
    assert book.since(deployment("other")) == math.inf


async def test_a_store_that_is_down_is_asked_on_from_there(book):
    web = deployment()
    store = Store(web)
    store.refusing = {3: DOWN, 4: DOWN}
    history = History(Still(), store, book)
    await history.of_all({web})
    assert len(store.asked) == 3
    await history.of_later({web}, answers=False)
    assert len(store.asked) == 4
    await history.of_later({web}, answers=True)
    assert len(store.asked) == AT_FIRST + 2
    assert days(book, web) == pytest.approx(8.0)


async def test_a_question_that_alone_is_not_answered_is_given_up_and_the_others_are_not(book):
    web = deployment()
    store = Store(web)
    store.refusing = dict.fromkeys((2, 3, 4, 5), DOWN)
    history = History(Still(), store, book)
    await history.of_all({web})
    for _ in range(4):
        await history.of_later({web}, answers=True)
    assert len({span for _, span in store.asked[1:5]}) == 1
    assert len(store.asked) == AT_FIRST + 3
    assert 7.8 < days(book, web) < 8.0


async def test_a_source_that_keeps_no_history_is_asked_once_for_each(book):
    store = Store()
    store.refusing = dict.fromkeys((Signal.CONTAINER_CPU, Signal.CONTAINER_MEMORY), Missing(Why.UNSUPPORTED))
    history = History(Still(), store, book)
    await history.of_all({deployment()})
    assert len(store.asked) == 2
    await history.of_later({deployment()}, answers=True)
    assert len(store.asked) == 2


def test_names_narrow_what_is_asked_of_a_store():
    query = PodQuery(Signal.CONTAINER_CPU, 60.0, "shop", r"web\-[0-9]+")
    assert r',namespace="shop",pod=~"web\\-[0-9]+"}[60s]' in Vocabulary().promql(query)
    gpu = Vocabulary().promql(PodQuery(Signal.GPU, names="a"))
    assert ',exported_pod=~"a"' in gpu
    assert ',pod=~"a"' in gpu
