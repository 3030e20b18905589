"""Runs autoscalers' decisions: reads the target's scale and its pods' use, scales, says what came of it.

As kube-controller-manager's it looks every fifteen seconds, at once when the spec changes, and remembers what it
proposed only in memory.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from kubewright.api.autoscaling import AUTOSCALERS, POD_METRICS, HorizontalPodAutoscaler, PodMetrics, Scale
from kubewright.api.core import Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.selectors import Selector, parse_label_selector
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.controller import Done, RequeueAfter
from kubewright.runtime.informer import Change
from kubewright.runtime.scales import ScaleResource, Scales
from kubewright.runtime.workqueue import WorkQueue
from kubewright.scaling.limits import History
from kubewright.scaling.podset import PodSet
from kubewright.scaling.turn import (
    Decision,
    Seen,
    decide,
    needs_use,
    not_rescaled,
    rescaled,
    status_of,
    without_scale,
)
from kubewright.twin.caches import BY_LABEL, Caches
from kubewright.twin.controllers.autoscaler.metrics import asking
from kubewright.twin.controllers.context import Context
from kubewright.twin.controllers.writes import Announce, Patch, Writer

NAME = "horizontal-pod-autoscaler"
SYNC_SECONDS = 15.0
_ATTEMPTS = 5

_log = logging.getLogger(__name__)


@dataclass(slots=True)
class _Known:
    """What is remembered of an autoscaler between its turns."""

    history: History = field(default_factory=History)
    selector: Selector | None = None


@dataclass(frozen=True, slots=True)
class AutoscalerReconciler:
    """One autoscaler's turn."""

    caches: Caches
    writer: Writer
    context: Context
    scales: Scales
    known: dict[ObjectKey, _Known] = field(default_factory=dict[ObjectKey, _Known])

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Look at one autoscaler's target, now and every fifteen seconds from now on, whatever comes of it."""
        autoscaler = self.caches.of(AUTOSCALERS).index.get(key)
        if autoscaler is None:
            self.known.pop(key, None)
            return Done()
        known = self.known.setdefault(key, _Known())
        try:
            decision = await self._turn(autoscaler, known)
            known.history = decision.history
            await self._say(autoscaler, decision)
        except OpError as error:
            _log.info("%s %s: will try again: %s", NAME, key, error)
        return RequeueAfter(SYNC_SECONDS)

    async def _turn(self, autoscaler: HorizontalPodAutoscaler, known: _Known) -> Decision:
        target, namespace = autoscaler.spec.scale_target_ref, autoscaler.metadata.namespace
        now = self.context.clock.now()
        try:
            found = await self.scales.get(target.api_version, target.kind, ObjectKey(namespace, target.name))
        except OpError as error:
            return without_scale(autoscaler, error.detail, known.history, now)
        resource, scale = found
        seen = await self._look(autoscaler, scale, known)
        decision = decide(autoscaler, seen, known.history, now)
        if not decision.rescale:
            return decision
        try:
            await self._scale(resource, scale, decision.desired)
        except OpError as error:
            return not_rescaled(autoscaler, decision, error.detail, now)
        return rescaled(autoscaler, decision, now)

    async def _look(self, autoscaler: HorizontalPodAutoscaler, scale: Scale, known: _Known) -> Seen:
        """Find the target's pods and what they use, as far as the turn will ask."""
        text = scale.status.selector
        if not text:
            return Seen(scale, PodSet(), asking(autoscaler, ()), ("SelectorRequired", "selector is required"))
        try:
            known.selector = parse_label_selector(text)
        except ValueError as error:
            told = f"couldn't convert selector into a corresponding internal selector object: {error}"
            return Seen(scale, PodSet(), asking(autoscaler, ()), ("InvalidSelector", told))
        pods = PodSet(self._pods(autoscaler.metadata.namespace, known.selector))
        rivals = self._rivals(autoscaler, pods)
        if rivals:
            named = " ".join(str(each) for each in rivals)
            told = f"pods by selector {text} are controlled by more than one HPA (e.g. [{named}])"
            return Seen(scale, pods, asking(autoscaler, ()), ("AmbiguousSelector", told))
        use = await self._use(autoscaler.metadata.namespace, text) if needs_use(autoscaler, scale) else ()
        return Seen(scale, pods, asking(autoscaler, use))

    def _pods(self, namespace: str, selector: Selector) -> Iterable[Pod]:
        index = self.caches.pods.index
        equal = next((each for each in selector.requirements if each.operator == "In" and len(each.values) == 1), None)
        if equal is not None:
            pods: Iterable[Pod] = index.by(BY_LABEL, (namespace, equal.key, equal.values[0]))
        else:
            pods = (pod for pod in index.values() if pod.metadata.namespace == namespace)
        return (pod for pod in pods if selector.matches(pod.metadata.labels))

    def _rivals(self, autoscaler: HorizontalPodAutoscaler, pods: Sequence[Pod]) -> list[ObjectKey]:
        """Return this and another autoscaler if both select one of the pods."""
        unlike = {tuple(sorted(pod.metadata.labels.items())): pod.metadata.labels for pod in pods}
        for key, other in self.known.items():
            if key == autoscaler.key or key.namespace != autoscaler.metadata.namespace or other.selector is None:
                continue
            if any(other.selector.matches(labels) for labels in unlike.values()):
                return [autoscaler.key, key]
        return []

    async def _use(self, namespace: str, selector: str) -> Sequence[PodMetrics] | str:
        try:
            listed = await self.writer.client.list(
                POD_METRICS, namespace=namespace, label_selector=selector, page_size=0
            )
        except OpError as error:
            return f"unable to fetch metrics from resource metrics API: {error.detail}"
        return listed.items or "no metrics returned from resource metrics API"

    async def _scale(self, resource: ScaleResource, scale: Scale, replicas: int) -> None:
        """Write the number; if somebody changed the target meanwhile, on what it is by now."""
        for left in reversed(range(_ATTEMPTS)):
            version = scale.metadata.resource_version
            changes = {"spec": {"replicas": replicas}}
            write = Patch(resource, scale.key, scale.metadata.uid, changes, "scale", resource_version=version)
            try:
                await self.writer.do_one(write)
            except OpError as error:
                if error.kind is not ErrorKind.CONFLICT or not left:
                    raise
                scale = await self.writer.client.get(resource, scale.key, subresource="scale")
            else:
                return

    async def _say(self, autoscaler: HorizontalPodAutoscaler, decision: Decision) -> None:
        for each in decision.news:
            await self.writer.do_one(Announce(AUTOSCALERS, autoscaler, each.type, each.reason, each.message))
        status = status_of(autoscaler, decision)
        if status:
            key, uid = autoscaler.key, autoscaler.metadata.uid
            await self.writer.do_one(Patch(AUTOSCALERS, key, uid, {"status": status}, "status"))


def add_to(context: Context) -> None:
    """Wire the controller: autoscalers whose spec is new; everything else is seen in time."""
    caches = context.caches
    autoscalers = caches.of(AUTOSCALERS)
    queue = context.queue(NAME, ObjectKey)
    autoscalers.add_handler(lambda change: _on_autoscaler(change, queue))
    reconciler = AutoscalerReconciler(caches, context.writer(NAME), context, Scales(context.client))
    context.controller(NAME, reconciler, queue, (autoscalers, caches.pods), concurrency=5)


def _on_autoscaler(change: Change[HorizontalPodAutoscaler], queue: WorkQueue[ObjectKey]) -> None:
    old, new = change.old, change.new
    if old is None or new is None or old.metadata.generation != new.metadata.generation:
        queue.add(change.key)
