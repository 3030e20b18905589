"""The agent of one node: its pods, kept by an informer, and the device plugin that obeys what is written on them."""

from __future__ import annotations

import asyncio
from pathlib import Path

from kubewright.api.core import PODS
from kubewright.client.protocol import Client
from kubewright.gpu.driver import DeviceDriver
from kubewright.gpu.plugin import DevicePlugin
from kubewright.runtime.informer import Informer


async def run_agent(client: Client, driver: DeviceDriver, *, node: str, resource: str, directory: Path) -> None:
    """Work until cancelled; while no API server answers, the kubelet's own choice is given."""
    pods = Informer(client, PODS, field_selector=f"spec.nodeName={node}")
    plugin = DevicePlugin(driver, resource, pods.index.values, directory)
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(pods.run())
        tasks.create_task(plugin.run())
