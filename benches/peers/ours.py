"""WebApps by the kit of this project, as `kubewright new operator` and `new api` lay it out, in one file."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from benches.peers.children import LABEL, deployment, service
from benches.peers.webapp import DEFINITION, WEB_APPS, WebApp
from kubewright.api.applyset import ApplySet, Observed
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.conditions import Condition, set_condition
from kubewright.api.core import SERVICES
from kubewright.api.finalizers import is_going
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.plan import Apply, Plan
from kubewright.clock import Clock
from kubewright.runtime import Children, Done, Executor, Informer, Operator, RequeueAfter
from kubewright.runtime.predicates import generation_changed

RESYNC_SECONDS = 60.0
APPLIED = "Applied"
"""The condition that the children are as wanted; whether their pods are well it does not say."""


def desired(app: WebApp) -> list[Manifest]:
    """Return every child that the object should have."""
    name, spec = app.metadata.name, app.spec
    ports = [(port.name, port.port) for port in spec.ports]
    return [deployment(name, spec.image, spec.replicas, ports), service(name, ports)]


def decide(app: WebApp, owned: ApplySet, wanted: list[Manifest], observed: Observed, now: float) -> Plan:
    """Return what brings the children to what is wanted; once they are seen to be so, what says it in the status."""
    if taken := owned.taken(wanted, observed):
        return Plan(status(app, "False", "NameTaken", "; ".join(taken), now), "a name is taken")
    if actions := owned.converge(wanted, observed):
        return Plan(actions, "children are not as wanted")
    message = "all children are as wanted"
    return Plan(status(app, "True", "Applied", message, now), message)


def status(app: WebApp, value: str, reason: str, message: str, now: float) -> tuple[Apply, ...]:
    """Return what writes the status, or nothing when it stands there already."""
    generation = app.metadata.generation
    applied = Condition(type=APPLIED, status=value, reason=reason, message=message, observed_generation=generation)
    wanted = msgspec.structs.replace(
        app.status, observed_generation=generation, conditions=set_condition(app.status.conditions, applied, now)
    )
    if wanted == app.status:
        return ()
    metadata = {"name": app.metadata.name, "namespace": app.metadata.namespace}
    return (Apply(WEB_APPS, {"metadata": metadata, "status": msgspec.to_builtins(wanted)}, subresource="status"),)


@dataclass(frozen=True, slots=True)
class WebAppReconciler:
    """One object's turn."""

    clock: Clock
    executor: Executor
    apps: Informer[WebApp]
    children: Children

    async def reconcile(self, key: ObjectKey) -> Done | RequeueAfter:
        """Bring one object to what is wanted."""
        app = self.apps.index.get(key)
        if app is None or is_going(app):
            return Done()
        owned = ApplySet(app, WEB_APPS, self.children.kinds, {LABEL: app.metadata.name})
        wanted = [owned.child(manifest) for manifest in desired(app)]
        observed = await self.children.observe(app, wanted)
        await self.executor.execute(decide(app, owned, wanted, observed, self.clock.now()), about=app)
        return RequeueAfter(RESYNC_SECONDS)


def build(operator: Operator) -> None:
    """Watch the objects and their children."""
    operator.define(DEFINITION)
    apps = operator.own(WEB_APPS)
    children = operator.children((DEPLOYMENTS, SERVICES), label_selector=LABEL)
    reconciler = WebAppReconciler(operator.clock, operator.executor(WEB_APPS), apps, children)
    operator.controller(apps, reconciler, owns=children.informers, when=generation_changed)
