"""The agent of one node: its pods, the device plugin, which obeys what is written on them and the node, and a meter."""

from __future__ import annotations

import asyncio
from pathlib import Path

from prometheus_client import CollectorRegistry

from kubewright.api.core import NODES, PODS
from kubewright.api.meta import ObjectKey
from kubewright.api.nodeagent import quarantined
from kubewright.client.protocol import Client
from kubewright.gpu.driver import DeviceDriver
from kubewright.gpu.metering import Meter
from kubewright.gpu.plugin import DevicePlugin
from kubewright.runtime.health import HealthApp
from kubewright.runtime.informer import Informer
from kubewright.runtime.process import listener
from kubewright.runtime.serving import serve_asgi


async def run_agent(
    client: Client, driver: DeviceDriver, *, node: str, resource: str, directory: Path, address: str = ""
) -> None:
    """Work until cancelled; while no API server answers, the kubelet's own choice is given.

    With an address, HOST:PORT, health and metrics are served there; raises OpError if it cannot be had.
    """
    pods = Informer(client, PODS, field_selector=f"spec.nodeName={node}")
    itself = Informer(client, NODES, field_selector=f"metadata.name={node}")
    plugin = DevicePlugin(driver, resource, pods.index.values, directory)
    told = asyncio.Event()
    itself.add_handler(lambda _: told.set())

    async def obey() -> None:
        while True:
            await told.wait()
            told.clear()
            found = itself.index.get(ObjectKey("", node))
            await plugin.put_out_of_use(quarantined(found) if found is not None else ())

    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pods.run())
        tasks.create_task(itself.run())
        tasks.create_task(obey())
        tasks.create_task(plugin.run())
        if address:
            registry = CollectorRegistry()
            meter = Meter(driver, resource, pods.index.values, node)
            registry.register(meter)
            tasks.create_task(serve_asgi(HealthApp(registry, {"pods": lambda: pods.synced}), listener(address)))
            tasks.create_task(meter.run())
