"""What single services are given besides: how people sign in, and what somebody else keeps. Pure.

A secret is named, never told: it is a Secret of the services' namespace, which is mounted and read as a file; and so
is a ConfigMap.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import PurePosixPath

from kubewright.api.meta import Manifest
from kubewright.install.services import ALL
from kubewright.install.settings import Settings

ALERTS = 9095
"""The port at which Alertmanager posts."""
MOUNTED = PurePosixPath("/etc/kubewright")
TOKEN, CLIENT_SECRET, CA = "token", "client-secret", "ca.crt"
"""The keys of the Secrets and of the ConfigMap."""
_READABLE = 0o440


@dataclass(frozen=True, slots=True)
class Given:
    """What a service's process has beside the usual."""

    options: tuple[str, ...] = ()
    volumes: Mapping[str, Manifest] = field(default_factory=dict[str, Manifest])
    """Where the volumes come from that are mounted, by the name of their folder."""
    ports: Mapping[str, int] = field(default_factory=dict[str, int])


def given(settings: Settings, service: str) -> Given:
    """Return what one service has, or the Deployment for all."""
    if service == "dashboard":
        return _people(settings)
    return _alerts(settings) if service == takes_alerts(settings) and settings.alerts_secret else Given()


def takes_alerts(settings: Settings) -> str:
    """Return who takes alerts in, empty for nobody."""
    if "monitoring" not in settings.services:
        return ""
    return ALL if settings.together else "monitoring"


def _alerts(settings: Settings) -> Given:
    options = ("--alerts-listen", f"0.0.0.0:{ALERTS}", "--alerts-token-file", str(MOUNTED / "alerts" / TOKEN))
    return Given(options, {"alerts": _secret(settings.alerts_secret)}, {"alerts": ALERTS})


def _people(settings: Settings) -> Given:
    options = ("--behind-tls",) if settings.behind_tls else ()
    volumes: dict[str, Manifest] = {}
    if settings.oidc_issuer:
        options += ("--oidc-issuer", settings.oidc_issuer, "--oidc-client-id", settings.oidc_client_id)
        if settings.oidc_secret:
            options += ("--oidc-client-secret-file", str(MOUNTED / "oidc" / CLIENT_SECRET))
            volumes["oidc"] = _secret(settings.oidc_secret)
        if settings.oidc_ca:
            options += ("--oidc-ca-file", str(MOUNTED / "oidc-ca" / CA))
            volumes["oidc-ca"] = {"configMap": {"name": settings.oidc_ca, "defaultMode": _READABLE}}
    return Given(options, volumes)


def _secret(name: str) -> Manifest:
    return {"secret": {"secretName": name, "defaultMode": _READABLE}}
