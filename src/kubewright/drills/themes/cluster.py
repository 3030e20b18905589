"""Drills of what all share: volumes, quotas, webhooks, finalizers, budgets."""

from __future__ import annotations

from kubewright.api.meta import Manifest
from kubewright.drills.drill import Drill, Step
from kubewright.drills.making import always, broken, patched, released, serves
from kubewright.drills.usual import API, DB, GIB, NAMESPACE, WEB, budget, named
from kubewright.drills.view import View

_WEB = ("Deployment/drill/web", "Pod/drill/web-*", "ReplicaSet/drill/web-*")
_HOOK: Manifest = {
    "apiVersion": "admissionregistration.k8s.io/v1",
    "kind": "ValidatingWebhookConfiguration",
    "metadata": {"name": "drill"},
    "webhooks": [
        {
            "name": "pods.drill.example.com",
            "clientConfig": {"url": "https://127.0.0.1:9/"},
            "rules": [{"apiGroups": [""], "apiVersions": ["v1"], "resources": ["pods"], "operations": ["CREATE"]}],
            "namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": NAMESPACE}},
            "sideEffects": "None",
            "admissionReviewVersions": ["v1"],
            "timeoutSeconds": 1,
        }
    ],
}
ENDED = (
    "LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0tCk1JSUJEVENCczZBREFnRUNBZ0VCTUFvR0NDcUdTTTQ5QkFNQ01CQXhEakFNQmdO"
    "VkJBTU1CV1J5YVd4c01CNFgKRFRJd01ERXdNVEF3TURBd01Gb1hEVEl4TURFd01UQXdNREF3TUZvd0VERU9NQXdHQTFVRUF3d0Za"
    "SEpwYkd3dwpXVEFUQmdjcWhrak9QUUlCQmdncWhrak9QUU1CQndOQ0FBVGZPbU96SGhFR3MweC9vUUFPL1gvVHdvaXh3VzE4CnVN"
    "MWpQSjhjRm5JMXlLc1BtdE9JSzh2Ukd5K2lyWGZmUURULzlJL3VQMTVEb2tqZlluWXEyaWk3TUFvR0NDcUcKU000OUJBTUNBMGtB"
    "TUVZQ0lRRFhGMmp2YWRMZTZOL0tqL1JKajRsSnlqNWlBakpiVm1zV2I3TFRhRTIwdkFJaApBT2VLN2hsZzAzK1J2NHkzUFh6dnVl"
    "Zm5FUERCczl1TFEvcHF1MytSd0ZkbwotLS0tLUVORCBDRVJUSUZJQ0FURS0tLS0tCg=="
)
"""An authority of which nobody has the key, and which ended in 2021: PEM in base64."""
_UNTRUSTED = {
    **_HOOK,
    "webhooks": [
        {
            **_HOOK["webhooks"][0],
            "clientConfig": {"url": "https://127.0.0.1:9/", "caBundle": ENDED},
            "failurePolicy": "Ignore",
        }
    ],
}
_HELD = named("v1", "ConfigMap", "old")
_HELD["metadata"]["finalizers"] = ["example.com/gone"]


def node_of_web(view: View) -> Manifest:
    """Return the node of a fleet's first pod."""
    pods = sorted(view.pods_of(WEB), key=lambda pod: pod.metadata.name)
    return {"apiVersion": "v1", "kind": "Node", "metadata": {"name": pods[0].spec.node_name}}


def _is_drained(view: View) -> bool:
    closed = {node.metadata.name for node in view.nodes.index.values() if node.spec.unschedulable}
    return all(pod.spec.node_name not in closed for pod in view.pods_of(WEB)) and serves(WEB)(view)


DRILLS = (
    Drill(
        "volume-full",
        "the volume of a stateful pod is full",
        (broken("PvcFull", {"claims": {"namespaces": [NAMESPACE], "names": ["data-db-0"]}}),),
        serves(DB),
        ("VolumeFull",),
        lifted=lambda view: view.size_of("data-db-0") > GIB,
        touches=("PersistentVolumeClaim/drill/data-db-*",),
    ),
    Drill(
        "quota-blocks",
        "a quota leaves no room for a rollout",
        (
            Step("create", named("v1", "ResourceQuota", "few", spec={"hard": {"count/pods": "10"}})),
            released(WEB),
        ),
        serves(WEB),
        ("QuotaExceeded", "QuotaDeadlock"),
        touches=(*_WEB, "ResourceQuota/drill/few"),
    ),
    Drill(
        "webhook-away",
        "nobody answers for a webhook without which no pod is made",
        (Step("create", _HOOK), patched(API, {"replicas": 5})),
        serves(API),
        ("WebhookOutage",),
        touches=("ValidatingWebhookConfiguration/drill",),
    ),
    Drill(
        "webhook-certificate",
        "the authority by which a webhook is trusted has expired",
        (Step("create", _UNTRUSTED),),
        always,
        ("CertificateExpiry",),
        person=True,
    ),
    Drill(
        "finalizer-stuck",
        "an object that was deleted stays, since nobody takes its finalizer off",
        (
            Step("create", _HELD),
            Step("delete", named("v1", "ConfigMap", "old"), after_seconds=2.0),
        ),
        lambda view: not view.has("ConfigMap", "old"),
        ("StuckFinalizer",),
        touches=("ConfigMap/drill/old",),
        person=True,
    ),
    Drill(
        "drain-blocked",
        "a node that is to be emptied, and a budget that never lets its pod go",
        (
            Step("patch", budget(WEB, 4)),
            Step("drain", node_of_web),
        ),
        _is_drained,
        ("DrainBlocked",),
        touches=("Node/*", *_WEB),
        goal_seconds=120.0,
    ),
    Drill(
        "drain-forbidden",
        "a node that is to be emptied, and a budget that lets no pod go by its owner's will",
        (
            Step(
                "patch",
                named("policy/v1", "PodDisruptionBudget", WEB, spec={"minAvailable": None, "maxUnavailable": 0}),
            ),
            Step("drain", node_of_web),
        ),
        _is_drained,
        ("DrainBlocked",),
        touches=("Node/*", *_WEB),
        goal_seconds=120.0,
    ),
)
