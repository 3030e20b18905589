"""The options that choose a cluster, the same for every command that talks to one."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

from kubewright.client.config import ConnectionConfig
from kubewright.client.kubeconfig import load

F = TypeVar("F", bound=Callable[..., Any])


def cluster_options(command: F) -> F:
    """Add --kubeconfig and --context."""
    context = click.option("--context", default="", help="The kubeconfig's current one by default.")
    kubeconfig = click.option("--kubeconfig", default="", help="KUBECONFIG or ~/.kube/config by default.")
    return kubeconfig(context(command))


def connection(kubeconfig: str, context: str) -> ConnectionConfig:
    """Return the connection that the options, the environment or the pod's service account name."""
    return load(kubeconfig or None, context=context)
