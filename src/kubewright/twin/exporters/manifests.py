"""The exporters as objects to apply, as people deploy them: `kubewright twin exporters` prints them.

On the twin their pods are simulated like all others, and their images say what they export (`exposed.py`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from kubewright.api.meta import Manifest

NAMESPACE = "monitoring"
_STATE_IMAGE = "registry.k8s.io/kube-state-metrics/kube-state-metrics:v2.17.0"
_NODE_IMAGE = "quay.io/prometheus/node-exporter:v1.9.1"
_DCGM_IMAGE = "nvcr.io/nvidia/k8s/dcgm-exporter:4.2.3-4.1.3-ubuntu22.04"
_GPU_PRESENT = "nvidia.com/gpu.present"


def exporters() -> Iterator[Manifest]:
    """Yield the namespace, then a workload and a service for each exporter."""
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    yield _workload("Deployment", "kube-state-metrics", _STATE_IMAGE, {"http": 8080, "telemetry": 8081})
    yield _service("kube-state-metrics", {"http": 8080, "telemetry": 8081})
    yield _workload("DaemonSet", "node-exporter", _NODE_IMAGE, {"metrics": 9100})
    yield _service("node-exporter", {"metrics": 9100})
    yield _workload("DaemonSet", "dcgm-exporter", _DCGM_IMAGE, {"metrics": 9400}, {_GPU_PRESENT: "true"})
    yield _service("dcgm-exporter", {"metrics": 9400})


def _workload(
    kind: str, name: str, image: str, ports: dict[str, int], node_selector: dict[str, str] | None = None
) -> Manifest:
    labels = _labels(name)
    container = {
        "name": name,
        "image": image,
        "ports": [{"name": port, "containerPort": number} for port, number in ports.items()],
        "resources": {"requests": {"cpu": "20m", "memory": "64Mi"}, "limits": {"memory": "256Mi"}},
    }
    spec: dict[str, Any] = {"containers": [container]}
    if kind == "DaemonSet":
        spec["tolerations"] = [{"operator": "Exists"}]
    if node_selector:
        spec["nodeSelector"] = node_selector
    template = {"metadata": {"labels": labels}, "spec": spec}
    metadata = {"name": name, "namespace": NAMESPACE, "labels": labels}
    return {
        "apiVersion": "apps/v1",
        "kind": kind,
        "metadata": metadata,
        "spec": {"selector": {"matchLabels": labels}, "template": template},
    }


def _service(name: str, ports: dict[str, int]) -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "namespace": NAMESPACE, "labels": _labels(name)},
        "spec": {
            "clusterIP": "None",
            "selector": _labels(name),
            "ports": [{"name": port, "port": number, "targetPort": port} for port, number in ports.items()],
        },
    }


def _labels(name: str) -> dict[str, str]:
    return {"app.kubernetes.io/name": name}
