"""What a queue's status says. Pure: `groups.py` asks now and then and writes what is new."""

from __future__ import annotations

from kubewright.api.conditions import READY, Condition, set_condition, written
from kubewright.api.crds.queue import QUEUES, Queue
from kubewright.api.meta import Manifest
from kubewright.queues.rules import Problem, split_key, write_quota
from kubewright.queues.tree import QuotaTree

WITHIN_QUOTA = "WithinQuota"


def status_of(
    queue: Queue, tree: QuotaTree, problem: Problem | None, *, pending: int, running: int, now: float
) -> Manifest | None:
    """Return the status of a queue as a manifest, if it says anything new."""
    name, told = queue.metadata.name, queue.status
    over = _over(name, tree)
    ready = Condition(
        READY,
        "True" if problem is None else "False",
        "Accepted" if problem is None else problem.reason,
        "taken as it is" if problem is None else problem.message,
        observed_generation=queue.metadata.generation,
    )
    within = Condition(
        WITHIN_QUOTA,
        "False" if over else "True",
        "UseAboveQuota" if over else "WithinQuota",
        f"{over}; nothing is taken away for that, nothing more is given out" if over else "uses no more than it may",
        observed_generation=queue.metadata.generation,
    )
    conditions = set_condition(set_condition(told.conditions, ready, now), within, now)
    quotas = [_quota(name, key, tree) for key in sorted(tree.limited(name))]
    status: Manifest = {
        "pending": pending,
        "running": running,
        "share": f"{tree.share(name):.3f}",
        "observedGeneration": queue.metadata.generation,
        "conditions": written(conditions),
    }
    if quotas:  # an empty list is one thing when it is applied anew, and another when items were there
        status["quotas"] = quotas
    present = [
        {
            "resource": each.resource,
            "model": each.model,
            "nominal": each.nominal,
            "used": each.used,
            "borrowed": each.borrowed,
        }
        for each in told.quotas
    ]
    figures = (told.pending, told.running, told.share, told.observed_generation)
    if figures == (pending, running, status["share"], queue.metadata.generation) and (present, told.conditions) == (
        quotas,
        conditions,
    ):
        return None
    metadata = {"name": name}
    return {"apiVersion": QUEUES.api_version, "kind": QUEUES.kind, "metadata": metadata, "status": status}


def _quota(name: str, key: str, tree: QuotaTree) -> Manifest:
    resource, model = split_key(key)
    return {
        "resource": resource,
        "model": model,
        "nominal": write_quota(key, tree.nominal(name, key)),
        "used": write_quota(key, tree.used(name, key)),
        "borrowed": write_quota(key, tree.borrowed(name, key)),
    }


def _over(name: str, tree: QuotaTree) -> str:
    """Say of what the queue uses more than it may; nothing if it does not."""
    found: list[str] = []
    for key in sorted(tree.limited(name)):
        left, used = tree.left(name, key), tree.used(name, key)
        if left is not None and left < 0 and used > tree.nominal(name, key):
            found.append(f"{write_quota(key, used)} {key} used, {write_quota(key, max(used + left, 0))} allowed")
    return ", ".join(found)
