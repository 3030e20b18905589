"""The platform's own controllers, as the fault harness puts them to the test."""

from __future__ import annotations

from kubewright.api.crds.queue import QUEUE_CRD, QUEUE_LABEL
from kubewright.api.meta import Manifest
from kubewright.autoscaler import controller as scale_policies
from kubewright.gpu import controller as gpu_policies
from kubewright.harness.snapshot import SURROUNDINGS
from kubewright.harness.subject import Subject
from kubewright.runtime.operators import Operator
from kubewright.scheduler.service import NAME, Scheduler
from kubewright.workloads import controller as app_services

APPLICATION: Manifest = {
    "apiVersion": "app.example.com/v1",
    "kind": "AppService",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {"image": "nginx:1.29", "replicas": 2, "ports": [{"name": "http", "port": 80}]},
}
GATE_AND_FILES = {
    "files": {"/etc/web/web.conf": "workers 2"},
    "expose": {"host": "web.example.com"},
    "access": {"from": [{"app": "front"}]},
    "availability": {},
}
STATEFUL = {
    "kind": "stateful",
    "rollout": {"strategy": "canary", "steps": [{"weight": 50, "pauseSeconds": 10}]},
    "volumes": [{"name": "data", "mountPath": "/data", "template": {"size": "1Gi"}}],
}
POLICY: Manifest = {
    "apiVersion": "kubewright.dev/v1alpha1",
    "kind": "GPUPolicy",
    "metadata": {"name": "train"},
    "spec": {
        "nodeSelector": {"pool": "train"},
        "mode": "MIG",
        "profiles": [{"name": "1g.5gb", "count": 7}, {"name": "3g.20gb"}],
    },
}
A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB", "pool": "train"}
POOL: tuple[Manifest, ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "gpu-operator"}},
    *(
        {"apiVersion": "v1", "kind": "Node", "metadata": {"name": f"gpu-{number}", "labels": A100}}
        for number in range(2)
    ),
)
QUEUE: Manifest = {
    "apiVersion": "kubewright.dev/v1alpha1",
    "kind": "Queue",
    "metadata": {"name": "research"},
    "spec": {
        "quotas": [{"resource": "cpu", "nominal": "4"}, {"resource": "pods", "nominal": "10"}],
        "weight": 2,
    },
}


SCALED: Manifest = {
    "apiVersion": "kubewright.dev/v1alpha1",
    "kind": "ScalePolicy",
    "metadata": {"name": "web", "namespace": "default"},
    "spec": {
        "target": {"name": "web"},
        "min": 3,
        "max": 4,
        "mode": "reactive",
        "metrics": [{"cpu": {"percent": 70}}],
        "fallback": {"replicas": 4, "afterSeconds": 60},
    },
}
"""Nobody measures cpu here: from two pods there come to be three, then four, and what others make of it is undone."""
_WEB = {"app": "web"}
DEPLOYMENT: Manifest = {
    "apiVersion": "apps/v1",
    "kind": "Deployment",
    "metadata": {"name": "web", "namespace": "default", "annotations": {SURROUNDINGS: ""}},
    "spec": {
        "replicas": 2,
        "selector": {"matchLabels": _WEB},
        "template": {"metadata": {"labels": _WEB}, "spec": {"containers": [{"name": "main", "image": "web:1"}]}},
    },
}


def _pod(number: int) -> Manifest:
    container = {"name": "main", "image": "train:1", "resources": {"requests": {"cpu": "2"}}}
    # Its phase is the surroundings' to write, and nothing of the queue's.
    metadata = {"name": f"train-{number}", "namespace": "lab", "annotations": {SURROUNDINGS: ""}}
    spec = {"schedulerName": NAME, "nodeName": "node-0", "containers": [container]}
    return {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}


LAB: tuple[Manifest, ...] = (
    {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "lab", "labels": {QUEUE_LABEL: "research"}}},
    {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": "node-0", "labels": {"kubernetes.io/hostname": "node-0"}},
        "status": {"allocatable": {"cpu": "16", "memory": "64Gi", "pods": "110"}},
    },
    *(_pod(number) for number in range(3)),
)


def _queues(operator: Operator) -> None:
    operator.define(QUEUE_CRD)


OURS = (
    Subject(
        "appservice",
        app_services.build,
        APPLICATION | {"spec": APPLICATION["spec"] | GATE_AND_FILES},
        # Under an autoscaler the number of pods stays what it chose, and nobody chooses here; files of earlier releases
        # stay for as long as these can be gone back to.
        ignored=frozenset({"spec.scaling", "spec.files"}),
        kept=frozenset({"persistentvolumeclaims"}),
        # A release is watched for five minutes, which an outage of two may precede.
        settles_seconds=500.0,
    ),
    Subject(
        "appservice-stateful",
        app_services.build,
        APPLICATION | {"spec": APPLICATION["spec"] | STATEFUL},
        ignored=frozenset({"spec.scaling", "spec.files"}),
        # A StatefulSet keeps its service and its claims' templates; what is there has the data.
        refusals=frozenset({"ImmutableField"}),
        kept=frozenset({"persistentvolumeclaims"}),
        settles_seconds=500.0,
    ),
    Subject("gpupolicy", gpu_policies.build, POLICY, POOL),
    # What it scales keeps its pods when the policy goes, and so is no part of what is compared: the status tells of it.
    # When it last scaled, and whether that is what it says now, depends on what there was before; so does the number
    # that a fallback has chosen, which stays while nobody measures, and the one that those find who only recommend, or
    # have a schedule that no clock can follow.
    Subject(
        "scalepolicy",
        scale_policies.build,
        SCALED,
        (DEPLOYMENT,),
        ignored=frozenset(
            {"status.lastScaleTime", "status.conditions", "spec.fallback", "spec.schedules", "spec.mode"}
        ),
    ),
    Subject("queue", _queues, QUEUE, LAB, service=Scheduler),
)
