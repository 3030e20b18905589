"""Why a pod waits, asked as the person who wants to know: the same answer as `kubewright why` gives."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import ObjectKey
from kubewright.api.pods import PODS
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.explain.answers import about_pod
from kubewright.explain.documents import explanations
from kubewright.explain.reading import read
from kubewright.placement.policy import SPREAD


async def why_pod(client: Client, key: ObjectKey) -> Any:
    """Return why a pod waits, as JSON; raises OpError."""
    found = await client.get(PODS, key)
    cluster = await read(client)
    pod = next((each for each in cluster.pods if each.key == key), found)
    return explanations(about_pod(pod, cluster, Clock.wall().now(), SPREAD), f"pod/{key.name}")
