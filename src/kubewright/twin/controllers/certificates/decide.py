"""What becomes of a certificate signing request: whether it is to be approved, signed, or has failed. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

from kubewright.api.certificates import KUBELET_CLIENT_SIGNER, CertificateSigningRequest
from kubewright.twin.signing import SIGNERS, RequestError, check_kubelet_client, parse, subject


@dataclass(frozen=True, slots=True)
class Approve:
    """Approve it if its author may have it; `subresources` are what they may `create`, tried in turn."""

    subresources: tuple[tuple[str, str], ...]
    """Name, and what is said when that one was it."""


@dataclass(frozen=True, slots=True)
class Sign:
    """Sign it."""


@dataclass(frozen=True, slots=True)
class Fail:
    """Say why it cannot be signed."""

    message: str


Decision: TypeAlias = Approve | Sign | Fail | None


def decide(request: CertificateSigningRequest) -> Decision:
    """Return the next step; None when there is none, or another signer's it is."""
    if request.status.certificate:
        return None
    if request.has("Approved"):
        return None if request.has("Failed") else _signature(request)
    return None if request.has("Denied") else _approval(request)


def _signature(request: CertificateSigningRequest) -> Decision:
    check = SIGNERS.get(request.spec.signer_name)
    if check is None:
        return None
    try:
        check(parse(request.spec.request), request.spec.usages)
    except RequestError as error:
        return Fail(str(error))
    return Sign()


def _approval(request: CertificateSigningRequest) -> Decision:
    if request.spec.signer_name != KUBELET_CLIENT_SIGNER:
        return None
    try:
        asked = parse(request.spec.request)
        check_kubelet_client(asked, request.spec.usages)
    except RequestError:
        return None
    other = ("nodeclient", "Auto approving kubelet client certificate after SubjectAccessReview.")
    own = ("selfnodeclient", "Auto approving self kubelet client certificate after SubjectAccessReview.")
    return Approve((own, other) if subject(asked)[0] == request.spec.username else (other,))
