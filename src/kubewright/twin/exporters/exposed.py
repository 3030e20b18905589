"""Which metrics a running container offers on its port: an exporter's by its image, else its own.

So the manifests that people install on real clusters work here: an image whose last part is `kube-state-metrics`,
`node-exporter` or `dcgm-exporter` is that exporter, whatever registry it is from.
"""

from __future__ import annotations

from kubewright.api.core import Container, Pod
from kubewright.twin.exporters.apps import app
from kubewright.twin.exporters.dcgm import dcgm
from kubewright.twin.exporters.devices import Devices
from kubewright.twin.exporters.host import Host
from kubewright.twin.exporters.sources import NodeUse, Sources
from kubewright.twin.exporters.state.state import StateMetrics, telemetry
from kubewright.twin.usage.account import Reading

_PATH_ANNOTATION = "prometheus.io/path"
_PATH = "/metrics"
_TELEMETRY_PORT = 8081


class Exposed:
    """The metrics of pods; what exporters remember between scrapes is here."""

    def __init__(self, sources: Sources) -> None:
        self.devices = Devices()
        self._sources = sources
        self._host = Host()
        self._state = StateMetrics(sources.store)

    def metrics(self, pod: Pod, container: Container, reading: Reading, port: int, path: str) -> str | None:
        """Return what a container answers at a path; None when there is nothing."""
        if path != pod.metadata.annotations.get(_PATH_ANNOTATION, _PATH):
            return None
        match image_name(container.image):
            case "kube-state-metrics":
                return telemetry() if port == _TELEMETRY_PORT else self._state.metrics()
            case "node-exporter":
                use = self._use(pod)
                return "" if use is None else self._host.metrics(use)
            case "dcgm-exporter":
                use = self._use(pod)
                return (
                    "" if use is None else dcgm(use, self.devices.on(use, self._sources.devices_on(pod.spec.node_name)))
                )
            case _:
                return app(reading)

    def _use(self, pod: Pod) -> NodeUse | None:
        node = self._sources.node(pod.spec.node_name)
        return None if node is None else self._sources.use_of(node)


def image_name(image: str) -> str:
    """Return an image's last part without tag and digest."""
    return image.rpartition("/")[2].partition("@")[0].partition(":")[0]
