"""The account that an application runs as: its identity in a mesh. No token of it is mounted unless asked for."""

from __future__ import annotations

from kubewright.api.core import SERVICE_ACCOUNTS
from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import Manifest
from kubewright.workloads.children.identity import child


def account(app: AppService) -> Manifest | None:
    """Return the account of an application that has to be told apart: by a mesh, its callees, or the API server."""
    if app.spec.security.service_account or account_name(app) != app.metadata.name:
        return None
    return child(app, SERVICE_ACCOUNTS, automountServiceAccountToken=False)


def account_name(app: AppService) -> str:
    """Return the account's name; empty for the namespace's default."""
    said = app.spec
    if said.security.service_account:
        return said.security.service_account
    distinct = said.access is not None or said.mesh is not None or said.security.token
    return app.metadata.name if distinct else ""
