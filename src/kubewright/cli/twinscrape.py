"""What a Prometheus needs to scrape a twin: exporters to apply, and a directory with its configuration."""

from __future__ import annotations

from pathlib import Path

import yaml

from kubewright.cli.terminal import say
from kubewright.client.config import ConnectionConfig, Token
from kubewright.errors import ErrorKind, OpError
from kubewright.monitoring.reach import Through
from kubewright.monitoring.scrape import prometheus_config
from kubewright.twin.exporters.manifests import exporters
from kubewright.twin.serve import write_private


def print_exporters() -> None:
    """Print the exporters' manifests."""
    say(yaml.safe_dump_all(exporters(), sort_keys=False), nl=False)


def write_scrape_config(config: ConnectionConfig, folder: Path, interval: str) -> None:
    """Write prometheus.yml with the certificate and the token that it names; raises OpError without a token."""
    if not isinstance(config.auth, Token):
        detail = "Prometheus needs a token to go on with, and this context has another way to log in"
        raise OpError("twin.scrape-config", ErrorKind.INVALID, config.origin, detail)
    folder.mkdir(parents=True, exist_ok=True)
    ca_file, token_file = folder / "ca.crt", folder / "token"
    ca_file.write_bytes(config.ca_pem)
    write_private(token_file, config.auth.value.encode())
    # Prometheus takes relative paths from the directory of its configuration.
    reach = Through(config.server, ca_file.name, token_file.name)
    document = prometheus_config(reach, interval=interval)
    (folder / "prometheus.yml").write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    say(f"prometheus --config.file={folder / 'prometheus.yml'}")
