"""From what a configuration says to the credentials that do it: the one list of kinds of authentication."""

from __future__ import annotations

from typing import assert_never

from kubewright.client.auth.credentials import (
    Credentials,
    FixedCredentials,
    Identity,
    TokenFileCredentials,
    basic,
    bearer,
)
from kubewright.client.auth.exec_plugin import ExecCredentials
from kubewright.client.auth.oidc import OidcCredentials
from kubewright.client.config import Anonymous, Basic, ConnectionConfig, ExecPlugin, Oidc, Token, TokenFile
from kubewright.clock import Clock


def credentials_for(config: ConnectionConfig, clock: Clock) -> Credentials:
    """Return the credentials of a connection; nothing is read, run or asked yet."""
    certificate = config.certificate
    match config.auth:
        case Anonymous():
            return FixedCredentials(Identity({}, certificate))
        case Token(value):
            return FixedCredentials(bearer(value, certificate))
        case Basic(username, password):
            return FixedCredentials(Identity(basic(username, password), certificate))
        case TokenFile(path):
            return TokenFileCredentials(path, certificate, clock)
        case ExecPlugin() as plugin:
            return ExecCredentials(plugin, certificate, clock)
        case Oidc() as oidc:
            return OidcCredentials(oidc, certificate, clock)
        case _ as never:
            assert_never(never)
