"""Certificates as kube-controller-manager gives them: kubelets' requests are approved, its signers' signed."""

from __future__ import annotations

import base64
from dataclasses import dataclass

from kubewright.api.certificates import CERTIFICATE_SIGNING_REQUESTS, CertificateSigningRequest
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.runtime.controller import Done, watch_own
from kubewright.runtime.informer import Informer
from kubewright.twin.certificates import Authority
from kubewright.twin.controllers.certificates.decide import Approve, Fail, Sign, decide
from kubewright.twin.controllers.context import Context
from kubewright.twin.reading import as_dict, dicts, dig
from kubewright.twin.signing import parse

NAME = "certificate-controller"
_MANAGER = "kube-controller-manager"
_ROOT = "/apis/certificates.k8s.io/v1/certificatesigningrequests"
_REVIEWS = "/apis/authorization.k8s.io/v1/subjectaccessreviews"


@dataclass(frozen=True, slots=True)
class CertificateReconciler:
    """One request's turn."""

    client: Client
    requests: Informer[CertificateSigningRequest]
    authority: Authority
    """Whose certificates the API server believes."""
    clock: Clock

    async def reconcile(self, key: ObjectKey) -> Done:
        """Take the request's next step."""
        request = self.requests.index.get(key)
        match None if request is None else decide(request):
            case Approve(subresources):
                await self._approve(key, subresources)
            case Sign():
                await self._sign(key)
            case Fail(message):
                failed = {"type": "Failed", "status": "True", "reason": "SignerValidationFailure", "message": message}
                await self._write(key, "status", condition=failed)
            case None:
                pass
        return Done()

    async def _approve(self, key: ObjectKey, subresources: tuple[tuple[str, str], ...]) -> None:
        request = self.requests.index.get(key)
        if request is None:
            return
        spec = request.spec
        for subresource, message in subresources:
            wanted = {
                "group": "certificates.k8s.io",
                "resource": "certificatesigningrequests",
                "subresource": subresource,
                "verb": "create",
                "version": "*",
            }
            extra = {name: list(values) for name, values in spec.extra.items()}
            user = {"user": spec.username, "uid": spec.uid, "groups": list(spec.groups), "extra": extra}
            review: Manifest = {"spec": {**user, "resourceAttributes": wanted}}
            answer = await self.client.raw("POST", _REVIEWS, body=review)
            if dig(answer, "status", "allowed"):
                approved = {"type": "Approved", "status": "True", "reason": "AutoApproved", "message": message}
                await self._write(key, "approval", condition=approved)
                return

    async def _sign(self, key: ObjectKey) -> None:
        request = self.requests.index.get(key)
        if request is None:
            return
        spec = request.spec
        content = self.authority.sign(parse(spec.request), spec.usages, spec.expiration_seconds, self.clock.now())
        await self._write(key, "status", certificate=base64.b64encode(content).decode())

    async def _write(
        self, key: ObjectKey, subresource: str, *, condition: Manifest | None = None, certificate: str = ""
    ) -> None:
        """Write over the very version that is there now."""
        path = f"{_ROOT}/{key.name}"
        request = await self.client.raw("GET", path)
        status = {**as_dict(request.get("status"))}
        if condition is not None:
            status["conditions"] = [*dicts(status, "conditions"), condition]
        if certificate:
            status["certificate"] = certificate
        body = {**request, "status": status}
        await self.client.raw("PUT", f"{path}/{subresource}", query={"fieldManager": _MANAGER}, body=body)


def add_to(context: Context, authority: Authority) -> None:
    """Wire the controller."""
    requests = context.caches.of(CERTIFICATE_SIGNING_REQUESTS)
    queue = context.queue(NAME, ObjectKey)
    watch_own(requests, queue)
    reconciler = CertificateReconciler(context.client, requests, authority, context.clock)
    context.controller(NAME, reconciler, queue, (requests,))
