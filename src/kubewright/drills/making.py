"""How drills are put together: faults, changes of what runs, and what counts as service. Data and pure functions."""

from __future__ import annotations

from typing import Any

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import SERVICES
from kubewright.api.meta import Manifest
from kubewright.drills.drill import Check, Step
from kubewright.drills.usual import BAD, NAMESPACE, PORT, container, named
from kubewright.drills.view import View
from kubewright.twin.faults.fault import FAULTS

FAULT = "drill"


def fault(type_: str, target: Manifest | None = None, *, name: str = FAULT, **more: Any) -> Manifest:
    """Return a Fault; parameters and the schedule by their fields."""
    spec = {"type": type_, **({"target": target} if target is not None else {}), **more}
    return {"apiVersion": FAULTS.api_version, "kind": FAULTS.kind, "metadata": {"name": name}, "spec": spec}


def broken(type_: str, target: Manifest | None = None, **more: Any) -> Step:
    """Return the step that makes a fault come into force."""
    return Step("create", fault(type_, target, **more))


def of_app(app: str, **more: Any) -> Manifest:
    """Return the target of faults that hit an application's pods."""
    return {"pods": {"namespaces": [NAMESPACE], "labelSelector": {"matchLabels": {"app": app}}, **more}}


def of_release(app: str) -> Manifest:
    """Return the target of faults that hit the pods of an application's bad release."""
    return {"pods": {"namespaces": [NAMESPACE], "images": [BAD.format(app)]}}


def on_node_of(app: str, type_: str, **more: Any) -> Step:
    """Return the step that breaks the node on which the first pod of an application is."""

    def made(view: View) -> Manifest:
        placed = sorted((pod.metadata.name, pod.spec.node_name) for pod in view.pods_of(app) if pod.spec.node_name)
        return fault(type_, {"nodes": {"names": [node for _, node in placed[:1]]}}, **more)

    return Step("create", made)


def on_pod_of(app: str, type_: str, **more: Any) -> Step:
    """Return the step that breaks the first pod of an application, and not the one that comes in its place."""

    def made(view: View) -> Manifest:
        names = sorted(pod.metadata.name for pod in view.pods_of(app))[:1]
        return fault(type_, {"pods": {"namespaces": [NAMESPACE], "names": names}}, **more)

    return Step("create", made)


def released(app: str, **changes: Any) -> Step:
    """Return the step that deploys another release of an application, whose container is changed."""
    own = container(app, **({"image": BAD} | changes))
    return patched(app, {"template": {"spec": {"containers": [own]}}})


def acting_release(app: str, changes: Manifest, **annotations: str) -> Step:
    """Return the step that deploys a release that acts otherwise: in a twin as annotations say, elsewhere by itself."""
    said = {f"twin.kubewright.dev/{name.replace('_', '-')}": value for name, value in annotations.items()}
    metadata = {"annotations": said, "labels": {"app": app}}
    own = container(app, **({"image": BAD} | changes))
    return patched(app, {"template": {"metadata": metadata, "spec": {"containers": [own]}}})


def patched(app: str, spec: Manifest) -> Step:
    """Return the step that changes a Deployment's spec."""
    return Step("patch", named(DEPLOYMENTS.api_version, DEPLOYMENTS.kind, app, spec=spec))


def readdressed(app: str, **spec: Any) -> Step:
    """Return the step that changes a Service's spec."""
    return Step("patch", named(SERVICES.api_version, SERVICES.kind, app, spec=spec))


def deleted(api_version: str, kind: str, name: str) -> Step:
    """Return the step that deletes something of the drills' namespace."""
    return Step("delete", named(api_version, kind, name))


def always(_: View) -> bool:
    """Hold whatever is seen: nobody's service suffers from it."""
    return True


def serves(*apps: str) -> Check:
    """Return the check that all pods of applications serve, all that are wanted, and reached by their Services."""
    return lambda view: all(view.is_well(app) and view.is_reached(app) for app in apps)


WRONG_PORT = PORT + 1000
