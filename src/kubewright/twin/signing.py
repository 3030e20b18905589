"""Certificate signing requests: reading them, what each signer demands of them, and signing. Pure but for the key.

Validation, admission and the signing controller ask here.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable, Collection, Mapping
from datetime import UTC, datetime, timedelta

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives import serialization
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from kubewright.api.certificates import CLIENT_SIGNER, KUBELET_CLIENT_SIGNER, KUBELET_SERVING_SIGNER

_HEAD = b"-----BEGIN CERTIFICATE REQUEST-----"
_NODES, _NODE_PREFIX = "system:nodes", "system:node:"
_BASIC = frozenset({"digital signature"})
_WITH_RSA = _BASIC | {"key encipherment"}
KEY_USAGES: Mapping[str, str] = {
    "signing": "digital_signature",
    "digital signature": "digital_signature",
    "content commitment": "content_commitment",
    "key encipherment": "key_encipherment",
    "key agreement": "key_agreement",
    "data encipherment": "data_encipherment",
    "cert sign": "key_cert_sign",
    "crl sign": "crl_sign",
    "encipher only": "encipher_only",
    "decipher only": "decipher_only",
}
EXTENDED_USAGES: Mapping[str, x509.ObjectIdentifier] = {
    "any": ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE,
    "server auth": ExtendedKeyUsageOID.SERVER_AUTH,
    "client auth": ExtendedKeyUsageOID.CLIENT_AUTH,
    "code signing": ExtendedKeyUsageOID.CODE_SIGNING,
    "email protection": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "s/mime": ExtendedKeyUsageOID.EMAIL_PROTECTION,
    "ipsec end system": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.5"),
    "ipsec tunnel": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.6"),
    "ipsec user": x509.ObjectIdentifier("1.3.6.1.5.5.7.3.7"),
    "timestamping": ExtendedKeyUsageOID.TIME_STAMPING,
    "ocsp signing": ExtendedKeyUsageOID.OCSP_SIGNING,
    "microsoft sgc": x509.ObjectIdentifier("1.3.6.1.4.1.311.10.3.3"),
    "netscape sgc": x509.ObjectIdentifier("2.16.840.1.113730.4.1"),
}
_BACKDATED = timedelta(minutes=5)
_SHORT, _SHORTEST = timedelta(hours=8), timedelta(minutes=10)
LONGEST = timedelta(days=365)


class RequestError(Exception):
    """A request that cannot be read, or that a signer refuses; says why in the real server's words."""


def parse(encoded: str) -> x509.CertificateSigningRequest:
    """Read a request as objects hold it: base64 of PEM. Raises RequestError, also for a wrong signature."""
    try:
        content = base64.b64decode(encoded)
    except binascii.Error:
        content = b""
    if not content.lstrip().startswith(_HEAD):
        raise RequestError("PEM block type must be CERTIFICATE REQUEST")
    try:
        request = x509.load_pem_x509_csr(content)
        valid = request.is_signature_valid
    except (ValueError, InvalidSignature) as error:
        raise RequestError("asn1: structure error") from error
    if not valid:
        raise RequestError("x509: invalid signature: parent certificate cannot sign this kind of certificate")
    return request


def subject(request: x509.CertificateSigningRequest) -> tuple[str, tuple[str, ...]]:
    """Return the common name and the organisations that are asked for."""
    common = request.subject.get_attributes_for_oid(NameOID.COMMON_NAME)
    organisations = request.subject.get_attributes_for_oid(NameOID.ORGANIZATION_NAME)
    return str(common[0].value) if common else "", tuple(str(each.value) for each in organisations)


def _alternatives(request: x509.CertificateSigningRequest) -> x509.SubjectAlternativeName | None:
    try:
        return request.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return None


def _has(request: x509.CertificateSigningRequest, kind: type[x509.GeneralName]) -> bool:
    return any(isinstance(each, kind) for each in _alternatives(request) or ())


def check_client(_request: x509.CertificateSigningRequest, usages: Collection[str]) -> None:
    """Hold a request for an ordinary client's certificate against its signer's rules; raises RequestError."""
    for usage in usages:
        if usage not in {"digital signature", "key encipherment", "client auth"}:
            raise RequestError(f"invalid usage for client certificate: {usage}")
    if "client auth" not in usages:
        raise RequestError("missing required usage for client certificate: client auth")


def check_kubelet_client(request: x509.CertificateSigningRequest, usages: Collection[str]) -> None:
    """Hold a request for a kubelet's client certificate against its signer's rules; raises RequestError."""
    common, organisations = subject(request)
    if organisations != (_NODES,):
        raise RequestError("subject organization is not system:nodes")
    for kind, name in _REFUSED_NAMES:
        if _has(request, kind):
            raise RequestError(f"{name} subjectAltNames are not allowed")
    if not common.startswith(_NODE_PREFIX):
        raise RequestError("subject common name does not begin with system:node:")
    _check_usages(usages, "client auth")


_REFUSED_NAMES: tuple[tuple[type[x509.GeneralName], str], ...] = (
    (x509.DNSName, "DNS"),
    (x509.RFC822Name, "Email"),
    (x509.IPAddress, "IP"),
    (x509.UniformResourceIdentifier, "URI"),
)


def check_kubelet_serving(request: x509.CertificateSigningRequest, usages: Collection[str]) -> None:
    """Hold a request for a kubelet's serving certificate against its signer's rules; raises RequestError."""
    common, organisations = subject(request)
    if organisations != (_NODES,):
        raise RequestError("subject organization is not system:nodes")
    if not _has(request, x509.DNSName) and not _has(request, x509.IPAddress):
        raise RequestError("DNS or IP subjectAltName is required")
    for kind, name in ((x509.RFC822Name, "Email"), (x509.UniformResourceIdentifier, "URI")):
        if _has(request, kind):
            raise RequestError(f"{name} subjectAltNames are not allowed")
    _check_usages(usages, "server auth")
    if not common.startswith(_NODE_PREFIX):
        raise RequestError("subject common name does not begin with system:node:")


def _check_usages(usages: Collection[str], needed: str) -> None:
    if frozenset(usages) not in {_BASIC | {needed}, _WITH_RSA | {needed}}:
        wanted = " ".join(sorted(_WITH_RSA | {needed}))
        raise RequestError(f"usages did not match [{wanted}]")


SIGNERS: Mapping[str, Callable[[x509.CertificateSigningRequest, Collection[str]], None]] = {
    CLIENT_SIGNER: check_client,
    KUBELET_CLIENT_SIGNER: check_kubelet_client,
    KUBELET_SERVING_SIGNER: check_kubelet_serving,
}
"""The signers that the twin has, and their rules."""


def template(
    request: x509.CertificateSigningRequest, usages: Collection[str], expiration_seconds: int | None, now_seconds: float
) -> x509.CertificateBuilder:
    """Return the certificate to be signed, which lacks only its issuer: names as asked for, five minutes back-dated."""
    wanted = LONGEST if expiration_seconds is None else timedelta(seconds=expiration_seconds)
    life = min(max(wanted, _SHORTEST), LONGEST)
    now = datetime.fromtimestamp(now_seconds, UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(request.subject)
        .public_key(request.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - _BACKDATED)
        .not_valid_after(now + (life if life < _SHORT else life - _BACKDATED))
        .add_extension(x509.BasicConstraints(ca=False, path_length=None), critical=True)
    )
    extended = [EXTENDED_USAGES[usage] for usage in usages if usage in EXTENDED_USAGES]
    if extended:
        builder = builder.add_extension(x509.ExtendedKeyUsage(dict.fromkeys(extended)), critical=False)
    plain = {KEY_USAGES[usage] for usage in usages if usage in KEY_USAGES}
    if plain:
        flags = {name: name in plain for name in (*KEY_USAGES.values(), "digital_signature")}
        builder = builder.add_extension(x509.KeyUsage(**flags), critical=True)
    names = _alternatives(request)
    return builder if names is None else builder.add_extension(names, critical=False)


def pem(certificate: x509.Certificate) -> bytes:
    """Return a certificate as a PEM document."""
    return certificate.public_bytes(serialization.Encoding.PEM)
