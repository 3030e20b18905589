"""The Services in front of an application's pods, or the alias of something outside."""

from __future__ import annotations

from typing import Any

from kubewright.api.core import SERVICES
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.appservice.network import CLUSTER_IP, AppServiceExposure
from kubewright.api.crds.appservice.spec import ALIAS
from kubewright.api.meta import Manifest
from kubewright.workloads.children.identity import child, present, selector
from kubewright.workloads.children.ports import service_port

PODS_SUFFIX = "-pods"
"""Of the headless Service that gives a stateful application's pods their names."""


def service(app: AppService) -> Manifest | None:
    """Return the Service in front of the pods, or None for an application without ports."""
    expose = app.spec.expose or AppServiceExposure()
    if app.spec.form == ALIAS:
        return child(app, SERVICES, spec={"type": expose.type, "externalName": expose.external_name})
    if not app.spec.ports or app.spec.runs_to_its_end:
        return None
    spec: dict[str, Any] = {
        "type": expose.type,
        "selector": selector(app),
        "ports": [service_port(port) for port in app.spec.ports],
    }
    if expose.type != CLUSTER_IP:
        spec["externalTrafficPolicy"] = "Local" if expose.local_traffic else "Cluster"
    return child(app, SERVICES, spec=spec | present(loadBalancerSourceRanges=list(expose.source_ranges)))


def pods_service(app: AppService) -> Manifest | None:
    """Return the headless Service of a stateful application: names for its pods, before they are ready as well."""
    if not app.spec.is_stateful or not app.spec.ports:
        return None
    ports = [
        {name: value for name, value in service_port(port).items() if name != "nodePort"} for port in app.spec.ports
    ]
    spec = {"clusterIP": "None", "publishNotReadyAddresses": True, "selector": selector(app), "ports": ports}
    return child(app, SERVICES, suffix=PODS_SUFFIX, spec=spec)
