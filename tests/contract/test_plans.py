"""Plans whose actions nothing else carries out: what the server makes of them."""

import pytest

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.meta import ObjectKey
from kubewright.api.plan import Patch, Plan
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.events import EventRecorder
from kubewright.runtime.plans import Executor
from tests.contract.manifests import deployment


@pytest.fixture
async def web(client, namespace):
    made = await client.create(DEPLOYMENTS, deployment("web", 0, image="nginx:2"), namespace=namespace)
    return made, client


def patched(made, uid, *operations):
    key = ObjectKey(made.metadata.namespace, "web")
    return Plan((Patch(DEPLOYMENTS, key, uid, operations, "put the template back"),), "a rollback")


async def execute(client, made, plan):
    executor = Executor(client, EventRecorder(client, Clock.wall(), "test"), DEPLOYMENTS, "test")
    await executor.execute(plan, about=made)
    return await client.get(DEPLOYMENTS, made.key)


async def test_a_patch_puts_a_whole_part_back(web):
    made, client = web
    before = deployment("web", image="nginx:1")["spec"]["template"]
    back = {"op": "replace", "path": "/spec/template", "value": before}
    found = await execute(client, made, patched(made, made.metadata.uid, back))
    assert found.spec.template["spec"]["containers"][0]["image"] == "nginx:1"


async def test_a_namesake_is_not_patched(web):
    made, client = web
    scaled = {"op": "replace", "path": "/spec/replicas", "value": 7}
    with pytest.raises(OpError) as refused:
        await execute(client, made, patched(made, "somebody-else", scaled))
    assert refused.value.kind in {ErrorKind.INVALID, ErrorKind.CONFLICT}
    assert (await client.get(DEPLOYMENTS, made.key)).spec.replicas == 0
