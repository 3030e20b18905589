"""What keeps disruption in bounds and what was done in memory, as an API server keeps it."""

import pytest

from kubewright.api.crds.audithead import AUDIT_HEAD_CRD
from kubewright.api.crds.auditrecord import AUDIT_RECORD_CRD
from kubewright.api.crds.disruptionledger import DISRUPTION_LEDGER_CRD, DISRUPTION_LEDGERS
from kubewright.api.crds.disruptionlimit import DISRUPTION_LIMIT_CRD
from kubewright.api.crds.notificationchannel import NOTIFICATION_CHANNEL_CRD
from kubewright.api.meta import ObjectKey
from kubewright.audit.chain import verify
from kubewright.audit.entries import entry
from kubewright.audit.files import read_cluster
from kubewright.audit.log import AuditLog
from kubewright.clock import Clock
from kubewright.disruption.permits import Permits
from kubewright.disruption.requests import Granted, Request
from tests.contract.conftest import established
from tests.unit.disruption.worlds import limit, node, world

ROOT = "/apis/kubewright.dev/v1alpha1"


@pytest.fixture
async def kinds(api):
    """The kinds, which services bring, too, and leave."""
    crds = api.of("customresourcedefinitions")
    found = {}
    for each in (
        AUDIT_HEAD_CRD,
        AUDIT_RECORD_CRD,
        DISRUPTION_LEDGER_CRD,
        DISRUPTION_LIMIT_CRD,
        NOTIFICATION_CHANNEL_CRD,
    ):
        assert (await crds.create(each)).status in {201, 409}
        await crds.becomes(each["metadata"]["name"], established)
        plural = each["spec"]["names"]["plural"]
        found[plural] = api.of(plural, root=ROOT)
        await found[plural].served()
    return found


def a_limit(name, **spec):
    return {
        "apiVersion": "kubewright.dev/v1alpha1",
        "kind": "DisruptionLimit",
        "metadata": {"name": name},
        "spec": spec,
    }


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        pytest.param({"per": "App", "nodes": {"maxUnavailable": "1"}}, "spec.per", id="nodes by application"),
        pytest.param({"per": "Zone", "pods": {"maxUnavailable": "1"}}, "spec.per", id="pods by zone"),
        pytest.param({"nodes": {"maxUnavailable": "120%"}}, "spec.nodes.maxUnavailable", id="more than all"),
        pytest.param({"nodes": {"maxPerHour": -1}}, "spec.nodes.maxPerHour", id="fewer than none"),
        pytest.param({"freezes": [{"schedule": "@daily"}]}, "spec.freezes[0].durationMinutes", id="for how long"),
        pytest.param({"holdsBack": "Nobody"}, "spec.holdsBack", id="no such urgency"),
    ],
)
async def test_a_limit_that_contradicts_itself_is_refused(kinds, spec, field):
    refusal = (await kinds["disruptionlimits"].create(a_limit("wrong", **spec))).refused
    assert refusal.code == 422
    assert field in refusal.message


async def test_a_limit_is_taken_with_its_defaults(kinds):
    limits = kinds["disruptionlimits"]
    made = (
        await limits.create(
            a_limit("good", nodes={"maxUnavailable": "20%"}, windows=[{"schedule": "@daily", "durationMinutes": 60}])
        )
    ).ok()
    assert (made["spec"]["per"], made["spec"]["holdsBack"]) == ("Cluster", "Routine")
    assert made["spec"]["windows"][0]["timeZone"] == "UTC"
    (await limits.delete("good")).ok()


HOOK = {"webhook": {"url": "https://ops.example.com/hook"}}


def a_channel(**spec):
    return {
        "apiVersion": "kubewright.dev/v1alpha1",
        "kind": "NotificationChannel",
        "metadata": {"name": "ops"},
        "spec": spec,
    }


@pytest.mark.parametrize(
    ("spec", "said"),
    [
        pytest.param({}, "say one of webhook, slack and email", id="nobody to tell"),
        pytest.param({**HOOK, "slack": HOOK["webhook"]}, "say one of webhook, slack and email", id="two at once"),
        pytest.param({"webhook": {}}, "say either url or urlFrom", id="nowhere"),
        pytest.param({"webhook": {"urlFrom": {"name": "a"}}}, "say either file, or namespace", id="half a reference"),
        pytest.param({"email": {"host": "m", "sender": "a@b"}}, "spec.email.to", id="to nobody"),
    ],
)
async def test_a_channel_that_leads_nowhere_is_refused(kinds, spec, said):
    refusal = (await kinds["notificationchannels"].create(a_channel(**spec))).refused
    assert refusal.code == 422
    assert said in refusal.message


async def test_a_channel_is_taken_with_its_defaults(kinds):
    ref = {"namespace": "ops", "name": "hooks", "key": "url"}
    made = (await kinds["notificationchannels"].create(a_channel(slack={"urlFrom": ref}))).ok()
    assert (made["spec"]["severity"], made["spec"]["perMinute"]) == ("Warning", 10)
    (await kinds["notificationchannels"].delete("ops")).ok()


async def test_two_services_that_know_the_same_ledger_are_not_given_the_same_room(kinds, client):
    seen = world([node(f"n{number}") for number in range(4)], limits=[limit(nodes={"max_unavailable": "1"})])
    one, other = Permits(client, "service-one", lambda: seen), Permits(client, "service-two", lambda: seen)
    asked = [Request(each.requester, "node", "why", nodes=(name,)) for each, name in ((one, "n0"), (other, "n1"))]
    try:
        (first,), (second,) = await one.take(asked[0]), await other.take(asked[1])
        assert [isinstance(each, Granted) for each in (first, second)] == [True, False]
        found = await client.get(DISRUPTION_LEDGERS, ObjectKey("", "cluster"))
        assert [each.id for each in found.status.permits] == ["service-one/node"]
        await one.give_back("node")
        (second,) = await other.take(asked[1])
        assert isinstance(second, Granted)
    finally:
        await kinds["disruptionledgers"].delete("cluster")


async def test_what_was_written_is_never_changed_and_is_verified_as_the_server_gives_it(kinds, client):
    log = AuditLog(client, Clock.wall(), "a-service")
    entries = [
        entry("a-service", f"Node/n{number}", "ü € 😀", actions=["cordon"], details={"a": "b"}) for number in range(3)
    ]
    for each in entries:
        async with log.doing(each):
            pass
        await log.flush()
    records = await read_cluster(client)
    found = verify(records)
    # Whoever else wrote to this cluster's log may have been ended in the middle of something.
    assert (found.findings, [each for each in found.open if each.startswith("a-service")]) == ((), [])
    last = records[-1].name
    refusal = (await kinds["auditrecords"].merge(last, {"spec": {"writer": "somebody"}})).refused
    assert refusal.code == 422
    assert "what was written is never changed" in refusal.message
    note = {"sequence": 2, "hash": "b", "at": "2027-01-01T00:00:00Z"}
    try:
        head = {"apiVersion": "kubewright.dev/v1alpha1", "kind": "AuditHead"}
        (await kinds["auditheads"].create({**head, "metadata": {"name": "head"}, "spec": note})).ok()
        refusal = (await kinds["auditheads"].merge("head", {"spec": {"sequence": 1}})).refused
        assert "what was written is not taken back" in refusal.message
    finally:
        await kinds["auditheads"].delete("head")
    for each in records:
        (await kinds["auditrecords"].delete(each.name)).ok()
