"""The ten applications of `examples/apps`, all of them Ready on the twin, through the definition's own admission."""

import asyncio
from pathlib import Path

import pytest
import yaml

from kubewright.api.apiextensions import CRDS
from kubewright.api.core import NAMESPACES, NODES, PODS, SECRETS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import ObjectKey
from kubewright.api.volumes import CLAIMS, STORAGE_CLASSES
from kubewright.app import Platform
from kubewright.clock import Clock, run_virtual
from kubewright.twin.cluster import Twin
from kubewright.twin.controllers.volumes.provisioner import PROVISIONER
from kubewright.twin.gateway import definitions
from kubewright.twin.kubelet.behaviour import EXIT_AFTER
from kubewright.twin.nodes import NodeShape

EXAMPLES = sorted((Path(__file__).parents[2] / "examples" / "apps").glob("*.yaml"))
SPACE = "apps"
SECRETS_OF = {"database": ["ledger-db"], "cron-job": ["invoices"], "meshed-service": ["ledger"]}
CLAIMS_OF = {"gpu-inference": ["models"], "batch-job": ["ranking"]}
GPUS = {"nvidia.com/gpu": "8", "nvidia.com/mig-3g.40gb": "2"}
DISKS = {
    "metadata": {"name": "disks", "annotations": {"storageclass.kubernetes.io/is-default-class": "true"}},
    "provisioner": PROVISIONER,
    "volumeBindingMode": "WaitForFirstConsumer",
}
PATIENCE_SECONDS = 900


async def around(twin, name):
    """What a company has before its applications come: disks, secrets, data, GPUs, the Gateway API."""
    client = twin.client()
    await client.create(STORAGE_CLASSES, DISKS)
    await client.create(NAMESPACES, {"metadata": {"name": SPACE}})
    for secret in SECRETS_OF.get(name, ()):
        await client.create(SECRETS, {"metadata": {"name": secret}, "stringData": {"password": "p"}}, namespace=SPACE)
    for claim in CLAIMS_OF.get(name, ()):
        spec = {"accessModes": ["ReadWriteMany"], "resources": {"requests": {"storage": "1Gi"}}}
        await client.create(CLAIMS, {"metadata": {"name": claim}, "spec": spec}, namespace=SPACE)
    if name in CLAIMS_OF:
        for node in (await client.list(NODES)).items:
            labels = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-80GB"}
            await client.patch(NODES, node.key, {"metadata": {"labels": labels}})
            status = {"status": {"capacity": GPUS, "allocatable": GPUS}}
            await client.patch(NODES, node.key, status, subresource="status")
    if name == "canary-api":
        routes = next(each for each in definitions() if each["metadata"]["name"].startswith("httproutes"))
        await client.create(CRDS, routes)


async def seconds_to_ready(path):
    """Apply one file and wait until all its applications are Ready: how long that takes, in the twin's time."""
    name = path.stem
    async with Twin(Clock.virtual(), nodes=3, shape=NodeShape(cpu="64", memory="512Gi")) as twin:
        client = twin.client()
        await around(twin, name)
        platform = Platform(client, twin.clock)
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(platform.run())
            while not platform.ready:  # noqa: ASYNC110  virtual time
                await asyncio.sleep(0.1)
            documents = list(yaml.safe_load_all(path.read_text()))
            for document in documents:
                await client.create(APP_SERVICES, document, namespace=SPACE)
            applied_at = twin.clock.now()
            late = await unready(twin, client, documents)
            seconds = twin.clock.now() - applied_at
            running.cancel()
        assert late == {}
        return seconds


async def finish_jobs(client):
    """Have the containers of jobs end: simulated ones do so when their pod says when."""
    for pod in (await client.list(PODS, namespace=SPACE, label_selector="batch.kubernetes.io/job-name")).items:
        if EXIT_AFTER not in pod.metadata.annotations:
            await client.patch(PODS, pod.key, {"metadata": {"annotations": {EXIT_AFTER: "60"}}})


async def unready(twin, client, documents):
    names = [each["metadata"]["name"] for each in documents]
    began, late = twin.clock.now(), {}
    while twin.clock.now() - began < PATIENCE_SECONDS:
        await asyncio.sleep(0.2)
        await finish_jobs(client)
        apps = [await client.get(APP_SERVICES, ObjectKey(SPACE, name)) for name in names]
        late = {app.metadata.name: app.status.conditions for app in apps if not app.status.ready}
        if not late:
            return {}
    return late


@pytest.mark.parametrize("path", EXAMPLES, ids=[path.stem for path in EXAMPLES])
def test_an_example_becomes_ready(path):
    assert run_virtual(seconds_to_ready(path)) < PATIENCE_SECONDS


def test_there_are_ten():
    assert len(EXAMPLES) == 10
