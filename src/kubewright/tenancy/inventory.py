"""What a team's namespaces hold: for the plan that goes before offboarding. Secrets are not listed."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.batch import CRON_JOBS, JOBS
from kubewright.api.core import PODS, SERVICES
from kubewright.api.crds.team import Holding
from kubewright.api.meta import Resource
from kubewright.api.volumes import CLAIMS
from kubewright.client.protocol import Client

WORKLOADS: tuple[Resource[Any], ...] = (DEPLOYMENTS, STATEFUL_SETS, DAEMON_SETS, JOBS, CRON_JOBS)
LISTED = (*WORKLOADS, PODS, SERVICES, CLAIMS)


async def holdings(client: Client, namespaces: Iterable[str]) -> list[Holding]:
    """Read what is in each namespace; raises OpError."""
    return [await _holding(client, each) for each in namespaces]


async def _holding(client: Client, namespace: str) -> Holding:
    workloads = [len((await client.list(each, namespace=namespace)).items) for each in WORKLOADS]
    claims = (await client.list(CLAIMS, namespace=namespace)).items
    volumes = [f"{each.metadata.name} {each.spec.resources.requests.get('storage', '')}".strip() for each in claims]
    return Holding(
        namespace,
        sum(workloads),
        len((await client.list(PODS, namespace=namespace)).items),
        len((await client.list(SERVICES, namespace=namespace)).items),
        tuple(sorted(volumes)),
    )
