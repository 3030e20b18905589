"""What applying an AppService would change: each live object beside what a dry run says it would become."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import TypeVar

import msgspec

from kubewright.api.applyset import Observed
from kubewright.api.core import CONFIG_MAPS
from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource
from kubewright.cli.difftext import unified
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.children import get_or_none
from kubewright.workloads.children import NAME_LABEL
from kubewright.workloads.controller import FIELD_MANAGER
from kubewright.workloads.decide import apply_set
from kubewright.workloads.kinds import BUILT_IN, CHILD_JOBS, CHILD_KINDS, OPTIONAL, kind_of
from kubewright.workloads.offering import arriving
from kubewright.workloads.oldfiles import needed_files
from kubewright.workloads.rollout.rehearsal import Outcome

Pair = tuple[Resource[LiveObject], LiveObject | None, LiveObject | None]
"""An object as it is and as it would be; None where there is none."""

_APPS = live_resource(APP_SERVICES)
T = TypeVar("T", bound=KubeObject)


async def differences(client: Client, document: Manifest, namespace: str) -> list[str]:
    """Return the lines of a unified diff, empty if nothing would change; raises OpError for what would be refused."""
    lines: list[str] = []
    async for pair in _pairs(client, _placed(document, namespace)):
        lines += unified(*pair)
    return lines


async def rehearsed(client: Client, document: Manifest, namespace: str) -> tuple[str, Outcome]:
    """Return the application's name, and what came of trying it on a copy of the cluster; raises OpError."""
    from kubewright.rehearsal.rehearse import TwinRehearsal

    manifest = _placed(document, namespace)
    key = ObjectKey(manifest["metadata"]["namespace"], manifest["metadata"]["name"])
    wanted = await _written(client, _APPS, manifest, await get_or_none(client, _APPS, key))
    return _APPS.target(key), await TwinRehearsal(client, Clock.wall()).rehearse_object(wanted)


def _placed(document: Manifest, namespace: str) -> Manifest:
    """Return it with the namespace that it goes to; raises OpError where it has no name."""
    said = document["metadata"]
    if not said.get("name"):
        raise OpError("diff", ErrorKind.INVALID, APP_SERVICES.kind, "metadata.name is needed: it says what is compared")
    return {**document, "metadata": {**said, "namespace": said.get("namespace") or namespace}}


async def _pairs(client: Client, manifest: Manifest) -> AsyncIterator[Pair]:
    metadata = manifest["metadata"]
    key = ObjectKey(metadata["namespace"], metadata["name"])
    before = await get_or_none(client, _APPS, key)
    yield _APPS, before, await _written(client, _APPS, manifest, before)
    app = await _written(client, APP_SERVICES, manifest, before)
    wanted = await arriving(client, app)
    for child in wanted:
        async for pair in _child_pairs(client, app, child):
            yield pair
    async for pair in _pruned(client, app, wanted):
        yield pair


async def _written(client: Client, resource: Resource[T], manifest: Manifest, before: LiveObject | None) -> T:
    """Return the object as it would be with the manifest's spec whole: what is not said any more is gone."""
    if before is None:
        return await client.create(resource, manifest, namespace=manifest["metadata"]["namespace"], dry_run=True)
    seen, said = before.metadata, manifest["metadata"]
    metadata: Manifest = {
        **said,
        "labels": {**seen.labels, **(said.get("labels") or {})},
        "annotations": {**seen.annotations, **(said.get("annotations") or {})},
        "finalizers": list(seen.finalizers),
        "resourceVersion": seen.resource_version,
    }
    return await client.update(resource, {**manifest, "metadata": metadata}, dry_run=True)


async def _child_pairs(client: Client, app: AppService, child: Manifest) -> AsyncIterator[Pair]:
    kind = kind_of(child)
    before = await get_or_none(client, kind, ObjectKey(app.metadata.namespace, child["metadata"]["name"]))
    if before is not None and not apply_set(app, CHILD_KINDS).owns(before):
        raise OpError("diff", ErrorKind.CONFLICT, kind.target(before.key), "the name is somebody else's")
    try:
        yield (
            kind,
            before,
            await client.apply(kind, _kept(app, child, before), field_manager=FIELD_MANAGER, dry_run=True),
        )
    except OpError as error:
        if error.kind is ErrorKind.NOT_FOUND and kind in OPTIONAL:
            return  # the cluster has no such kind
        if error.kind is not ErrorKind.INVALID or kind != CHILD_JOBS:
            raise
        yield kind, before, None  # what a job runs cannot be changed: the platform makes a new one
        yield kind, None, _imagined(child)


def _kept(app: AppService, child: Manifest, before: LiveObject | None) -> Manifest:
    """Say the number of pods that an autoscaler has chosen: the platform does not say one, and so keeps it."""
    if app.spec.scaling is None or before is None or "replicas" not in before.spec or "template" not in before.spec:
        return child
    return {**child, "spec": {**child["spec"], "replicas": before.spec["replicas"]}}


async def _pruned(client: Client, app: AppService, wanted: tuple[Manifest, ...]) -> AsyncIterator[Pair]:
    owned, observed = apply_set(app, CHILD_KINDS), Observed()
    for kind in BUILT_IN:
        selector = f"{NAME_LABEL}={app.metadata.name}"
        for live in (await client.list(kind, namespace=app.metadata.namespace, label_selector=selector)).items:
            if owned.owns(live) and any(ref.uid == app.metadata.uid for ref in live.metadata.owner_references):
                observed.add(kind, live)
    named = {(each["kind"], each["metadata"]["name"]) for each in wanted}
    named |= {(CONFIG_MAPS.kind, name) for name in await needed_files(client, app, wanted, observed)}
    for kind, live in observed.objects.values():
        if (kind.kind, live.metadata.name) not in named:
            yield kind, live, None


def _imagined(child: Manifest) -> LiveObject:
    return msgspec.convert(child, LiveObject)
