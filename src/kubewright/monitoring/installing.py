"""Puts monitoring's objects into a cluster, and reads there what they depend on; for `monitoring install`."""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.applyset import identity
from kubewright.api.core import CONFIG_MAPS, NAMESPACES, SECRETS
from kubewright.api.crds.appservice import APP_SERVICES, TEAM_LABEL, AppService
from kubewright.api.crds.team import TEAMS
from kubewright.api.drift import with_fingerprint
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import Manifest, Resource
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.monitoring.teams import Team
from kubewright.runtime.applying import ObjectChange, applied
from kubewright.runtime.children import get_or_none, list_if_served

FIELD_MANAGER = "kubewright-monitoring"
_GROUP = "monitoring.coreos.com"
OPERATOR_KINDS = tuple(
    Resource(_GROUP, version, f"{kind.lower()}s", kind, LiveObject)
    for version, kind in (
        ("v1", "PrometheusRule"),
        ("v1", "ServiceMonitor"),
        ("v1", "PodMonitor"),
        ("v1alpha1", "AlertmanagerConfig"),
    )
)
"""What the Prometheus Operator reads."""
_KINDS = {
    (each.api_version, each.kind): each
    for each in (live_resource(CONFIG_MAPS), live_resource(SECRETS), *OPERATOR_KINDS)
}


async def teams(client: Client) -> list[Team]:
    """Return how the cluster's Teams are told, none where the kind is unknown."""
    return [
        Team(
            each.name,
            tuple(each.status.namespaces),
            each.spec.alerts.webhook,
            dict(each.spec.alerts.receiver),
        )
        for each in sorted(await list_if_served(client, TEAMS), key=lambda each: each.name)
    ]


async def seen(client: Client) -> tuple[list[AppService], dict[str, str]]:
    """Return the AppServices, none where the kind is unknown, and the teams that namespaces name by their label."""
    apps = list(await list_if_served(client, APP_SERVICES))
    spaces = (await client.list(NAMESPACES)).items
    owners = {each.metadata.name: each.metadata.labels.get(TEAM_LABEL, "") for each in spaces}
    return apps, {name: team for name, team in owners.items() if team}


async def apply_all(
    client: Client, namespace: str, manifests: Sequence[Manifest], *, dry_run: bool = False
) -> list[ObjectChange]:
    """Apply the objects, after their namespace if it is missing; return what became, or would become, of each.

    What is as it should be already is not written. Raises OpError.
    """
    there = await _made_namespace(client, namespace, dry_run=dry_run)
    outcomes: list[ObjectChange] = []
    for manifest in map(with_fingerprint, manifests):
        api_version, kind, key = identity(manifest)
        resource = _KINDS[api_version, kind]
        try:
            before = await get_or_none(client, resource, key)
            placed = there or key.namespace != namespace
            outcome = await applied(
                client, resource, before, manifest, field_manager=FIELD_MANAGER, placed=placed, dry_run=dry_run
            )
        except OpError as error:
            if error.kind is ErrorKind.NOT_FOUND and resource.group:
                detail = f"the cluster does not know {resource.kind}: is the Prometheus Operator installed?"
                raise OpError("monitoring.install", ErrorKind.NOT_FOUND, resource.api_version, detail) from error
            raise
        outcomes.append(outcome)
    return outcomes


async def _made_namespace(client: Client, name: str, *, dry_run: bool) -> bool:
    """Make the namespace where it is missing; return whether it is there now, which after a dry run it may not be."""
    try:
        made = await client.create(
            NAMESPACES, {"metadata": {"name": name}}, field_manager=FIELD_MANAGER, dry_run=dry_run
        )
    except OpError as error:
        # Who may not make namespaces may still have one; that it lacks is said by what is applied next.
        if error.kind not in {ErrorKind.ALREADY_EXISTS, ErrorKind.FORBIDDEN}:
            raise
        return True
    return not (dry_run and made)
