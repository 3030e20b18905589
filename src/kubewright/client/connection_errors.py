"""Why there was no answer, in one line that says what to do: aiohttp's, TLS's and the system's errors to OpError.

`HttpTransport` is the only caller, so no HTTP library's type is seen outside of it. A refused certificate is fetched
once more without trust and without credentials, only to say in whose name it is and when it ended.
"""

from __future__ import annotations

import asyncio
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import aiohttp

from kubewright.client.config import ConnectionConfig
from kubewright.errors import ErrorKind, OpError

if TYPE_CHECKING:
    from cryptography import x509

DIAGNOSIS_SECONDS = 3.0
_EXPIRED = 10
_NOT_YET_VALID = 9
_WRONG_HOST = frozenset({62, 64})


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait, in seconds.

    A watch in which nothing came for `silence_seconds` ends, and is opened anew. Servers send bookmarks every 60 s, but
    only where there is a newer version to tell of: of a kind that nobody changes, and with an etcd that reports its
    progress every ten minutes, as it does by default, there is none. Silence says only that a connection may be dead.
    """

    connect_seconds: float = 10.0
    request_seconds: float = 60.0
    silence_seconds: float = 70.0


async def connection_error(config: ConnectionConfig, error: Exception, timeouts: Timeouts) -> OpError:
    """Return what to tell the user when a request got no answer."""
    server = config.server
    where = f"the server address of {config.origin}"
    kind = ErrorKind.UNAVAILABLE
    match error:
        case aiohttp.ClientConnectorCertificateError():
            detail = await _certificate_detail(config, error.certificate_error)
        case aiohttp.ClientConnectorDNSError():
            detail = f"the name {error.host} does not resolve; check {where} and your network or VPN"
        case aiohttp.ClientProxyConnectionError() | aiohttp.ClientHttpProxyError():
            detail = f"the proxy does not lead to {server} ({_reason(error)}); check proxy-url or HTTPS_PROXY, NO_PROXY"
        case aiohttp.ClientConnectorSSLError():
            detail = f"{server} refused TLS ({_reason(error)}); check that {where} is an https port of an API server"
        case aiohttp.ConnectionTimeoutError():
            waited = f"{timeouts.connect_seconds:.0f} s"
            detail = f"cannot reach {server} within {waited}; check {where} and your network, VPN or firewall"
        case aiohttp.SocketTimeoutError():
            detail = f"{server} was silent for {timeouts.silence_seconds:.0f} s: the connection is dead"
        case TimeoutError():
            kind = ErrorKind.TIMEOUT
            detail = f"{server} gave no answer within {timeouts.request_seconds:.0f} s"
        case aiohttp.ClientConnectorError():
            detail = f"cannot reach {server} ({_reason(error)}); check that it runs, and {where}"
        case aiohttp.InvalidURL() | aiohttp.NonHttpUrlClientError():
            kind = ErrorKind.INVALID
            detail = f"{server} is no http or https address; check {where}"
        case _:
            detail = f"the connection to {server} was lost ({_reason(error)})"
    return OpError("client.connect", kind, server, detail)


def _reason(error: Exception) -> str:
    """Return the system's own words, without the library's around them."""
    inner = getattr(error, "os_error", error)
    reason = getattr(inner, "reason", None) or getattr(inner, "strerror", None) or str(inner)
    text = " ".join(str(reason).split()).lower() or type(error).__name__
    return "connection refused" if "connect call failed" in text else text


async def _certificate_detail(config: ConnectionConfig, error: Exception) -> str:
    server = config.server
    code = getattr(error, "verify_code", 0)
    certificate = await _peer_certificate(config)
    if code == _EXPIRED:
        ended = f" on {certificate.not_valid_after_utc:%Y-%m-%d}" if certificate else ""
        return f"the certificate of {server} expired{ended}; renew it on the server (or check this machine's clock)"
    if code == _NOT_YET_VALID:
        begins = f" before {certificate.not_valid_before_utc:%Y-%m-%d}" if certificate else " yet"
        return f"the certificate of {server} is not valid{begins}; check this machine's clock and the server's"
    if code in _WRONG_HOST or (isinstance(error, ssl.CertificateError) and "match" in str(error)):
        names = f" but for {', '.join(_names(certificate))}" if certificate else ""
        host = config.tls_server_name or urlsplit(server).hostname
        return f"the certificate of {server} is not for {host}{names}; use such a name, or set tls-server-name to one"
    ca = "the CA in" if config.ca_pem else "a CA this system knows, and there is none in"
    advice = "set certificate-authority-data to the CA of this cluster"
    return f"the certificate of {server} is not signed by {ca} {config.origin}; {advice}"


def _names(certificate: x509.Certificate) -> list[str]:
    from cryptography import x509

    try:
        names = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName).value
    except x509.ExtensionNotFound:
        return ["no name at all"]
    return [str(name.value) for name in names if isinstance(name, x509.DNSName | x509.IPAddress)]


async def _peer_certificate(config: ConnectionConfig) -> x509.Certificate | None:
    """Fetch the server's certificate, whatever it is worth; None if that takes a proxy or fails."""
    from cryptography import x509

    url = urlsplit(config.server)
    if config.proxy_url or url.hostname is None:
        return None
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    name = config.tls_server_name or url.hostname
    try:
        async with asyncio.timeout(DIAGNOSIS_SECONDS):
            _, writer = await asyncio.open_connection(url.hostname, url.port or 443, ssl=context, server_hostname=name)
            der = writer.get_extra_info("ssl_object").getpeercert(binary_form=True)
            writer.close()
        return x509.load_der_x509_certificate(der)
    except (OSError, TimeoutError, ValueError):
        return None
