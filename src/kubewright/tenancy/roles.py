"""What members of a team may in its namespaces: three ClusterRoles, bound there and nowhere else. Pure.

Nobody in a team may write what holds the team: quotas, limits, network policies, the namespace itself. Nor Endpoints,
which would let an ingress controller forward to anybody, nor proxies, which pass network policies by. Who is an admin
may grant, and an API server lets nobody grant more than they have. Secrets are an editor's: who starts pods reads them.
"""

from __future__ import annotations

from collections.abc import Iterable

from kubewright.api.crds.team import ADMIN, EDITOR, ROLES, VIEWER
from kubewright.api.meta import Manifest
from kubewright.api.rights import GROUP, READ

_WRITE = ("create", "update", "patch", "delete", "deletecollection")
_SEEN = {
    "": (
        "configmaps endpoints events limitranges persistentvolumeclaims pods pods/log replicationcontrollers "
        "resourcequotas serviceaccounts services"
    ),
    "app.example.com": "appservices",
    "apps": "controllerrevisions daemonsets deployments deployments/scale replicasets statefulsets statefulsets/scale",
    "autoscaling": "horizontalpodautoscalers",
    "batch": "cronjobs jobs",
    "discovery.k8s.io": "endpointslices",
    "events.k8s.io": "events",
    "gateway.networking.k8s.io": "httproutes",
    "kubewright.dev": "scalepolicies sizepolicies",
    "metrics.k8s.io": "pods",
    "networking.k8s.io": "ingresses networkpolicies",
    "policy": "poddisruptionbudgets",
    GROUP: "rolebindings roles",
    "resource.k8s.io": "resourceclaims resourceclaimtemplates",
    "scheduling.k8s.io": "podgroups",
}
_WRITTEN = {
    "": "configmaps persistentvolumeclaims pods replicationcontrollers secrets serviceaccounts services",
    "app.example.com": "appservices",
    "apps": "daemonsets deployments deployments/scale replicasets statefulsets statefulsets/scale",
    "autoscaling": "horizontalpodautoscalers",
    "batch": "cronjobs jobs",
    "gateway.networking.k8s.io": "httproutes",
    "kubewright.dev": "scalepolicies sizepolicies",
    "networking.k8s.io": "ingresses",
    "policy": "poddisruptionbudgets",
    "resource.k8s.io": "resourceclaims resourceclaimtemplates",
    "scheduling.k8s.io": "podgroups",
}


def role_name(role: str) -> str:
    """Return the name of the ClusterRole."""
    return f"kubewright-team-{role}"


ROLE_NAMES = tuple(role_name(each) for each in ROLES)


def _rules(kinds: dict[str, str], verbs: Iterable[str]) -> list[Manifest]:
    allowed = list(verbs)
    return [{"apiGroups": [group], "resources": names.split(), "verbs": allowed} for group, names in kinds.items()]


def _viewer() -> list[Manifest]:
    return [*_rules(_SEEN, READ), *_rules({"": "namespaces"}, ("get",))]


def _editor() -> list[Manifest]:
    return [
        *_viewer(),
        *_rules(_WRITTEN, _WRITE),
        *_rules({"": "secrets"}, READ),
        *_rules({"": "pods/attach pods/exec pods/portforward"}, ("get", "create")),
        *_rules({"": "pods/eviction"}, ("create",)),
        *_rules({"": "pods/ephemeralcontainers pods/resize"}, ("patch", "update")),
    ]


def _admin() -> list[Manifest]:
    return [
        *_editor(),
        *_rules({GROUP: "rolebindings roles"}, _WRITE),
        *_rules({"": "serviceaccounts/token"}, ("create",)),
    ]


RULES = {ADMIN: _admin(), EDITOR: _editor(), VIEWER: _viewer()}
"""By role."""
