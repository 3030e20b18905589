"""AppService: an application as its team sees it, an image, a number of replicas and the ports that it answers on.

The workloads controller makes a Deployment and a Service of it. Every field has a default, so that objects decode
whatever CRD they came through: somebody's with only `image` and `replicas` fills in and refuses nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import AGE, CrdSpec, PrinterColumn, Scale, crd_manifest
from kubewright.api.crds.violations import violations
from kubewright.api.described import described
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Manifest, Resource
from kubewright.api.names import dns_label_errors, label_value_errors
from kubewright.api.quantity import Quantity, canonical

_PORT = {"format": "int32", "minimum": 1, "maximum": 65535}
_PORT_NAME = {"maxLength": 15, "pattern": "^([a-z0-9]+-)*[a-z0-9]*[a-z][a-z0-9]*(-[a-z0-9]+)*$"}
_COUNT = {"format": "int32"}
_REPLICAS = {"format": "int32", "minimum": 0}
_GENERATION = {"format": "int64"}
_PROTOCOL = {"enum": ["TCP", "UDP", "SCTP"]}
_NOT_EMPTY = {"minLength": 1}
_ATOMIC = {"x-kubernetes-list-type": "atomic"}


class AppServicePort(Leaf, frozen=True):
    """A port of the application and of its Service."""

    port: Annotated[int, described("The Service's port.", _PORT, required=True)] = 0
    name: Annotated[str, described("The port's name, such as http; else port- and its number.", _PORT_NAME)] = ""
    target_port: Annotated[int, described("The container's port, if it is not the same.", _PORT)] = 0
    protocol: Annotated[str, described("TCP, UDP or SCTP.", _PROTOCOL, publish_default=True)] = "TCP"
    app_protocol: Annotated[str, described("What is spoken on the port, such as kubernetes.io/h2c.")] = ""


class EnvVar(Leaf, frozen=True):
    """An environment variable of the container."""

    name: Annotated[str, described("Its name.", _NOT_EMPTY, required=True)] = ""
    value: Annotated[str, described("Its value.")] = ""


class AppServiceResources(Leaf, frozen=True):
    """What each pod requests, and what it may use at most."""

    requests: Annotated[Mapping[str, Quantity], described("What is set aside for each pod: cpu, memory ...")] = EMPTY
    limits: Annotated[Mapping[str, Quantity], described("What each pod may use at most.")] = EMPTY


class AppServiceSpec(Leaf, frozen=True):
    """The application as it should run."""

    image: Annotated[str, described("The container image.", _NOT_EMPTY, required=True)] = ""
    replicas: Annotated[int, described("The number of pods.", _REPLICAS, publish_default=True)] = 1
    ports: Annotated[
        tuple[AppServicePort, ...],
        described("The ports it answers on; without any there is no Service.", list_map_keys=("port", "protocol")),
    ] = ()
    command: Annotated[
        tuple[str, ...],
        described("Run this instead of the image's entry point.", _ATOMIC),
    ] = ()
    args: Annotated[tuple[str, ...], described("Arguments instead of the image's own.", _ATOMIC)] = ()
    env: Annotated[tuple[EnvVar, ...], described("The container's environment.", list_map_keys=("name",))] = ()
    resources: Annotated[AppServiceResources, described("Requests and limits of each pod.")] = AppServiceResources()


class AppServiceStatus(Leaf, frozen=True):
    """The application as it runs."""

    ready: Annotated[bool, described("Whether all replicas of the present spec are up and ready.")] = False
    replicas: Annotated[int, described("The number of pods there are.", _COUNT)] = 0
    ready_replicas: Annotated[int, described("The number of pods that are ready.", _COUNT)] = 0
    selector: Annotated[str, described("The label selector of the pods, for autoscalers.")] = ""
    observed_generation: Annotated[int, described("The generation that this status speaks of.", _GENERATION)] = 0
    conditions: Annotated[
        tuple[Condition, ...],
        described("Ready, Reconciling and Stalled, as kstatus reads them.", list_map_keys=("type",)),
    ] = ()


class AppService(KubeObject, frozen=True, kw_only=True):
    """An application: a Deployment and, if it has ports, a Service, kept as this object says."""

    spec: Annotated[AppServiceSpec, described("The application as it should run.", required=True)] = AppServiceSpec()
    status: Annotated[AppServiceStatus, described("The application as it runs.")] = AppServiceStatus()


APP_SERVICES: Resource[AppService] = Resource("app.example.com", "v1", "appservices", "AppService", AppService)

APP_SERVICE_CRD: Manifest = crd_manifest(
    CrdSpec(
        APP_SERVICES,
        short_names=("appsvc",),
        categories=("all",),
        columns=(
            PrinterColumn("Ready", "boolean", ".status.ready", "Whether all replicas are up and ready."),
            PrinterColumn("Replicas", "integer", ".spec.replicas", "The number of pods wanted."),
            PrinterColumn("Available", "integer", ".status.readyReplicas", "The number of pods that are ready."),
            PrinterColumn("Image", "string", ".spec.image", "The container image.", priority=1),
            AGE,
        ),
        scale=Scale(),
    )
)


def problems(app: AppService) -> tuple[str, ...]:
    """Return what keeps the application from being made, one line each.

    Most of it only a laxer CRD than ours lets through. The name is stricter than an object's: it becomes a label's
    value and, with ports, a Service's name.
    """
    return (*_name_problems(app), *violations(app.spec, "spec"), *_quantity_problems(app))


def _name_problems(app: AppService) -> list[str]:
    check = dns_label_errors if app.spec.ports else label_value_errors
    return [f"metadata.name: {error}" for error in check(app.metadata.name)]


def _quantity_problems(app: AppService) -> Iterator[str]:
    amounts = {"requests": app.spec.resources.requests, "limits": app.spec.resources.limits}
    for field, quantities in amounts.items():
        for name, quantity in quantities.items():
            try:
                canonical(quantity)
            except ValueError as error:
                yield f"spec.resources.{field}[{name}]: {error}"
