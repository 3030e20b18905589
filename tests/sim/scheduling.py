"""The platform's scheduler on a twin under virtual time, with what its users do."""

import asyncio
from collections import Counter

from kubewright.api.conditions import find_condition
from kubewright.api.core import EVENTS, NAMESPACES, NODES, PODS
from kubewright.api.crds.queue import QUEUE_CRD, QUEUE_LABEL, QUEUES
from kubewright.api.meta import ObjectKey, PartialObject, Resource
from kubewright.api.podgroups import POD_GROUPS
from kubewright.app import Choices, Platform
from kubewright.clock import Clock, run_virtual
from kubewright.runtime.definitions import install
from kubewright.scheduler.groups.reading import COSCHEDULING_LABEL, MIN_AVAILABLE
from kubewright.scheduler.groups.telling import INITIALLY_SCHEDULED
from kubewright.twin.cluster import Twin

NAME = "kubewright-scheduler"
_ANY = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
POD_GROUP_CRD = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {
        "name": "podgroups.scheduling.k8s.io",
        "annotations": {"api-approved.kubernetes.io": "unapproved, a stand-in"},
    },
    "spec": {
        "group": "scheduling.k8s.io",
        "scope": "Namespaced",
        "names": {"plural": "podgroups", "kind": "PodGroup"},
        "versions": [
            {
                "name": "v1beta1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {"openAPIV3Schema": {"type": "object", "properties": {"spec": _ANY, "status": _ANY}}},
            }
        ],
    },
}
CLASSES = Resource("scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", PartialObject, namespaced=False)


def pod(name, cpu="1", *, namespace="default", labels=(), notes=(), **spec):
    container = {"name": "main", "image": "app:1", "resources": {"requests": {"cpu": cpu}}}
    metadata = {"name": name, "namespace": namespace, "labels": dict(labels), "annotations": dict(notes)}
    return {"metadata": metadata, "spec": {"schedulerName": NAME, "containers": [container], **spec}}


def gang(name, size, cpu="1", *, needed=None, begin=0, **options):
    labels = {COSCHEDULING_LABEL: name, MIN_AVAILABLE: str(needed or size)}
    return [pod(f"{name}-{number}", cpu, labels=labels, **options) for number in range(begin, begin + size)]


class Cluster:
    def __init__(self, twin):
        self.twin = twin
        self.client = twin.client()

    async def create(self, *manifests):
        for manifest in manifests:
            await self.client.create(PODS, manifest, namespace=manifest["metadata"]["namespace"])

    async def delete(self, *names, namespace="default"):
        for name in names:
            await self.client.delete(PODS, ObjectKey(namespace, name), grace_period_seconds=0)

    async def pods(self, namespace=""):
        listed = await self.client.list(PODS, namespace=namespace)
        return {each.metadata.name: each for each in listed.items}

    async def placed(self, prefix=""):
        """Return the nodes of the pods that have one and keep it."""
        pods = await self.pods()
        return {
            name: each.spec.node_name
            for name, each in pods.items()
            if name.startswith(prefix) and each.spec.node_name and not each.is_terminating and not each.is_finished
        }

    async def running(self, prefix=""):
        return len(await self.placed(prefix))

    async def by_namespace(self):
        pods = (await self.client.list(PODS)).items
        return Counter(each.metadata.namespace for each in pods if each.spec.node_name and not each.is_terminating)

    async def why(self, name, namespace="default"):
        found = await self.client.get(PODS, ObjectKey(namespace, name))
        condition = find_condition(found.status.conditions, "PodScheduled")
        return condition.message if condition is not None else ""

    async def events(self, name, namespace="default"):
        listed = await self.client.list(EVENTS, namespace=namespace, field_selector=f"involvedObject.name={name}")
        return [(each.reason, each.message) for each in listed.items if each.source.component == NAME]

    async def label_node(self, name, **labels):
        await self.client.patch(NODES, ObjectKey("", name), {"metadata": {"labels": labels}})

    async def queue(self, name, *, cpu=None, borrowing=None, lending=None, **spec):
        """Create a queue and a namespace of the same name that belongs to it."""
        quota = {"resource": "cpu", "nominal": cpu, "borrowingLimit": borrowing, "lendingLimit": lending}
        quotas = [{key: amount for key, amount in quota.items() if amount is not None}] if cpu is not None else []
        await self.client.create(QUEUES, {"metadata": {"name": name}, "spec": {"quotas": quotas, **spec}})
        await self.namespace(name, name)

    async def namespace(self, name, queue):
        """Create a namespace that belongs to a queue, and wait until it can have pods."""
        await self.client.create(NAMESPACES, {"metadata": {"name": name, "labels": {QUEUE_LABEL: queue}}})
        await asyncio.sleep(1)

    async def pod_group(self, name, needed):
        """Create a PodGroup, of the kind that real clusters have behind a feature gate."""
        await install(self.client, [POD_GROUP_CRD])
        spec = {"schedulingPolicy": {"gang": {"minCount": needed}}}
        await self.client.create(POD_GROUPS, {"metadata": {"name": name}, "spec": spec}, namespace="default")

    async def told(self, name):
        """Return the condition in which a PodGroup says whether it was scheduled."""
        group = await self.client.get(POD_GROUPS, ObjectKey("default", name))
        return find_condition(group.status.conditions, INITIALLY_SCHEDULED)

    async def queue_status(self, name):
        return (await self.client.get(QUEUES, ObjectKey("", name))).status


def live(day, *, nodes=3, client=None, queues=False, seed=1):
    """Run one day; each node has 8 cpus, of which a pod of 7 leaves hardly anything."""

    async def run():
        async with Twin(Clock.virtual(), nodes=nodes, seed=seed) as twin, asyncio.TaskGroup() as tasks:
            if queues:
                await install(twin.client(), [QUEUE_CRD])
            through = client(twin) if client else twin.client()
            platform = Platform(through, twin.clock, choices=Choices(services=("scheduler",)))
            running = tasks.create_task(platform.run())
            while not platform.ready:  # noqa: ASYNC110  several informers make it so
                await asyncio.sleep(0.1)
            found = await day(Cluster(twin))
            running.cancel()
            return found

    return run_virtual(run())
