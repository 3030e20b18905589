"""The AppService's status, as it is written: conditions in kstatus form, counts, and where it is reached. Pure."""

from __future__ import annotations

from typing import Any

import msgspec

from kubewright.api.conditions import READY, RECONCILING, STALLED, Condition, set_condition
from kubewright.api.crds.appservice import APP_SERVICES, AppService, AppServiceStatus
from kubewright.api.crds.appservice.spec import ALIAS
from kubewright.api.meta import Manifest
from kubewright.api.selectors import selector_of
from kubewright.workloads.children import ports
from kubewright.workloads.children.identity import selector
from kubewright.workloads.health import Health, status_of
from kubewright.workloads.kinds import CHILD_SERVICES
from kubewright.workloads.rollout.decide import REHEARSAL_FAILED
from kubewright.workloads.rollout.rehearsal import Outcome
from kubewright.workloads.seen import Seen

REHEARSED = "Rehearsed"


def status_manifest(app: AppService, health: Health, seen: Seen, now: float) -> Manifest | None:
    """Return the status to apply, or None if the object has it already."""
    wanted = _status(app, health, seen, now)
    if wanted == app.status:
        return None
    metadata = {"name": app.metadata.name, "namespace": app.metadata.namespace}
    if seen.rollout.moves(app):
        # What is decided from must be what is there: another's move, or our own last one, may not be known here yet.
        metadata["resourceVersion"] = app.metadata.resource_version
    status = msgspec.to_builtins(wanted)
    if wanted.rollout is None:
        del status["rollout"]
    return {
        "apiVersion": APP_SERVICES.api_version,
        "kind": APP_SERVICES.kind,
        "metadata": metadata,
        "status": status,
    }


def _status(app: AppService, health: Health, seen: Seen, now: float) -> AppServiceStatus:
    observed = status_of(seen.workload(app))
    url, endpoints = addresses(app, seen)
    return AppServiceStatus(
        ready=health.ready,
        replicas=observed.replicas,
        ready_replicas=observed.ready_replicas,
        selector=selector_of(selector(app)),
        observed_generation=app.metadata.generation,
        url=url,
        endpoints=endpoints,
        rollout=seen.rollout.state,
        conditions=_rehearsed(app, conditions_of(app, health, now), seen.rollout.rehearsed, now),
    )


def conditions_of(app: AppService, health: Health, now: float) -> tuple[Condition, ...]:
    """Return the conditions: Ready always; Reconciling and Stalled are True while they last and else False."""
    reconciling = not health.ready and not health.stalled
    conditions = app.status.conditions
    for kind, holds in ((READY, health.ready), (RECONCILING, reconciling), (STALLED, health.stalled)):
        condition = Condition(
            type=kind,
            status="True" if holds else "False",
            reason=health.reason,
            message=health.message,
            observed_generation=app.metadata.generation,
        )
        conditions = set_condition(conditions, condition, now)
    return conditions


def _rehearsed(
    app: AppService, conditions: tuple[Condition, ...], outcome: Outcome | None, now: float
) -> tuple[Condition, ...]:
    """Add what came of the last rehearsal; it stays for as long as releases are rehearsed."""
    if not app.spec.rollout.rehearse:
        return tuple(each for each in conditions if each.type != REHEARSED)
    if outcome is None:
        return conditions
    condition = Condition(
        type=REHEARSED,
        status="True" if outcome.passed else "False",
        reason="Passed" if outcome.passed else REHEARSAL_FAILED,
        message=outcome.message,
        observed_generation=app.metadata.generation,
    )
    return set_condition(conditions, condition, now)


def addresses(app: AppService, seen: Seen) -> tuple[str, tuple[str, ...]]:
    """Return where users reach the application, and every place where it answers, inside first."""
    expose = app.spec.expose
    if app.spec.form == ALIAS and expose is not None:
        return "", (expose.external_name,)
    if not app.spec.ports:
        return "", ()
    inside = f"{app.metadata.name}.{app.metadata.namespace}.svc"
    endpoints = [f"{inside}:{port.port}" for port in app.spec.ports]
    outside = _balancers(app, seen)
    endpoints += [f"{address}:{port.port}" for address in outside for port in app.spec.ports]
    if expose is None or not expose.host:
        first = ports.first_tcp(app)
        url = f"http://{outside[0]}:{first.port}" if outside and first is not None else ""
        return url, tuple(endpoints)
    url = f"{'https' if expose.tls is not None else 'http'}://{expose.host}{expose.path.rstrip('/')}"
    return url, (*endpoints, url)


def _balancers(app: AppService, seen: Seen) -> list[str]:
    live = seen.child(app, CHILD_SERVICES)
    status: Any = live.status if live is not None else {}
    entries = status.get("loadBalancer", {}).get("ingress", ()) or ()
    return [entry.get("hostname") or entry.get("ip", "") for entry in entries]
