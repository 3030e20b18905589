"""The platform lives with exactly the rights that it asks for."""

from __future__ import annotations

import asyncio

import pytest

from kubewright.api.core import SERVICE_ACCOUNTS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import Manifest, ObjectKey, PartialObject, Resource
from kubewright.app import Platform
from kubewright.clock import Clock, run_virtual
from kubewright.runtime.leader import LeaderElector
from kubewright.twin.access.users import User, account_user
from kubewright.twin.cluster import Twin
from kubewright.workloads.rights import ACCOUNT, manifests

GROUP = "rbac.authorization.k8s.io"
KINDS = {
    "ServiceAccount": SERVICE_ACCOUNTS,
    **{
        kind: Resource(GROUP, "v1", f"{kind.lower()}s", kind, PartialObject)
        for kind in ("ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding")
    },
}
APP = {
    "apiVersion": "app.example.com/v1",
    "kind": "AppService",
    "metadata": {"name": "shop", "namespace": "default"},
    "spec": {"image": "registry.example.com/shop:1", "replicas": 2, "ports": [{"port": 80}]},
}


async def _grant(twin: Twin, documents: list[Manifest]) -> User:
    client = twin.client()
    for document in documents:
        namespace = document["metadata"].get("namespace", "")
        await client.create(KINDS[document["kind"]], document, namespace=namespace)
    return account_user(ObjectKey("default", ACCOUNT))


async def _life(twin: Twin, user: User) -> tuple[bool, int]:
    """Install the platform, bring an AppService up and take it away; returns whether it was Ready, and what is left."""
    admin, client = twin.client(), twin.client(user)
    platform = Platform(client, twin.clock)
    elector = LeaderElector(client, twin.clock, ObjectKey("default", "kubewright"), "one")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(elector.run(platform.run))
        while not platform.ready:  # noqa: ASYNC110  virtual time
            await asyncio.sleep(0.1)
        await admin.create(APP_SERVICES, APP, namespace="default")
        key = ObjectKey("default", "shop")
        await asyncio.sleep(60)
        status = (await admin.get(APP_SERVICES, key)).status
        await admin.delete(APP_SERVICES, key)
        await asyncio.sleep(60)
        left = len((await admin.list(APP_SERVICES)).items)
        running.cancel()
    return status.ready_replicas == 2, left


def _refusals(twin: Twin) -> list[str]:
    """Return the list that every request refused from now on is added to."""
    refused: list[str] = []
    handle = twin.server.handle

    async def noting(request, user):
        response = await handle(request, user)
        if response.status == 403:
            refused.append(f"{request.method} {request.path}")
        return response

    twin.server.handle = noting
    return refused


def test_an_application_comes_up_and_goes_with_the_platforms_own_rights():
    async def main() -> None:
        async with Twin(Clock.virtual(), nodes=2) as twin:
            user = await _grant(twin, manifests("default"))
            refused = _refusals(twin)
            assert await _life(twin, user) == (True, 0)
            assert refused == []

    run_virtual(main())


@pytest.mark.parametrize("index", [0, 2])
def test_without_the_right_to_read_the_platform_waits_and_asks_again(index: int):
    async def main() -> None:
        async with Twin(Clock.virtual(), nodes=2) as twin:
            documents = manifests("default")
            missing = documents[1]["rules"].pop(index)
            user = await _grant(twin, documents)
            refused = _refusals(twin)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(300):
                    await _life(twin, user)
            assert {path.rpartition("/")[2] for path in refused} == set(missing["resources"])
            assert 2 < len(refused) < 50

    run_virtual(main())
