"""From kubeconfig files to a `ConnectionConfig`: which files, which context, which cluster and user.

The command line calls `load`. Search order as kubectl's: the file that is named, else KUBECONFIG (a path list), else
`~/.kube/config`; and where there is none of these, the ServiceAccount of the pod that we run in.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TypeVar

from kubewright.client import incluster
from kubewright.client.config import ConnectionConfig, Impersonation, is_url
from kubewright.client.kubeconfig_file import Context, Kubeconfig, User, broken, read_files
from kubewright.client.kubeconfig_user import auth, certificate, pem
from kubewright.client.proxy import proxy_for

_Entry = TypeVar("_Entry")


def load(
    path: Path | str | None = None, *, context: str = "", environ: Mapping[str, str] = os.environ
) -> ConnectionConfig:
    """Return the connection of a context, or of the current one; raises OpError INVALID with what to mend."""
    files = _files(path, environ)
    if files:
        return _connection(read_files(files), context, environ)
    if context == "" and incluster.available(environ):
        return incluster.load(environ)
    detail = "there is no kubeconfig; set KUBECONFIG or write ~/.kube/config (the embedded cluster needs none)"
    raise broken("~/.kube/config", detail)


def contexts(path: Path | str | None = None, *, environ: Mapping[str, str] = os.environ) -> list[str]:
    """Return the names of all contexts, for completion and messages."""
    return sorted(read_files(_files(path, environ)).contexts)


def _files(path: Path | str | None, environ: Mapping[str, str]) -> list[Path]:
    if path:
        return [Path(path).expanduser()]
    listed = [Path(each).expanduser() for each in environ.get("KUBECONFIG", "").split(os.pathsep) if each]
    existing = [each for each in listed if each.exists()]
    if listed and not existing:
        raise broken(environ["KUBECONFIG"], "no file that KUBECONFIG names exists; correct or unset it")
    default = Path(environ.get("HOME", "~")).expanduser() / ".kube" / "config"
    return existing or ([default] if default.exists() else [])


def _connection(config: Kubeconfig, wanted: str, environ: Mapping[str, str]) -> ConnectionConfig:
    name, context = _context(config, wanted)
    cluster, cluster_folder = _found(config, "cluster", context.cluster, config.clusters, name)
    user, user_folder = (
        _found(config, "user", context.user, config.users, name) if context.user else (User(), cluster_folder)
    )
    if not cluster.server:
        raise broken(config.source, f"cluster {context.cluster!r} names no server; set its `server`")
    if not is_url(cluster.server):
        raise broken(config.source, f"cluster {context.cluster!r} has a server that is no URL: {cluster.server}")
    ca_pem = pem(config.source, cluster_folder, cluster.certificate_authority, cluster.certificate_authority_data, "CA")
    proxy_url = cluster.proxy_url or proxy_for(cluster.server, environ)
    return ConnectionConfig(
        server=cluster.server,
        namespace=context.namespace or "default",
        origin=f"context {name!r}",
        ca_pem=ca_pem,
        insecure_skip_tls_verify=cluster.insecure_skip_tls_verify,
        tls_server_name=cluster.tls_server_name,
        proxy_url=proxy_url,
        compression=not cluster.disable_compression,
        certificate=certificate(config.source, user_folder, user),
        auth=auth(config.source, user_folder, user, cluster, ca_pem),
        impersonation=_impersonation(config.source, user),
    )


def _context(config: Kubeconfig, wanted: str) -> tuple[str, Context]:
    name = wanted or config.current_context
    known = ", ".join(sorted(config.contexts)) or "none"
    if not name:
        raise broken(config.source, f"there is no current-context; choose one with --context (there are: {known})")
    if name not in config.contexts:
        raise broken(config.source, f"there is no context {name!r}; choose another (there are: {known})")
    return name, config.contexts[name]


def _found(
    config: Kubeconfig, kind: str, name: str, known: Mapping[str, tuple[_Entry, Path]], context: str
) -> tuple[_Entry, Path]:
    if name in known:
        return known[name]
    names = ", ".join(sorted(known)) or "none"
    raise broken(config.source, f"context {context!r} names {kind} {name!r}, which is not there (there are: {names})")


def _impersonation(source: str, user: User) -> Impersonation | None:
    extra = {name: tuple(values) for name, values in (user.act_as_user_extra or {}).items()}
    if user.act_as:
        return Impersonation(user.act_as, user.act_as_uid, tuple(user.act_as_groups or ()), extra)
    if user.act_as_uid or user.act_as_groups or extra:
        raise broken(source, "as-uid, as-groups and as-user-extra need `as`, the user to act as")
    return None
