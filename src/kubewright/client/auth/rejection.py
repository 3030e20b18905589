"""What to say after a 401: API servers answer only "Unauthorized", but what was sent often tells why."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime

from kubewright.client.auth.credentials import Identity
from kubewright.client.auth.jwt import expires_at
from kubewright.client.config import ClientCertificate, ConnectionConfig


def rejection_detail(config: ConnectionConfig, identity: Identity, now: float) -> str:
    """Return why the server did not accept `identity`, as far as can be seen, and what to do."""
    return f"{config.server} did not accept the credentials of {config.origin}: {_why(identity, now)}"


def _why(identity: Identity, now: float) -> str:
    if identity.certificate is None and not identity.headers:
        return "there are none; add a token, a client certificate or an exec plugin for this user"
    token_end = _token_end(identity.headers)
    if token_end is not None and token_end <= now:
        return f"the token expired on {_day(token_end)}; log in again for a new one"
    certificate_end = _certificate_end(identity.certificate)
    if certificate_end is not None and certificate_end <= now:
        return f"the client certificate expired on {_day(certificate_end)}; renew it"
    return "they are wrong, revoked or of another cluster; log in again, or use another context"


def _token_end(headers: Mapping[str, str]) -> float | None:
    scheme, _, token = headers.get("authorization", "").partition(" ")
    return expires_at(token) if scheme == "Bearer" else None


def _certificate_end(certificate: ClientCertificate | None) -> float | None:
    if certificate is None:
        return None
    from cryptography import x509

    try:
        return x509.load_pem_x509_certificate(certificate.cert_pem).not_valid_after_utc.timestamp()
    except ValueError:
        return None


def _day(seconds: float) -> str:
    return datetime.fromtimestamp(seconds, UTC).strftime("%Y-%m-%d")
