"""TLS as kubeconfigs ask for it: CA bundles and client certificates that are data, not files.

`HttpTransport` builds its context here; the OIDC refresh does too.
"""

from __future__ import annotations

import os
import ssl
import tempfile
from collections.abc import Generator
from contextlib import contextmanager

from kubewright.client.config import ClientCertificate
from kubewright.errors import ErrorKind, OpError


def tls_context(
    *, ca_pem: bytes = b"", insecure: bool = False, certificate: ClientCertificate | None = None, target: str = "TLS"
) -> ssl.SSLContext:
    """Return a client context; without `ca_pem` the system's CAs are trusted. Raises OpError INVALID."""
    try:
        context = ssl.create_default_context(cadata=ca_pem.decode("ascii") or None)
    except (ssl.SSLError, UnicodeDecodeError, ValueError) as error:
        detail = f"the CA bundle is not PEM: {error}; check certificate-authority(-data)"
        raise OpError("client.tls", ErrorKind.INVALID, target, detail) from error
    # From Python 3.13 on the default is strict, and refuses CAs that clusters have signed with for years.
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    if insecure:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    if certificate is not None:
        _load(context, certificate, target)
    return context


def _load(context: ssl.SSLContext, certificate: ClientCertificate, target: str) -> None:
    try:
        with _as_path(certificate.cert_pem + b"\n" + certificate.key_pem) as path:
            context.load_cert_chain(path, password=_no_password)
    except (ssl.SSLError, OSError, ValueError) as error:
        detail = f"the client certificate and key do not load: {error}; check client-certificate(-data) and client-key"
        raise OpError("client.tls", ErrorKind.INVALID, target, detail) from error


def _no_password() -> str:
    """Refuse instead of asking on the terminal, which is what OpenSSL does by itself."""
    raise ValueError("the key is encrypted, and kubeconfigs have no place for a password")


@contextmanager
def _as_path(content: bytes) -> Generator[str]:
    """Give `ssl`, which reads only files, one that is in memory, or else one that is gone at once."""
    if hasattr(os, "memfd_create"):
        descriptor = os.memfd_create("client-certificate")
        try:
            os.write(descriptor, content)
            yield f"/proc/self/fd/{descriptor}"
        finally:
            os.close(descriptor)
        return
    descriptor, path = tempfile.mkstemp()  # mode 0600
    try:
        os.write(descriptor, content)
        yield path
    finally:
        os.close(descriptor)
        os.unlink(path)  # noqa: PTH108  the pair of mkstemp
