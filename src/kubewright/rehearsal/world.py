"""What was read of a cluster, made fit to live on its own: a store for a twin.

The rest of the cluster only takes room there, so that nothing must happen to it: what it belonged to was not read, and
whoever bound it or made its volumes is not there. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import Manifest, rfc3339
from kubewright.store.versioned import VersionedStore
from kubewright.twin.controllers.volumes.provisioner import PROVISIONER
from kubewright.twin.loading import store_of
from kubewright.twin.reading import as_dict, dicts, text
from kubewright.workloads.rollout.steps import DEFAULT_STEPS

_SCHEDULER = "default-scheduler"
_CONTAINER = ("name", "image", "resources", "ports", "restartPolicy")
_STRANGERS_SPEC = frozenset({"volumes", "initContainers", "containers", "imagePullSecrets"})


def world(objects: Iterable[Manifest], app: AppService, now: float) -> VersionedStore:
    """Return the store; `app` is the application as it is to be, whose Secrets are taken to be there."""
    namespace = app.metadata.namespace
    slim = [each for obj in objects if (each := _fit(obj, namespace)) is not None]
    known = {text(obj, "metadata", "uid") for obj in slim} | {app.metadata.uid}
    secrets = [_object("v1", "Secret", namespace, name, now, data=data) for name, data in _secrets(app).items()]
    return store_of([*(_without_strangers(obj, known) for obj in slim), *secrets])


def _fit(obj: Manifest, namespace: str) -> Manifest | None:
    match obj["kind"]:
        case "Pod":
            return _bindable(obj if text(obj, "metadata", "namespace") == namespace else _stranger(obj))
        case "StorageClass":
            return {**obj, "provisioner": PROVISIONER}
        case "ValidatingAdmissionPolicyBinding" if "paramRef" in as_dict(obj.get("spec")):
            return None  # what its parameters say was not read
        case _:
            return obj


def _stranger(pod: Manifest) -> Manifest:
    """Return of another namespace's pod what decides where others may run."""
    metadata, spec = as_dict(pod["metadata"]), as_dict(pod["spec"])
    kept = ("name", "namespace", "uid", "resourceVersion", "labels", "creationTimestamp", "deletionTimestamp")
    containers = {
        field: [{name: each[name] for name in _CONTAINER if name in each} for each in dicts(spec, field)]
        for field in ("initContainers", "containers")
        if field in spec
    }
    claims = [each for each in dicts(spec, "volumes") if "persistentVolumeClaim" in each]
    rest = {name: value for name, value in spec.items() if name not in _STRANGERS_SPEC}
    return {
        **pod,
        "metadata": {name: metadata[name] for name in kept if name in metadata},
        "spec": rest | containers | ({"volumes": claims} if claims else {}),
    }


def _bindable(pod: Manifest) -> Manifest:
    """Let a pod that waits for a scheduler be seen by the one that there is."""
    spec = as_dict(pod["spec"])
    return pod if spec.get("nodeName") else {**pod, "spec": {**spec, "schedulerName": _SCHEDULER}}


def _without_strangers(obj: Manifest, known: set[str]) -> Manifest:
    """Return an object without the owners that were not read: it would be collected with them."""
    owners = dicts(obj, "metadata", "ownerReferences")
    kept = [each for each in owners if each.get("uid") in known]
    return obj if len(kept) == len(owners) else {**obj, "metadata": {**obj["metadata"], "ownerReferences": kept}}


def _secrets(app: AppService) -> dict[str, dict[str, str]]:
    """Return the Secrets that the application names, with the keys that it asks for."""
    spec = app.spec
    found: dict[str, dict[str, str]] = {}
    names = [*spec.pull_secrets, *(each.secret for each in spec.env_from)]
    names += [each.secret.name for each in spec.volumes if each.secret is not None]
    for name in names:
        if name:
            found.setdefault(name, {})
    for variable in spec.env:
        if variable.from_secret is not None:
            found.setdefault(variable.from_secret.name, {})[variable.from_secret.key] = ""
    return found


def _object(api_version: str, kind: str, namespace: str, name: str, now: float, **content: Any) -> Manifest:
    metadata = {
        "name": name,
        "namespace": namespace,
        "uid": f"rehearsed-{kind.lower()}-{name}",
        "resourceVersion": "1",
        "creationTimestamp": rfc3339(now),
    }
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **content}


def as_object(app: Manifest, spec: Manifest) -> Manifest:
    """Return the application with the spec that is played: nobody waits for anybody, and no day passes on a step."""
    rollout = as_dict(spec.get("rollout"))
    quick = {**rollout, "rehearse": False, "paused": False, "manual": False, "undo": 0, "keepOldSeconds": 0}
    quick.pop("gates", None)
    if steps := dicts(rollout, "steps"):
        quick["steps"] = [{**each, "pauseSeconds": 0} for each in steps]
    elif rollout.get("strategy") == "canary":
        quick["steps"] = [{"weight": each.weight, "pauseSeconds": 0} for each in DEFAULT_STEPS]
    placement = {name: value for name, value in as_dict(spec.get("placement")).items() if name != "scheduler"}
    return {**app, "spec": {**spec, "rollout": quick, "placement": placement}}
