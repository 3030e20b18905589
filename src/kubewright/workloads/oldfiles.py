"""Which files of earlier releases are still needed: a pod that restarts must find those of its own release.

Called by the AppService controller, and by `kubewright diff`. What may make pods again keeps a template: a Deployment's
ReplicaSets, a StatefulSet's revisions, a schedule's jobs. They are as many as `rollout.history` says, and so are files.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from kubewright.api.applyset import Observed
from kubewright.api.apps import CONTROLLER_REVISIONS, REPLICA_SETS
from kubewright.api.batch import JOBS
from kubewright.api.core import CONFIG_MAPS
from kubewright.api.crds.appservice import AppService
from kubewright.api.live import LiveObject
from kubewright.api.meta import EMPTY, Manifest
from kubewright.client.protocol import Client
from kubewright.workloads.children.identity import NAME_LABEL
from kubewright.workloads.children.volumes import config_maps_of
from kubewright.workloads.kinds import WORKLOADS


async def needed_files(
    client: Client, app: AppService, desired: Sequence[Manifest], observed: Observed
) -> frozenset[str]:
    """Return the names of the ConfigMaps that are not wanted any more and must stay; raises OpError.

    Nothing is asked where there are no others than the wanted ones, or what runs now needs all of them.
    """
    wanted = {each["metadata"]["name"] for each in desired if each["kind"] == CONFIG_MAPS.kind}
    old = {live.metadata.name for live in observed.of(CONFIG_MAPS)} - wanted
    if not desired or not old:
        return frozenset()
    needed = old.intersection(_mounted([_template(live) for kind in WORKLOADS for live in observed.of(kind)]))
    if needed != old:
        needed |= old.intersection(_mounted(await _kept_templates(client, app)))
    return frozenset(needed)


async def _kept_templates(client: Client, app: AppService) -> list[Mapping[str, Any]]:
    namespace, selector = app.metadata.namespace, f"{NAME_LABEL}={app.metadata.name}"
    match app.spec.form:
        case "service":
            sets = await client.list(REPLICA_SETS, namespace=namespace, label_selector=selector)
            return [each.spec.template for each in sets.items]
        case "stateful":
            revisions = await client.list(CONTROLLER_REVISIONS, namespace=namespace, label_selector=selector)
            return [each.data.get("spec", EMPTY).get("template", EMPTY) for each in revisions.items]
        case "cron":
            jobs = await client.list(JOBS, namespace=namespace, label_selector=selector)
            return [each.spec.template for each in jobs.items]
        case _:
            return []


def _template(live: LiveObject) -> Mapping[str, Any]:
    return live.spec.get("jobTemplate", {}).get("spec", live.spec).get("template", EMPTY)


def _mounted(templates: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for template in templates:
        yield from config_maps_of(template)
