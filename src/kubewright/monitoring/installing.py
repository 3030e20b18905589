"""Puts monitoring's objects into a cluster, and reads there what they depend on; for `monitoring install`."""

from __future__ import annotations

from collections.abc import Sequence

from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import APP_SERVICES, TEAM_LABEL, AppService
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, Resource
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError

FIELD_MANAGER = "kubewright-monitoring"
_PLURALS = {
    "ConfigMap": "configmaps",
    "Secret": "secrets",
    "PrometheusRule": "prometheusrules",
    "ServiceMonitor": "servicemonitors",
    "PodMonitor": "podmonitors",
    "AlertmanagerConfig": "alertmanagerconfigs",
}


async def seen(client: Client) -> tuple[list[AppService], dict[str, str]]:
    """Return the AppServices, none where the kind is unknown, and the teams that namespaces name by their label."""
    try:
        apps = list((await client.list(APP_SERVICES)).items)
    except OpError as error:
        if error.kind is not ErrorKind.NOT_FOUND:
            raise
        apps = []
    spaces = (await client.list(NAMESPACES)).items
    owners = {each.metadata.name: each.metadata.labels.get(TEAM_LABEL, "") for each in spaces}
    return apps, {name: team for name, team in owners.items() if team}


async def apply_all(client: Client, namespace: str, manifests: Sequence[Manifest]) -> list[str]:
    """Apply the objects, after their namespace if it is missing; return a line for each. Raises OpError."""
    try:
        await client.create(NAMESPACES, {"metadata": {"name": namespace}}, field_manager=FIELD_MANAGER)
    except OpError as error:
        # Who may not make namespaces may still have one; that it lacks is said by what is applied next.
        if error.kind not in {ErrorKind.ALREADY_EXISTS, ErrorKind.FORBIDDEN}:
            raise
    lines: list[str] = []
    for manifest in manifests:
        resource = _resource(manifest)
        try:
            made = await client.apply(resource, manifest, field_manager=FIELD_MANAGER)
        except OpError as error:
            if error.kind is ErrorKind.NOT_FOUND and resource.group:
                detail = f"the cluster does not know {resource.kind}: is the Prometheus Operator installed?"
                raise OpError("monitoring.install", ErrorKind.NOT_FOUND, resource.api_version, detail) from error
            raise
        lines.append(f"{resource.target(made.key)} is as it should be")
    return lines


def _resource(manifest: Manifest) -> Resource[LiveObject]:
    group, slash, version = str(manifest["apiVersion"]).rpartition("/")
    kind = str(manifest["kind"])
    return Resource(group if slash else "", version, _PLURALS[kind], kind, LiveObject)
