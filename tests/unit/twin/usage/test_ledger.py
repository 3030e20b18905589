"""The ledger: totals across restarts, shared loads and faults, as a scrape would see them."""

import pytest

from kubewright.runtime.informer import Change
from kubewright.twin.usage.ledger import INVALID_PROFILE, Ledger
from kubewright.twin.usage.profile import Overlay
from kubewright.twin.usage.profiles import PREFIX
from tests.unit.twin.usage.build import pod, running

BORN = 1_800_000_000.0
MIB = float(1 << 20)


class Time:
    def __init__(self):
        self.seconds = BORN

    def now(self):
        return self.seconds


class Recorder:
    def __init__(self):
        self.told = []

    def record(self, about, _resource, type_, reason, message):
        self.told.append((about.metadata.name, type_, reason, message))


@pytest.fixture
def clock():
    return Time()


@pytest.fixture
def recorder():
    return Recorder()


@pytest.fixture
def ledger(clock, recorder):
    return Ledger(clock, recorder)


def notes(**said):
    return {PREFIX + key.replace("_", "-"): text for key, text in said.items()}


def arrive(ledger, subject, before=None):
    ledger.on_pod(Change(subject.key, before, subject))
    return subject


def test_counters_begin_with_the_container(ledger, clock):
    subject = running(pod(annotations=notes(cpu="200m", memory="64Mi")), BORN)
    clock.seconds += 100
    (reading,) = ledger.readings(subject)
    assert reading.cpu_seconds == pytest.approx(20)
    assert reading.memory_bytes == 64 * MIB
    assert reading.served is None


def test_a_restart_begins_anew(ledger, clock):
    subject = pod(annotations=notes(cpu="200m"))
    ledger.readings(running(subject, BORN))
    clock.seconds += 100
    (reading,) = ledger.readings(running(subject, BORN + 90))
    assert reading.cpu_seconds == pytest.approx(2)


def test_what_does_not_run_uses_nothing(ledger):
    assert ledger.readings(pod()) == []


def test_a_limit_holds_cpu_back(ledger, clock):
    subject = running(pod(annotations=notes(cpu="0s:0 10s:2"), limits={"cpu": "1"}), BORN)
    clock.seconds += 20
    (reading,) = ledger.readings(subject)
    assert reading.cpu_seconds == pytest.approx(15)
    assert reading.throttled_seconds == pytest.approx(15)


def test_a_load_is_shared_by_the_pods_that_are_ready(ledger, clock):
    said = notes(cpu="0", requests_per_second="90", cpu_per_request="10m", app="shop", error_rate="10%")
    first = arrive(ledger, running(pod("a", uid="a", annotations=said), BORN))
    clock.seconds += 10
    second = arrive(ledger, running(pod("b", uid="b", annotations=said), BORN + 10))
    clock.seconds += 10
    (one,), (two,) = ledger.readings(first), ledger.readings(second)
    assert one.served.requests == pytest.approx(900 + 450)
    assert two.served.requests == pytest.approx(450)
    assert two.served.failed == pytest.approx(45)
    assert one.cpu_seconds == pytest.approx((90 * 10 + 45 * 10) * 0.01)
    arrive(ledger, running(pod("a", uid="a", annotations=said), BORN, ready=False), first)
    clock.seconds += 10
    (one,), (two,) = (
        ledger.readings(running(pod("a", uid="a", annotations=said), BORN, ready=False)),
        ledger.readings(second),
    )
    assert one.served.requests == pytest.approx(900 + 450)
    assert two.served.requests == pytest.approx(450 + 900)


def test_scaling_out_makes_answers_quicker(ledger, clock):
    said = notes(cpu="0", requests_per_second="95", cpu_per_request="10m", app="shop", latency="20ms")
    pods = [running(pod(name, uid=name, annotations=said, limits={"cpu": "1"}), BORN) for name in "abcd"]
    arrive(ledger, pods[0])

    def mean(subject):
        before = ledger.readings(subject)[0].served
        clock.seconds += 60
        after = ledger.readings(subject)[0].served
        return (after.latency_seconds - before.latency_seconds) / (after.requests - before.requests)

    busy = mean(pods[0])
    for each in pods[1:]:
        arrive(ledger, each)
    assert mean(pods[0]) < busy / 5


def test_more_than_it_can_serve_fails(ledger, clock):
    said = notes(cpu="0", requests_per_second="150", cpu_per_request="10m")
    subject = arrive(ledger, running(pod(annotations=said, limits={"cpu": "1"}), BORN))
    clock.seconds += 10
    (reading,) = ledger.readings(subject)
    assert reading.served.failed == pytest.approx(500)
    assert reading.cpu_seconds == pytest.approx(10)
    assert reading.throttled_seconds == pytest.approx(5)


def test_buckets_are_cumulative_and_never_fall(ledger, clock):
    said = notes(requests_per_second="diurnal 10..500", cpu_per_request="3m", latency="40ms")
    subject = arrive(ledger, running(pod(annotations=said, limits={"cpu": "1"}), BORN))
    before = ledger.readings(subject)[0].served
    for step in range(200):
        clock.seconds += 7 * (step + 1)
        now = ledger.readings(subject)[0].served
        assert all(low <= high + 1e-9 for low, high in zip(now.buckets, (*now.buckets[1:], now.requests), strict=True))
        assert all(old <= new for old, new in zip(before.buckets, now.buckets, strict=True))
        assert before.succeeded <= now.succeeded
        assert before.failed <= now.failed
        before = now


def test_a_fault_is_laid_over_and_lifted(ledger, clock):
    subject = running(pod(annotations=notes(cpu="100m", memory="64Mi")), BORN)
    ledger.readings(subject)
    clock.seconds += 10
    ledger.lay("leak", subject, Overlay(memory_bytes_per_second=MIB, cpu_cores=0.4))
    clock.seconds += 10
    (reading,) = ledger.readings(subject)
    assert reading.memory_bytes == pytest.approx(74 * MIB)
    assert reading.cpu_seconds == pytest.approx(1 + 5)
    assert ledger.profile(subject, "main", BORN).memory.next_crossing(84 * MIB, clock.now(), BORN) == BORN + 30
    ledger.lift("leak", subject)
    clock.seconds += 10
    (reading,) = ledger.readings(subject)
    assert reading.memory_bytes == 64 * MIB
    assert reading.cpu_seconds == pytest.approx(1 + 5 + 1)


def test_errors_of_a_bad_release_are_laid_on_one_pod_alone(ledger, clock):
    said = notes(requests_per_second="20", app="shop")
    pods = [arrive(ledger, running(pod(name, uid=name, annotations=said), BORN)) for name in "ab"]
    ledger.lay("bad", pods[0], Overlay(error_ratio=0.5))
    clock.seconds += 10
    failed = [ledger.readings(each)[0].served.failed for each in pods]
    assert failed == [pytest.approx(50), 0]


def test_a_changed_annotation_counts_from_then_on(ledger, clock):
    before = running(pod(annotations=notes(cpu="100m")), BORN)
    ledger.readings(before)
    clock.seconds += 10
    after = arrive(ledger, running(pod(annotations=notes(cpu="300m")), BORN), before)
    clock.seconds += 10
    assert ledger.readings(after)[0].cpu_seconds == pytest.approx(1 + 3)


def test_a_resized_container_gets_what_its_new_limit_allows(ledger, clock):
    said = notes(cpu="2")
    before = running(pod(annotations=said, limits={"cpu": "1"}), BORN)
    ledger.readings(before)
    clock.seconds += 10
    after = arrive(ledger, running(pod(annotations=said, limits={"cpu": "1500m"}), BORN), before)
    clock.seconds += 10
    (reading,) = ledger.readings(after)
    assert reading.cpu_seconds == pytest.approx(10 + 15)
    assert reading.room.cpu_limit == 1.5


def test_a_bad_annotation_is_told_of_once(ledger, recorder):
    subject = running(pod(annotations=notes(cpu="plenty")), BORN)
    ledger.readings(subject)
    ledger.readings(subject)
    ((name, type_, reason, message),) = recorder.told
    assert (name, type_, reason) == ("a", "Warning", INVALID_PROFILE)
    assert message.startswith("twin.kubewright.dev/cpu: ")


def test_a_pod_that_went_takes_no_requests(ledger, clock):
    said = notes(requests_per_second="20", app="shop")
    first, second = (arrive(ledger, running(pod(name, uid=name, annotations=said), BORN)) for name in "ab")
    ledger.on_pod(Change(first.key, first, None))
    clock.seconds += 10
    assert ledger.readings(second)[0].served.requests == pytest.approx(200)


def test_cpu_of_a_window_is_what_the_counter_gains(ledger, clock):
    said = notes(cpu="0s:0 100s:1", requests_per_second="20", cpu_per_request="10m")
    subject = arrive(ledger, running(pod(annotations=said, requests={"cpu": "2"}), BORN))
    clock.seconds += 30
    before = ledger.readings(subject)[0].cpu_seconds
    clock.seconds += 15
    gained = ledger.readings(subject)[0].cpu_seconds - before
    assert ledger.cpu_seconds(subject, "main", BORN + 30, BORN + 45) == pytest.approx(gained)
