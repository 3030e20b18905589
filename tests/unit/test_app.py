import asyncio
import contextlib

import pytest
from prometheus_client import CollectorRegistry

from kubewright.api.apiextensions import CRDS
from kubewright.api.core import EVENTS, NAMESPACES
from kubewright.api.crds import all_crds
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import ObjectKey
from kubewright.app import Choices, Platform
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.recording import Mode, RecordingClient
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.definitions import install
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS, CHILD_SERVICES

NAME = ObjectKey("", "appservices.app.example.com")
WEB = ObjectKey("shop", "web")
MINIMAL_CRD = {
    "metadata": {"name": NAME.name},
    "spec": {
        "group": "app.example.com",
        "scope": "Namespaced",
        "names": {"plural": "appservices", "singular": "appservice", "kind": "AppService"},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {
                                "type": "object",
                                "properties": {"replicas": {"type": "integer"}, "image": {"type": "string"}},
                            }
                        },
                    }
                },
            }
        ],
    },
}
"""What a user has who wrote the definition before us: only image and replicas, no status."""


@contextlib.asynccontextmanager
async def platform(crd=None):
    """A platform on a bare API server, recording what it writes; with somebody's CRD, if given."""
    clock = Clock.virtual()
    client = RestClient(InProcessTransport(ApiServer(clock, KindTable.builtin())))
    recording = RecordingClient(client, Mode.FORWARD)
    await client.create(NAMESPACES, {"metadata": {"name": "shop"}})
    if crd:
        await client.create(CRDS, crd)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(Platform(recording, clock).run())
        await asyncio.sleep(2)
        yield client, recording
        running.cancel()


def app(**spec):
    return {"metadata": {"name": "web"}, "spec": {"image": "nginx", "replicas": 2} | spec}


def test_what_is_missing_is_installed_and_what_is_there_is_left_alone():
    async def main():
        client = RestClient(InProcessTransport(ApiServer(Clock.virtual(), KindTable.builtin())))
        await install(client, all_crds())
        installed = await client.get(CRDS, NAME)
        await install(client, all_crds())
        assert (await client.get(CRDS, NAME)).metadata.resource_version == installed.metadata.resource_version
        assert installed.is_established

    run_virtual(main())


def test_somebodys_definition_with_only_image_and_replicas_keeps_working():
    async def main():
        async with platform(MINIMAL_CRD) as (client, recording):
            await client.create(APP_SERVICES, app(), namespace="shop")
            await asyncio.sleep(5)
            deployment = await client.get(CHILD_DEPLOYMENTS, WEB)
            assert deployment.spec["replicas"] == 2
            before = len(recording.writes)
            await asyncio.sleep(300)
            assert len(recording.writes) == before
            crd = await client.raw("GET", f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{NAME.name}")
            assert "status" not in crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]
            await client.delete(APP_SERVICES, WEB)
            await asyncio.sleep(5)
            for resource in (APP_SERVICES, CHILD_DEPLOYMENTS):
                assert (await client.list(resource, namespace="shop")).items == []

    run_virtual(main())


@pytest.mark.parametrize("spec", [{"replicas": -1}, {"image": ""}], ids=["negative replicas", "no image"])
def test_what_such_a_definition_lets_through_is_refused_once_and_makes_nothing(spec):
    async def main():
        async with platform(MINIMAL_CRD) as (client, recording):
            await client.create(APP_SERVICES, app(**spec), namespace="shop")
            await asyncio.sleep(5)
            assert (await client.list(CHILD_DEPLOYMENTS)).items == []
            [event] = (await client.list(EVENTS, namespace="shop")).items
            assert event.reason == "InvalidSpec"
            assert recording.writes

    run_virtual(main())


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"replicas": -1}, "spec.replicas"),
        ({"image": None}, "spec.image"),
        ({"replicas": "two"}, "spec.replicas"),
        ({"ports": [{"port": 99999}]}, "spec.ports[0].port"),
    ],
)
def test_our_definition_refuses_nonsense_and_names_the_field(spec, path):
    async def main():
        async with platform() as (client, _):
            with pytest.raises(OpError) as refused:
                await client.create(APP_SERVICES, app(**spec), namespace="shop")
            assert refused.value.kind is ErrorKind.INVALID
            assert path in [cause.field for cause in refused.value.causes]
            assert (await client.list(APP_SERVICES)).items == []

    run_virtual(main())


def test_drift_is_put_right_by_the_watch_and_not_by_the_clock():
    async def main():
        async with platform() as (client, _):
            await client.create(APP_SERVICES, app(ports=[{"port": 80}]), namespace="shop")
            await asyncio.sleep(1)
            await client.patch(CHILD_DEPLOYMENTS, WEB, {"spec": {"replicas": 9}})
            await client.delete(CHILD_SERVICES, WEB)
            await asyncio.sleep(1)
            assert (await client.get(CHILD_DEPLOYMENTS, WEB)).spec["replicas"] == 2
            assert await client.get(CHILD_SERVICES, WEB)

    run_virtual(main())


def test_a_child_that_somebody_made_beyond_repair_is_replaced():
    async def main():
        async with platform() as (client, _):
            await client.create(APP_SERVICES, app(ports=[{"port": 80}]), namespace="shop")
            await asyncio.sleep(1)
            before = await client.get(CHILD_SERVICES, WEB)
            # Beside ours, a port without a name is invalid, and nobody but its author may take it out of the list.
            await client.patch(CHILD_SERVICES, WEB, {"spec": {"ports": [{"port": 99}]}})
            await asyncio.sleep(5)
            after = await client.get(CHILD_SERVICES, WEB)
            assert [port["port"] for port in after.spec["ports"]] == [80]
            assert after.metadata.uid != before.metadata.uid

    run_virtual(main())


def test_a_change_that_the_server_refuses_leaves_the_running_child_alone():
    async def main():
        async with platform() as (client, _):
            await client.create(APP_SERVICES, app(), namespace="shop")
            await asyncio.sleep(1)
            before = await client.get(CHILD_DEPLOYMENTS, WEB)
            await client.patch(APP_SERVICES, WEB, {"spec": {"env": [{"name": "not=a name", "value": "x"}]}})
            await asyncio.sleep(60)
            after = await client.get(CHILD_DEPLOYMENTS, WEB)
            assert (after.metadata.uid, after.metadata.generation) == (before.metadata.uid, before.metadata.generation)

    run_virtual(main())


def test_an_object_that_does_not_decode_is_reported_and_the_others_go_on():
    async def main():
        lax = MINIMAL_CRD["spec"]["versions"][0] | {
            "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
        }
        crd = MINIMAL_CRD | {"spec": MINIMAL_CRD["spec"] | {"versions": [lax]}}
        async with platform(crd) as (client, _):
            broken = {"metadata": {"name": "broken"}, "spec": {"image": ["a", "list"]}}
            with contextlib.suppress(OpError):  # it is created; its answer does not decode here, either
                await client.create(APP_SERVICES, broken, namespace="shop")
            await client.create(APP_SERVICES, app(), namespace="shop")
            await asyncio.sleep(5)
            assert [each.key for each in (await client.list(CHILD_DEPLOYMENTS)).items] == [WEB]
            reasons = [(e.involved_object.name, e.reason) for e in (await client.list(EVENTS)).items]
            assert ("broken", "Undecodable") in reasons

    run_virtual(main())


def test_every_definition_is_named_after_its_resource():
    for crd in all_crds():
        assert crd["metadata"]["name"] == f"{crd['spec']['names']['plural']}.{crd['spec']['group']}"


def test_services_that_act_run_together_in_one_process():
    names = (
        *("workloads", "autoscaler", "scheduler", "gpu", "guardrails", "sizing"),
        *("monitoring", "nodes", "healing", "tenancy", "costs", "audit"),
    )

    async def main():
        clock = Clock.virtual()
        client = RestClient(InProcessTransport(ApiServer(clock, KindTable.builtin())))
        everything = Platform(client, clock, registry=CollectorRegistry(), choices=Choices(services=names))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(everything.run())
            await asyncio.sleep(60)
            unsynced = [name for name, service in everything.services.items() if not service.synced]
            running.cancel()
        assert unsynced == []

    run_virtual(main())
