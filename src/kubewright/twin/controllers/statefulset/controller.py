"""Runs the StatefulSet's decisions: claims pods and revisions, takes the next step, counts."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import msgspec

from kubewright.api.apps import STATEFUL_SETS, ControllerRevision, StatefulSet
from kubewright.api.core import PODS, Pod
from kubewright.api.meta import KubeObject, ObjectKey
from kubewright.errors import OpError
from kubewright.runtime.controller import Done, RequeueAfter, watch_own
from kubewright.twin.caches import Caches
from kubewright.twin.controllers import history
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.expectations import Expectations
from kubewright.twin.controllers.ownership import take
from kubewright.twin.controllers.podnews import PodNews
from kubewright.twin.controllers.statefulset.decide import Revisions, View, decide, look_again_seconds, status_of
from kubewright.twin.controllers.statefulset.pods import claim_names, ordinal_of, revision_of
from kubewright.twin.controllers.writes import Announce, Create, Patch, Remove, Write, Writer

NAME = "statefulset-controller"
HASH_LABEL = "controller.kubernetes.io/hash"


@dataclass(frozen=True, slots=True)
class StatefulSetReconciler:
    """One StatefulSet's turn. Its pods' names are fixed, so a lagging cache leads to no pod too many."""

    caches: Caches
    writer: Writer
    context: Context

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one StatefulSet one step on; each step's effect comes back as news and asks for the next."""
        now = self.context.clock.now()
        stateful_set = self.caches.stateful_sets.index.get(key)
        if stateful_set is None:
            return Done()
        pods, known = await self._claim(stateful_set)
        if stateful_set.metadata.deletion_timestamp is not None:
            return Done()
        revisions = await self._revisions(stateful_set, known)
        view = View.of(stateful_set, revisions, pods, self._claims(stateful_set, pods), now)
        await self._step(stateful_set, decide(view))
        await self.writer.do(_outdated(view, known))
        await self._write_status(view)
        wait = look_again_seconds(view)
        return RequeueAfter(wait) if wait else Done()

    async def _step(self, stateful_set: StatefulSet, writes: Iterable[Write]) -> None:
        """Take the next step; a pod that may not be made is told of."""
        for write in writes:
            try:
                await self.writer.do_one(write)
            except OpError as error:
                if isinstance(write, Create) and write.resource == PODS:
                    name = write.manifest["metadata"]["name"]
                    text = f"create Pod {name} in StatefulSet {stateful_set.metadata.name} failed error: {error.detail}"
                    await self.writer.do_one(Announce(STATEFUL_SETS, stateful_set, "Warning", "FailedCreate", text))
                raise

    async def _claim(self, stateful_set: StatefulSet) -> tuple[Sequence[Pod], Sequence[ControllerRevision]]:
        caches, selector = self.caches, stateful_set.spec.selector

        def is_named_so(pod: Pod) -> bool:
            return ordinal_of(stateful_set, pod) is not None

        pods = await take(self.writer, caches.pods, stateful_set, STATEFUL_SETS, selector, fits=is_named_so)
        return pods, await take(self.writer, caches.revisions, stateful_set, STATEFUL_SETS, selector)

    async def _revisions(self, stateful_set: StatefulSet, known: Sequence[ControllerRevision]) -> Revisions:
        template = stateful_set.spec.template
        update = history.present(stateful_set, STATEFUL_SETS, template, known, HASH_LABEL)
        await self.writer.do(update.writes)
        current = next((each for each in known if each.metadata.name == stateful_set.status.current_revision), None)
        if current is None:
            return Revisions(update.name, update.name, template, template)
        return Revisions(current.metadata.name, update.name, history.template_of(current), template)

    def _claims(self, stateful_set: StatefulSet, pods: Sequence[Pod]) -> dict[str, KubeObject]:
        spec, namespace = stateful_set.spec, stateful_set.metadata.namespace
        if not spec.volume_claim_templates:
            return {}
        wanted = range(spec.ordinals.start, spec.ordinals.start + spec.replicas)
        numbers = {*wanted, *(number for pod in pods if (number := ordinal_of(stateful_set, pod)) is not None)}
        names = [name for number in sorted(numbers) for name in claim_names(stateful_set, number).values()]
        claims = self.caches.claims.index
        found = {name: claims.get(ObjectKey(namespace, name)) for name in names}
        return {name: each for name, each in found.items() if each is not None}

    async def _write_status(self, view: View) -> None:
        status, stateful_set = status_of(view), view.stateful_set
        present = msgspec.to_builtins(stateful_set.status)
        changes = {name: value for name, value in status.items() if present[name] != value}
        if changes:
            await self.writer.do_one(
                Patch(STATEFUL_SETS, stateful_set.key, stateful_set.metadata.uid, {"status": changes}, "status")
            )


def _outdated(view: View, known: Sequence[ControllerRevision]) -> list[Remove]:
    used = {view.revisions.current, view.revisions.update, *(revision_of(pod) for pod in view.pods)}
    return history.outdated(known, used, view.stateful_set.spec.revision_history_limit)


def add_to(context: Context) -> None:
    """Wire the controller: its own kind and its pods."""
    caches = context.caches
    queue = context.queue(NAME, ObjectKey)
    watch_own(caches.stateful_sets, queue)
    expected: Expectations[ObjectKey] = Expectations()
    caches.pods.add_handler(
        PodNews(caches.stateful_sets, STATEFUL_SETS, lambda each: each.spec.selector, queue, expected)
    )
    reconciler = StatefulSetReconciler(caches, context.writer(NAME), context)
    informers = (caches.stateful_sets, caches.pods, caches.revisions, caches.claims)
    context.controller(NAME, reconciler, queue, informers, concurrency=2)
