"""The kubeconfig file format (`v1 Config`), read into Structs and merged; `kubeconfig` makes connections of it.

Several files (KUBECONFIG is a path list) count as one in which the first to name something wins. Paths in a file are
relative to its folder, so every cluster and user remembers it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import msgspec
import yaml

from kubewright.errors import ErrorKind, OpError


class NamedExtension(msgspec.Struct):
    """An extension of a cluster; exec plugins get the one named `client.authentication.k8s.io/exec`."""

    name: str = ""
    extension: Any = None


class Cluster(msgspec.Struct, rename="kebab"):
    """How to reach a cluster."""

    server: str = ""
    certificate_authority: str = ""
    certificate_authority_data: str = ""
    insecure_skip_tls_verify: bool = False
    tls_server_name: str = ""
    proxy_url: str = ""
    disable_compression: bool = False
    extensions: list[NamedExtension] | None = None


class Context(msgspec.Struct):
    """A cluster, a user and a namespace."""

    cluster: str = ""
    user: str = ""
    namespace: str = ""


class EnvironmentVariable(msgspec.Struct):
    """One variable for an exec plugin."""

    name: str
    value: str = ""


class Exec(msgspec.Struct, rename="camel"):
    """An exec plugin."""

    command: str = ""
    api_version: str = ""
    args: list[str] | None = None
    env: list[EnvironmentVariable] | None = None
    install_hint: str = ""
    interactive_mode: Literal["", "Never", "IfAvailable", "Always"] | None = None
    provide_cluster_info: bool = False


class AuthProvider(msgspec.Struct):
    """An auth provider of the old kind; only `oidc` is left of them."""

    name: str = ""
    config: dict[str, Any] | None = None


class User(msgspec.Struct, rename="kebab"):
    """An identity."""

    token: str = ""
    token_file: str = msgspec.field(name="tokenFile", default="")
    username: str = ""
    password: str = ""
    client_certificate: str = ""
    client_certificate_data: str = ""
    client_key: str = ""
    client_key_data: str = ""
    exec: Exec | None = None
    auth_provider: AuthProvider | None = None
    act_as: str = msgspec.field(name="as", default="")
    act_as_uid: str = msgspec.field(name="as-uid", default="")
    act_as_groups: list[str] | None = msgspec.field(name="as-groups", default=None)
    act_as_user_extra: dict[str, list[str]] | None = msgspec.field(name="as-user-extra", default=None)


class _NamedCluster(msgspec.Struct):
    name: str
    cluster: Cluster | None = None


class _NamedContext(msgspec.Struct):
    name: str
    context: Context | None = None


class _NamedUser(msgspec.Struct):
    name: str
    user: User | None = None


class _File(msgspec.Struct, rename="kebab"):
    clusters: list[_NamedCluster] | None = None
    contexts: list[_NamedContext] | None = None
    users: list[_NamedUser] | None = None
    current_context: str | None = None


@dataclass(frozen=True, slots=True)
class Kubeconfig:
    """All files together: by name what each says, and for clusters and users the folder of their file."""

    source: str
    current_context: str
    contexts: dict[str, Context]
    clusters: dict[str, tuple[Cluster, Path]]
    users: dict[str, tuple[User, Path]]


def read_files(paths: Sequence[Path]) -> Kubeconfig:
    """Read and merge kubeconfig files; raises OpError INVALID that names file and place."""
    merged = Kubeconfig(
        source=", ".join(str(path) for path in paths),
        current_context="",
        contexts={},
        clusters={},
        users={},
    )
    current_context = ""
    for path in paths:
        file = _read(path)
        folder = path.absolute().parent
        current_context = current_context or file.current_context or ""
        for named in file.contexts or []:
            merged.contexts.setdefault(named.name, named.context or Context())
        for named in file.clusters or []:
            merged.clusters.setdefault(named.name, (named.cluster or Cluster(), folder))
        for named in file.users or []:
            merged.users.setdefault(named.name, (named.user or User(), folder))
    return Kubeconfig(merged.source, current_context, merged.contexts, merged.clusters, merged.users)


def _read(path: Path) -> _File:
    document = _parse(path)
    if document is None:
        return _File()
    try:
        return msgspec.convert(document, _File)
    except msgspec.ValidationError as error:
        raise broken(str(path), f"{error}; correct the file") from error


def _parse(path: Path) -> Any:
    try:
        return yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise broken(str(path), f"the file cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise broken(str(path), "the file is not text") from error
    except yaml.MarkedYAMLError as error:
        line = f" in line {error.problem_mark.line + 1}" if error.problem_mark else ""
        raise broken(str(path), f"the file is not YAML: {error.problem or error.context}{line}") from error
    except yaml.YAMLError as error:
        raise broken(str(path), f"the file is not YAML: {' '.join(str(error).split())}") from error
    except (ValueError, RecursionError) as error:
        raise broken(str(path), f"the file is not YAML: {error}") from error


def broken(source: str, detail: str) -> OpError:
    """Return the error of a kubeconfig that cannot be used."""
    return OpError("kubeconfig.load", ErrorKind.INVALID, source, detail)
