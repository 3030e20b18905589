"""The kinds of an AppService's children; those that a cluster may lack come last."""

from __future__ import annotations

from kubewright.api import meshes, networking
from kubewright.api.apps import DEPLOYMENTS, STATEFUL_SETS
from kubewright.api.batch import CRON_JOBS, JOBS
from kubewright.api.core import CONFIG_MAPS, SERVICE_ACCOUNTS, SERVICES
from kubewright.api.crds.appservice import AppService
from kubewright.api.crds.scalepolicy import SCALE_POLICIES
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import Manifest, Resource
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.api.volumes import CLAIMS

INGRESSES = live_resource(networking.INGRESSES)
NETWORK_POLICIES = live_resource(networking.NETWORK_POLICIES)
AUTOSCALERS = Resource("autoscaling", "v2", "horizontalpodautoscalers", "HorizontalPodAutoscaler", LiveObject)
HTTP_ROUTES = Resource("gateway.networking.k8s.io", "v1", "httproutes", "HTTPRoute", LiveObject)
VIRTUAL_SERVICES = Resource("networking.istio.io", "v1", "virtualservices", "VirtualService", LiveObject)
AUTHORIZATION_POLICIES = live_resource(meshes.AUTHORIZATION_POLICIES)

CHILD_DEPLOYMENTS = live_resource(DEPLOYMENTS)
CHILD_SERVICES = live_resource(SERVICES)
CHILD_STATEFUL_SETS = live_resource(STATEFUL_SETS)
CHILD_JOBS = live_resource(JOBS)
CHILD_CRON_JOBS = live_resource(CRON_JOBS)
CHILD_SCALE_POLICIES = live_resource(SCALE_POLICIES)

BUILT_IN: tuple[Resource[LiveObject], ...] = (
    CHILD_DEPLOYMENTS,
    CHILD_SERVICES,
    CHILD_STATEFUL_SETS,
    CHILD_JOBS,
    CHILD_CRON_JOBS,
    *map(live_resource, (CONFIG_MAPS, SERVICE_ACCOUNTS, CLAIMS, POD_DISRUPTION_BUDGETS)),
    INGRESSES,
    NETWORK_POLICIES,
    AUTOSCALERS,
)
"""What every cluster serves."""

OPTIONAL: tuple[Resource[LiveObject], ...] = (
    HTTP_ROUTES,
    VIRTUAL_SERVICES,
    AUTHORIZATION_POLICIES,
    CHILD_SCALE_POLICIES,
)
"""What a cluster serves when somebody has defined it: the Gateway API, Istio; and what we define ourselves."""

CHILD_KINDS: tuple[Resource[LiveObject], ...] = (*BUILT_IN, *OPTIONAL)
"""Everything that may be made of an application."""

WORKLOADS: tuple[Resource[LiveObject], ...] = (CHILD_DEPLOYMENTS, CHILD_STATEFUL_SETS, CHILD_JOBS, CHILD_CRON_JOBS)
"""What runs an application's pods: one of these."""


def runner_of(app: AppService) -> Resource[LiveObject]:
    """Return the kind of what runs the pods of an application that is rolled out."""
    return CHILD_STATEFUL_SETS if app.spec.is_stateful else CHILD_DEPLOYMENTS


def is_runner(app: AppService, child: Manifest) -> bool:
    """Whether a child is what runs the application's pods, and not what tries a new release beside it."""
    return child["kind"] == runner_of(app).kind and child["metadata"]["name"] == app.metadata.name


def kind_of(child: Manifest) -> Resource[LiveObject]:
    """Return the kind of something that is made of an application."""
    name = child["apiVersion"], child["kind"]
    return next(each for each in CHILD_KINDS if (each.api_version, each.kind) == name)
