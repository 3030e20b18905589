"""Incidents in words."""

from msgspec.structs import replace

from kubewright.api.crds.incident import (
    Incident,
    IncidentAction,
    IncidentPlan,
    IncidentRehearsal,
    IncidentSpec,
    IncidentStatus,
    IncidentTimes,
    Subject,
)
from kubewright.api.meta import ObjectMeta, parse_time
from kubewright.cli.columns import Table
from kubewright.cli.incidenttext import HEAD, WIDE, lasted, moments, row, story

BEGAN = "2030-01-01T00:00:00Z"
INCIDENT = Incident(
    metadata=ObjectMeta(name="bad-web", namespace="shop", creation_timestamp=BEGAN),
    spec=IncidentSpec("BadRelease", Subject("apps/v1", "Deployment", "shop", "web")),
    status=IncidentStatus(
        phase="Resolved",
        message="it is over",
        signals=("CrashLoop/Pod/shop/web-1",),
        evidence=("it crashes",),
        plan=IncidentPlan("roll back", "it is bad", ("roll back to revision 1",)),
        rehearsal=IncidentRehearsal(passed=True, message="tried"),
        actions=(IncidentAction("roll back", "2030-01-01T00:00:20Z", "2030-01-01T00:00:35Z", "Helped"),),
        verification="not found for 5 s",
        times=IncidentTimes(fault_since=BEGAN, detected="2030-01-01T00:00:15Z", verified="2030-01-01T00:00:35Z"),
    ),
)


def test_a_story_goes_from_the_fault_to_the_proof():
    told = "\n".join(story(INCIDENT))
    parts = ("BadRelease", "Told by", "Why this", "Plan: roll back", "Rehearsal: passed", "Actions", "Verified by")
    places = [told.index(each) for each in parts]
    assert places == sorted(places)


def test_who_is_to_approve_is_told_by_which_command_and_of_which_plan():
    plan = IncidentPlan("roll back", "it is bad", ("roll back to revision 1",), "5eed")
    waits = replace(INCIDENT, status=replace(INCIDENT.status, phase="AwaitingApproval", plan=plan))
    asked = "kubewright incidents approve bad-web -n shop --plan 5eed"
    assert any(asked in each for each in story(waits))
    assert not any("approve" in each for each in story(INCIDENT))


def test_moments_are_told_in_order_from_the_fault():
    told = list(moments(INCIDENT))
    assert [each.split(" s ")[0].strip() for each in told] == ["+0", "+15", "+20", "+35", "+35"]


def test_rows_have_the_columns_of_their_heads_and_line_up():
    now = parse_time(BEGAN) + 300
    assert WIDE[: len(HEAD)] == HEAD
    first, second = Table(WIDE, [row(INCIDENT, now)], narrow=len(HEAD)).lines()
    assert first.index("PHASE") == second.index("Resolved")
    assert second.endswith("5m")


def test_ages_are_written_as_kubectl_does():
    assert [lasted(each) for each in (-1, 59, 119, 7199, 7200, 200_000)] == ["0s", "59s", "119s", "119m", "2h", "2d"]
