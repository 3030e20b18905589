"""AppService: an application as its team sees it, as one object.

The workloads controller makes everything else of it. Every field has a default, so that objects decode whatever CRD
they came through: somebody's with only `image` and `replicas` fills in and refuses nothing. The parts, by theme:
`container`, `probes`, `volumes`, `network`, `scale`, `jobs`, `rollout`; `spec` puts them together, `rules` says what
must hold between them.
"""

from __future__ import annotations

from kubewright.api.crds.appservice import kind
from kubewright.api.crds.appservice.container import AppServicePort, AppServiceResources, EnvVar
from kubewright.api.crds.appservice.kind import APP_SERVICES, NAME_LABEL, TEAM_LABEL, AppService
from kubewright.api.crds.appservice.problems import problems
from kubewright.api.crds.appservice.spec import AppServiceSpec
from kubewright.api.crds.appservice.status import AppServiceStatus
from kubewright.api.meta import Manifest

APP_SERVICE_CRD: Manifest
__getattr__ = kind.__getattr__  # it is generated when it is asked for

__all__ = [
    "APP_SERVICES",
    "APP_SERVICE_CRD",
    "NAME_LABEL",
    "TEAM_LABEL",
    "AppService",
    "AppServicePort",
    "AppServiceResources",
    "AppServiceSpec",
    "AppServiceStatus",
    "EnvVar",
    "problems",
]
