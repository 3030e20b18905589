"""What every command shares that runs a service until told to end: its options, its log, and where its lease is."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

if TYPE_CHECKING:
    from kubewright.app import Choices
    from kubewright.audit.log import Ink
    from kubewright.client.config import ConnectionConfig
    from kubewright.runtime.serving import KeyFiles

F = TypeVar("F", bound=Callable[..., Any])
_SERVICE_OPTIONS = (
    click.option(
        "--leader-elect/--no-leader-elect", default=True, show_default=True, help="Of several replicas one acts."
    ),
    click.option("--lease-namespace", default="", help="Namespace of the Lease; the context's by default."),
    click.option("--listen", "address", default="127.0.0.1:8080", show_default=True, help="Health and metrics."),
    click.option("--debug", is_flag=True, help="Serve /debug there, too, to those whom the cluster lets see it."),
    click.option("-v", "--verbose", count=True, help="Say more; twice, everything."),
)
ALL = "all"
"""In place of names of services: every one of them."""
FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
"""One that is there, to be read."""
_INK_OPTIONS = (
    click.option("--audit-key-file", type=FILE, help="Sign the audit log: an Ed25519 private key, PEM."),
    click.option(
        "--audit-sink", type=click.Path(dir_okay=False, path_type=Path), help="A file that its records are added to."
    ),
)
_ALERTS_OPTIONS = (
    click.option(
        "--alerts-listen", default="127.0.0.1:9095", show_default=True, help="Where Alertmanager posts: /alerts."
    ),
    click.option("--alerts-token-file", type=FILE, help="The bearer token that it must show; none: no alerts come in."),
    click.option("--tls-cert-file", type=FILE, help="Take alerts over TLS."),
    click.option("--tls-key-file", type=FILE),
)


prometheus_option = click.option(
    "--prometheus", default="", help="URL of a store that speaks PromQL: what is measured comes from it."
)
"""Of whatever goes by measurements."""


def service_options(command: F) -> F:
    """Add what is the same for everything that runs until told to end."""
    for option in reversed(_SERVICE_OPTIONS):
        command = option(command)
    return command


def ink_options(command: F) -> F:
    """Add what is the same for everything that writes the audit log."""
    for option in reversed(_INK_OPTIONS):
        command = option(command)
    return command


def alerts_options(command: F) -> F:
    """Add what is the same for everything that takes Alertmanager's alerts in; `with_alerts` reads them."""
    for option in reversed(_ALERTS_OPTIONS):
        command = option(command)
    return command


def with_alerts(
    choices: Choices,
    *,
    alerts_listen: str,
    alerts_token_file: Path | None,
    tls_cert_file: Path | None,
    tls_key_file: Path | None,
) -> Choices:
    """Return the choices with where alerts come in; raises UsageError for what could not take them."""
    from kubewright.signals.receiver import LEAST_TOKEN

    token = alerts_token_file.read_text(encoding="utf-8").strip() if alerts_token_file else ""
    if alerts_token_file and len(token) < LEAST_TOKEN:
        raise click.BadParameter(f"the token has fewer than {LEAST_TOKEN} characters", param_hint="--alerts-token-file")
    if token and "monitoring" not in choices.services:
        raise click.UsageError("--alerts-token-file is the service monitoring's, which is not among --services")
    tls = tls_files(tls_cert_file, tls_key_file)
    return replace(choices, alerts_address=alerts_listen, alerts_token=token, alerts_tls=tls)


def ink(key: Path | None, sink: Path | None) -> Ink:
    """Return what the audit log is written with; raises OpError for a key that is none, or a file not to be written."""
    from kubewright.audit.files import add_records, private_key
    from kubewright.audit.log import Ink

    if sink is not None:
        add_records(sink, ())
    return Ink(private_key(key) if key is not None else None, sink)


def tls_files(certificate: Path | None, key: Path | None) -> KeyFiles | None:
    """Return what something is served over TLS with, None for plain; raises click.UsageError for one without the other.

    They are the options --tls-cert-file and --tls-key-file.
    """
    from kubewright.runtime.serving import KeyFiles

    if (certificate is None) != (key is None):
        raise click.UsageError("--tls-cert-file and --tls-key-file belong together")
    return KeyFiles(certificate, key) if certificate and key else None


def log(verbose: int) -> None:
    """Say on standard error what goes on: warnings, with 1 the course of things, with 2 everything."""
    levels = (logging.WARNING, logging.INFO, logging.DEBUG)
    logging.basicConfig(level=levels[min(verbose, 2)], format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    logging.getLogger("uvicorn").setLevel(logging.WARNING)


def lease_place(config: ConnectionConfig, namespace: str, *, elected: bool) -> str | None:
    """Return the namespace of the lease: the context's unless one is named; None without an election."""
    return (namespace or config.namespace) if elected else None


def service_names(text: str, *, in_one: bool = False) -> tuple[str, ...]:
    """Read names of services, by comma, or `all`; raises click.BadParameter for one that is none.

    `in_one`: they are to run in one process, which leaves out those that serve people's pages from each replica.
    """
    from kubewright.install.services import PARTS

    names = tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))
    known = tuple(name for name, part in PARTS.items() if not (in_one and part.pages))
    for name in names:
        if name in PARTS and name not in known:
            raise click.BadParameter(f"{name} runs by itself: kubewright run {name}", param_hint="--services")
    if unknown := [name for name in names if name not in {*known, ALL}]:
        told = f"{', '.join(unknown)}: the services are {', '.join(known)}, or {ALL}"
        raise click.BadParameter(told, param_hint="--services")
    return known if ALL in names else names
