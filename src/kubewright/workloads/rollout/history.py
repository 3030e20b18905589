"""Reads the releases that an application has had: from a Deployment's ReplicaSets, or a StatefulSet's revisions.

Called by `look`, and by `kubewright rollout history|undo`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from kubewright.api.apps import CONTROLLER_REVISIONS, REPLICA_SETS
from kubewright.api.core import PODS
from kubewright.api.crds.appservice import AppService
from kubewright.api.live import LiveObject
from kubewright.api.workload import REVISION_HASH
from kubewright.client.protocol import Client
from kubewright.workloads.children.identity import NAME_LABEL
from kubewright.workloads.rollout.releases import Revision, revisions_of, set_revisions_of


async def kept_revisions(
    client: Client, app: AppService, runner: LiveObject | None, *, counted: bool = False
) -> Sequence[Revision]:
    """Return what is kept, the newest first; `counted`: with how many pods run it. Raises OpError."""
    if runner is None:
        return ()
    namespace, selector = app.metadata.namespace, f"{NAME_LABEL}={app.metadata.name}"
    if not app.spec.is_stateful:
        sets = await client.list(REPLICA_SETS, namespace=namespace, label_selector=selector)
        return revisions_of(runner.metadata.uid, sets.items)
    pods: Counter[str] = Counter()
    if counted:
        listing = await client.list(PODS, namespace=namespace, label_selector=selector)
        pods.update(pod.metadata.labels.get(REVISION_HASH, "") for pod in listing.items)
    kept = await client.list(CONTROLLER_REVISIONS, namespace=namespace, label_selector=selector)
    return set_revisions_of(runner.metadata.uid, kept.items, pods)
