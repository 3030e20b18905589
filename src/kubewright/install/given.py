"""What single services are given besides: how people sign in, and the secrets that somebody else keeps. Pure.

A secret is named, never told: it is a Secret of the services' namespace, which is mounted and read as a file.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from kubewright.install.settings import Settings

ALERTS = 9095
"""The port at which Alertmanager posts."""
SECRETS = PurePosixPath("/etc/kubewright")
TOKEN, CLIENT_SECRET = "token", "client-secret"
"""The keys of the Secrets."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a service's process has beside the usual."""

    options: tuple[str, ...] = ()
    secrets: Mapping[str, str] = field(default_factory=dict[str, str])
    """The Secrets that are mounted, by the name of their folder."""
    ports: Mapping[str, int] = field(default_factory=dict[str, int])


def given(settings: Settings, service: str) -> Given:
    """Return what one service has."""
    if service == "monitoring" and settings.alerts_secret:
        options = ("--alerts-listen", f"0.0.0.0:{ALERTS}", "--alerts-token-file", str(SECRETS / "alerts" / TOKEN))
        return Given(options, {"alerts": settings.alerts_secret}, {"alerts": ALERTS})
    if service != "dashboard":
        return Given()
    options = ("--behind-tls",) if settings.behind_tls else ()
    if not settings.oidc_issuer:
        return Given(options)
    options += ("--oidc-issuer", settings.oidc_issuer, "--oidc-client-id", settings.oidc_client_id)
    if not settings.oidc_secret:
        return Given(options)
    options += ("--oidc-client-secret-file", str(SECRETS / "oidc" / CLIENT_SECRET))
    return Given(options, {"oidc": settings.oidc_secret})
