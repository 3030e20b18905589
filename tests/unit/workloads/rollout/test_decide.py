"""Where a release stands after a look at it."""

import dataclasses

import pytest

from kubewright.api.crds.appservice.rolloutstatus import RolloutStatus
from kubewright.workloads.rollout.decide import decide
from kubewright.workloads.rollout.rehearsal import Outcome
from kubewright.workloads.rollout.ruling import Ruling, failed, hold
from tests.unit.workloads.rollout.making import NEW, NOW, OLD, app, fleet, sight, state

TAKEN = fleet(NEW)
TRIAL = fleet(NEW, wanted=1, ready=1)
BESIDE = fleet(NEW)
PASSED, FAILED = Outcome(passed=True, message="fits"), Outcome(passed=False, message="fits nowhere")
MOVES = {
    "the first release is good when it has come up": (app(), None, sight(main=TAKEN), "Stable"),
    "a new release begins": (app(), RolloutStatus("Stable", OLD, OLD), sight(), "Progressing 5"),
    "a new release is rehearsed": (app(rehearse=True), RolloutStatus("Stable", OLD, OLD), sight(), "Rehearsing"),
    "an undo is not": (app(rehearse=True), RolloutStatus("Stable", OLD, OLD), sight(undoing=True), "Promoting"),
    "it is still rehearsed": (app(rehearse=True), state("Rehearsing", age=9), sight(), "Rehearsing"),
    "it has passed": (app(rehearse=True), state("Rehearsing", age=9), sight(rehearsed=PASSED), "Progressing 5"),
    "it has passed and is paused": (
        app(rehearse=True, paused=True),
        state("Rehearsing", age=9),
        sight(rehearsed=PASSED),
        "Rehearsing Paused",
    ),
    "it has failed": (
        app(rehearse=True),
        state("Rehearsing", age=9999),
        sight(rehearsed=FAILED),
        "Rehearsing RehearsalFailed",
    ),
    "it has failed and people start it": (
        app(rehearse=True),
        state("Rehearsing", age=9, reason="RehearsalFailed"),
        sight(rehearsed=FAILED, promoted=True),
        "Progressing 5",
    ),
    "rolling: it has taken over": (app("rolling"), state("Progressing", age=20), sight(main=TAKEN), "Verifying 100"),
    "rolling: not yet": (app("rolling"), state("Progressing", age=20), sight(main=fleet(NEW, ready=2)), "Progressing"),
    "canary: its time is not over": (
        app(),
        state("Progressing", age=59, weight=5),
        sight(trial=TRIAL, well=50),
        "Progressing 5",
    ),
    "canary: the time counts from when the pods are ready": (
        app(),
        state("Progressing", age=100, weight=5),
        sight(trial=TRIAL, well=50),
        "Progressing 5",
    ),
    "canary: next step": (app(), state("Progressing", age=61, weight=5), sight(trial=TRIAL, well=60), "Progressing 25"),
    "canary: last step": (
        app(),
        state("Progressing", age=61, weight=50, step=2),
        sight(trial=BESIDE, well=60),
        "Promoting 50",
    ),
    "canary: asks people": (
        app(manual=True),
        state("Progressing", age=61, weight=50, step=2),
        sight(trial=BESIDE, well=60),
        "Progressing 50 AwaitingPromotion",
    ),
    "canary: people say so": (
        app(manual=True),
        state("Progressing", age=61, weight=50, step=2, reason="AwaitingPromotion"),
        sight(trial=BESIDE, well=60, promoted=True),
        "Promoting 50",
    ),
    "canary: too few pods to bear the traffic": (
        app(),
        state("Progressing", age=61, weight=50, step=2),
        sight(trial=TRIAL, well=60),
        "Progressing 50",
    ),
    "canary: has taken over": (app(), state("Promoting", age=9, weight=50), sight(main=TAKEN), "Verifying 100"),
    "blue-green: up": (app("blueGreen"), state("Progressing", age=9), sight(trial=BESIDE), "Switched 100"),
    "blue-green: not up": (app("blueGreen"), state("Progressing", age=9), sight(trial=TRIAL), "Progressing"),
    "blue-green: kept long enough": (
        app("blueGreen", keep_old_seconds=30),
        state("Switched", age=400, weight=100),
        sight(trial=BESIDE, well=400),
        "Promoting 100",
    ),
    "it was watched long enough": (app(), state("Verifying", age=301), sight(main=TAKEN, well=301), "Stable"),
    "it is watched on": (app(), state("Verifying", age=200), sight(main=TAKEN, well=200), "Verifying"),
    "paused": (
        app(paused=True),
        state("Progressing", age=900, weight=5),
        sight(trial=TRIAL, well=800),
        "Progressing 5 Paused",
    ),
    "paused, and bad": (
        app(paused=True),
        state("Progressing", age=90, weight=5),
        sight(trial=TRIAL, ruling=failed("Crashing", "")),
        "RolledBack Crashing",
    ),
    "it cannot be told": (
        app(),
        state("Progressing", age=61, weight=5),
        sight(trial=TRIAL, well=60, ruling=hold("NotMeasured", "")),
        "Progressing 5 NotMeasured",
    ),
    "it cannot be told for ever": (
        app(),
        state("Progressing", age=9999, weight=5),
        sight(trial=TRIAL, well=60, ruling=hold("NotMeasured", "")),
        "Progressing 5 NotMeasured",
    ),
    "its pods find no node for ever": (
        app(),
        state("Progressing", age=700, weight=5),
        sight(trial=TRIAL, ruling=hold("Unschedulable", "")),
        "RolledBack DeadlineExceeded",
    ),
    "aborted": (app(), state("Progressing", age=3, weight=5), sight(aborted=True), "RolledBack Aborted"),
    "bad after it has taken over": (
        app(),
        state("Verifying", age=100),
        sight(main=TAKEN, ruling=failed("BudgetBurns", "")),
        "RolledBack BudgetBurns",
    ),
    "what was taken back stays back": (app(), state("RolledBack", age=999), sight(), "RolledBack"),
    "unless somebody says to try it again": (app(), state("RolledBack", age=9), sight(retried=True), "Progressing 5"),
    "or something else is wanted": (app(), state("RolledBack", age=9), sight("newer"), "Progressing 5"),
    "or the old one is": (app(), state("RolledBack", age=9), sight(OLD), "Stable"),
    "an earlier revision takes over at once": (
        app(undo=3),
        RolloutStatus("Stable", OLD, OLD),
        sight(undoing=True),
        "Promoting",
    ),
    "a strike": (
        app(),
        state("Progressing", age=9, weight=5),
        sight(ruling=Ruling(reason="GateFailed", strikes=3)),
        "Progressing 5 GateFailed",
    ),
    "a strike too many": (
        app(),
        state("Progressing", age=9, weight=5, strikes=2, reason="GateFailed"),
        sight(ruling=Ruling(reason="GateFailed", strikes=3)),
        "RolledBack GateFailed",
    ),
}


@pytest.mark.parametrize(("application", "before", "seen", "expected"), MOVES.values(), ids=MOVES)
def test_where_it_stands_then(application, before, seen, expected):
    found = decide(application, before, seen, NOW)
    assert " ".join(each for each in (found.phase, str(found.weight or ""), found.reason) if each) == expected


def test_a_first_release_that_does_not_come_up_is_not_good_yet():
    assert decide(app(), None, sight(main=fleet(NEW, ready=1)), NOW) is None


@pytest.mark.parametrize("before", [RolloutStatus("Stable", OLD, OLD), state("Progressing"), state("RolledBack")])
def test_where_nothing_runs_that_could_be_gone_back_to_a_release_is_as_the_first(before):
    gone = dataclasses.replace(sight(), main=None)
    assert decide(app(), before, gone, NOW) is None
    rehearsed = decide(app(rehearse=True), before, gone, NOW)
    assert (rehearsed.phase, rehearsed.stable) == ("Rehearsing", "")


def test_what_runs_the_stable_release_and_is_deleted_by_hand_is_made_again_without_a_rollout():
    stable = RolloutStatus("Stable", NEW, NEW)
    assert decide(app(), stable, dataclasses.replace(sight(), main=None), NOW) == stable


def test_a_gate_that_holds_again_is_forgiven_and_lost_readiness_is_not():
    struck = state("Progressing", age=9, weight=5, strikes=2, reason="GateFailed")
    assert decide(app(), struck, sight(trial=TRIAL, well=5), NOW).strikes == 0
    flapping = state("Progressing", age=9, weight=5, strikes=2, reason="LostReadiness")
    assert decide(app(), flapping, sight(trial=TRIAL, well=5), NOW).strikes == 2


def test_a_release_that_had_taken_over_is_what_its_successor_goes_back_to():
    assert decide(app(), state("Verifying", age=9), sight("newer"), NOW).stable == NEW
    assert decide(app(), state("Promoting", age=9), sight("newer"), NOW).stable == OLD
