"""Causes on the way to pods: Services that lead elsewhere or are gone."""

from __future__ import annotations

from collections.abc import Iterable

from kubewright.api.containers import ContainerPort
from kubewright.api.core import PODS, SERVICES, Pod, Service
from kubewright.api.discovery import ENDPOINT_SLICES
from kubewright.api.live import LiveObject
from kubewright.healing.causes.telling import finding
from kubewright.healing.finding import Case, Cause, Finding, Level
from kubewright.healing.remedies.changes import TAKE_BACK
from kubewright.healing.seen import BY_SERVICE
from kubewright.signals.changes import Changed
from kubewright.signals.signal import Fault


def _changed(case: Case) -> Changed | None:
    return case.seen.changes.of(SERVICES, case.about.key) if case.about.resource.plural == SERVICES.plural else None


def _chosen(case: Case, selector: dict[str, str]) -> list[Pod]:
    """Return the namespace's pods that run and that a selector chooses."""
    pods = case.seen.within(PODS, case.about.key.namespace)
    return [pod for pod in pods if selector and selector.items() <= pod.metadata.labels.items() and pod.is_ready]


def _wrong_selector(case: Case) -> Finding | None:
    """The selector was changed, and with the one before the Service would lead to pods that are ready."""
    changed = _changed(case)
    if changed is None or changed.before is None or changed.after is None:
        return None
    before, after = _selector(changed.before), _selector(changed.after)
    if before == after or _chosen(case, after) or not _chosen(case, before):
        return None
    said = f"it chose {_words(before)}, and now {_words(after)}, which no pod has"
    signals = case.of(Fault.CHANGED, Fault.NO_ENDPOINTS)
    return finding(case, "WrongSelector", signals, said, changedAt=str(changed.at))


def _wrong_port(case: Case) -> Finding | None:
    """The ports were changed, to one that no container behind it has, though they name theirs."""
    service, changed = case.seen.get(SERVICES, case.about.key), _changed(case)
    if service is None or changed is None or changed.before is None or changed.after is None:
        return None
    if changed.before.spec.get("ports") == changed.after.spec.get("ports"):
        return None
    listened = {port.container_port for pod in _chosen(case, _selector(changed.after)) for port in _ports_of(pod)}
    leads_to = _target_ports(case, service)
    if not listened or not leads_to or leads_to & listened:
        return None
    said = f"it leads to port {_listed(leads_to)}, and its pods listen on {_listed(listened)}"
    return finding(case, "WrongPort", case.of(Fault.CHANGED, Fault.NO_ENDPOINTS), said, changedAt=str(changed.at))


def _missing(case: Case) -> Finding | None:
    """A Service was deleted while the pods that it led to go on."""
    changed = _changed(case)
    if changed is None or changed.before is None or changed.after is not None:
        return None
    if case.seen.get(SERVICES, case.about.key) is not None or not _chosen(case, _selector(changed.before)):
        return None
    said = "it was deleted, and the pods that it led to go on"
    return finding(case, "ServiceMissing", case.of(Fault.CHANGED, Fault.NO_ENDPOINTS), said, changedAt=str(changed.at))


def _ports_of(pod: Pod) -> Iterable[ContainerPort]:
    return (port for each in pod.spec.containers for port in each.ports)


def _target_ports(case: Case, service: Service) -> set[int]:
    slices = case.seen.all(ENDPOINT_SLICES).by(BY_SERVICE, service.key)
    return {port.port for each in slices for port in each.ports or () if port.port is not None}


def _selector(live: LiveObject) -> dict[str, str]:
    return dict(live.spec.get("selector") or {})


def _words(selector: dict[str, str]) -> str:
    return ", ".join(f"{name}={text}" for name, text in sorted(selector.items())) or "nothing"


def _listed(ports: set[int]) -> str:
    return ", ".join(map(str, sorted(ports)))


_OF_SERVICES = frozenset({Fault.CHANGED, Fault.NO_ENDPOINTS})
CAUSES = (
    Cause(
        "WrongSelector",
        Level.SHARED,
        "a Service was changed to choose pods that are not there",
        _OF_SERVICES,
        _wrong_selector,
        (TAKE_BACK,),
        ("SREGym wrong_service_selector", "SREGym service_wrong_pod_selection"),
    ),
    Cause(
        "WrongPort",
        Level.SHARED,
        "a Service was changed to a port where nobody listens",
        _OF_SERVICES,
        _wrong_port,
        (TAKE_BACK,),
        ("SREGym k8s_target_port-misconfig", "AIOpsLab k8s_target_port-misconfig", "SREGym service_port_conflict"),
    ),
    Cause(
        "ServiceMissing",
        Level.SHARED,
        "a Service was deleted whose pods go on",
        _OF_SERVICES,
        _missing,
        (TAKE_BACK,),
        ("SREGym missing_service",),
    ),
)
