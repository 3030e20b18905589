"""What `kubewright monitoring install` takes, for an account that runs it. A test runs it as this account."""

from __future__ import annotations

from kubewright.api.core import CONFIG_MAPS, NAMESPACES, SECRETS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.crds.team import TEAMS
from kubewright.api.meta import Manifest
from kubewright.api.rights import rule
from kubewright.monitoring.forms import PREFIX, TEAM
from kubewright.monitoring.installing import OPERATOR_KINDS

ACCOUNT = "kubewright-monitoring-install"
_SECRETS = ("alertmanager", "alert-relabelling", TEAM)
_KEEP = ("get", "create", "patch")


def cluster_rules() -> list[Manifest]:
    """Return the rights in every namespace: teams of the Prometheus Operator are told in their own."""
    return [
        rule(NAMESPACES, ("list", "create")),
        rule(APP_SERVICES, ("list",)),
        rule(TEAMS, ("list",)),
        rule(CONFIG_MAPS, _KEEP),
        # Nobody else's Secrets are read; who creates one cannot be held to a name.
        rule(SECRETS, ("create",)),
        rule(SECRETS, ("get", "patch"), names=[f"{PREFIX}{each}" for each in _SECRETS]),
        *(rule(kind, _KEEP) for kind in OPERATOR_KINDS),
    ]
