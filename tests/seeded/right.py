"""The operator as it should be, written with the kit; each of the others differs from it in one thing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import msgspec

from kubewright.api.applyset import ApplySet, Observed, is_as_desired
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.conditions import Condition, set_condition
from kubewright.api.core import CONFIG_MAPS
from kubewright.api.finalizers import hold, is_going, let_go
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.plan import Action, Apply, Plan
from kubewright.clock import Clock
from kubewright.runtime import Children, Done, Executor, Informer, Operator, RequeueAfter
from kubewright.runtime.predicates import any_of, finalizers_changed, generation_changed
from tests.seeded.widget import LABEL, WIDGET_CRD, WIDGETS, Widget, config_map, deployment

FINALIZER = "example.com/widget"
RESYNC_SECONDS = 60.0


def desired(widget: Widget) -> list[Manifest]:
    """Return the children that a Widget should have."""
    extra = [config_map(widget, "extra")] if widget.spec.extra else []
    return [config_map(widget), *extra, deployment(widget)]


def decide(widget: Widget, owned: ApplySet, wanted: Sequence[Manifest], observed: Observed, now: float) -> Plan:
    """Return what brings a Widget from what was observed to what is wanted."""
    if is_going(widget):
        going = owned.dismantle(observed)
        return Plan(going or (() if owned.remaining(observed) else let_go(widget, WIDGETS, FINALIZER)), "deleted")
    taken = owned.taken(wanted, observed)
    if taken:
        return Plan(
            (*hold(widget, WIDGETS, FINALIZER), *status(widget, "NameTaken", "; ".join(taken), 0, now)), "taken"
        )
    ready = ready_replicas(widget, wanted, observed)
    reason = "Available" if ready == widget.spec.replicas else "Progressing"
    message = f"{max(ready, 0)} of {widget.spec.replicas} are ready"
    actions = (*hold(widget, WIDGETS, FINALIZER), *owned.converge(wanted, observed))
    return Plan((*actions, *status(widget, reason, message, max(ready, 0), now)), reason)


def ready_replicas(widget: Widget, wanted: Sequence[Manifest], observed: Observed) -> int:
    """Return how many pods of the present spec are ready, -1 while that cannot be known: a child is not as wanted."""
    for manifest in wanted:
        live = observed.at(manifest)
        if live is None or not is_as_desired(live, manifest):
            return -1
    live = observed.at(deployment(widget))
    if live is None or live.status.get("observedGeneration", 0) < live.metadata.generation:
        return -1
    return min(live.status.get("readyReplicas", 0), live.status.get("updatedReplicas", 0))


def status(widget: Widget, reason: str, message: str, ready: int, now: float) -> tuple[Action, ...]:
    """Return what writes the status; nothing if it stands there already."""
    generation = widget.metadata.generation
    condition = Condition(
        type="Ready",
        status="True" if reason == "Available" else "False",
        reason=reason,
        message=message,
        observed_generation=generation,
    )
    conditions = set_condition(widget.status.conditions, condition, now)
    wanted = msgspec.structs.replace(
        widget.status, observed_generation=generation, conditions=conditions, ready_replicas=ready
    )
    if wanted == widget.status:
        return ()
    metadata = {"name": widget.metadata.name, "namespace": widget.metadata.namespace}
    return (Apply(WIDGETS, {"metadata": metadata, "status": msgspec.to_builtins(wanted)}, subresource="status"),)


@dataclass(frozen=True)
class WidgetReconciler:
    """One Widget's turn."""

    clock: Clock
    executor: Executor
    widgets: Informer[Widget]
    children: Children

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Observe, decide, execute."""
        widget = self.widgets.index.get(key)
        if widget is None:
            return Done()
        owned = ApplySet(widget, WIDGETS, self.children.kinds, {LABEL: widget.metadata.name})
        wanted = [] if is_going(widget) else [owned.child(each) for each in desired(widget)]
        observed = await self.children.observe(widget, wanted)
        await self.executor.execute(decide(widget, owned, wanted, observed, self.clock.now()), about=widget)
        return RequeueAfter(RESYNC_SECONDS)


def build(operator: Operator) -> None:
    """Put it together."""
    operator.define(WIDGET_CRD)
    widgets = operator.own(WIDGETS)
    children = operator.children((CONFIG_MAPS, DEPLOYMENTS), label_selector=LABEL)
    reconciler = WidgetReconciler(operator.clock, operator.executor(WIDGETS), widgets, children)
    operator.controller(
        widgets, reconciler, owns=children.informers, when=any_of(generation_changed, finalizers_changed)
    )
