"""What a fault hits: nodes, pods, clients of the API server, claims, objects or webhooks. Pure.

Lists of names are patterns (`fnmatch`: `*`, `?`, `[ab]`); a list that is absent or empty asks for nothing, and all that
are given must hold. So `nodes: {}` is every node.
"""

from __future__ import annotations

import fnmatch
from collections.abc import Iterable, Mapping
from typing import Annotated

from kubewright.api.core import Pod
from kubewright.api.described import described
from kubewright.api.meta import KubeObject, Leaf, ObjectKey
from kubewright.api.selectors import LabelSelector

_PATTERNS = {"x-kubernetes-list-type": "atomic", "maxItems": 64}
_LABELS = "Labels that they bear."


def matches_any(patterns: tuple[str, ...], texts: Iterable[str]) -> bool:
    """Tell whether one of the texts is like one of the patterns; without patterns every text is."""
    return not patterns or any(fnmatch.fnmatchcase(text, pattern) for text in texts for pattern in patterns)


class NodeSelection(Leaf, frozen=True):
    """Nodes by name and labels."""

    names: Annotated[tuple[str, ...], described("Patterns of their names.", _PATTERNS)] = ()
    label_selector: Annotated[LabelSelector, described(_LABELS)] = LabelSelector()

    def matches(self, name: str, labels: Mapping[str, str]) -> bool:
        """Tell whether a node is meant."""
        return matches_any(self.names, (name,)) and self.label_selector.matches(labels)


class PodSelection(Leaf, frozen=True):
    """Pods by namespace, name, labels, image and node."""

    namespaces: Annotated[tuple[str, ...], described("Patterns of their namespaces.", _PATTERNS)] = ()
    names: Annotated[tuple[str, ...], described("Patterns of their names.", _PATTERNS)] = ()
    label_selector: Annotated[LabelSelector, described(_LABELS)] = LabelSelector()
    images: Annotated[tuple[str, ...], described("Patterns of images, one of which they run.", _PATTERNS)] = ()
    nodes: Annotated[tuple[str, ...], described("Patterns of the nodes that they are on.", _PATTERNS)] = ()

    def matches(self, pod: Pod) -> bool:
        """Tell whether a pod is meant."""
        return (
            matches_any(self.namespaces, (pod.metadata.namespace,))
            and matches_any(self.names, (pod.metadata.name,))
            and matches_any(self.nodes, (pod.spec.node_name,))
            and matches_any(self.images, (each.image for each in pod.spec.containers))
            and self.label_selector.matches(pod.metadata.labels)
        )

    def runs_image(self, image: str) -> bool:
        """Tell whether an image is one of those that are meant."""
        return matches_any(self.images, (image,))


class ClaimSelection(Leaf, frozen=True):
    """PersistentVolumeClaims that pods mount, by namespace and name."""

    namespaces: Annotated[tuple[str, ...], described("Patterns of their namespaces.", _PATTERNS)] = ()
    names: Annotated[tuple[str, ...], described("Patterns of their names.", _PATTERNS)] = ()

    def matches(self, claim: ObjectKey) -> bool:
        """Tell whether a claim is meant."""
        return matches_any(self.namespaces, (claim.namespace,)) and matches_any(self.names, (claim.name,))


class ObjectSelection(Leaf, frozen=True):
    """Objects of one kind by namespace, name and labels."""

    api_version: Annotated[str, described("Their apiVersion.", {"minLength": 1}, required=True)] = ""
    resource: Annotated[str, described("Their plural, such as configmaps.", {"minLength": 1}, required=True)] = ""
    namespaces: Annotated[tuple[str, ...], described("Patterns of their namespaces.", _PATTERNS)] = ()
    names: Annotated[tuple[str, ...], described("Patterns of their names.", _PATTERNS)] = ()
    label_selector: Annotated[LabelSelector, described(_LABELS)] = LabelSelector()

    def matches(self, obj: KubeObject) -> bool:
        """Tell whether an object of the kind is meant."""
        return (
            matches_any(self.namespaces, (obj.metadata.namespace,))
            and matches_any(self.names, (obj.metadata.name,))
            and self.label_selector.matches(obj.metadata.labels)
        )


class WebhookSelection(Leaf, frozen=True):
    """Admission webhooks by their name in the configuration, or the configuration's."""

    names: Annotated[tuple[str, ...], described("Patterns of webhooks' names.", _PATTERNS)] = ()
    configurations: Annotated[tuple[str, ...], described("Patterns of configurations' names.", _PATTERNS)] = ()

    def matches(self, configuration: str, name: str) -> bool:
        """Tell whether a webhook is meant."""
        return matches_any(self.names, (name,)) and matches_any(self.configurations, (configuration,))


class ClientSelection(Leaf, frozen=True):
    """Requests by who makes them and what they want.

    Without `paths` only requests for resources are meant, not discovery or health. The twin's own controllers and
    kubelets are meant only where `userAgents` names them (`kubewright-twin/*`), and requests for Faults never.
    """

    users: Annotated[tuple[str, ...], described("Patterns of user names.", _PATTERNS)] = ()
    groups: Annotated[tuple[str, ...], described("Patterns of groups, one of which the user is in.", _PATTERNS)] = ()
    user_agents: Annotated[tuple[str, ...], described("Patterns of the User-Agent header.", _PATTERNS)] = ()
    verbs: Annotated[tuple[str, ...], described("Verbs: get, list, watch, create, update ...", _PATTERNS)] = ()
    resources: Annotated[
        tuple[str, ...], described("Patterns of resources: pods, pods/status, deployments.apps.", _PATTERNS)
    ] = ()
    namespaces: Annotated[tuple[str, ...], described("Patterns of the objects' namespaces.", _PATTERNS)] = ()
    names: Annotated[tuple[str, ...], described("Patterns of the objects' names.", _PATTERNS)] = ()
    paths: Annotated[tuple[str, ...], described("Patterns of the requests' paths.", _PATTERNS)] = ()
