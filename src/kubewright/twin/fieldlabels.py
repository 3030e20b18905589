"""The fields by which each kind's objects can be selected, besides name and namespace.

Read by the kind table when it describes a built-in kind; custom kinds name theirs in the CRD.
"""

from __future__ import annotations

_METADATA = ("metadata.name", "metadata.namespace")
_EVENT = (
    "involvedObject.kind",
    "involvedObject.namespace",
    "involvedObject.name",
    "involvedObject.uid",
    "involvedObject.apiVersion",
    "involvedObject.resourceVersion",
    "involvedObject.fieldPath",
    "reason",
    "reportingComponent",
    "source",
    "type",
)
_BY_KIND: dict[tuple[str, str], tuple[str, ...]] = {
    ("", "Pod"): (
        "spec.nodeName",
        "spec.restartPolicy",
        "spec.schedulerName",
        "spec.serviceAccountName",
        "spec.hostNetwork",
        "status.phase",
        "status.podIP",
        "status.podIPs",
        "status.nominatedNodeName",
    ),
    ("", "Event"): _EVENT,
    ("events.k8s.io", "Event"): (
        *(label.replace("involvedObject", "regarding") for label in _EVENT if label.startswith("involved")),
        "reason",
        "reportingController",
        "type",
    ),
    ("", "Secret"): ("type",),
    ("", "Namespace"): ("status.phase",),
    ("", "Node"): ("spec.unschedulable",),
    ("", "Service"): ("spec.clusterIP", "spec.type"),
    ("", "ReplicationController"): ("status.replicas",),
    ("apps", "ReplicaSet"): ("status.replicas",),
    ("batch", "Job"): ("status.successful",),
    ("certificates.k8s.io", "CertificateSigningRequest"): ("spec.signerName",),
    ("resource.k8s.io", "ResourceSlice"): ("spec.driver", "spec.nodeName"),
}


def selectable_fields(group: str, kind: str, *, namespaced: bool) -> tuple[str, ...]:
    """Return the field labels that a selector on this kind may name."""
    # The real server knows metadata.namespace for most cluster-scoped kinds too; it is always empty there.
    del namespaced
    return _METADATA + _BY_KIND.get((group, kind), ())
