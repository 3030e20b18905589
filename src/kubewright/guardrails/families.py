"""Which objects a family of rails is about, and what its expressions are given of them as `variables`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from kubewright.api.meta import Manifest
from kubewright.guardrails.rail import Family

_TEMPLATE = (
    "has(o.spec.jobTemplate) ? o.spec.jobTemplate.spec.template.spec : "
    "has(o.spec.template) ? o.spec.template.spec : o.spec"
)
_OBJECTS = ("objects", "[dyn(object), dyn(oldObject)]")
_SPECS = ("specs", "variables.objects.map(o, o == null ? dyn({}) : o.spec)")
_INIT = "(has(s.initContainers) ? s.initContainers : [])"
_RUNNING = f"variables.specs.map(s, has(s.containers) ? s.containers + {_INIT} : [])"
_EPHEMERAL = (
    "[0, 1].map(i, variables.running[i] + "
    "(has(variables.specs[i].ephemeralContainers) ? variables.specs[i].ephemeralContainers : []))"
)
# The name in full, as a container runtime completes it.
_FULL = (
    "m.matches('^docker[.]io/[^/]+$') ? 'docker.io/library/' + m.substring(10) : "
    "m.matches('^(localhost|[^/]*[.:][^/]*)/') ? m : m.contains('/') ? 'docker.io/' + m : 'docker.io/library/' + m"
)
_IMAGES = (
    "[0, 1].map(i, (variables.containers[i].filter(c, has(c.image)).map(c, c.image) + "
    "(has(variables.specs[i].volumes) ? variables.specs[i].volumes"
    ".filter(v, has(v.image) && has(v.image.reference)).map(v, v.image.reference) : []))"
    f".map(m, {_FULL}))"
)
_CLAIMS = (
    "variables.objects.map(o, o == null ? [] : has(o.spec.template) ? "
    "(has(o.spec.volumeClaimTemplates) ? o.spec.volumeClaimTemplates.map(c, c.spec) : []) : [o.spec])"
)
_INNER = "variables.objects.map(o, o == null ? dyn({}) : has(o.spec.spec) ? o.spec.spec : o.spec)"
_REQUESTS = "variables.specs.map(s, has(s.devices) && has(s.devices.requests) ? s.devices.requests : [])"
_NOTED = "has(o.metadata.annotations) && 'kubernetes.io/ingress.class' in o.metadata.annotations"
_CLASSES = (
    "variables.objects.map(o, o == null || request.resource.resource != 'ingresses' ? [] : "
    "has(o.spec.ingressClassName) || "
    f"({_NOTED}) ? (has(o.spec.ingressClassName) ? [o.spec.ingressClassName] : []) + "
    f"({_NOTED} ? [o.metadata.annotations['kubernetes.io/ingress.class']] : []) : [''])"
)
_HOSTS = (
    "variables.specs.map(s, has(s.hostnames) ? s.hostnames : "
    "has(s.listeners) ? s.listeners.map(l, has(l.hostname) ? l.hostname : '') : "
    "request.resource.resource != 'ingresses' ? [] : "
    "(has(s.rules) ? s.rules.map(r, has(r.host) ? r.host : '') : []) + (has(s.defaultBackend) ? [''] : []))"
)
VARIABLES: Mapping[Family, Sequence[tuple[str, str]]] = {
    Family.PODS: (
        _OBJECTS,
        ("specs", f"variables.objects.map(o, o == null ? dyn({{'containers': []}}) : {_TEMPLATE})"),
        ("running", _RUNNING),
        ("containers", _EPHEMERAL),
        ("images", _IMAGES),
    ),
    Family.CLAIMS: (_OBJECTS, ("claims", _CLAIMS)),
    Family.DEVICES: (_OBJECTS, ("specs", _INNER), ("requests", _REQUESTS)),
    Family.SERVICES: (_OBJECTS, _SPECS),
    Family.ROUTES: (_OBJECTS, _SPECS, ("classes", _CLASSES), ("served", _HOSTS)),
}


def _rule(group: str, *resources: str) -> Manifest:
    version = "*" if group == "gateway.networking.k8s.io" else "v1"
    return {
        "apiGroups": [group],
        "apiVersions": [version],
        "operations": ["CREATE", "UPDATE"],
        "resources": list(resources),
        "scope": "Namespaced",
    }


RULES: Mapping[Family, Sequence[Manifest]] = {
    Family.PODS: (
        _rule("", "pods", "pods/ephemeralcontainers", "replicationcontrollers"),
        _rule("apps", "deployments", "daemonsets", "statefulsets", "replicasets"),
        _rule("batch", "jobs", "cronjobs"),
    ),
    Family.CLAIMS: (_rule("", "persistentvolumeclaims"), _rule("apps", "statefulsets")),
    Family.DEVICES: (_rule("resource.k8s.io", "resourceclaims", "resourceclaimtemplates"),),
    Family.SERVICES: (_rule("", "services"),),
    Family.ROUTES: (
        _rule("networking.k8s.io", "ingresses"),
        _rule("gateway.networking.k8s.io", "gateways", "httproutes", "grpcroutes", "tlsroutes"),
    ),
}
"""What a policy of the family is asked about: writes of the objects themselves, not of their status or scale."""
