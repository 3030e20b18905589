"""Certificates that a process makes for itself: an authority, and what it signs.

The twin's server and its users have theirs from here, so have the webhooks of operators, and (by `tools.cluster`) the
control planes that tests start.
"""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

_BACKDATED = timedelta(days=1)
"""Others' clocks may be behind ours: another machine's a little, the wall's a lot where time hurries."""
_PEM = serialization.Encoding.PEM


@dataclass(frozen=True, slots=True)
class KeyPair:
    """PEM documents: a certificate and its private key."""

    certificate: bytes
    key: bytes


class SigningAuthority:
    """A new authority; it and what it signs are valid for `valid_days`."""

    def __init__(self, name: str, now_seconds: float, *, valid_days: int) -> None:
        self.now_seconds = now_seconds
        self.valid_days = valid_days
        self.key = ec.generate_private_key(ec.SECP256R1())
        self.name = subject_name(name)
        certificate = (
            self._builder(self.name, self.key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
            .add_extension(_key_usage(signing_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(self.key.public_key()), critical=False)
            .sign(self.key, hashes.SHA256())
        )
        self.certificate = certificate.public_bytes(_PEM)
        """What those trust who trust the authority."""

    def for_server(self, common: str, names: Sequence[str]) -> KeyPair:
        """Sign a certificate for a server at these names and addresses."""
        alternatives = x509.SubjectAlternativeName([_general_name(name) for name in dict.fromkeys(names)])
        return self._sign(subject_name(common), ExtendedKeyUsageOID.SERVER_AUTH, alternatives)

    def for_client(self, user: str, groups: Sequence[str] = ()) -> KeyPair:
        """Sign a certificate that makes its bearer this user in these groups."""
        return self._sign(subject_name(user, groups), ExtendedKeyUsageOID.CLIENT_AUTH, None)

    @property
    def pair(self) -> KeyPair:
        """Return its own certificate and key, for others who sign in its name."""
        return KeyPair(self.certificate, private_pem(self.key))

    @property
    def issuer(self) -> x509.AuthorityKeyIdentifier:
        """Return the extension that names the authority's key."""
        return x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key())

    def _sign(
        self, subject: x509.Name, usage: x509.ObjectIdentifier, names: x509.SubjectAlternativeName | None
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            self._builder(subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signing_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(self.issuer, critical=False)
        )
        if names is not None:
            builder = builder.add_extension(names, critical=False)
        return KeyPair(builder.sign(self.key, hashes.SHA256()).public_bytes(_PEM), private_pem(key))

    def _builder(self, subject: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
        now = datetime.fromtimestamp(self.now_seconds, UTC)
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(self.name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - _BACKDATED)
            .not_valid_after(now + timedelta(days=self.valid_days))
        )


def private_pem(key: ec.EllipticCurvePrivateKey) -> bytes:
    """Return a private key as a PEM document without a password."""
    return key.private_bytes(_PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())


def ends_at_seconds(certificate: bytes) -> float:
    """Return when a PEM certificate ends, in seconds since 1970; raises ValueError when it is none."""
    return x509.load_pem_x509_certificate(certificate).not_valid_after_utc.timestamp()


def is_whole(authority: bytes, certificate: bytes, key: bytes) -> bool:
    """Tell whether these, in PEM, belong together: the authority issued the certificate, and the key is its own."""
    try:
        shown = x509.load_pem_x509_certificate(certificate)
        shown.verify_directly_issued_by(x509.load_pem_x509_certificate(authority))
        own = serialization.load_pem_private_key(key, None).public_key()
    except (ValueError, TypeError, InvalidSignature, UnsupportedAlgorithm):
        return False
    return own == shown.public_key()


def subject_name(common: str, organisations: Sequence[str] = ()) -> x509.Name:
    """Return the subject of a user in groups, or of a server."""
    attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, each) for each in organisations]
    return x509.Name([*attributes, x509.NameAttribute(NameOID.COMMON_NAME, common)])


def _general_name(name: str) -> x509.GeneralName:
    try:
        return x509.IPAddress(ipaddress.ip_address(name))
    except ValueError:
        return x509.DNSName(name)


def _key_usage(*, signing_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        key_cert_sign=signing_certificates,
        crl_sign=signing_certificates,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        encipher_only=False,
        decipher_only=False,
    )
