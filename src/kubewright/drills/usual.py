"""What runs while a drill goes on: a few applications of the usual kinds, in a namespace of their own. Data."""

from __future__ import annotations

from typing import Any

from kubewright.api.meta import Manifest

NAMESPACE = "drill"
GOOD, BAD = "drill/{}:1", "drill/{}:2"
"""Images of an application: the one that runs, and the release that is bad."""
NOWHERE = "drill.invalid/nowhere:1"
"""An image that is in no registry."""
WEB, API, DB, DNS, TRAIN = "web", "api", "db", "dns", "train"
PORT = 8080
GIB = 1 << 30
_TRAFFIC = {
    "twin.kubewright.dev/requests-per-second": "20",
    "twin.kubewright.dev/cpu-per-request": "1m",
    "twin.kubewright.dev/latency": "10ms",
    "twin.kubewright.dev/memory": "32Mi",
}
"""How pods act in a twin; elsewhere it means nothing."""
PERMISSION = {
    "apiVersion": "kubewright.dev/v1alpha1",
    "kind": "HealingPolicy",
    "metadata": {"name": NAMESPACE},
    "spec": {"mode": "act", "unrehearsed": True},
}
_DISKS = {
    "apiVersion": "storage.k8s.io/v1",
    "kind": "StorageClass",
    "metadata": {"name": NAMESPACE},
    "provisioner": "twin.kubewright.dev/disk",
    "allowVolumeExpansion": True,
}


def usual(*, volumes: bool, gpus: bool) -> tuple[Manifest, ...]:
    """Return them: two fleets with Services and a budget, a stateful set with volumes, and with GPUs a training Job."""
    fleets = [each for app, replicas in ((WEB, 4), (API, 3)) for each in (deployment(app, replicas), service(app))]
    return (
        {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}},
        *fleets,
        budget(WEB, 3),
        *((_DISKS, stateful(DB, 3), service(DB)) if volumes else ()),
        *((job(TRAIN),) if gpus else ()),
    )


def named(api_version: str, kind: str, name: str, **content: Any) -> Manifest:
    """Return an object of the drills' namespace."""
    return {"apiVersion": api_version, "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}, **content}


def container(app: str, *, image: str = GOOD, **more: Any) -> Manifest:
    """Return the container of an application's pods: probed every two seconds, with requests and a memory limit."""
    probe = {"httpGet": {"path": "/", "port": PORT}, "periodSeconds": 2}
    return {
        "name": "main",
        "image": image.format(app),
        "ports": [{"containerPort": PORT}],
        "readinessProbe": {**probe, "failureThreshold": 2},
        "resources": {"requests": {"cpu": "100m", "memory": "64Mi"}, "limits": {"memory": "128Mi"}},
        **more,
    }


def pod_template(app: str, **spec: Any) -> Manifest:
    """Return what an application's pods are made from."""
    return {
        "metadata": {"labels": {"app": app}, "annotations": dict(_TRAFFIC)},
        "spec": {"containers": [container(app)], **spec},
    }


def deployment(app: str, replicas: int) -> Manifest:
    """Return a fleet that changes a pod at a time."""
    spread = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {"app": app}},
    }
    spec = {
        "replicas": replicas,
        "selector": {"matchLabels": {"app": app}},
        "strategy": {"rollingUpdate": {"maxSurge": 1, "maxUnavailable": 0}},
        "template": pod_template(app, topologySpreadConstraints=[spread]),
    }
    return named("apps/v1", "Deployment", app, spec=spec)


def service(app: str) -> Manifest:
    """Return the Service of an application."""
    return named("v1", "Service", app, spec={"selector": {"app": app}, "ports": [{"port": 80, "targetPort": PORT}]})


def budget(app: str, least: int) -> Manifest:
    """Return a budget: so many pods of an application stay."""
    spec = {"minAvailable": least, "selector": {"matchLabels": {"app": app}}}
    return named("policy/v1", "PodDisruptionBudget", app, spec=spec)


def stateful(app: str, replicas: int) -> Manifest:
    """Return a set whose pods have a volume each."""
    mounts = [{"name": "data", "mountPath": "/data"}]
    template = pod_template(app, containers=[container(app, volumeMounts=mounts)], terminationGracePeriodSeconds=10)
    claim = {
        "metadata": {"name": "data"},
        "spec": {
            "storageClassName": NAMESPACE,
            "accessModes": ["ReadWriteOnce"],
            "resources": {"requests": {"storage": "1Gi"}},
        },
    }
    spec = {
        "serviceName": app,
        "replicas": replicas,
        "selector": {"matchLabels": {"app": app}},
        "template": template,
        "volumeClaimTemplates": [claim],
    }
    return named("apps/v1", "StatefulSet", app, spec=spec)


def job(app: str) -> Manifest:
    """Return a training Job on one GPU, which is tried again."""
    own = container(app, resources={"limits": {"nvidia.com/gpu": 1}})
    del own["readinessProbe"]
    template = pod_template(app, containers=[own], restartPolicy="Never")
    template["metadata"]["annotations"] = {"twin.kubewright.dev/run-seconds": "7200"}
    return named("batch/v1", "Job", app, spec={"backoffLimit": 20, "template": template})
