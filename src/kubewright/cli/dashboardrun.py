"""`kubewright run dashboard`: the dashboard as a service of the cluster, for whoever has a token of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.service import FILE, log, prometheus_option, service_options, tls_files


@click.command()
@cluster_options
@service_options
@prometheus_option
@click.option("--pages", default="127.0.0.1:8089", show_default=True, help="Where browsers find it: HOST:PORT.")
@click.option("--read-only", is_flag=True, help="Nothing can be changed from the screen.")
@click.option(
    "--session-key-file", type=FILE, help="What sessions are sealed with, the same for all replicas; 16 bytes or more."
)
@click.option("--tls-cert-file", type=FILE, help="Serve the pages over TLS.")
@click.option("--tls-key-file", type=FILE)
@click.option("--oidc-issuer", default="", help="URL of an OpenID Connect issuer where people may sign in (PKCE).")
@click.option("--oidc-client-id", default="", help="Who the dashboard is there; the API server must take its tokens.")
@click.option("--oidc-client-secret-file", type=FILE, help="Its secret, for an issuer that wants one.")
@click.option("--oidc-ca-file", type=FILE, help="CAs that the issuer's certificate is signed by, PEM.")
@click.option("--oidc-scopes", default="", help="What is asked for.  [default: openid email profile groups]")
@click.option("--behind-tls", is_flag=True, help="Something before it takes HTTPS off: cookies are kept for HTTPS.")
def dashboard(
    *,
    kubeconfig: str,
    context: str,
    pages: str,
    prometheus: str,
    session_key_file: Path | None,
    tls_cert_file: Path | None,
    tls_key_file: Path | None,
    read_only: bool,
    behind_tls: bool,
    oidc_issuer: str,
    oidc_client_id: str,
    oidc_client_secret_file: Path | None,
    oidc_ca_file: Path | None,
    oidc_scopes: str,
    address: str,
    debug: bool,
    verbose: int,
    **election: Any,
) -> None:
    """Show the cluster in a browser to whoever signs in with a token of it; every replica serves, none leads.

    Its own account only reads. What people do is sent with their own tokens.
    """
    del election
    log(verbose)
    from kubewright.cli.dashboardcalls import InCluster, serve
    from kubewright.client.config import Oidc
    from kubewright.clock import run_wall
    from kubewright.dashboard.sealing import LEAST_KEY
    from kubewright.runtime.heap import keep_many_objects

    tls = tls_files(tls_cert_file, tls_key_file)
    key = session_key_file.read_bytes().strip() if session_key_file else b""
    if session_key_file and len(key) < LEAST_KEY:
        raise click.BadParameter(f"the key has fewer than {LEAST_KEY} bytes", param_hint="--session-key-file")
    if bool(oidc_issuer) != bool(oidc_client_id):
        raise click.UsageError("--oidc-issuer and --oidc-client-id go together")
    oidc = None
    if oidc_issuer:
        secret = oidc_client_secret_file.read_text().strip() if oidc_client_secret_file else ""
        ca = oidc_ca_file.read_bytes() if oidc_ca_file else b""
        oidc = Oidc(oidc_issuer, oidc_client_id, secret, ca_pem=ca)
    keep_many_objects()
    asked = InCluster(
        pages,
        address,
        prometheus,
        key,
        tls,
        behind_tls=behind_tls,
        read_only=read_only,
        debug=debug,
        oidc=oidc,
        scopes=oidc_scopes,
    )
    run_wall(serve(connection(kubeconfig, context), asked))
