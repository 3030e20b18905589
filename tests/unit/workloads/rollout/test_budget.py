"""Burn rates of new pods beside old ones."""

import pytest

from kubewright.api.crds.appservice.rollout import AppServiceSlo, Gate, Latency
from kubewright.series.protocol import Missing, Signal, Why
from kubewright.workloads.rollout.budget import baseline_of, burn_rate, burn_ruling, lower_bound
from kubewright.workloads.rollout.evidence import Evidence, rule
from kubewright.workloads.rollout.gates import gates_ruling
from tests.unit.workloads.rollout.making import NOW, answers, app, pod, serving

THREE_NINES = AppServiceSlo(availability=99.9)
QUICK = AppServiceSlo(availability=99.9, latency=Latency(100, 99.0))
RULED = {
    "no errors": (THREE_NINES, serving(20), serving(60), ""),
    "half of the requests fail": (THREE_NINES, serving(20, 0.5), serving(60), "failed"),
    "one in twenty fails": (THREE_NINES, serving(20, 0.05), serving(60), "failed"),
    "three requests condemn nobody": (THREE_NINES, serving(0.05, 0.33), serving(60), ""),
    "the old pods fail as much": (THREE_NINES, serving(20, 0.05), serving(60, 0.05), ""),
    "there are no old pods any more": (THREE_NINES, serving(20, 0.05), serving(None), "failed"),
    "it fails a little more than it may": (THREE_NINES, serving(400, 0.002), serving(400), "hold"),
    "without an objective one in ten is too many": (None, serving(20, 0.1), serving(60), "failed"),
    "without an objective one in a hundred is not": (None, serving(20, 0.01), serving(60), ""),
    "a third are slower than promised": (QUICK, serving(20, slow=0.33), serving(60), "failed"),
    "half are slower than twice what users are used to": (
        None,
        serving(20, slow=0.5, bound=0.9),
        serving(60),
        "failed",
    ),
    "nothing was served": (THREE_NINES, serving(None), serving(60), ""),
}


@pytest.mark.parametrize(("slo", "new", "old", "expected"), RULED.values(), ids=RULED)
def test_a_release_is_held_to_its_budget(slo, new, old, expected):
    ruling = burn_ruling(slo, (new, new), (old, old))
    assert ("failed" if ruling.failed else "hold" if ruling.holds else "") == expected


def test_what_is_over_does_not_count_and_what_just_began_must_matter():
    bad, good = serving(20, 0.5), serving(20)
    assert not burn_ruling(THREE_NINES, (bad, good), (good, good)).failed
    assert not burn_ruling(THREE_NINES, (good, bad), (good, good)).failed


def test_what_the_old_pods_had_while_they_were_there_is_still_held_against():
    sick, gone = serving(20, 0.05), serving(None)
    usual = baseline_of(THREE_NINES, serving(60, 0.05))
    assert usual == (0.05, 0.0)
    assert burn_ruling(THREE_NINES, (sick, sick), (gone, gone)).failed
    assert not burn_ruling(THREE_NINES, (sick, sick), (gone, gone), usual).failed


def test_a_burn_rate_is_the_share_of_bad_requests_by_the_budget():
    assert burn_rate(THREE_NINES, serving(10, 0.01), serving(10)) == pytest.approx(10)


def test_few_requests_prove_little():
    assert lower_bound(0.5, 0) == 0
    assert lower_bound(0.5, 4) < lower_bound(0.5, 400) < 0.5
    assert lower_bound(0.0, 1000) == pytest.approx(0)


GATES = {
    "an error too many": (Gate("g", "errors", max=1.0), "1.5", "GateFailed"),
    "few errors": (Gate("g", "errors", max=2.0), "1.5", ""),
    "slower than allowed": (Gate("g", "latency", max=50.0), "", "GateFailed"),
    "burning": (Gate("g", "burnRate", max=14.4), "", "GateFailed"),
    "too few by a query": (Gate("g", "query", query="up", min=1.0), "", "GateFailed"),
}


@pytest.mark.parametrize(("gate", "_", "reason"), GATES.values(), ids=GATES)
def test_a_gate_measures_in_its_own_unit(gate, _, reason):
    reading = (serving(100, 0.015, slow=0.5), serving(100))
    ruling = gates_ruling((gate,), THREE_NINES, {60.0: reading}, {"g": 0.5})
    assert ruling.reason == reason
    assert ruling.strikes == (1 if reason else 0)


def test_a_gate_that_has_no_answer_makes_wait():
    gate = Gate("g", "query", query="up", min=1.0)
    ruling = gates_ruling((gate,), None, {}, {"g": Missing(Why.UNAVAILABLE, "down")})
    assert ruling.holds
    assert not ruling.strikes
    assert "down" in ruling.message


HEARD = {
    "no source": (None, "", True),
    "a source without requests": ({(Signal.REQUESTS, 300.0): Missing(Why.UNSUPPORTED)}, "", True),
    "a source that does not answer": (
        {(Signal.REQUESTS, window): Missing(Why.UNAVAILABLE) for window in (300.0, 60.0)},
        "NotMeasured",
        False,
    ),
    "new pods unheard of": (answers({"old-1": 10.0}), "NotMeasured", False),
    "nobody takes requests": (answers({}), "", True),
    "both do": (answers({"web-1": 10.0, "old-1": 10.0}), "", False),
}


@pytest.mark.parametrize(("heard", "reason", "noted"), HEARD.values(), ids=HEARD)
def test_what_is_not_measured_promotes_nothing(heard, reason, noted):
    evidence = Evidence([pod("web-1")], [pod("old-1")], heard)
    ruling = rule(app(slo={"availability": 99.9}), evidence, (), NOW)
    assert ruling.reason == reason
    assert ("health alone" in ruling.note) == noted
