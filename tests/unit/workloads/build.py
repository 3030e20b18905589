"""Short ways to say which AppService and which children a case is about."""

import msgspec

from kubewright.api.crds.appservice import AppService
from kubewright.workloads import children
from kubewright.workloads.decide import FINALIZER, decide
from kubewright.workloads.observed import Child, Observed

NOW = 1_900_000_000.0


def app(name="web", *, deleted=False, finalizers=(FINALIZER,), generation=1, status=None, **spec):
    document = {
        "metadata": {
            "name": name,
            "namespace": "shop",
            "uid": f"uid-{name}",
            "resourceVersion": "7",
            "generation": generation,
            "finalizers": list(finalizers),
        },
        "spec": {"image": "nginx", "replicas": 2, "ports": [{"name": "http", "port": 80}]} | spec,
    }
    if deleted:
        document["metadata"]["deletionTimestamp"] = "2030-01-01T00:00:00Z"
    if status is not None:
        document["status"] = status
    return msgspec.convert(document, AppService)


def child(manifest, *, uid="child", **status):
    """The object that an API server makes of a manifest, with defaults of its own in the spec."""
    stored = manifest | {
        "metadata": manifest["metadata"] | {"uid": uid, "generation": 1},
        "spec": manifest["spec"] | {"revisionHistoryLimit": 10},
        "status": status,
    }
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(stored)), Child)


def running(application, replicas=2):
    """The children of an application whose pods are all up."""
    deployment = child(
        children.deployment(application),
        observedGeneration=1,
        replicas=replicas,
        updatedReplicas=replicas,
        readyReplicas=replicas,
        availableReplicas=replicas,
    )
    service = children.service(application)
    return Observed(deployment, child(service) if service else None)


def settled(application, observed):
    """The application with the status that a plan would give it."""
    status = next((a.manifest["status"] for a in decide(application, observed, NOW).actions if is_status(a)), None)
    return application if status is None else msgspec.structs.replace(application, status=as_status(status))


def as_status(document):
    return msgspec.convert({"status": document}, AppService).status


def is_status(action):
    return getattr(action, "subresource", "") == "status"


def status_of(plan):
    return next(action.manifest["status"] for action in plan.actions if is_status(action))


def conditions_of(plan):
    return {condition["type"]: condition["status"] for condition in status_of(plan)["conditions"]}
