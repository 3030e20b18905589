"""A certificate authority of one server's own: it signs the server's certificate, and its users'."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cryptography import x509
from cryptography.hazmat.primitives import hashes

from kubewright.runtime.certificates import KeyPair, SigningAuthority
from kubewright.twin.signing import pem, template

__all__ = ["Authority", "KeyPair"]

_VALID_DAYS = 365
_NAMES: tuple[str, ...] = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc", "127.0.0.1")


class Authority:
    """A new authority; what it signs is valid for a year."""

    def __init__(self, now_seconds: float) -> None:
        self._authority = SigningAuthority("kubewright-twin-ca", now_seconds, valid_days=_VALID_DAYS)
        self.certificate = self._authority.certificate
        """What clients and servers trust."""

    def serving(self, host: str) -> KeyPair:
        """Sign a certificate for a server at `host`, a name or an address."""
        return self._authority.for_server("kube-apiserver", (*_NAMES, host))

    def client(self, user: str, groups: Sequence[str] = ()) -> KeyPair:
        """Sign a certificate that makes its bearer this user in these groups."""
        return self._authority.for_client(user, groups)

    def sign(
        self,
        request: x509.CertificateSigningRequest,
        usages: Collection[str],
        expiration_seconds: int | None,
        now_seconds: float,
    ) -> bytes:
        """Sign what somebody asks for, as PEM; that they may have it is the caller's to know."""
        builder = template(request, usages, expiration_seconds, now_seconds).issuer_name(self._authority.name)
        signed = builder.add_extension(self._authority.issuer, critical=False)
        return pem(signed.sign(self._authority.key, hashes.SHA256()))
