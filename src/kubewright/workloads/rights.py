"""What keeping AppServices takes. A verb that it comes to use is added here; a test runs it as this account."""

from __future__ import annotations

from kubewright.api.apiextensions import CRDS
from kubewright.api.apps import CONTROLLER_REVISIONS, REPLICA_SETS
from kubewright.api.core import EVENTS, PODS
from kubewright.api.crds.appservice import APP_SERVICE_CRD, APP_SERVICES
from kubewright.api.crds.scalepolicy import SCALE_POLICY_CRD
from kubewright.api.crds.sizepolicy import SIZE_POLICIES, SIZE_POLICY_CRD
from kubewright.api.meta import Manifest
from kubewright.api.rights import READ, WATCH, definition_rules, rule
from kubewright.workloads.kinds import CHILD_KINDS, OPTIONAL

ACCOUNT = "kubewright"
_KEEP = (*READ, "create", "patch", "delete")


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace, and on the definitions."""
    watched = tuple(f"{kind.plural}.{kind.group}" for kind in (APP_SERVICES, SIZE_POLICIES, *OPTIONAL))
    return [
        rule(APP_SERVICES, (*READ, "patch")),
        rule(APP_SERVICES, ("patch",), subresource="status"),
        *(rule(kind, _KEEP) for kind in CHILD_KINDS),
        # What the next release requests.
        rule(SIZE_POLICIES, WATCH),
        # The releases that an application has had.
        rule(REPLICA_SETS, ("list",)),
        rule(CONTROLLER_REVISIONS, ("list",)),
        # Trouble is told by pods and by events; nobody's Secrets are read. Pods that block a release are deleted.
        rule(PODS, (*WATCH, "delete")),
        rule(EVENTS, ("create", "patch", *WATCH)),
        *definition_rules([APP_SERVICE_CRD, SCALE_POLICY_CRD, SIZE_POLICY_CRD]),
        rule(CRDS, WATCH, names=watched),
    ]
