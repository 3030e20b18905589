"""What the simulated days are made of."""

import asyncio

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import PODS, SERVICES
from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock, run_virtual
from kubewright.twin.cluster import Twin


def deployment(name, *, replicas=3, image="shop/web:1", annotations=None, **spec):
    labels = {"app": name}
    container = {"name": "main", "image": image, "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}}}
    template = {"metadata": {"labels": labels, "annotations": annotations or {}}, "spec": {"containers": [container]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "default"},
        "spec": {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template, **spec},
    }


def service(name):
    spec = {"selector": {"app": name}, "ports": [{"port": 80, "targetPort": 8080}]}
    metadata = {"name": name, "namespace": "default"}
    return {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec}


class Day:
    """A twin under virtual time, with what a user does to it."""

    def __init__(self, twin):
        self.twin = twin
        self.client = twin.client()

    async def create(self, resource, manifest):
        return await self.client.create(resource, manifest, namespace=manifest["metadata"].get("namespace", ""))

    async def deploy(self, name, **options):
        return await self.create(DEPLOYMENTS, deployment(name, **options))

    async def expose(self, name):
        return await self.create(SERVICES, service(name))

    async def change(self, name, **spec):
        await self.client.patch(DEPLOYMENTS, ObjectKey("default", name), {"spec": spec})

    async def new_image(self, name, image):
        containers = [{"name": "main", "image": image}]
        await self.change(name, template={"spec": {"containers": containers}})

    async def deployment(self, name):
        return await self.client.get(DEPLOYMENTS, ObjectKey("default", name))

    async def pods(self, name):
        listing = await self.client.list(PODS, namespace="default", label_selector=f"app={name}")
        return list(listing.items)

    async def ready(self, name):
        return [pod for pod in await self.pods(name) if pod.is_ready and not pod.is_terminating]

    async def until(self, holds, seconds=600):
        """Wait until an asynchronous condition holds, looking twice a second."""
        for _ in range(seconds * 2):
            if await holds():
                return
            await asyncio.sleep(0.5)
        raise AssertionError(f"not within {seconds} s")

    async def until_complete(self, name, seconds=600):
        async def complete():
            found = await self.deployment(name)
            wanted, status = found.spec.replicas, found.status
            seen = status.observed_generation >= found.metadata.generation
            counts = (status.replicas, status.updated_replicas, status.available_replicas)
            return seen and counts == (wanted,) * 3

        await self.until(complete, seconds)


async def live(day, *, nodes=3, seed=0, **options):
    """Run one day and return all that was written while it lasted, kind by kind."""
    async with Twin(Clock.virtual(), nodes=nodes, seed=seed, **options) as twin:
        store = twin.server.store
        await day(Day(twin))
        return [
            f"{kind.plural} {change.type} {change.revision} {change.record.encoded.decode()}"
            for kind in twin.server.kinds.all()
            for change in store.changes_since((kind.group, kind.plural), store.compacted_revision)
        ]


def run(day, **options):
    """Run one day under virtual time."""
    return run_virtual(live(day, **options))
