import pytest
from hypothesis import given
from hypothesis import strategies as st

from kubewright.api.core import Pod, PodSpec
from kubewright.api.meta import ObjectMeta
from kubewright.placement.diagnosis import Diagnosis, Refusal
from kubewright.scheduler.news import CLAIMS, News, helps, refusers
from kubewright.scheduler.queue import SchedulingQueue

ROOM = frozenset({"NodeResourcesFit"})


def pod(name, priority=0, uid="", labels=None, **spec):
    return Pod(
        metadata=ObjectMeta(name=name, namespace="ns", uid=uid or name, labels=labels or {}),
        spec=PodSpec(priority=priority, **spec),
    )


@pytest.fixture
def queue():
    return SchedulingQueue()


def names(queue, now=0.0):
    found = []
    while (queued := queue.pop(now)) is not None:
        found.append(queued.key.name)
    return found


def refused(queue, name, now=0.0, by=ROOM, **options):
    queue.add(pod(name, **options), now)
    queued = queue.pop(now)
    queue.wait_for(queued, by, now)
    return queued


class TestOrder:
    def test_the_higher_priority_goes_first_and_then_whoever_came_first(self, queue):
        for at, (name, priority) in enumerate([("a", 0), ("b", 5), ("c", 0), ("d", 5)]):
            queue.add(pod(name, priority), float(at))
        assert names(queue) == ["b", "d", "a", "c"]

    def test_a_pod_is_in_it_once(self, queue):
        queue.add(pod("a"), 0.0)
        queue.add(pod("a", labels={"x": "y"}), 1.0)
        queued = queue.pop(1.0)
        assert queued.pod.metadata.labels == {"x": "y"}
        assert queue.pop(1.0) is None

    def test_one_that_was_removed_does_not_come(self, queue):
        queue.add(pod("a"), 0.0)
        queue.remove(pod("a").key)
        assert queue.pop(0.0) is None
        assert pod("a").key not in queue

    def test_its_namesake_begins_anew(self, queue):
        refused(queue, "a")
        queue.add(pod("a", uid="other"), 5.0)
        queued = queue.pop(5.0)
        assert (queued.attempts, queued.first_seen_at) == (0, 5.0)

    def test_gates_keep_a_pod_out_until_they_are_gone(self, queue):
        queue.add(pod("a", scheduling_gates=({"name": "g"},)), 0.0)
        assert queue.pop(0.0) is None
        assert queue.counts()["gated"] == 1
        queue.add(pod("a"), 1.0)
        assert names(queue, 1.0) == ["a"]
        assert queue.counts()["gated"] == 0


class TestWaiting:
    def test_who_fits_nowhere_waits_for_news_that_help(self, queue):
        refused(queue, "a")
        queue.tell(News.STORAGE)
        assert queue.pop(100.0) is None
        queue.tell(News.POD_GONE)
        assert names(queue, 100.0) == ["a"]

    def test_a_flood_of_news_wakes_once(self, queue):
        queued = refused(queue, "a")
        for _ in range(1000):
            queue.tell(News.POD_GONE)
        assert queue.pop(100.0) is queued
        queue.wait_for(queued, ROOM, 100.0)
        assert queue.pop(200.0) is None

    def test_five_minutes_without_news_are_enough(self, queue):
        refused(queue, "a")
        queue.flush(299.0)
        assert queue.pop(299.0) is None
        queue.flush(300.0)
        assert names(queue, 300.0) == ["a"]

    def test_a_change_of_its_own_is_news(self, queue):
        refused(queue, "a")
        queue.add(pod("a", labels={"x": "y"}), 20.0)
        assert names(queue, 20.0) == ["a"]

    def test_a_change_of_its_status_is_none(self, queue):
        queued = refused(queue, "a")
        queue.add(queued.pod, 20.0)
        assert queue.pop(20.0) is None

    def test_what_came_while_it_had_its_turn_is_not_lost_to_others(self, queue):
        refused(queue, "a")
        queue.add(pod("b"), 1.0)
        queue.tell(News.NODE)
        assert set(names(queue, 50.0)) == {"a", "b"}


class TestBackoff:
    def test_it_doubles_up_to_ten_seconds(self, queue):
        queue.add(pod("a"), 0.0)
        now, waits = 0.0, []
        for _ in range(6):
            queued = queue.pop(now)
            queue.back_off(queued, now)
            waits.append(queue.next_at() - now)
            now = queue.next_at()
        assert waits == [1.0, 2.0, 4.0, 8.0, 10.0, 10.0]

    def test_after_an_error_nobody_is_tried_early(self, queue):
        queue.add(pod("a"), 0.0)
        queue.back_off(queue.pop(0.0), 0.0)
        assert queue.pop(0.9) is None
        assert names(queue, 1.0) == ["a"]

    def test_who_has_news_is_tried_early_if_nobody_else_waits(self, queue):
        refused(queue, "a")
        queue.add(pod("b"), 0.1)
        queue.tell(News.NODE)
        assert names(queue, 0.1) == ["b", "a"]

    def test_who_was_removed_meanwhile_does_not_come_back(self, queue):
        queue.add(pod("a"), 0.0)
        queued = queue.pop(0.0)
        queue.remove(queued.key)
        queue.back_off(queued, 0.0)
        assert queue.next_at() is None
        assert sum(queue.counts().values()) == 0


class TestNews:
    @pytest.mark.parametrize(
        ("refused_by", "news", "expected"),
        [
            ({"NodeResourcesFit"}, News.POD_GONE, True),
            ({"NodeResourcesFit"}, News.POD_PLACED, False),
            ({"NodeAffinity"}, News.POD_GONE, False),
            ({"NodeAffinity", "NodePorts"}, News.POD_GONE, True),
            ({"InterPodAffinity"}, News.POD_PLACED, True),
            ({"InterPodAffinity"}, News.NAMESPACE, True),
            ({"VolumeBinding"}, News.STORAGE, True),
            ({CLAIMS}, News.NODE, False),
            ({"SomebodysOwn"}, News.NAMESPACE, True),
        ],
    )
    def test_what_helps_against_what(self, refused_by, news, expected):
        assert helps({news}, refused_by) is expected

    def test_who_refused_is_read_off_the_diagnosis(self):
        found = refusers(Diagnosis(2, (Refusal("NodePorts", 1, ()), Refusal("NodeAffinity", 1, ()))))
        assert found == {"NodePorts", "NodeAffinity"}
        assert refusers(Diagnosis(2, problem="unbound")) == {CLAIMS}
        assert helps({News.NODE}, refusers(Diagnosis(0)))


@given(st.lists(st.tuples(st.sampled_from(["add", "pop", "wait", "back", "news", "remove"]), st.integers(0, 5))))
def test_every_pod_is_in_exactly_one_place(steps):
    queue, now, taken = SchedulingQueue(), 0.0, []
    for what, number in steps:
        now += 0.7
        match what:
            case "add":
                queue.add(pod(f"p{number}", number % 3), now)
            case "pop":
                taken += [queued] if (queued := queue.pop(now)) is not None else []
            case "wait" if taken:
                queue.wait_for(taken.pop(), ROOM, now)
            case "back" if taken:
                queue.back_off(taken.pop(), now)
            case "news":
                queue.tell(News.POD_GONE)
            case "remove":
                queue.remove(pod(f"p{number}").key)
        inside = {queued.key for queued in queue.pending()}
        out = {queued.key for queued in taken if any(queued is each for each in queue.pending())}
        assert sum(queue.counts().values()) == len(inside) - len(out)
    queue.tell(News.POD_GONE)
    for queued in taken:
        queue.back_off(queued, now)
    left = {queued.key for queued in queue.pending()}
    found = names(queue, now + 1000.0)
    assert sorted(found) == sorted(key.name for key in left)
