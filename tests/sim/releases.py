"""A twin with the platform on it, and an application that takes requests: what the simulated rollouts are made of."""

import asyncio
import contextlib

from kubewright.api.core import EVENTS, PODS, SERVICES
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import ObjectKey
from kubewright.app import Platform
from kubewright.client.protocol import EventType
from kubewright.clock import Clock, run_virtual
from kubewright.errors import OpError
from kubewright.twin.cluster import Twin
from kubewright.twin.faults.fault import FAULTS
from kubewright.workloads.kinds import CHILD_DEPLOYMENTS

WEB = ObjectKey("default", "web")
USAGE = "twin.kubewright.dev/"
GOOD = {"requests-per-second": "60", "cpu-per-request": "1m", "latency": "20ms", "memory": "32Mi", "app": "web"}
HEALTHY, SICK = "shop/web:1", "shop/web:2"


def app(image=HEALTHY, *, replicas=4, rollout=None, **spec):
    document = {
        "image": image,
        "replicas": replicas,
        "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
        "slo": {"availability": 99.9},
        "rollout": rollout or {"strategy": "canary"},
        **spec,
    }
    return {"metadata": {"name": "web"}, "spec": document}


class Shop:
    """What a user does to the application, and what becomes of it."""

    def __init__(self, twin, usage):
        self.twin = twin
        self.client = twin.client()
        self.usage = usage

    async def create(self, **options):
        await self.client.create(APP_SERVICES, app(**options), namespace="default")
        await self.until(lambda state: state is not None and state.phase == "Stable", 120)

    async def change(self, **spec):
        await self.client.patch(APP_SERVICES, WEB, {"spec": spec})

    async def tell(self, **annotations):
        await self.client.patch(APP_SERVICES, WEB, {"metadata": {"annotations": annotations}})

    async def app(self):
        return await self.client.get(APP_SERVICES, WEB)

    async def state(self):
        return (await self.app()).status.rollout

    async def until(self, holds, seconds=1200):
        """Wait until the rollout's status is as wanted; return it."""
        found = None
        for _ in range(seconds * 2):
            found = await self.state()
            if holds(found):
                return found
            await asyncio.sleep(0.5)
        raise AssertionError(f"not within {seconds} s: {found}")

    async def phase(self, phase, seconds=1200):
        return await self.until(lambda state: state.phase == phase, seconds)

    async def pods(self):
        listing = await self.client.list(PODS, namespace="default", label_selector="app.example.com/name=web")
        return [pod for pod in listing.items if not pod.is_terminating]

    async def images(self):
        """Return how many ready pods run each image."""
        found = {}
        for pod in await self.pods():
            if pod.is_ready:
                image = pod.spec.containers[0].image
                found[image] = found.get(image, 0) + 1
        return found

    async def deployments(self):
        return {each.metadata.name: each for each in (await self.client.list(CHILD_DEPLOYMENTS)).items}

    async def services(self):
        return {each.metadata.name: each for each in (await self.client.list(SERVICES, namespace="default")).items}

    async def events(self):
        return [event.reason for event in (await self.client.list(EVENTS, namespace="default")).items]

    async def conditions(self):
        return {each.type: each for each in (await self.app()).status.conditions}

    async def annotate(self):
        """Let pods act by their image from the moment that they are there."""
        async for event in self.client.watch(PODS, namespace="default"):
            pod = event.obj
            if event.type is not EventType.ADDED or pod is None:
                continue
            profile = GOOD | self.usage.get(pod.spec.containers[0].image, {})
            annotations = {f"{USAGE}{name}": value for name, value in profile.items() if value is not None}
            with contextlib.suppress(OpError):  # it may be gone already
                await self.client.patch(PODS, pod.key, {"metadata": {"annotations": annotations}})


def crashing(image, after_seconds=1):
    """Return the fault of an image whose containers exit so long after each start."""
    return fault("crash", "CrashLoop", image, crashLoop={"afterSeconds": after_seconds, "exitCode": 1})


def fault(name, type_, image, **fields):
    spec = {"type": type_, "target": {"pods": {"images": [image]}}, **fields}
    return {"apiVersion": FAULTS.api_version, "kind": FAULTS.kind, "metadata": {"name": name}, "spec": spec}


def run(scenario, *, usage=None, faults=(), nodes=3, measured=True, seed=0, **options):
    """Live through a scenario under virtual time; `usage` says by image how pods act, None for nothing of the kind."""

    async def day():
        clock = Clock.virtual()
        async with Twin(clock, nodes=nodes, seed=seed, **options) as twin, asyncio.TaskGroup() as tasks:
            shop = Shop(twin, usage or {})
            source = twin.exporters.measurements if measured else None
            running = [
                tasks.create_task(Platform(twin.client(), clock, source=source).run()),
                tasks.create_task(shop.annotate()),
            ]
            await asyncio.sleep(2)
            for each in faults:
                await shop.client.create(FAULTS, each)
            result = await scenario(shop)
            for task in running:
                task.cancel()
            return result

    return run_virtual(day())
