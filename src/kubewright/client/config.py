"""How to reach an API server, and as whom: plain data.

`kubeconfig.load` and `incluster.load` make it from files, `HttpTransport` connects by it, and `auth` turns its `auth`
into credentials. Secrets are kept out of every repr, so a config may be logged.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, TypeAlias
from urllib.parse import urlsplit

InteractiveMode = Literal["", "Never", "IfAvailable", "Always"]


@dataclass(frozen=True, slots=True)
class ClientCertificate:
    """A client certificate chain and its key, both PEM."""

    cert_pem: bytes
    key_pem: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class Anonymous:
    """No credentials besides a client certificate, if there is one."""


@dataclass(frozen=True, slots=True)
class Token:
    """A bearer token that does not change."""

    value: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class TokenFile:
    """A bearer token in a file that someone else renews."""

    path: Path


@dataclass(frozen=True, slots=True)
class Basic:
    """User name and password."""

    username: str
    password: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class ExecPlugin:
    """A command that prints credentials (`client.authentication.k8s.io/v1` or `v1beta1`)."""

    command: str
    api_version: str
    args: tuple[str, ...] = ()
    env: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    interactive_mode: InteractiveMode = "IfAvailable"
    install_hint: str = ""
    cluster: Mapping[str, Any] | None = field(default=None, repr=False)
    """`spec.cluster` of what the plugin is told, if it asked for it (`provideClusterInfo`)."""


@dataclass(frozen=True, slots=True)
class Oidc:
    """The `oidc` auth provider: an id token, renewed with a refresh token at its issuer."""

    issuer_url: str
    client_id: str
    client_secret: str = field(default="", repr=False)
    id_token: str = field(default="", repr=False)
    refresh_token: str = field(default="", repr=False)
    ca_pem: bytes = field(default=b"", repr=False)


AuthSource: TypeAlias = Anonymous | Token | TokenFile | Basic | ExecPlugin | Oidc


@dataclass(frozen=True, slots=True)
class Impersonation:
    """Act as someone else, as far as the own account may."""

    user: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, tuple[str, ...]] = field(default_factory=dict[str, tuple[str, ...]])


@dataclass(frozen=True, slots=True)
class ConnectionConfig:
    """One API server and one identity. `origin` says where it was read, for messages: `context c in FILE`."""

    server: str
    namespace: str = "default"
    origin: str = "the configuration"
    ca_pem: bytes = field(default=b"", repr=False)
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = field(default="", repr=False)
    compression: bool = True
    certificate: ClientCertificate | None = field(default=None, repr=False)
    auth: AuthSource = Anonymous()
    impersonation: Impersonation | None = None


def is_url(text: str) -> bool:
    """Whether a text can be taken apart as a URL: brackets that end, and a port that is a number up to 65535."""
    try:
        urlsplit(text).port  # noqa: B018  it is the property that raises
    except ValueError:
        return False
    return True
