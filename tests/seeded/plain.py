"""The same operator written by hand, without sets of children: right as well, and easy to get wrong method by method.

Its second ConfigMap is in another namespace, where no owner reference reaches: only the finalizer takes it away.
"""

from __future__ import annotations

from typing import Any

import msgspec

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.conditions import Condition, set_condition
from kubewright.api.core import CONFIG_MAPS
from kubewright.api.drift import covers, with_fingerprint
from kubewright.api.finalizers import is_going
from kubewright.api.live import LiveObject, content, live_resource
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.owners import is_owned_by, owner_reference
from kubewright.client.protocol import PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime import Done, Operator, RequeueAfter, Watch, get_or_none
from tests.seeded.widget import LABEL, WIDGET_CRD, WIDGETS, Widget, config_map, deployment

FINALIZER = "example.com/widget"
ELSEWHERE = "elsewhere"
OWNER = "example.com/owner"
MANAGER = "widgets"


class TakenError(Exception):
    """A child's name holds someone else's object."""


class Plain:
    """One Widget's turn, step by step."""

    resync_seconds = 60.0

    def __init__(self, operator: Operator) -> None:
        self.client = operator.client
        self.clock = operator.clock
        self.widgets = operator.own(WIDGETS)
        self.maps = operator.informer(live_resource(CONFIG_MAPS), label_selector=LABEL)
        self.deployments = operator.informer(live_resource(DEPLOYMENTS), label_selector=LABEL)

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        widget = self.widgets.index.get(key)
        if widget is None:
            return Done()
        if is_going(widget):
            await self.finalize(widget)
            return RequeueAfter(self.resync_seconds)
        await self.hold(widget)
        await self.make(widget)
        return RequeueAfter(self.resync_seconds)

    async def make(self, widget: Widget) -> None:
        try:
            for manifest in self.desired(widget):
                await self.ensure(widget, manifest)
        except TakenError as taken:
            await self.report(widget, "NameTaken", str(taken), 0)
            return
        await self.prune(widget)
        await self.report_ready(widget)

    # What is wanted.

    def desired(self, widget: Widget) -> list[Manifest]:
        children = [config_map(widget), deployment(widget)]
        if widget.spec.extra:
            children.insert(0, self.second(widget))
        return [with_fingerprint(self.owned(widget, each)) for each in children]

    def second(self, widget: Widget) -> Manifest:
        manifest = config_map(widget, "extra")
        manifest["metadata"] |= {
            "name": f"{widget.metadata.namespace}.{widget.metadata.name}.extra",
            "namespace": ELSEWHERE,
            "annotations": {OWNER: f"{widget.metadata.namespace}/{widget.metadata.name}"},
        }
        return manifest

    def owned(self, widget: Widget, manifest: Manifest) -> Manifest:
        if manifest["metadata"]["namespace"] == widget.metadata.namespace:
            manifest["metadata"]["ownerReferences"] = [self.reference(widget)]
        return manifest

    def reference(self, widget: Widget) -> Manifest:
        return owner_reference(widget, WIDGETS)

    # Making it so.

    async def ensure(self, widget: Widget, manifest: Manifest) -> None:
        live = await self.live(manifest)
        if live is None or not self.same(live, manifest):
            if live is not None and not self.is_ours(widget, live):
                raise TakenError(f"{manifest['kind']} {live.key} was made by someone else")
            await self.write(manifest)

    async def live(self, manifest: Manifest) -> LiveObject | None:
        metadata = manifest["metadata"]
        key = ObjectKey(metadata["namespace"], metadata["name"])
        informer = self.deployments if manifest["kind"] == "Deployment" else self.maps
        return informer.index.get(key) or await get_or_none(self.client, informer.resource, key)

    def same(self, live: LiveObject, manifest: Manifest) -> bool:
        metadata = manifest["metadata"]
        return (
            covers(live.metadata.annotations, metadata["annotations"])
            and covers(live.metadata.labels, metadata["labels"])
            and len(live.metadata.owner_references) >= len(metadata.get("ownerReferences", ()))
            and covers(content(live, manifest), {name: manifest[name] for name in content(live, manifest)})
        )

    def is_ours(self, widget: Widget, live: LiveObject) -> bool:
        name = f"{widget.metadata.namespace}/{widget.metadata.name}"
        return is_owned_by(live, widget) or live.metadata.annotations.get(OWNER) == name

    async def write(self, manifest: Manifest) -> None:
        resource = self.deployments.resource if manifest["kind"] == "Deployment" else self.maps.resource
        await self.client.apply(resource, manifest, field_manager=MANAGER)

    def children(self, widget: Widget) -> list[tuple[Any, LiveObject]]:
        return [
            (informer.resource, live)
            for informer in (self.maps, self.deployments)
            for live in informer.index.values()
            if self.is_ours(widget, live)
        ]

    async def prune(self, widget: Widget) -> None:
        wanted = {(each["kind"], each["metadata"]["name"]) for each in self.desired(widget)}
        for resource, live in self.children(widget):
            if (resource.kind, live.metadata.name) not in wanted:
                await self.delete(resource, live)

    async def delete(self, resource: Any, live: LiveObject) -> None:
        try:
            await self.client.delete(resource, live)
        except OpError as error:
            if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT}:
                raise

    # Beginning and end.

    async def hold(self, widget: Widget) -> None:
        if FINALIZER not in widget.metadata.finalizers:
            await self.set_finalizers(widget, [*widget.metadata.finalizers, FINALIZER])

    async def finalize(self, widget: Widget) -> None:
        if FINALIZER not in widget.metadata.finalizers:
            return
        remaining = self.children(widget)
        for resource, live in remaining:
            await self.delete(resource, live)
        extra = await self.live(self.second(widget))
        if not remaining and extra is None:
            await self.set_finalizers(widget, [each for each in widget.metadata.finalizers if each != FINALIZER])

    async def set_finalizers(self, widget: Widget, names: list[str]) -> None:
        patch = {"metadata": {"finalizers": names, "resourceVersion": widget.metadata.resource_version}}
        await self.client.patch(WIDGETS, widget.key, patch, PatchType.MERGE)

    # What is said of it.

    async def report_ready(self, widget: Widget) -> None:
        ready = await self.ready(widget)
        reason = "Available" if ready == widget.spec.replicas else "Progressing"
        await self.report(widget, reason, f"{max(ready, 0)} of {widget.spec.replicas} are ready", max(ready, 0))

    async def ready(self, widget: Widget) -> int:
        live = self.deployments.index.get(widget.key)
        manifests = self.desired(widget)
        if live is None or not self.same(live, manifests[-1]):
            return -1
        if live.status.get("observedGeneration", 0) < live.metadata.generation:
            return -1
        for manifest in manifests[:-1]:
            found = await self.live(manifest)
            if found is None or not self.same(found, manifest):
                return -1
        return live.status.get("readyReplicas", 0)

    async def report(self, widget: Widget, reason: str, message: str, ready: int) -> None:
        generation = widget.metadata.generation
        holds = "True" if reason == "Available" else "False"
        condition = Condition(
            type="Ready", status=holds, reason=reason, message=message, observed_generation=generation
        )
        conditions = set_condition(widget.status.conditions, condition, self.clock.now())
        await self.write_status(
            widget,
            msgspec.structs.replace(
                widget.status, observed_generation=generation, conditions=conditions, ready_replicas=ready
            ),
        )

    async def write_status(self, widget: Widget, status: Any) -> None:
        if status != widget.status:
            metadata = {"name": widget.metadata.name, "namespace": widget.metadata.namespace}
            manifest = {"metadata": metadata, "status": msgspec.to_builtins(status)}
            await self.client.apply(WIDGETS, manifest, field_manager=MANAGER, subresource="status")


def wired(reconciler: type[Plain]):
    """Return the build function of one of them."""

    def build(operator: Operator) -> None:
        operator.define(WIDGET_CRD)
        made = reconciler(operator)
        here = Watch(made.maps, _elsewhere)
        operator.controller(made.widgets, made, owns=(made.maps, made.deployments), watches=(here,))

    return build


def _elsewhere(live: LiveObject) -> list[ObjectKey]:
    namespace, _, name = live.metadata.annotations.get(OWNER, "").partition("/")
    return [ObjectKey(namespace, name)] if name else []


build = wired(Plain)
