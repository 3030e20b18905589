"""Mistakes that operators are known for, each as the hand-written operator with one method wrong.

The names say what is wrong; the comments, what it costs.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Mapping
from typing import Any

import msgspec

from kubewright.api.drift import with_fingerprint
from kubewright.api.finalizers import is_going
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.client.protocol import PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime import Done, RequeueAfter
from tests.seeded.plain import FINALIZER, MANAGER, Plain
from tests.seeded.widget import WIDGETS, Widget


class DeletesByName(Plain):
    """No uid goes with a deletion: one that arrives late takes the namesake."""

    async def delete(self, resource: Any, live: LiveObject) -> None:
        try:
            await self.client.delete(resource, live.key)
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise


class StatusBeforeChildren(Plain):
    """Ready is written first, and then made true."""

    async def make(self, widget: Widget) -> None:
        replicas = widget.spec.replicas
        await self.report(widget, "Available", f"{replicas} of {replicas} are ready", replicas)
        for manifest in self.desired(widget):
            await self.ensure(widget, manifest)
        await self.prune(widget)


class EdgeTriggeredOnly(Plain):
    """It acts when the spec is new, and never looks again."""

    async def make(self, widget: Widget) -> None:
        if widget.status.observed_generation != widget.metadata.generation:
            await super().make(widget)
        elif not any(each.is_true for each in widget.status.conditions):
            await self.report_ready(widget)


class FinalizerNotRechecked(Plain):
    """It lets go once the deletions are sent, whatever became of them."""

    async def finalize(self, widget: Widget) -> None:
        for resource, live in self.children(widget):
            with contextlib.suppress(OpError):
                await self.client.delete(resource, live)
        await self.set_finalizers(widget, [each for each in widget.metadata.finalizers if each != FINALIZER])


class FinalizerAfterChildren(Plain):
    """What is in another namespace is made before there is a finalizer to take it away."""

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        widget = self.widgets.index.get(key)
        if widget is None:
            return Done()
        if is_going(widget):
            await self.finalize(widget)
            return RequeueAfter(self.resync_seconds)
        await self.make(widget)
        await self.hold(widget)
        return RequeueAfter(self.resync_seconds)


class FinalizerNeverReleased(Plain):
    """It waits for a child that is gone already to go."""

    async def finalize(self, widget: Widget) -> None:
        remaining = self.children(widget)
        for resource, live in remaining:
            await self.delete(resource, live)
        if len(remaining) == 1:
            await self.set_finalizers(widget, [each for each in widget.metadata.finalizers if each != FINALIZER])


class ReplacesFinalizers(Plain):
    """It writes the list of finalizers without a version: what others added meanwhile is lost, or it is stuck."""

    async def set_finalizers(self, widget: Widget, names: list[str]) -> None:
        await self.client.patch(WIDGETS, widget.key, {"metadata": {"finalizers": names}})


class OwnerOfWrongUid(Plain):
    """The reference leads to nobody, and the garbage collector takes the child."""

    def reference(self, widget: Widget) -> Manifest:
        return {**super().reference(widget), "uid": "00000000-0000-0000-0000-000000000000"}

    def is_ours(self, widget: Widget, live: LiveObject) -> bool:
        return True


class NoOwnerNoFinalizer(Plain):
    """Nothing takes the children away."""

    async def hold(self, widget: Widget) -> None:
        pass

    def owned(self, widget: Widget, manifest: Manifest) -> Manifest:
        return manifest

    def is_ours(self, widget: Widget, live: LiveObject) -> bool:
        return live.metadata.labels.get("example.com/widget") == widget.metadata.name


class RetriesWithoutBackOff(Plain):
    """It asks again and again within a reconcile."""

    async def write(self, manifest: Manifest) -> None:
        while True:
            try:
                await super().write(manifest)
            except OpError:
                await asyncio.sleep(0.05)
            else:
                return


class ReplacesChildren(Plain):
    """A child is written whole: what others wrote into it is lost."""

    async def write(self, manifest: Manifest) -> None:
        resource = self.deployments.resource if manifest["kind"] == "Deployment" else self.maps.resource
        try:
            await self.client.create(resource, manifest, field_manager=MANAGER)
        except OpError as error:
            if error.kind is not ErrorKind.ALREADY_EXISTS:
                raise
            await self.client.update(resource, manifest, field_manager=MANAGER)


class DrawnNameByCache(Plain):
    """A child with a drawn name is made when the cache shows none: a cache that lags means a second one."""

    def second(self, widget: Widget) -> Manifest:
        manifest = super().second(widget)
        del manifest["metadata"]["name"]
        manifest["metadata"]["generateName"] = f"{widget.metadata.name}-"
        return manifest

    def desired(self, widget: Widget) -> list[Manifest]:
        return [each for each in super().desired(widget) if "name" in each["metadata"]]

    async def make(self, widget: Widget) -> None:
        drawn = [live for _, live in self.children(widget) if live.metadata.generate_name]
        if widget.spec.extra and not drawn:
            await self.client.create(self.maps.resource, with_fingerprint(self.second(widget)))
        await super().make(widget)

    async def prune(self, widget: Widget) -> None:
        pass

    async def live(self, manifest: Manifest) -> LiveObject | None:
        return await super().live(manifest) if "name" in manifest["metadata"] else None


class DrawnNameByMemory(DrawnNameByCache):
    """It remembers in memory that it made the child; the next process does not."""

    def __init__(self, operator: Any) -> None:
        super().__init__(operator)
        self.made: set[str] = set()

    def children(self, widget: Widget) -> list[tuple[Any, LiveObject]]:
        found = super().children(widget)
        if is_going(widget) or widget.metadata.uid in self.made:
            return found
        self.made.add(widget.metadata.uid)
        return [(resource, live) for resource, live in found if not live.metadata.generate_name]


class NamesCollide(Plain):
    """Names are cut so that they fit, and so that they meet."""

    def desired(self, widget: Widget) -> list[Manifest]:
        children = super().desired(widget)
        for each in children:
            each["metadata"]["name"] = each["metadata"]["name"][:30]
        return children

    def is_ours(self, widget: Widget, live: LiveObject) -> bool:
        return super().is_ours(widget, live) or live.metadata.name == widget.metadata.name[:30]


class HotLoop(Plain):
    """Each look is written down with its time, which is news to look at."""

    async def report(self, widget: Widget, reason: str, message: str, ready: int) -> None:
        await super().report(widget, reason, f"{message} at {rfc3339(self.clock.now())}", ready)
        await self.client.patch(WIDGETS, widget.key, {"metadata": {"annotations": {"seen": f"{self.clock.now()}"}}})


class ComparesWithDefaults(Plain):
    """The live spec is never equal to the one that was sent, since the server fills it in."""

    def same(self, live: LiveObject, manifest: Manifest) -> bool:
        return super().same(live, manifest) and all(
            value == manifest[name] for name, value in content(live, manifest).items()
        )


def content(live: LiveObject, manifest: Manifest) -> Mapping[str, Any]:
    return {"spec": live.spec} if "spec" in manifest else {"data": live.data}


class LeaksOnRename(Plain):
    """What bore the old name stays."""

    async def prune(self, widget: Widget) -> None:
        pass


class ForgetsWhatItWasToDelete(Plain):
    """It notes the new name before it deletes what bears the old one: killed in between, nobody knows it any more."""

    async def prune(self, widget: Widget) -> None:
        noted = widget.metadata.annotations.get("example.com/config", "")
        now = f"{widget.metadata.name}-{widget.spec.config}"
        extra = self.maps.index.get(ObjectKey("elsewhere", self.second(widget)["metadata"]["name"]))
        if extra is not None and not widget.spec.extra:
            await self.delete(self.maps.resource, extra)
        if noted != now:
            note = {"metadata": {"annotations": {"example.com/config": now}}}
            await self.client.patch(WIDGETS, widget.key, note, PatchType.MERGE)
        old = self.maps.index.get(ObjectKey(widget.metadata.namespace, noted))
        if noted and noted != now and old is not None:
            await self.delete(self.maps.resource, old)


class IgnoresObservedGeneration(Plain):
    """The Deployment's numbers are taken for those of its present spec."""

    async def ready(self, widget: Widget) -> int:
        live = self.deployments.index.get(widget.key)
        return -1 if live is None else min(live.status.get("readyReplicas", 0), widget.spec.replicas)


class ClaimsTheNewestGeneration(Plain):
    """What was done for one spec is said to be done for the one that is there by now."""

    async def report(self, widget: Widget, reason: str, message: str, ready: int) -> None:
        newest = await self.client.get(WIDGETS, widget.key)
        metadata = msgspec.structs.replace(widget.metadata, generation=newest.metadata.generation)
        await super().report(msgspec.structs.replace(widget, metadata=metadata), reason, message, ready)


class TakesWhatHasTheName(Plain):
    """Whatever bears the child's name becomes the child."""

    def is_ours(self, widget: Widget, live: LiveObject) -> bool:
        return True

    def children(self, widget: Widget) -> list[tuple[Any, LiveObject]]:
        return [each for each in super().children(widget) if Plain.is_ours(self, widget, each[1])]


class SwallowsConflicts(Plain):
    """A conflict is taken for somebody else's having done it, and it does not come back."""

    resync_seconds = 1e9

    async def write(self, manifest: Manifest) -> None:
        try:
            await super().write(manifest)
        except OpError as error:
            if error.kind is not ErrorKind.CONFLICT:
                raise


class SwallowsErrors(Plain):
    """Whatever fails is logged, and that is that."""

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        with contextlib.suppress(OpError):
            await super().reconcile(key)
        return Done()


class MergesChildren(Plain):
    """A child is patched, so that what is not wanted any more stays in it."""

    async def write(self, manifest: Manifest) -> None:
        resource = self.deployments.resource if manifest["kind"] == "Deployment" else self.maps.resource
        metadata = manifest["metadata"]
        try:
            await self.client.patch(resource, ObjectKey(metadata["namespace"], metadata["name"]), manifest)
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise
            await self.client.create(resource, manifest, field_manager=MANAGER)


class CreatesButNeverUpdates(Plain):
    """A child that is there is taken for right."""

    def same(self, live: LiveObject, manifest: Manifest) -> bool:
        return bool(live.metadata.uid and manifest)


class DividesByReplicas(Plain):
    """An object at the bound of its schema ends the reconcile."""

    async def report_ready(self, widget: Widget) -> None:
        share = 100 // widget.spec.replicas
        if share:
            await super().report_ready(widget)


class KnowsByMemory(Plain):
    """What was made once is not looked at again by this process."""

    def __init__(self, operator: Any) -> None:
        super().__init__(operator)
        self.made: set[tuple[str, str]] = set()

    async def ensure(self, widget: Widget, manifest: Manifest) -> None:
        done = (widget.metadata.uid, msgspec.json.encode(manifest).decode())
        if done not in self.made:
            await super().ensure(widget, manifest)
            self.made.add(done)


class SecondMapByAnotherRule(Plain):
    """An owner is known by its name alone: what the last of the name left is taken for the new one's."""

    def is_ours(self, widget: Widget, live: LiveObject) -> bool:
        names = [reference.name for reference in live.metadata.owner_references]
        return widget.metadata.name in names or super().is_ours(widget, live)

    def same(self, live: LiveObject, manifest: Manifest) -> bool:
        kept = {name: value for name, value in manifest.items() if name != "metadata"}
        return content(live, manifest)["data"] == kept["data"] if "data" in kept else super().same(live, manifest)


BUGS: tuple[type[Plain], ...] = tuple(
    each
    for each in list(globals().values())
    if isinstance(each, type) and issubclass(each, Plain) and each is not Plain
)
