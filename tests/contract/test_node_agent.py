"""The node agent under exactly the rights that its manifest gives it: of its own node, and of no other."""

import asyncio
from dataclasses import replace

import pytest
import yaml
from click.testing import CliRunner

from kubewright.api.conditions import find_condition
from kubewright.api.coordination import LEASES
from kubewright.api.core import NODES
from kubewright.api.meta import ObjectKey
from kubewright.api.nodeagent import NAMESPACE, lease_key, lease_manifest
from kubewright.cli.main import cli
from kubewright.client.config import Impersonation
from kubewright.client.connect import connect
from kubewright.client.kubeconfig import load
from kubewright.client.protocol import PatchType
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.healing.agent.checks import Places
from kubewright.healing.agent.run import NodeAgent, Settings
from tests.contract.asking import PATIENCE_SECONDS, eventually

USER = f"system:serviceaccount:{NAMESPACE}:kubewright-node-agent"
GROUPS = ("system:serviceaccounts", f"system:serviceaccounts:{NAMESPACE}", "system:authenticated")
MARK = "kubewright-node-agent"


@pytest.fixture
def installed(cluster):
    printed = CliRunner().invoke(cli, ["agent", "manifest", "--self-fencing"])
    assert printed.exit_code == 0, printed.output
    documents = list(yaml.safe_load_all(printed.output))
    lasting = [each for each in documents if each["kind"] != "DaemonSet"]
    cluster.kubectl("apply", "-f", "-", stdin=yaml.safe_dump_all(lasting))
    cluster.kubectl("apply", "--dry-run=server", "-f", "-", stdin=printed.output)
    yield
    ours = [each for each in lasting if each["kind"] != "Namespace"]
    cluster.kubectl("delete", "--ignore-not-found", "-f", "-", stdin=yaml.safe_dump_all(ours))


@pytest.fixture
async def acting(cluster):
    """Return a client that is the agent of a node, as its token would say."""
    opened = []

    def acting(node):
        extra = {"authentication.kubernetes.io/node-name": (node,)}
        whom = Impersonation(USER, "", GROUPS, extra)
        client = connect(replace(load(str(cluster.kubeconfig)), impersonation=whom))
        opened.append(client)
        return client

    yield acting
    for client in opened:
        await client.close()


async def refused(call):
    """Tell whether a policy forbids something, once it is known everywhere."""
    try:
        await call
    except OpError as error:
        return error.kind is ErrorKind.FORBIDDEN or "own node alone" in str(error)
    return False


@pytest.mark.usefixtures("installed")
async def test_an_agent_writes_of_its_own_node_and_of_no_other(client, acting, tmp_path):
    first, second, *_ = sorted(each.metadata.name for each in (await client.list(NODES)).items)
    own = acting(first)
    lease, condition = lease_manifest(second, {}, "2026-01-01T00:00:00.000000Z"), {"type": "X", "status": "True"}
    status = {"status": {"conditions": [condition]}}

    async def of_another_lease():
        return await refused(own.apply(LEASES, lease, field_manager=MARK))

    async def of_another_node():
        patch = own.patch(NODES, ObjectKey("", second), status, PatchType.STRATEGIC, subresource="status")
        return await refused(patch)

    await eventually(of_another_lease)
    await eventually(of_another_node)
    settings = Settings(first, Places(tmp_path), tmp_path / "no-log", "127.0.0.1", 0)
    working = asyncio.get_running_loop().create_task(NodeAgent(own, Clock.wall(), settings).run())
    try:
        async with asyncio.timeout(PATIENCE_SECONDS):

            async def is_told():
                node = await client.get(NODES, ObjectKey("", first))
                return find_condition(node.status.conditions, "KubeletUnhealthy") is not None

            await eventually(is_told)

            async def is_renewed():
                leases = (await client.list(LEASES, namespace=NAMESPACE)).items
                return lease_key(first) in [each.key for each in leases]

            await eventually(is_renewed)
    finally:
        working.cancel()
        await asyncio.wait([working])
    node = await client.get(NODES, ObjectKey("", first))
    assert find_condition(node.status.conditions, "Ready").status == "True", "the kubelet's own are left"
    taken = [{"$patch": "delete", "type": each.type} for each in node.status.conditions if not _is_kubelets(each.type)]
    await client.patch(NODES, node.key, {"status": {"conditions": taken}}, PatchType.STRATEGIC, subresource="status")


def _is_kubelets(type_):
    return type_ == "Ready" or type_.endswith("Pressure") or type_ == "NetworkUnavailable"
