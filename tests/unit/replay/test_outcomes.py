import pytest

from kubewright.replay.outcomes import outcomes


def side(*, values=10, failed=0, ready=2.0, whole=2.0, used=0.5, lost=1.0, median=10.0):
    spread = {"p50": median, "p95": median}
    return {
        "deployments": {
            "count": 100,
            "failed": failed,
            "valuesTyped": values,
            "secondsToReady": ready,
            "secondsWithFailures": whole,
        },
        "recovery": {"alone": spread, "withPerson": spread, "restoredAlone": 3, "serviceGone": 3},
        "utilisation": {name: {"usedOfProvisioned": used} for name in ("cpu", "memory", "gpu")},
        "slo": {"minutesLost": lost, "minutesOverloaded": 0.0},
    }


def test_efficiency_is_the_geometric_mean_of_four_ratios():
    (efficiency, _, _) = outcomes(side(values=10, failed=5), side(values=160, failed=5))
    assert efficiency["value"] == pytest.approx(100.0)
    assert not efficiency["met"]


def test_what_bad_releases_take_is_told_beside_it_and_not_held_against_the_goal():
    (efficiency, _, _) = outcomes(side(values=10, failed=5, whole=4.0), side(values=160, failed=5, whole=64.0))
    assert efficiency["value"] == pytest.approx(100.0)
    assert efficiency["text"].endswith("among the seconds (x 16.0) +300 %")


def test_a_side_without_a_failed_release_is_not_infinitely_better():
    (efficiency, _, _) = outcomes(side(failed=0), side(failed=8))
    assert 100 < efficiency["value"] < 120


def test_recovery_that_never_comes_is_never_met():
    (_, recovery, _) = outcomes(side(median=None), side())
    assert recovery["value"] is None
    assert not recovery["met"]
    assert "median never" in recovery["text"]


def test_utilisation_counts_only_at_no_more_slo_minutes_lost():
    (_, _, good) = outcomes(side(used=0.6, lost=1.0), side(used=0.4, lost=1.0))
    assert (good["value"], good["met"]) == (50.0, True)
    (_, _, bad) = outcomes(side(used=0.6, lost=1.5), side(used=0.4, lost=1.0))
    assert not bad["met"]
