"""Disruption budgets: how many pods may go."""

import pytest

from kubewright.api.meta import ObjectMeta, rfc3339
from kubewright.api.policy import PodDisruptionBudget, PodDisruptionBudgetSpec, PodDisruptionBudgetStatus
from kubewright.twin.controllers.disruption.decide import Scale, next_check_seconds, status_of
from tests.unit.twin.controllers.build import NOW, pod


def budget(*, disrupted=None, **spec):
    status = PodDisruptionBudgetStatus(disrupted_pods=disrupted or {})
    metadata = ObjectMeta(name="b", namespace="default", uid="b", generation=3)
    return PodDisruptionBudget(metadata=metadata, spec=PodDisruptionBudgetSpec(**spec), status=status)


def healthy(count):
    return [pod(f"p{number}") for number in range(count)]


@pytest.mark.parametrize(
    ("given", "pods", "wanted", "expected"),
    [
        pytest.param(budget(min_available=2), healthy(3), 0, (1, 3, 2, 3), id="a number counts the pods there are"),
        pytest.param(budget(min_available="50%"), healthy(3), 5, (0, 3, 3, 5), id="a share counts the wanted ones"),
        pytest.param(budget(max_unavailable=1), healthy(4), 4, (1, 4, 3, 4), id="some may be away"),
        pytest.param(budget(max_unavailable="30%"), healthy(4), 4, (2, 4, 2, 4), id="shares round up"),
        pytest.param(budget(min_available=0), [], 0, (0, 0, 0, 0), id="without pods none may go"),
        pytest.param(
            budget(min_available=1), [*healthy(1), pod("x", ready=False)], 0, (0, 1, 1, 2), id="the ill do not count"
        ),
        pytest.param(
            budget(min_available=1),
            [*healthy(1), pod("x", terminating=True)],
            0,
            (0, 1, 1, 2),
            id="nor do those that are going",
        ),
        pytest.param(
            budget(min_available=1, disrupted={"p0": rfc3339(NOW - 5)}),
            healthy(2),
            0,
            (0, 1, 1, 2),
            id="nor do those that were let go",
        ),
        pytest.param(
            budget(min_available=1, disrupted={"p0": rfc3339(NOW - 121)}),
            healthy(2),
            0,
            (1, 2, 1, 2),
            id="unless they are still there after two minutes",
        ),
    ],
)
def test_the_counts(given, pods, wanted, expected):
    status = status_of(given, pods, Scale(wanted), NOW)
    names = ("disruptionsAllowed", "currentHealthy", "desiredHealthy", "expectedPods")
    assert tuple(status[name] for name in names) == expected
    (condition,) = status["conditions"]
    assert condition["status"] == ("True" if expected[0] else "False")
    assert condition["observedGeneration"] == 3


def test_a_budget_that_cannot_be_counted_lets_nobody_go():
    status = status_of(budget(max_unavailable=1), healthy(3), Scale(problem="no scale"), NOW)
    assert status["disruptionsAllowed"] == 0
    assert (status["conditions"][0]["reason"], status["conditions"][0]["message"]) == ("SyncFailed", "no scale")


def test_the_next_look_is_when_the_first_counts_again():
    assert next_check_seconds({"a": rfc3339(NOW - 100), "b": rfc3339(NOW)}, NOW) == 20
    assert next_check_seconds({}, NOW) is None
