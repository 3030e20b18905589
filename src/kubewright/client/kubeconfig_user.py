"""What a kubeconfig's user and cluster refer to: PEM data and files, and the one way to authenticate that is used.

`kubeconfig` calls it. Files are read here, once, so that a missing one is reported with the kubeconfig and not in the
middle of a request; the token file alone is read again and again, by its credentials.
"""

from __future__ import annotations

import base64
import binascii
from pathlib import Path
from typing import Any

from kubewright.client.config import (
    Anonymous,
    AuthSource,
    Basic,
    ClientCertificate,
    ExecPlugin,
    Oidc,
    Token,
    TokenFile,
)
from kubewright.client.kubeconfig_file import AuthProvider, Cluster, Exec, User, broken

EXEC_VERSIONS = ("client.authentication.k8s.io/v1", "client.authentication.k8s.io/v1beta1")
_EXEC_EXTENSION = "client.authentication.k8s.io/exec"


def pem(source: str, folder: Path, file: str, data: str, what: str) -> bytes:
    """Return PEM from inline base64 data or else from a file, or nothing; raises OpError INVALID."""
    if data:
        try:
            return base64.b64decode(data, validate=False)
        except binascii.Error as error:
            raise broken(source, f"the {what} data is not base64: {error}") from error
    if not file:
        return b""
    path = folder / file
    try:
        return path.read_bytes()
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise broken(source, f"the {what} file {path} cannot be read: {reason}") from error


def certificate(source: str, folder: Path, user: User) -> ClientCertificate | None:
    """Return the user's client certificate; raises OpError INVALID when a half is missing."""
    cert_pem = pem(source, folder, user.client_certificate, user.client_certificate_data, "client certificate")
    key_pem = pem(source, folder, user.client_key, user.client_key_data, "client key")
    if bool(cert_pem) != bool(key_pem):
        missing = "client-key" if cert_pem else "client-certificate"
        raise broken(source, f"the user has no {missing}(-data) to its other half; add it")
    return ClientCertificate(cert_pem, key_pem) if cert_pem else None


def auth(source: str, folder: Path, user: User, cluster: Cluster, ca_pem: bytes) -> AuthSource:
    """Return how the user authenticates besides a certificate; order of precedence as client-go's."""
    if user.token_file:
        return TokenFile(folder / user.token_file)
    if user.token:
        return Token(user.token)
    if user.username:
        return Basic(user.username, user.password)
    if user.auth_provider is not None:
        return _oidc(source, folder, user.auth_provider)
    if user.exec is not None:
        return _exec(source, folder, user.exec, cluster, ca_pem)
    return Anonymous()


def _exec(source: str, folder: Path, plugin: Exec, cluster: Cluster, ca_pem: bytes) -> ExecPlugin:
    if plugin.api_version not in EXEC_VERSIONS:
        known = " or ".join(EXEC_VERSIONS)
        raise broken(source, f"exec plugin {plugin.command!r} has apiVersion {plugin.api_version!r}; use {known}")
    if not plugin.command:
        raise broken(source, "the exec plugin names no command")
    if plugin.api_version == EXEC_VERSIONS[0] and not plugin.interactive_mode:
        raise broken(source, f"exec plugin {plugin.command!r} needs interactiveMode: Never, IfAvailable or Always")
    is_path = "/" in plugin.command
    return ExecPlugin(
        command=str(folder / plugin.command) if is_path else plugin.command,
        api_version=plugin.api_version,
        args=tuple(plugin.args or ()),
        env={variable.name: variable.value for variable in plugin.env or ()},
        interactive_mode=plugin.interactive_mode or "IfAvailable",
        install_hint=plugin.install_hint,
        cluster=_cluster_info(cluster, ca_pem) if plugin.provide_cluster_info else None,
    )


def _cluster_info(cluster: Cluster, ca_pem: bytes) -> dict[str, Any]:
    """Return the `Cluster` of `client.authentication.k8s.io` with what is set."""
    extension = next((each.extension for each in cluster.extensions or () if each.name == _EXEC_EXTENSION), None)
    info: dict[str, Any] = {
        "server": cluster.server,
        "tls-server-name": cluster.tls_server_name,
        "insecure-skip-tls-verify": cluster.insecure_skip_tls_verify,
        "certificate-authority-data": base64.b64encode(ca_pem).decode(),
        "proxy-url": cluster.proxy_url,
        "config": extension,
    }
    return {name: value for name, value in info.items() if value}


def _oidc(source: str, folder: Path, provider: AuthProvider) -> Oidc:
    if provider.name != "oidc":
        advice = "use an exec plugin of your cloud instead"
        raise broken(source, f"the auth-provider {provider.name!r} is no longer supported by Kubernetes; {advice}")
    values = {name: str(value) for name, value in (provider.config or {}).items()}
    if not values.get("idp-issuer-url") or not values.get("client-id"):
        raise broken(source, "the auth-provider oidc needs idp-issuer-url and client-id")
    file, data = values.get("idp-certificate-authority", ""), values.get("idp-certificate-authority-data", "")
    return Oidc(
        issuer_url=values["idp-issuer-url"],
        client_id=values["client-id"],
        client_secret=values.get("client-secret", ""),
        id_token=values.get("id-token", ""),
        refresh_token=values.get("refresh-token", ""),
        ca_pem=pem(source, folder, file, data, "OIDC issuer's CA"),
    )
