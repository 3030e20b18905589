"""What a WebApp becomes, as manifests. It imports nothing, so that it weighs on no process that uses it."""

from __future__ import annotations

from typing import Any

LABEL = "bench.kubewright.dev/app"


def deployment(name: str, image: str, replicas: int, ports: list[tuple[str, int]]) -> dict[str, Any]:
    """Return what runs the pods."""
    labels = {LABEL: name}
    listening = [{"name": title, "containerPort": number} for title, number in ports]
    container = {"name": "main", "image": image, "ports": listening}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }


def service(name: str, ports: list[tuple[str, int]]) -> dict[str, Any]:
    """Return what is in front of them."""
    labels = {LABEL: name}
    serving = [{"name": title, "port": number, "targetPort": title} for title, number in ports]
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": name, "labels": labels},
        "spec": {"selector": labels, "ports": serving},
    }
