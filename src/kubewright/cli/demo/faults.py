"""What goes wrong in the demo: each fault is somebody's hand on the cluster, and a test of whether it was mended."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from kubewright.api.core import NODES, PODS
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.cli.demo.world import NAMESPACE, World
from kubewright.client.protocol import PatchType
from kubewright.runtime.plans import evict
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS, CHILD_SERVICES

SOMEBODY = "somebody"


@dataclass(frozen=True, slots=True)
class Fault:
    """One thing that goes wrong; `break_it` does it and returns the test of whether it has been mended."""

    title: str
    app: str
    """The application that is hit; empty for all."""
    break_it: Callable[[World], Awaitable[Callable[[], bool]]]
    causes: tuple[str, ...] = ()
    """What the healer is right to name, where it is the healer that mends."""
    tidy: Callable[[World], Awaitable[None]] | None = None
    """What somebody does once it is mended."""


async def delete_deployment(world: World) -> Callable[[], bool]:
    """Delete a Deployment by hand."""
    name = "frontend"
    old = world.deployment(name)
    if old is None:
        raise LookupError(name)
    await world.client.delete(CHILD_DEPLOYMENTS, old, propagation="Background")

    def mended() -> bool:
        new = world.deployment(name)
        return new is not None and new.metadata.uid != old.metadata.uid and world.is_ready(name)

    return mended


async def delete_service(world: World) -> Callable[[], bool]:
    """Delete a Service by hand."""
    name = "cartservice"
    old = world.service(name)
    if old is None:
        raise LookupError(name)
    await world.client.delete(CHILD_SERVICES, old)

    def mended() -> bool:
        new = world.service(name)
        return new is not None and new.metadata.uid != old.metadata.uid

    return mended


async def edit_replicas(world: World) -> Callable[[], bool]:
    """Scale a Deployment by hand, behind its AppService's back."""
    name = "checkoutservice"
    edited = await patch_deployment(world, name, {"spec": {"replicas": 5}})

    def mended() -> bool:
        app, live = world.app(name), world.deployment(name)
        if app is None or live is None or not _is_newer(live, edited):
            return False
        return live.spec.get("replicas") == app.spec.replicas == len(world.pods_of(name)) and world.is_ready(name)

    return mended


async def edit_image(world: World) -> Callable[[], bool]:
    """Put a wrong image into a Deployment by hand."""
    name = "currencyservice"
    container = {"name": "app", "image": "example.com/typo:latest"}
    edited = await patch_deployment(world, name, {"spec": {"template": {"spec": {"containers": [container]}}}})

    def mended() -> bool:
        app, live = world.app(name), world.deployment(name)
        if app is None or live is None or not _is_newer(live, edited):
            return False
        image: str = live.spec["template"]["spec"]["containers"][0]["image"]
        return world.is_ready(name) and image == app.spec.image

    return mended


async def kill_pods(world: World) -> Callable[[], bool]:
    """Delete every pod of an application."""
    name = "paymentservice"
    old = world.pods_of(name)
    for pod in old:
        await world.client.delete(PODS, pod, grace_period_seconds=0)
    gone = {pod.metadata.uid for pod in old}

    def mended() -> bool:
        pods = world.pods_of(name)
        return bool(pods) and all(pod.metadata.uid not in gone for pod in pods) and world.is_ready(name)

    return mended


async def empty_node(world: World) -> Callable[[], bool]:
    """Cordon a node and evict what runs on it, as `kubectl drain` does."""
    node = max(world.nodes.index.values(), key=lambda node: len(world.pods_on(node.metadata.name)))
    name = node.metadata.name
    await world.client.patch(NODES, node.key, {"spec": {"unschedulable": True}}, field_manager=SOMEBODY)
    await asyncio.gather(*(evict(world.client, pod.key) for pod in world.pods_on(name)))
    return lambda: not world.pods_on(name) and world.all_ready()


async def put_back(world: World) -> None:
    """Let pods onto the emptied node again."""
    for node in world.nodes.index.values():
        if node.spec.unschedulable:
            await world.client.patch(NODES, node.key, {"spec": {"unschedulable": False}}, field_manager=SOMEBODY)


def _is_newer(live: LiveObject, edited: LiveObject) -> bool:
    """Tell whether somebody wrote after the edit: until then, what is seen may be from before it."""
    return int(live.metadata.resource_version) > int(edited.metadata.resource_version)


async def patch_deployment(world: World, name: str, patch: Manifest) -> LiveObject:
    """Change a Deployment by hand."""
    return await world.client.patch(
        CHILD_DEPLOYMENTS, ObjectKey(NAMESPACE, name), patch, PatchType.STRATEGIC, field_manager=SOMEBODY
    )


FAULTS = (
    Fault("Deployment frontend deleted by hand", "frontend", delete_deployment),
    Fault("Deployment checkoutservice scaled to 5 by hand", "checkoutservice", edit_replicas),
    Fault("Service cartservice deleted by hand", "cartservice", delete_service),
    Fault("Deployment currencyservice: image edited by hand", "currencyservice", edit_image),
    Fault("every pod of paymentservice killed", "paymentservice", kill_pods),
    Fault("the fullest node cordoned and emptied", "", empty_node, tidy=put_back),
)
