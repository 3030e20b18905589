"""The `certificates.k8s.io` group: requests for certificates, and what became of them."""

from __future__ import annotations

from collections.abc import Mapping

from kubewright.api.meta import EMPTY, KubeObject, Leaf, Resource

CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client"
KUBELET_CLIENT_SIGNER = "kubernetes.io/kube-apiserver-client-kubelet"
KUBELET_SERVING_SIGNER = "kubernetes.io/kubelet-serving"


class RequestCondition(Leaf, frozen=True):
    """Approved, Denied or Failed, and why."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""


class CertificateSigningRequestSpec(Leaf, frozen=True):
    """What is asked for and by whom; `request` is a PEM document in base64."""

    request: str = ""
    signer_name: str = ""
    expiration_seconds: int | None = None
    usages: tuple[str, ...] = ()
    username: str = ""
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = EMPTY


class CertificateSigningRequestStatus(Leaf, frozen=True):
    """How it was decided, and the certificate: PEM in base64."""

    conditions: tuple[RequestCondition, ...] = ()
    certificate: str = ""


class CertificateSigningRequest(KubeObject, frozen=True, kw_only=True):
    """A request for a certificate."""

    spec: CertificateSigningRequestSpec = CertificateSigningRequestSpec()
    status: CertificateSigningRequestStatus = CertificateSigningRequestStatus()

    def has(self, *conditions: str) -> bool:
        """Tell whether one of these conditions is true."""
        return any(each.type in conditions and each.status == "True" for each in self.status.conditions)


CERTIFICATE_SIGNING_REQUESTS: Resource[CertificateSigningRequest] = Resource(
    "certificates.k8s.io",
    "v1",
    "certificatesigningrequests",
    "CertificateSigningRequest",
    CertificateSigningRequest,
    namespaced=False,
)
