"""Meters the GPUs of a node by pod, every few seconds, and shows it as metrics with DCGM's labels."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from kubewright.api.core import Pod
from kubewright.errors import OpError
from kubewright.gpu.driver import DeviceDriver
from kubewright.gpu.podresources import SOCKET, holdings
from kubewright.gpu.use import Use, pod_in, use
from kubewright.runtime.rounds import surviving

SECONDS = 15.0
_LABELS = ("gpu", "UUID", "device", "modelName", "Hostname", "namespace", "pod", "container")
_log = logging.getLogger(__name__)


class Meter(Collector):
    """Keeps the last measurement of one node."""

    def __init__(
        self,
        driver: DeviceDriver,
        resource: str,
        pods: Callable[[], Iterable[Pod]],
        node: str,
        *,
        socket: Path = SOCKET,
        proc: Path = Path("/proc"),
    ) -> None:
        """Take the hardware, what the kubelet calls it, the node's pods as known, and where kubelet and host are."""
        self._driver = driver
        self._resource = resource
        self._pods = pods
        self._node = node
        self._socket = socket
        self._proc = proc
        self._last: list[Use] = []

    async def run(self) -> None:
        """Measure until cancelled."""
        while True:
            with surviving("GPU use"):
                await self.measure()
            await asyncio.sleep(SECONDS)

    async def measure(self) -> None:
        """Measure once; while the kubelet does not answer nothing is told, rather than something old."""
        try:
            held = await holdings(self._resource, self._socket)
        except OpError as error:
            _log.info("GPU use is not known: %s", error)
            self._last = []
            return
        processes = await asyncio.to_thread(self._driver.processes)
        self._last = use(self._driver.gpus(), held, processes, self._pods(), self._pod_of)

    def collect(self) -> Iterator[Metric]:
        """Yield the metrics."""
        for name, text, value in _FIGURES:
            family = GaugeMetricFamily(f"kubewright_gpu_pod_{name}", text, labels=_LABELS)
            for each in self._last:
                family.add_metric(self._labelled(each), value(each))
            yield family

    def _labelled(self, each: Use) -> list[str]:
        gpu = each.gpu
        device = (str(gpu.number), gpu.uuid, f"nvidia{gpu.number}", gpu.model, self._node)
        return [*device, each.pod.namespace, each.pod.name, each.container]

    def _pod_of(self, pid: int) -> str | None:
        try:
            return pod_in((self._proc / str(pid) / "cgroup").read_text())
        except OSError:
            return None  # it has ended


_FIGURES: tuple[tuple[str, str, Callable[[Use], float]], ...] = (
    ("share", "The part of the GPU that the pod asked for.", lambda each: each.share),
    ("sm_utilization", "How busy the container kept the GPU's multiprocessors (in %).", lambda each: each.sm_percent),
    ("memory_used_bytes", "Framebuffer memory that the container uses.", lambda each: float(each.memory_bytes)),
    ("processes", "Processes of the container on the GPU.", lambda each: float(each.processes)),
)
