"""Decisions about an incident: each a step that can be repeated, whatever happened before."""

from msgspec.structs import replace

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.crds.healingpolicy import HealingPolicySpec
from kubewright.api.crds.incident import APPROVED_BY, PAUSED, Incident, IncidentSpec, IncidentStatus, approval
from kubewright.api.meta import ObjectKey, ObjectMeta, parse_time
from kubewright.api.plan import Announce, Plan
from kubewright.healing.decide import Case, Outcome, decide, rehearsed
from kubewright.healing.finding import Cause, Finding, Level, Ref, Remedy, Safety
from kubewright.healing.permission import Book, Permission
from kubewright.healing.seen import seen_of
from kubewright.healing.telling import written

NOW = 1_000_000.0
ABOUT = Ref(DEPLOYMENTS, ObjectKey("shop", "web"))
DO = Plan((Announce("Normal", "Try", "it is tried"),), "it is wrong")
NOTHING = Plan((), "all is done")


def remedy(name, plan=DO, **options):
    return Remedy(name, Safety.LOCAL, lambda *_: plan, **options)


class Life:
    """One incident through time; what is decided is what it says next."""

    def __init__(self, *remedies, mode="act", **spec):
        self.cause = Cause("Wrong", Level.WORKLOAD, "it is wrong", frozenset(), lambda _: None, remedies)
        self.permitted = Permission("p", HealingPolicySpec(mode, **spec))
        self.metadata = ObjectMeta(name="wrong", namespace="shop", uid="u")
        self.status = IncidentStatus()
        self.now = NOW
        self.done = []

    def annotate(self, **annotations):
        self.metadata = replace(self.metadata, annotations=annotations)

    def approve(self):
        self.annotate(**approval("anna", self.status.plan.digest)["metadata"]["annotations"])

    def turn(self, *, found=True, sure=True, seconds=0.0, outcome=None):
        """Let time pass, decide, and carry it out as the controller does."""
        self.now += seconds
        finding = Finding("Wrong", ABOUT, ("it looks wrong",), frozenset({"s"}), NOW - 10)
        incident = Incident(metadata=self.metadata, spec=IncidentSpec("Wrong"), status=self.status)
        made = decide(
            Case(incident, finding, found, self.cause, self.permitted, Book(), seen_of(), self.now, sure=sure)
        )
        self.status = made.status
        if made.rehearse:
            self.status = rehearsed(made.status, outcome or Outcome(passed=True, message="fine"), self.permitted)
        elif made.plan is not None:
            self.done.append(made.remedy.name)
        written(self.status)
        return self.status.phase

    def outcomes(self):
        return [(each.remedy, each.outcome) for each in self.status.actions]


def test_a_remedy_is_rehearsed_done_and_verified():
    life = Life(remedy("first"))
    assert life.turn() == "Rehearsing"
    assert life.turn() == "Acting"
    assert life.turn(found=False, seconds=3) == "Acting"
    life.cause = replace_remedies(life.cause, remedy("first", NOTHING))
    assert life.turn(found=False, seconds=1) == "Verifying"
    assert life.turn(found=False, seconds=6) == "Resolved"
    assert life.outcomes() == [("first", "Helped")]
    assert life.status.times.verified is not None


def replace_remedies(cause, *remedies):
    return Cause(cause.name, cause.level, cause.summary, cause.faults, cause.detect, remedies)


def test_what_does_not_help_in_time_gives_way_to_the_next_and_then_to_a_person():
    life = Life(remedy("first", within_seconds=30.0), remedy("second", within_seconds=30.0))
    life.turn()
    life.turn()
    assert life.turn(seconds=31) == "Rehearsing"
    assert life.turn() == "Acting"
    assert life.turn(seconds=31) == "Escalated"
    assert life.outcomes() == [("first", "DidNotHelp"), ("second", "DidNotHelp")]
    assert life.turn(seconds=100) == "Escalated"
    assert life.done.count("first") == 1


def test_a_remedy_that_is_not_applicable_is_passed_over():
    life = Life(remedy("never", None), remedy("second"))
    life.turn()
    life.turn()
    assert life.done == ["second"]


def test_what_the_rehearsal_refuses_is_not_done():
    life = Life(remedy("first"), remedy("second"))
    assert life.turn(outcome=Outcome(passed=False, message="two pods would have no place")) == "Rehearsing"
    life.turn()
    life.turn()
    assert life.done == ["second"]
    assert life.outcomes()[0] == ("first", "Refused")


def test_what_cannot_be_rehearsed_is_done_only_where_the_policy_says_so():
    impossible = Outcome(passed=False, message="no twin", possible=False)
    careful, bold = Life(remedy("first")), Life(remedy("first"), unrehearsed=True)
    for life in (careful, bold):
        life.turn(outcome=impossible)
        life.turn()
    assert (careful.done, bold.done) == ([], ["first"])


def test_what_did_not_help_is_undone_before_the_next():
    undoing = [DO]
    first = Remedy("first", Safety.LOCAL, lambda *_: DO, within_seconds=30.0, undo=lambda *_: undoing[0])
    life = Life(first, remedy("second"))
    life.turn()
    life.turn()
    assert life.turn(seconds=31) == "Acting"
    assert life.outcomes() == [("first", "Undoing")]
    undoing[0] = NOTHING
    life.turn(seconds=1)
    assert life.outcomes()[0] == ("first", "Undone")


def test_it_waits_for_a_persons_approval():
    life = Life(remedy("first"), mode="approve")
    assert life.turn() == "AwaitingApproval"
    assert life.turn(seconds=1000) == "AwaitingApproval"
    life.approve()
    life.turn()
    life.turn()
    assert life.done == ["first"]


def test_an_approval_that_names_no_plan_is_none():
    life = Life(remedy("first"), mode="approve")
    life.annotate(**{APPROVED_BY: "anna"})
    assert life.turn() == "AwaitingApproval"
    assert "another plan" in life.status.message


def test_an_approval_is_for_one_remedy_and_what_comes_after_it_waits_for_another():
    life = Life(remedy("first", within_seconds=30.0), remedy("second"), mode="approve")
    life.turn()
    life.approve()
    life.turn()
    assert life.turn() == "Acting"
    assert life.turn(seconds=31) == "AwaitingApproval"
    life.turn(seconds=100)
    assert life.done == ["first"]
    life.approve()
    life.turn()
    life.turn()
    assert life.done == ["first", "second"]


def test_an_approval_is_for_what_was_shown():
    told = [DO]
    life = Life(Remedy("first", Safety.LOCAL, lambda *_: told[0]), mode="approve")
    life.turn()
    life.approve()
    told[0] = Plan((Announce("Normal", "Try", "something else is tried"),), "it is wrong")
    assert life.turn() == "AwaitingApproval"
    life.approve()
    assert life.turn() == "Rehearsing"


def test_an_approval_is_not_for_the_next_time():
    life = Life(remedy("first", NOTHING), mode="approve")
    life.turn()
    life.approve()
    assert life.turn() == "Verifying"
    life.turn(found=False, seconds=10)
    assert life.turn(found=False, seconds=10) == "Resolved"
    assert life.turn(seconds=10) == "AwaitingApproval"


def test_a_person_may_pause_it_and_let_it_go_on():
    life = Life(remedy("first"))
    life.annotate(**{PAUSED: "I look myself"})
    assert life.turn() == "Open"
    assert "I look myself" in life.status.message
    life.annotate()
    assert life.turn() == "Rehearsing"


def test_a_policy_that_is_paused_has_its_reasons_told():
    life = Life(remedy("first"), paused=("a release",))
    assert life.turn() == "Open"
    assert life.status.message == "the policy p is paused: a release"


def test_what_is_only_observed_ends_by_itself():
    life = Life(remedy("first"), mode="observe")
    assert life.turn() == "Observed"
    life.turn(found=False, seconds=5)
    assert life.turn(found=False, seconds=6) == "Resolved"
    assert life.outcomes() == []


def test_whoever_has_just_begun_takes_nothing_for_over():
    life = Life(remedy("first"), mode="observe")
    life.turn()
    assert life.turn(found=False, sure=False, seconds=100) == "Observed"


def test_somebody_else_is_given_time_to_mend_it():
    life = Life(remedy("first", waits_seconds=30.0))
    assert life.turn() == "Open"
    assert life.turn(seconds=31) == "Rehearsing"


def test_what_comes_back_is_told_of_the_time_when_it_came_back_and_is_left_to_itself_again():
    life = Life(remedy("first", NOTHING, waits_seconds=30.0))
    life.turn()
    assert life.turn(seconds=31) == "Verifying"
    life.turn(found=False, seconds=10)
    assert life.turn(found=False, seconds=10) == "Resolved"
    assert life.turn(seconds=600) == "Open"
    assert parse_time(life.status.times.detected) == parse_time(life.status.times.diagnosed) == life.now
    assert life.turn(seconds=31) == "Verifying"


def test_an_incident_that_comes_back_for_ever_is_a_persons():
    life = Life(remedy("first", NOTHING))
    phases = []
    for _ in range(6):
        phases.append(life.turn(seconds=10))
        life.turn(found=False, seconds=10)
        life.turn(found=False, seconds=10)
        life.turn(found=False, seconds=10)
    assert phases.count("Escalated") >= 1
    assert phases[:4] == ["Verifying"] * 4
    assert life.status.recurrences >= 4
