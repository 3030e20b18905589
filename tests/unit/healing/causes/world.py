"""A small cluster for detectors: a Deployment with two releases, its pods, a Service."""

import msgspec

from kubewright.api.apps import DEPLOYMENTS, Deployment, ReplicaSet
from kubewright.api.core import PODS, Pod, Service
from kubewright.api.discovery import EndpointSlice
from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectKey, rfc3339
from kubewright.api.revisions import REVISION
from kubewright.healing.finding import Case, Ref
from kubewright.healing.seen import seen_of
from kubewright.signals.signal import Signal, Witness

NOW = 1_800_000_000.0
WEB = ObjectKey("shop", "web")


def made(type_, name, **fields):
    metadata = {"name": name, "namespace": "shop", "uid": f"uid-{name}", **fields.pop("metadata", {})}
    return msgspec.convert({"metadata": metadata, **fields}, type_)


def owned(kind, uid):
    return {"ownerReferences": [{"kind": kind, "name": uid.removeprefix("uid-"), "uid": uid, "controller": True}]}


def fleet(image="web:2", *, replicas=2, updated=1, **metadata):
    return made(
        Deployment,
        "web",
        metadata={"resourceVersion": "7", **metadata},
        spec={"replicas": replicas, "template": template(image)},
        status={"updatedReplicas": updated},
    )


def template(image, **labels):
    return {
        "metadata": {"labels": {"app": "web", **labels}},
        "spec": {"containers": [{"name": "main", "image": image}]},
    }


def release(number, image, *, age=60.0):
    metadata = {"annotations": {REVISION: str(number)}, "creationTimestamp": rfc3339(NOW - age)} | owned(
        "Deployment", "uid-web"
    )
    return made(
        ReplicaSet,
        f"web-{number}",
        metadata=metadata,
        spec={"template": template(image, **{"pod-template-hash": str(number)})},
    )


def pod(name, number, *, ready=True, container=None, statuses=()):
    conditions = [{"type": "Ready", "status": str(ready), "lastTransitionTime": rfc3339(NOW - 3000)}]
    return made(
        Pod,
        name,
        metadata={"labels": {"app": "web"}} | owned("ReplicaSet", f"uid-web-{number}"),
        spec={"containers": [container or {"name": "main", "ports": [{"containerPort": 8080}]}]},
        status={
            "phase": "Running",
            "startTime": rfc3339(NOW - 3002),
            "conditions": conditions,
            "containerStatuses": list(statuses),
        },
    )


def service(*, selector, port=8080):
    return made(Service, "web", spec={"selector": selector, "ports": [{"port": 80, "targetPort": port}]})


def endpoints(port):
    labels = {"kubernetes.io/service-name": "web"}
    return made(EndpointSlice, "web-x", metadata={"labels": labels}, ports=[{"port": port}], endpoints=[])


def live(uid="u", **spec):
    metadata = {"name": "web", "namespace": "shop", "uid": uid}
    return msgspec.convert({"metadata": metadata, "spec": spec}, LiveObject)


def about_pod(fault, name, evidence="it is ill"):
    return Signal(f"{fault}/{name}", fault, (PODS, ObjectKey("shop", name)), evidence, NOW - 60, Witness.KUBELET)


def about(resource, fault, evidence="it is ill"):
    return Signal(f"{fault}/{resource.kind}", fault, (resource, WEB), evidence, NOW - 20, Witness.CONTROLLER)


def case(signals, *objects, resource=DEPLOYMENTS, key=WEB, changes=None):
    return Case(Ref(resource, key), tuple(signals), seen_of(*objects, changes=changes), NOW)


def found(causes, given):
    """Return what the first of the causes says that finds something, as the diagnosis does."""
    classes = {each.fault for each in given.signals}
    return next((one for each in causes if each.faults & classes and (one := each.detect(given)) is not None), None)
