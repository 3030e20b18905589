"""HealingPolicies as an API server checks them, and an incident from the fault to approval and repair."""

import asyncio
from contextlib import asynccontextmanager

import pytest

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.coordination import LEASES
from kubewright.api.core import NAMESPACES, SERVICES
from kubewright.api.crds.healingpolicy import HEALING_POLICIES, HEALING_POLICY_CRD
from kubewright.api.crds.incident import INCIDENT_CRD, INCIDENTS, approval
from kubewright.api.live import live_resource
from kubewright.api.meta import ObjectKey, rfc3339_micro
from kubewright.app import Choices, Platform
from kubewright.cli.exits import Exit
from kubewright.client.protocol import PatchType
from kubewright.clock import Clock
from kubewright.drills.usual import NAMESPACE as DRILL
from kubewright.healing.finding import Finding, Ref
from kubewright.healing.remedies.changes import take_back
from kubewright.healing.seen import seen_of
from kubewright.runtime.children import get_or_none
from kubewright.signals.changes import Changes
from tests.contract.asking import PATIENCE_SECONDS, eventually
from tests.contract.conftest import established, kubewright


@pytest.fixture
async def policies(api):
    """The kinds, which the platform brings, too, and leaves."""
    crds = api.of("customresourcedefinitions")
    for each in (HEALING_POLICY_CRD, INCIDENT_CRD):
        assert (await crds.create(each)).status in {201, 409}
        await crds.becomes(each["metadata"]["name"], established)
    found = api.of("healingpolicies", root="/apis/kubewright.dev/v1alpha1")
    await found.served()
    return found


def policy(name="tried", **spec):
    head = {"apiVersion": "kubewright.dev/v1alpha1", "kind": "HealingPolicy", "metadata": {"name": name}}
    return {**head, "spec": {"mode": "observe", **spec}}


async def test_a_policy_is_taken_with_its_defaults(policies):
    made = (await policies.create(policy("defaults", limits={}, storm={}))).ok()
    await policies.delete("defaults")
    assert made["spec"]["limits"] == {"actionsPerHour": 60, "repeats": 3, "maxNodes": 3}
    assert made["spec"]["storm"] == {"illPercent": 20, "atLeast": 3, "coolDownSeconds": 300}
    assert made["spec"]["keepResolvedHours"] == 24


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        pytest.param({"mode": "always"}, "spec.mode", id="no such mode"),
        pytest.param({"causes": ["no cause!"]}, "spec.causes", id="no pattern"),
        pytest.param({"limits": {"maxNodes": 0}}, "spec.limits.maxNodes", id="no node at all"),
        pytest.param({"storm": {"illPercent": 101}}, "spec.storm.illPercent", id="more than all"),
        pytest.param({"paused": [""]}, "spec.paused", id="a pause for no reason"),
        pytest.param(
            {"nodeSelector": {"a": "b"}, "environments": ["prod"]}, "spec.nodeSelector", id="of nodes and of namespaces"
        ),
    ],
)
async def test_what_contradicts_itself_is_refused_at_the_field(policies, spec, field):
    refused = (await policies.create(policy(**spec))).refused
    assert field in refused.message


def fleet(image, **annotations):
    labels = {"app": "ill"}
    container = {"name": "main", "image": image}
    template = {"metadata": {"labels": labels, "annotations": annotations}, "spec": {"containers": [container]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": {"name": "ill"}, "spec": spec}


@asynccontextmanager
async def healing(client):
    platform = Platform(client, Clock.wall(), choices=Choices(("healing",)))
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(platform.run())

        async def ready():
            return platform.ready

        await eventually(ready)
        yield
        running.cancel()


async def test_a_bad_release_is_taken_back_once_a_person_agrees(client, namespace, policies):
    del policies
    name = f"only-{namespace}"
    chosen = {"kubernetes.io/metadata.name": namespace}
    await client.create(HEALING_POLICIES, policy(name, mode="approve", namespaceSelector=chosen))
    await client.create(DEPLOYMENTS, fleet("ill:1"), namespace=namespace)
    key = ObjectKey(namespace, "ill")

    async def runs():
        return (await client.get(DEPLOYMENTS, key)).status.ready_replicas == 2

    async def waits():
        found = (await client.list(INCIDENTS, namespace=namespace)).items
        return next((each for each in found if each.status.phase == "AwaitingApproval"), None)

    async def taken_back():
        containers = (await client.get(DEPLOYMENTS, key)).spec.template["spec"]["containers"]
        return containers[0]["image"] == "ill:1" and await runs()

    async def agreed():
        # A plan that is made anew meanwhile takes an approval of its own.
        if (shown := await waits()) is not None:
            await client.patch(INCIDENTS, shown.key, approval("a-person", shown.status.plan.digest))
        return await taken_back()

    async def told():
        found = await client.get(INCIDENTS, incident.key)
        return found.status.phase in {"Verifying", "Resolved"} and bool(found.status.actions)

    try:
        await eventually(runs)
        async with healing(client):
            template = fleet("ill:2", **{"twin.kubewright.dev/fail-pull": "not found"})["spec"]["template"]
            await client.patch(DEPLOYMENTS, key, {"spec": {"template": template}})
            incident = await eventually(waits)
            await eventually(agreed)
            await eventually(told)
    finally:
        await client.delete(HEALING_POLICIES, ObjectKey("", name))


async def test_a_drill_that_is_told_to_end_leaves_nothing_behind(cluster, client, namespace, policies):
    del policies
    held = {"holderIdentity": "a", "leaseDurationSeconds": 600, "renewTime": rfc3339_micro(Clock.wall().now())}
    healer = {"metadata": {"name": "kubewright-healing"}, "spec": held}
    chosen = {"kubernetes.io/metadata.name": DRILL}
    await client.create(LEASES, healer, namespace=namespace)  # as of one that is alive: without it nothing is broken
    await client.create(HEALING_POLICIES, policy("drilled", mode="act", namespaceSelector=chosen))

    async def begun():
        assert drill.poll() is None
        return await get_or_none(client, DEPLOYMENTS, ObjectKey(DRILL, "web"))

    async def goes():
        found = await get_or_none(client, NAMESPACES, ObjectKey("", DRILL))
        return found is None or found.metadata.deletion_timestamp is not None

    command = ("drill", "run", "wrong-selector", "--on-cluster", "--yes", "--kubeconfig", str(cluster.kubeconfig))
    log = cluster.state / "drill.log"
    try:
        with kubewright(log, *command) as drill:
            await eventually(begun)
            drill.terminate()
            code = await asyncio.to_thread(drill.wait, PATIENCE_SECONDS)
        assert code == Exit.INTERRUPTED, log.read_text()
        assert await goes()
    finally:
        await client.delete(HEALING_POLICIES, ObjectKey("", "drilled"))


async def test_a_service_that_was_made_anew_gets_its_good_spec_back_and_keeps_its_address(client, namespace):
    services, key = live_resource(SERVICES), ObjectKey(namespace, "web")
    spec = {"selector": {"app": "web"}, "ports": [{"port": 80}]}
    manifest = {"metadata": {"name": "web", "namespace": namespace}, "spec": spec}
    changes = Changes()
    good = await client.create(services, manifest)
    await client.delete(services, key)
    changes.note(SERVICES, good, None, 1.0)
    anew = await client.create(services, manifest)
    changes.note(SERVICES, None, anew, 2.0)
    bad = await client.patch(services, key, {"spec": {"selector": {"app": "webb"}}})
    changes.note(SERVICES, anew, bad, 3.0)

    about = Finding("WrongSelector", Ref(SERVICES, key), (), frozenset(), 3.0)
    (put_back,) = take_back(about, seen_of(changes=changes), 4.0).actions
    after = await client.patch(services, key, put_back.operations, PatchType.JSON)
    assert after.spec["selector"] == {"app": "web"}
    assert after.spec["clusterIP"] == anew.spec["clusterIP"]
