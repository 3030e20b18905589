"""The connection of a pod: its ServiceAccount's token, CA and namespace, mounted as files by the kubelet."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from kubewright.client.config import ConnectionConfig, TokenFile
from kubewright.client.kubeconfig_file import broken

SERVICE_ACCOUNT = Path("/var/run/secrets/kubernetes.io/serviceaccount")


def available(environ: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> bool:
    """Tell whether we run in a pod that has a ServiceAccount token."""
    return bool(environ.get("KUBERNETES_SERVICE_HOST")) and (folder / "token").exists()


def load(environ: Mapping[str, str], folder: Path = SERVICE_ACCOUNT) -> ConnectionConfig:
    """Return the connection of the pod we run in; raises OpError INVALID when its files are missing."""
    host = environ.get("KUBERNETES_SERVICE_HOST", "")
    port = environ.get("KUBERNETES_SERVICE_PORT", "443")
    try:
        ca_pem = (folder / "ca.crt").read_bytes()
        namespace = (folder / "namespace").read_text(encoding="utf-8").strip()
    except OSError as error:
        raise broken(str(folder), f"the ServiceAccount's files cannot be read: {error.strerror or error}") from error
    return ConnectionConfig(
        server=f"https://[{host}]:{port}" if ":" in host else f"https://{host}:{port}",
        namespace=namespace or "default",
        origin="the pod's ServiceAccount",
        ca_pem=ca_pem,
        auth=TokenFile(folder / "token"),
    )
