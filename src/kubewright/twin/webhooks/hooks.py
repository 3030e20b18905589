"""The configured webhooks in the order in which they are asked, kept by the store's own changes."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Sequence
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.store.versioned import Bucket, Change, VersionedStore
from kubewright.twin.reading import as_dict, as_list, count, dicts, text
from kubewright.twin.webhooks.questions import Address

GROUP = "admissionregistration.k8s.io"
MUTATING: Bucket = (GROUP, "mutatingwebhookconfigurations")
VALIDATING: Bucket = (GROUP, "validatingwebhookconfigurations")
ENDPOINT = "twin.kubewright.dev/endpoint"
"""Annotation of a Service: the `host:port` that answers for it, since the twin's own network carries nothing."""
_SERVICES: Bucket = ("", "services")
_HTTPS_PORT = 443


@dataclass(frozen=True, slots=True)
class Hook:
    """One webhook of a configuration."""

    configuration: str
    index: int
    content: Manifest

    @property
    def name(self) -> str:
        """Return its name, which messages show."""
        return text(self.content, "name")

    @property
    def ignores_failure(self) -> bool:
        """Tell whether a call that fails counts as allowed."""
        return text(self.content, "failurePolicy") == "Ignore"

    @property
    def timeout_seconds(self) -> int:
        """Return how long it may take."""
        return count(self.content, "timeoutSeconds")

    @property
    def rules(self) -> list[Manifest]:
        """Return what it is about."""
        return dicts(self.content, "rules")

    @property
    def review_version(self) -> str:
        """Return the first version of reviews that it takes and the server knows."""
        versions = as_list(self.content.get("admissionReviewVersions"))
        return next((version for version in versions if version in {"v1", "v1beta1"}), "v1")


@dataclass(slots=True)
class Hooks:
    """All webhooks; an empty one costs its readers nothing."""

    mutating: Sequence[Hook] = ()
    validating: Sequence[Hook] = ()
    _store: VersionedStore = field(default_factory=VersionedStore, repr=False)

    @property
    def none(self) -> bool:
        """Tell whether there are no webhooks at all."""
        return not self.mutating and not self.validating

    def follow(self, store: VersionedStore) -> None:
        """Take what the store holds, and each later change."""
        self._store = store
        self._read()
        for bucket in (MUTATING, VALIDATING):
            store.subscribe(bucket, self._changed)

    def _changed(self, _change: Change) -> None:
        self._read()

    def _read(self) -> None:
        self.mutating, self.validating = (_hooks(self._store, bucket) for bucket in (MUTATING, VALIDATING))


def _hooks(store: VersionedStore, bucket: Bucket) -> tuple[Hook, ...]:
    return tuple(
        Hook(record.key.name, index, content)
        for record in sorted(store.list(bucket)[0], key=lambda record: record.key.name)
        for index, content in enumerate(dicts(record.obj, "webhooks"))
    )


def address_of(store: VersionedStore, client: Manifest) -> Address:
    """Return where a `clientConfig` says that a webhook is."""
    try:
        bundle = base64.b64decode(text(client, "caBundle"))
    except binascii.Error:
        bundle = b""
    service = client.get("service")
    if isinstance(service, dict):
        return _of_service(store, as_dict(service), bundle)
    parts = urlsplit(text(client, "url"))
    return Address(f"{parts.scheme}://{parts.netloc}{parts.path or '/'}", bundle)


def _of_service(store: VersionedStore, reference: Manifest, bundle: bytes) -> Address:
    name, namespace = text(reference, "name"), text(reference, "namespace")
    port = count(reference, "port") or _HTTPS_PORT
    path = text(reference, "path") or "/"
    url = f"https://{name}.{namespace}.svc:{port}{path if path.startswith('/') else f'/{path}'}"
    record = store.get(_SERVICES, ObjectKey(namespace, name))
    if record is None:
        return Address(url, bundle, problem=f'service "{name}" not found')
    endpoint = text(record.obj, "metadata", "annotations", ENDPOINT)
    spec = as_dict(record.obj.get("spec"))
    if endpoint:
        return Address(url, bundle, endpoint.removeprefix("https://"))
    if text(spec, "type") == "ExternalName":
        return Address(url, bundle, f"{text(spec, 'externalName')}:{port}")
    if text(spec, "clusterIP") == "None":
        return Address(url, bundle, problem='cannot route to service with ClusterIP "None"')
    if not any(each.get("port") == port for each in dicts(spec, "ports")):
        return Address(url, bundle, problem=f'no service port {port} found for service "{name}"')
    # Nothing carries packets to the twin's addresses: what a cluster without kube-proxy answers.
    return Address(url, bundle, problem=f"dial tcp {text(spec, 'clusterIP')}:{port}: connect: connection refused")
