"""Reviews over HTTPS, for a twin that is served: aiohttp underneath, failures in the words of Go's client."""

from __future__ import annotations

import ssl
from urllib.parse import urlsplit

import aiohttp

from kubewright.twin.webhooks.questions import HttpAnswer, Question, UnreachableError

_MAX_BYTES = 16 * 1024 * 1024
_CERTIFICATE = "tls: failed to verify certificate: x509:"
_HTTPS_PORT = 443
_VERIFY_EXPIRED, _VERIFY_NOT_YET, _VERIFY_NAMES = 10, 9, frozenset({62, 64})


class HttpWebhooks:
    """One connection a call: webhooks are rare, and a kept connection would outlive its configuration."""

    async def post(self, question: Question, body: bytes) -> HttpAnswer:
        """Send one review; raises UnreachableError."""
        address = question.address
        context = _trusting(address.ca_bundle)
        parts = urlsplit(address.url)
        host, port = parts.hostname or "", parts.port or _HTTPS_PORT
        dialled = address.dial or f"{host}:{port}"
        url = f"https://{dialled}{parts.path or '/'}?timeout={question.timeout_seconds:g}s"
        headers = {"content-type": "application/json", "accept": "application/json", "host": parts.netloc}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.post(
                    url, data=body, ssl=context, server_hostname=host, headers=headers, allow_redirects=False
                ) as response,
            ):
                content = await response.content.read(_MAX_BYTES + 1)
                while not response.content.at_eof() and len(content) <= _MAX_BYTES:
                    content += await response.content.read(_MAX_BYTES + 1 - len(content))
                if len(content) > _MAX_BYTES:
                    raise UnreachableError(f"the answer is larger than {_MAX_BYTES} bytes")
                return HttpAnswer(response.status, content, response.headers.get("content-type", ""))
        except (aiohttp.ClientError, OSError) as error:
            raise UnreachableError(_worded(error, dialled, host)) from error


def _trusting(bundle: bytes) -> ssl.SSLContext:
    """Trust these certificates, or without any what the system trusts; as leniently as Go does."""
    try:
        context = ssl.create_default_context(cadata=bundle.decode() or None)
    except (ssl.SSLError, ValueError) as error:
        raise UnreachableError("unable to load root certificates: unable to parse bytes as PEM block") from error
    context.verify_flags = (context.verify_flags | ssl.VERIFY_X509_PARTIAL_CHAIN) & ~ssl.VERIFY_X509_STRICT
    return context


def _worded(error: Exception, dialled: str, host: str) -> str:
    match error:
        case aiohttp.ClientConnectorCertificateError():
            return _certificate(error.certificate_error, host)
        case aiohttp.ClientConnectorDNSError():
            return f"dial tcp: lookup {dialled.rpartition(':')[0]}: no such host"
        case aiohttp.ClientConnectorError():
            strerror = (error.os_error.strerror or str(error.os_error)).lower()
            cause = "connection refused" if isinstance(error.os_error, ConnectionRefusedError) else strerror
            return f"dial tcp {dialled}: connect: {cause}"
        case aiohttp.ServerDisconnectedError():
            return "EOF"
        case aiohttp.ClientSSLError():
            return "tls: first record does not look like a TLS handshake"
        case _:
            return str(error)


def _certificate(error: Exception, host: str) -> str:
    code = error.verify_code if isinstance(error, ssl.SSLCertVerificationError) else 0
    if code in _VERIFY_NAMES:
        return f"{_CERTIFICATE} certificate is not valid for {host}"
    if code in {_VERIFY_EXPIRED, _VERIFY_NOT_YET}:
        return f"{_CERTIFICATE} certificate has expired or is not yet valid"
    return f"{_CERTIFICATE} certificate signed by unknown authority"
