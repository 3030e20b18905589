"""Certificates for webhooks that renew themselves, and the API server's knowledge of where to ask and whom to trust.

All replicas share one Secret: whoever is first makes an authority and a certificate, the others read them. When two
thirds of their time are over a new authority is made. What the API server trusts is then both, the new and the one
before, so that replicas that have not looked yet are still believed.
"""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from kubewright.api.apiextensions import CRDS
from kubewright.api.live import LiveObject
from kubewright.api.meta import Manifest, ObjectKey, PartialObject, Resource
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.certificates import SigningAuthority, ends_at_seconds, is_whole
from kubewright.runtime.children import get_or_none
from kubewright.runtime.rounds import surviving
from kubewright.runtime.serving import KeyFiles
from kubewright.runtime.webhooks.declared import Hook, Webhooks
from kubewright.runtime.webhooks.reviews import CONVERT, DEFAULT, VALIDATE

SECRETS = Resource("", "v1", "secrets", "Secret", LiveObject)
_GROUP = "admissionregistration.k8s.io"
VALIDATING = Resource(
    _GROUP, "v1", "validatingwebhookconfigurations", "ValidatingWebhookConfiguration", PartialObject, namespaced=False
)
MUTATING = Resource(
    _GROUP, "v1", "mutatingwebhookconfigurations", "MutatingWebhookConfiguration", PartialObject, namespaced=False
)
VALID_DAYS = 90
RENEWED_LEFT = 1 / 3
LOOK_SECONDS = 3600.0
RETRY_SECONDS = 5.0
_DAY_SECONDS = 86_400.0


@dataclass(frozen=True, slots=True)
class Place:
    """Where the API server reaches the webhooks: a Service, or a URL such as `https://127.0.0.1:9443`."""

    name: str
    """The operator's: of the configurations, and with `-webhooks` of the Secret."""
    namespace: str
    url: str = ""

    @property
    def secret(self) -> ObjectKey:
        """Return the Secret's name."""
        return ObjectKey(self.namespace, f"{self.name}-webhooks")

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names that the certificate is for."""
        if self.url:
            return (self.url.partition("://")[2].partition(":")[0],)
        return (f"{self.name}.{self.namespace}.svc", f"{self.name}.{self.namespace}.svc.cluster.local")

    def client_config(self, path: str, bundle: bytes) -> Manifest:
        """Return the `clientConfig` of one path."""
        trusted = {"caBundle": base64.b64encode(bundle).decode()}
        if self.url:
            return {"url": self.url + path, **trusted}
        return {"service": {"name": self.name, "namespace": self.namespace, "path": path}, **trusted}


class Keeper:
    """Keeps the files of the certificate, and the configurations, right."""

    def __init__(self, client: Client, clock: Clock, webhooks: Webhooks, place: Place, folder: Path) -> None:
        """Keep certificate and key in a folder that is the process's own."""
        self._client = client
        self._clock = clock
        self._webhooks = webhooks
        self._place = place
        self._folder = folder
        self._contexts: list[ssl.SSLContext] = []
        self._served = b""

    @property
    def files(self) -> KeyFiles:
        """Return where certificate and key are, once `renew` has been awaited."""
        return KeyFiles(self._folder / "tls.crt", self._folder / "tls.key")

    def follow(self, context: ssl.SSLContext) -> None:
        """Load the certificate into a server's context whenever it is another: new connections then show it."""
        self._contexts.append(context)

    async def run(self) -> None:
        """Look every hour until cancelled."""
        while True:
            await asyncio.sleep(LOOK_SECONDS)
            with surviving("webhooks' certificate"):
                await self.renew()

    async def renew(self) -> None:
        """Make or renew the certificate if it is time, tell the API server, and then serve it; raises OpError."""
        data = await self._secret()
        await self._register(data["ca.crt"] + data.get("ca-before.crt", b""))
        if data["tls.crt"] != self._served:
            self._served = data["tls.crt"]
            self.files.certificate.write_bytes(data["tls.crt"])
            self.files.key.touch(mode=0o600)
            self.files.key.write_bytes(data["tls.key"])
            for context in self._contexts:
                context.load_cert_chain(self.files.certificate, self.files.key)

    async def _secret(self) -> Mapping[str, bytes]:
        """Return what the Secret holds, made or renewed if need be: by us, or by whoever was faster."""
        while True:
            live = await get_or_none(self._client, SECRETS, self._place.secret)
            data = {} if live is None else {name: base64.b64decode(text) for name, text in live.data.items()}
            if self._lasts(data):
                return data
            try:
                await self._write(live, self._made(data.get("ca.crt", b"")))
            except OpError as error:
                if error.kind not in {ErrorKind.CONFLICT, ErrorKind.ALREADY_EXISTS}:
                    raise

    def _lasts(self, data: Mapping[str, bytes]) -> bool:
        """Tell whether what the Secret holds is whole, whoever wrote it, and is not to be renewed yet."""
        try:
            if not is_whole(data["ca.crt"], data["tls.crt"], data["tls.key"]):
                return False
            ends_at_seconds(data.get("ca-before.crt", data["ca.crt"]))
            left = ends_at_seconds(data["tls.crt"]) - self._clock.now()
        except (KeyError, ValueError):
            return False
        return left > VALID_DAYS * _DAY_SECONDS * RENEWED_LEFT

    def _made(self, before: bytes) -> Mapping[str, bytes]:
        authority = SigningAuthority(f"{self._place.name}-webhooks", self._clock.now(), valid_days=VALID_DAYS)
        pair = authority.for_server(self._place.name, self._place.names)
        made = {"ca.crt": authority.certificate, "tls.crt": pair.certificate, "tls.key": pair.key}
        try:
            ends_at_seconds(before)
        except ValueError:
            return made  # there was none, or none that anybody could trust
        return made | {"ca-before.crt": before}

    async def _write(self, live: LiveObject | None, data: Mapping[str, bytes]) -> None:
        metadata: Manifest = {"name": self._place.secret.name, "namespace": self._place.namespace}
        encoded = {name: base64.b64encode(content).decode() for name, content in data.items()}
        manifest: Manifest = {"metadata": metadata, "type": "kubernetes.io/tls", "data": encoded}
        if live is None:
            await self._client.create(SECRETS, manifest, namespace=self._place.namespace)
        else:
            metadata |= {"resourceVersion": live.metadata.resource_version, "uid": live.metadata.uid}
            await self._client.update(SECRETS, manifest)

    async def _register(self, bundle: bytes) -> None:
        for resource, path, hooks in (
            (VALIDATING, VALIDATE, self._webhooks.validating),
            (MUTATING, DEFAULT, self._webhooks.defaulting),
        ):
            if hooks:
                webhooks = [self._webhook(hook, path + hook.path, bundle) for hook in hooks]
                manifest = {"metadata": {"name": self._place.name}, "webhooks": webhooks}
                await self._client.apply(resource, manifest, field_manager=self._place.name)
        for name in self._webhooks.converting:
            config = self._place.client_config(CONVERT + name, bundle)
            webhook = {"clientConfig": config, "conversionReviewVersions": ["v1"]}
            spec = {"conversion": {"strategy": "Webhook", "webhook": webhook}}
            await self._client.apply(CRDS, {"metadata": {"name": name}, "spec": spec}, field_manager=self._place.name)

    def _webhook(self, hook: Hook, path: str, bundle: bytes) -> Manifest:
        resource = hook.resource
        deleting = ["DELETE"] if path.startswith(VALIDATE) else []
        rule = {
            "apiGroups": [resource.group],
            "apiVersions": [resource.version],
            "resources": [resource.plural],
            "operations": ["CREATE", "UPDATE", *deleting],
        }
        return {
            "name": f"{resource.kind.lower()}.{resource.version}.{self._place.name}.kubewright.dev",
            "rules": [rule],
            "clientConfig": self._place.client_config(path, bundle),
            "admissionReviewVersions": ["v1"],
            "sideEffects": "None",
            "failurePolicy": "Fail",
            "timeoutSeconds": 5,
        }
