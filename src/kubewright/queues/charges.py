"""What a pod takes of its queue's quotas: whoever keeps a ledger of queues counts by this. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping

from kubewright.api.core import Node, Pod
from kubewright.api.resources import pod_request
from kubewright.devices.requests import PRODUCT, VENDOR, models
from kubewright.queues.rules import MOST, quota_key


def charges(pod: Pod, node: Node | None = None) -> Mapping[str, int]:
    """Return amounts by `quota_key`: on a node that of its model of GPU, before if the pod names one."""
    total = {resource: min(amount, MOST) for resource, amount in pod_request(pod).items()}
    gpus = [resource for resource in total if resource.startswith(VENDOR)]
    if gpus:
        named = models(pod.spec) if node is None else {node.metadata.labels.get(PRODUCT, "")}
        model = next(iter(named)) if len(named) == 1 else ""
        if model:
            total |= {quota_key(resource, model): total[resource] for resource in gpus}
    return total


def summed(amounts: Iterable[Mapping[str, int]]) -> dict[str, int]:
    """Add up what several take."""
    total: Counter[str] = Counter()
    for each in amounts:
        total.update(each)
    return dict(total)
