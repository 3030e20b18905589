"""The kind that the small operators are about: a Widget is a ConfigMap, a Deployment that reads it, and a status."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

import msgspec

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.conditions import Condition
from kubewright.api.core import CONFIG_MAPS
from kubewright.api.crds.definition import CrdSpec, crd_manifest
from kubewright.api.described import described
from kubewright.api.meta import EMPTY, KubeObject, Leaf, Manifest, Resource

LABEL = "example.com/widget"


class WidgetSpec(Leaf, frozen=True):
    """What is wanted."""

    text: Annotated[str, described("The text to serve.", {"minLength": 1, "maxLength": 60}, required=True)] = ""
    replicas: Annotated[int, described("The number of pods.", {"minimum": 0, "maximum": 5}, publish_default=True)] = 1
    config: Annotated[str, described("The suffix of the ConfigMap's name.", {"pattern": "^[a-z]{1,8}$"})] = "text"
    extra: Annotated[bool, described("Whether to keep a second ConfigMap.")] = False
    entries: Annotated[Mapping[str, str], described("More of the ConfigMap's data.")] = EMPTY


class WidgetStatus(Leaf, frozen=True):
    """What there is."""

    observed_generation: Annotated[int, described("The generation last acted on.")] = 0
    conditions: Annotated[tuple[Condition, ...], described("Ready.", list_map_keys=("type",))] = ()
    ready_replicas: Annotated[int, described("Pods that are ready.")] = 0


class Widget(KubeObject, frozen=True, kw_only=True):
    """A text, served."""

    spec: Annotated[WidgetSpec, described("What is wanted.", required=True)] = WidgetSpec()
    status: Annotated[WidgetStatus, described("What there is.")] = WidgetStatus()


WIDGETS: Resource[Widget] = Resource("example.com", "v1", "widgets", "Widget", Widget)
WIDGET_CRD: Manifest = crd_manifest(CrdSpec(WIDGETS))
SAMPLE: Manifest = {
    "apiVersion": "example.com/v1",
    "kind": "Widget",
    "metadata": {"name": "sample", "namespace": "default"},
    "spec": {"text": "hello", "replicas": 2, "extra": True, "entries": {"a": "1"}},
}


def widget(**spec) -> Widget:
    """Return one as it was read."""
    metadata = {**SAMPLE["metadata"], "uid": "u1", "generation": 1, "resourceVersion": "7"}
    return msgspec.convert({"metadata": metadata, "spec": {**SAMPLE["spec"], **spec}}, Widget)


def config_map(owner: Widget, suffix: str = "") -> Manifest:
    """Return the ConfigMap with the text."""
    name = f"{owner.metadata.name}-{suffix or owner.spec.config}"
    return {
        "apiVersion": CONFIG_MAPS.api_version,
        "kind": CONFIG_MAPS.kind,
        "metadata": {"name": name, "namespace": owner.metadata.namespace, "labels": {LABEL: owner.metadata.name}},
        "data": {"text": owner.spec.text, **owner.spec.entries},
    }


def deployment(owner: Widget) -> Manifest:
    """Return the Deployment."""
    labels = {LABEL: owner.metadata.name}
    source = {"configMapRef": {"name": f"{owner.metadata.name}-{owner.spec.config}"}}
    container = {"name": "serve", "image": "example.com/serve:1", "envFrom": [source]}
    return {
        "apiVersion": DEPLOYMENTS.api_version,
        "kind": DEPLOYMENTS.kind,
        "metadata": {"name": owner.metadata.name, "namespace": owner.metadata.namespace, "labels": labels},
        "spec": {
            "replicas": owner.spec.replicas,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": {"containers": [container]}},
        },
    }
