"""The account that an application runs as: its identity in a mesh. No token of it is mounted unless asked for."""

from __future__ import annotations

from kubewright.api.core import SERVICE_ACCOUNTS
from kubewright.api.crds.appservice import AppService
from kubewright.api.meta import Manifest
from kubewright.workloads.children.identity import child

DEFAULT_ACCOUNT = "default"


def account(app: AppService) -> Manifest | None:
    """Return the account of an application that has to be told apart: by a mesh, its callees, or the API server."""
    if app.spec.security.service_account or not _is_distinct(app):
        return None
    return child(app, SERVICE_ACCOUNTS, automountServiceAccountToken=False)


def account_name(app: AppService) -> str:
    """Return the account's name, also where it is the namespace's default.

    A name that is said no more would stay: the API server keeps it in the older field `serviceAccount`, which nobody
    owns, and reads it from there again.
    """
    if app.spec.security.service_account:
        return app.spec.security.service_account
    return app.metadata.name if _is_distinct(app) else DEFAULT_ACCOUNT


def _is_distinct(app: AppService) -> bool:
    said = app.spec
    return said.access is not None or said.mesh is not None or said.security.token
