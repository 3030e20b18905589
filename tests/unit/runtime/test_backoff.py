import pytest

from kubewright.runtime.backoff import Backoff, exponential_seconds
from tests.unit.runtime.fake_server import seeded


def test_it_doubles_up_to_the_limit_and_starts_again_after_a_success():
    backoff = Backoff(0.8, 30.0, seeded(), jitter=0.0)
    assert [backoff.next_seconds() for _ in range(7)] == pytest.approx([0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0])
    backoff.reset()
    assert backoff.next_seconds() == 0.8


def test_jitter_stretches_each_wait_by_at_most_itself_and_differs_between_clients():
    waits = [Backoff(1.0, 30.0, seeded(seed)).next_seconds() for seed in range(100)]
    assert all(1.0 <= wait < 2.0 for wait in waits)
    assert len(set(waits)) == 100


def test_the_same_seed_waits_the_same():
    first, second = (Backoff(1.0, 30.0, seeded(7)) for _ in range(2))
    assert [first.next_seconds() for _ in range(9)] == [second.next_seconds() for _ in range(9)]


def test_any_number_of_failures_has_a_wait():
    assert exponential_seconds(1_000_000, 0.005, 1000.0) == 1000.0
