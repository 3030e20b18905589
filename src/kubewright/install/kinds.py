"""The kinds of what is installed, and the marks by which an installation knows its own."""

from __future__ import annotations

from collections.abc import Mapping

from kubewright.api.apiextensions import CRDS
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import CONFIG_MAPS, NAMESPACES, SERVICE_ACCOUNTS, SERVICES
from kubewright.api.drift import with_fingerprint
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import KubeObject, Manifest, Resource
from kubewright.api.policy import POD_DISRUPTION_BUDGETS
from kubewright.api.rights import GROUP
from kubewright.tenancy.kinds import CLUSTER_ROLE_BINDINGS, CLUSTER_ROLES, NETWORK_POLICIES, ROLE_BINDINGS

MANAGED_BY = "app.kubernetes.io/managed-by"
INSTALLER = "kubewright-install"
"""The field manager, and the value of `MANAGED_BY`."""
PLACE = "kubewright.dev/installed-from"
"""The label that names the namespace of the installation: a cluster may hold what another one left."""

SPACES = live_resource(NAMESPACES)
DEFINITIONS = live_resource(CRDS)
RECORDS = live_resource(CONFIG_MAPS)
RUNNING = live_resource(DEPLOYMENTS)
PRUNED: tuple[Resource[LiveObject], ...] = (
    RUNNING,
    live_resource(SERVICES),
    live_resource(POD_DISRUPTION_BUDGETS),
    NETWORK_POLICIES,
    ROLE_BINDINGS,
    Resource(GROUP, "v1", "roles", "Role", LiveObject),
    CLUSTER_ROLE_BINDINGS,
    CLUSTER_ROLES,
    live_resource(SERVICE_ACCOUNTS),
)
"""What goes when a release has it no more, in that order: first what runs, last what it runs as."""
KINDS: Mapping[tuple[str, str], Resource[LiveObject]] = {
    (each.api_version, each.kind): each for each in (SPACES, DEFINITIONS, RECORDS, *PRUNED)
}


def marked(manifest: Manifest, namespace: str) -> Manifest:
    """Return the manifest as an installation's own."""
    metadata = manifest["metadata"]
    labels = {**metadata.get("labels", {}), MANAGED_BY: INSTALLER, PLACE: namespace}
    return with_fingerprint({**manifest, "metadata": {**metadata, "labels": labels}})


def own_selector(namespace: str) -> str:
    """Return the label selector of what `marked` marks."""
    return f"{MANAGED_BY}={INSTALLER},{PLACE}={namespace}"


def is_own(live: KubeObject, namespace: str) -> bool:
    """Whether an installation marked it."""
    labels = live.metadata.labels
    return labels.get(MANAGED_BY) == INSTALLER and labels.get(PLACE) == namespace
