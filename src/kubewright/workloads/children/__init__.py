"""The manifests that an AppService becomes. Pure: what the controller makes is what `kubewright render` prints.

Each kind has a small file of its own; `wanted` puts them together, in the order in which they are made: what pods need
before the pods, and what leads to them after. Nobody's owner is named here: `ApplySet.child` does that.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import Manifest
from kubewright.workloads.children.access import network_policy
from kubewright.workloads.children.account import account
from kubewright.workloads.children.autoscaler import autoscaler, scale_policy
from kubewright.workloads.children.disruption import disruption_budget
from kubewright.workloads.children.identity import MANAGED_BY, MANAGED_BY_LABEL, NAME_LABEL, TEAM_LABEL, selector
from kubewright.workloads.children.mesh import authorization
from kubewright.workloads.children.routes import http_route, ingress
from kubewright.workloads.children.services import pods_service, service
from kubewright.workloads.children.virtualservice import virtual_service
from kubewright.workloads.children.volumes import claims, files
from kubewright.workloads.children.workload import deployment, workload


@dataclass(frozen=True, slots=True)
class Wanted:
    """One child; what is `kept` belongs to nobody and stays when the application goes: data."""

    manifest: Manifest
    kept: bool = False


def wanted(app: AppService) -> Iterator[Wanted]:
    """Return every child that the application asks for, in the order in which they are made."""
    before = (account(app), files(app), network_policy(app), authorization(app))
    yield from (Wanted(manifest) for manifest in before if manifest is not None)
    yield from (Wanted(manifest, kept=not goes) for manifest, goes in claims(app))
    after = (
        pods_service(app),
        workload(app),
        service(app),
        http_route(app),
        virtual_service(app),
        ingress(app),
        disruption_budget(app),
        autoscaler(app),
        scale_policy(app),
    )
    yield from (Wanted(manifest) for manifest in after if manifest is not None)


__all__ = [
    "MANAGED_BY",
    "MANAGED_BY_LABEL",
    "NAME_LABEL",
    "TEAM_LABEL",
    "Wanted",
    "deployment",
    "selector",
    "service",
    "wanted",
    "workload",
]
