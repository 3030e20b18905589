"""The kind that all three operators keep: WebApp, of an image, replicas and ports."""

from __future__ import annotations

from typing import Annotated

from kubewright.api.conditions import Condition
from kubewright.api.crds.definition import CrdSpec, crd_manifest
from kubewright.api.described import described
from kubewright.api.meta import KubeObject, Leaf, Manifest, Resource


class Port(Leaf, frozen=True):
    """A port of the application."""

    name: Annotated[str, described("Its name.", required=True)] = ""
    port: Annotated[int, described("Its number.", {"format": "int32"}, required=True)] = 0


class WebAppSpec(Leaf, frozen=True):
    """What is wanted."""

    image: Annotated[str, described("The container image.", required=True)] = ""
    replicas: Annotated[int, described("The number of pods.", {"format": "int32"}, required=True)] = 1
    ports: Annotated[tuple[Port, ...], described("Where it listens.", {"minItems": 1}, required=True)] = ()


class WebAppStatus(Leaf, frozen=True):
    """What there is."""

    observed_generation: Annotated[int, described("The generation last acted on.", {"format": "int64"})] = 0
    conditions: Annotated[
        tuple[Condition, ...], described("Applied: the children are as wanted.", list_map_keys=("type",))
    ] = ()


class WebApp(KubeObject, frozen=True, kw_only=True):
    """An application that serves."""

    spec: Annotated[WebAppSpec, described("What is wanted.", required=True)] = WebAppSpec()
    status: Annotated[WebAppStatus, described("What there is.")] = WebAppStatus()


WEB_APPS: Resource[WebApp] = Resource("bench.kubewright.dev", "v1", "webapps", "WebApp", WebApp)
DEFINITION: Manifest = crd_manifest(CrdSpec(WEB_APPS))
