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


def held(queue, name, *victims):
    queue.add(pod(name), 0.0)
    queued = queue.pop(0.0)
    queue.hold(queued, [pod(each).key for each in victims])
    return queued


class TestRoom:
    """A pod for which room is made is tried again once there is room, and not before."""

    def test_it_has_its_turn_when_the_last_of_its_victims_is_gone(self, queue):
        queue.room_made(held(queue, "a", "v", "w"), 0.0, 0.1)
        queue.tell(News.POD_GONE)
        queue.gone(pod("v").key, 0.2)
        assert queue.pop(0.2) is None
        queue.gone(pod("w").key, 0.3)
        assert names(queue, 0.3) == ["a"]

    def test_victims_may_end_before_all_were_asked_to(self, queue):
        queued = held(queue, "a", "v")
        queue.gone(pod("v").key, 0.1)
        assert queue.pop(0.1) is None
        assert queue.counts()["unschedulable"] == 1
        queue.room_made(queued, 0.0, 0.2)
        assert names(queue, 0.2) == ["a"]

    def test_victims_that_take_their_time_are_waited_for_no_longer_than_its_back_off(self, queue):
        queue.room_made(held(queue, "a", "v"), 0.0, 0.1)
        assert queue.next_at() == 1.0
        assert names(queue, 1.0) == ["a"]
        queue.gone(pod("v").key, 1.1)
        assert queue.pop(1.1) is None

    def test_two_may_wait_for_the_end_of_one(self, queue):
        for name in ("a", "b"):
            queue.room_made(held(queue, name, "v"), 0.0, 0.1)
        queue.remove(pod("a").key)
        queue.gone(pod("v").key, 0.2)
        assert names(queue, 0.2) == ["b"]

    def test_without_room_it_waits_for_news(self, queue):
        queue.no_room_made(held(queue, "a", "v"), ROOM, 0.0)
        queue.gone(pod("v").key, 0.1)
        assert queue.pop(0.1) is None
        queue.tell(News.POD_GONE)
        assert names(queue, 0.2) == ["a"]


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


class Steps:
    """A queue and whoever uses it: what was popped is put back in one way or another."""

    def __init__(self):
        self.queue, self.now, self.taken, self.making_room = SchedulingQueue(), 0.0, [], []

    def add(self, number):
        self.queue.add(pod(f"p{number}", number % 3), self.now)

    def remove(self, number):
        self.queue.remove(pod(f"p{number}").key)

    def pop(self, _):
        if (queued := self.queue.pop(self.now)) is not None:
            self.taken.append(queued)

    def wait(self, _):
        if self.taken:
            self.queue.wait_for(self.taken.pop(), ROOM, self.now)

    def back_off(self, _):
        if self.taken:
            self.queue.back_off(self.taken.pop(), self.now)

    def hold(self, number):
        if self.taken:
            self.making_room.append(self.taken.pop())
            self.queue.hold(self.making_room[-1], [pod(f"v{number}").key, pod("v0").key])

    def room(self, _):
        if self.making_room:
            self.queue.room_made(self.making_room.pop(), self.now, self.now)

    def no_room(self, _):
        if self.making_room:
            self.queue.no_room_made(self.making_room.pop(), ROOM, self.now)

    def gone(self, number):
        self.queue.gone(pod(f"v{number}").key, self.now)

    def news(self, _):
        self.queue.tell(News.POD_GONE)


STEPS = ["add", "pop", "wait", "back_off", "hold", "room", "no_room", "gone", "news", "remove"]


@given(st.lists(st.tuples(st.sampled_from(STEPS), st.integers(0, 5))))
def test_every_pod_is_in_exactly_one_place(steps):
    life = Steps()
    queue = life.queue
    for what, number in steps:
        life.now += 0.7
        getattr(life, what)(number)
        inside = {queued.key for queued in queue.pending()}
        out = {queued.key for queued in life.taken if any(queued is each for each in queue.pending())}
        assert sum(queue.counts().values()) == len(inside) - len(out)
    queue.tell(News.POD_GONE)
    while life.taken:
        life.back_off(0)
    while life.making_room:
        life.room(0)
    left = {queued.key for queued in queue.pending()}
    assert sorted(names(queue, life.now + 1000.0)) == sorted(key.name for key in left)
