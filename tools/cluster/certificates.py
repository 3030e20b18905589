"""The keys and certificates of one throw-away control plane. Called by `plane` when it starts."""

import datetime as dt
import ipaddress
from dataclasses import dataclass
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

LIFETIME = dt.timedelta(days=30)
SERVING_NAMES = ("localhost", "kubernetes", "kubernetes.default", "kubernetes.default.svc")
SERVING_ADDRESSES = ("127.0.0.1", "10.96.0.1")


@dataclass(frozen=True, slots=True)
class KeyPair:
    """Where a certificate and its private key are written."""

    certificate: Path
    key: Path


@dataclass(frozen=True, slots=True)
class Authority:
    """A certificate authority whose files lie in `directory`."""

    directory: Path
    name: str
    certificate: x509.Certificate
    key: ec.EllipticCurvePrivateKey

    @property
    def files(self) -> KeyPair:
        """Give the authority's own certificate and key (kube-controller-manager signs requests with them)."""
        return _paths(self.directory, self.name)

    @classmethod
    def create(cls, directory: Path, name: str) -> "Authority":
        """Make a new authority and write its files."""
        key = ec.generate_private_key(ec.SECP256R1())
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
        unsigned = (
            _builder(subject, subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=True), critical=True)
            .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        )
        certificate = unsigned.sign(key, hashes.SHA256())
        _write(_paths(directory, name), certificate, key)
        return cls(directory, name, certificate, key)

    def issue_client(self, file_name: str, user: str, groups: tuple[str, ...] = ()) -> KeyPair:
        """Issue a certificate that Kubernetes reads as this user in these groups."""
        attributes = [x509.NameAttribute(NameOID.ORGANIZATION_NAME, group) for group in groups]
        attributes.append(x509.NameAttribute(NameOID.COMMON_NAME, user))
        return self._issue(file_name, x509.Name(attributes), ExtendedKeyUsageOID.CLIENT_AUTH, [])

    def issue_serving(self, file_name: str) -> KeyPair:
        """Issue a certificate for servers on loopback."""
        subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, file_name)])
        names: list[x509.GeneralName] = [x509.DNSName(name) for name in SERVING_NAMES]
        names += [x509.IPAddress(ipaddress.ip_address(address)) for address in SERVING_ADDRESSES]
        return self._issue(file_name, subject, ExtendedKeyUsageOID.SERVER_AUTH, names)

    def _issue(
        self, file_name: str, subject: x509.Name, usage: x509.ObjectIdentifier, names: list[x509.GeneralName]
    ) -> KeyPair:
        key = ec.generate_private_key(ec.SECP256R1())
        builder = (
            _builder(subject, self.certificate.subject, key.public_key())
            .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
            .add_extension(_key_usage(signs_certificates=False), critical=True)
            .add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
            .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(self.key.public_key()), critical=False)
        )
        if names:
            builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
        paths = _paths(self.directory, file_name)
        _write(paths, builder.sign(self.key, hashes.SHA256()), key)
        return paths


def write_signing_key(directory: Path, name: str) -> KeyPair:
    """Write the key pair that signs and checks service account tokens; `certificate` is the bare public key."""
    key = ec.generate_private_key(ec.SECP256R1())
    paths = KeyPair(directory / f"{name}.pub", directory / f"{name}.key")
    _write_private(paths.key, key)
    public = key.public_key()
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    paths.certificate.write_bytes(public.public_bytes(serialization.Encoding.PEM, form))
    return paths


def _paths(directory: Path, name: str) -> KeyPair:
    return KeyPair(directory / f"{name}.crt", directory / f"{name}.key")


def _builder(subject: x509.Name, issuer: x509.Name, public_key: ec.EllipticCurvePublicKey) -> x509.CertificateBuilder:
    now = dt.datetime.now(dt.UTC)
    return (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer)
        .public_key(public_key)
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - dt.timedelta(minutes=5))
        .not_valid_after(now + LIFETIME)
    )


def _key_usage(*, signs_certificates: bool) -> x509.KeyUsage:
    return x509.KeyUsage(
        digital_signature=True,
        content_commitment=False,
        key_encipherment=False,
        data_encipherment=False,
        key_agreement=False,
        key_cert_sign=signs_certificates,
        crl_sign=signs_certificates,
        encipher_only=False,
        decipher_only=False,
    )


def _write(paths: KeyPair, certificate: x509.Certificate, key: ec.EllipticCurvePrivateKey) -> None:
    paths.certificate.write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    _write_private(paths.key, key)


def _write_private(path: Path, key: ec.EllipticCurvePrivateKey) -> None:
    path.touch(mode=0o600)
    encryption = serialization.NoEncryption()
    form = serialization.PrivateFormat.PKCS8
    path.write_bytes(key.private_bytes(serialization.Encoding.PEM, form, encryption))
