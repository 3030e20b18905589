"""`kubewright operate`: an operator of one's own against a cluster."""

from __future__ import annotations

import importlib
import os
import sys
from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING, cast

import click

from kubewright.cli.connection import cluster_options, connection
from kubewright.cli.options import namespace_option
from kubewright.cli.service import lease_place, log, service_options
from kubewright.cli.terminal import say
from kubewright.errors import ErrorKind, OpError

if TYPE_CHECKING:
    from kubewright.runtime.operators import Operator


@click.command()
@click.argument("target", metavar="MODULE:BUILD")
@cluster_options
@namespace_option("Hold it to one namespace; all by default.")
@click.option("--shard", "shard_text", default="", help="Its part of the whole: 1/3 by namespace, or a label selector.")
@service_options
@click.option("--webhooks", "webhook_address", default="", help="Serve webhooks here, such as 0.0.0.0:9443.")
@click.option("--webhook-url", default="", help="Where the API server reaches them; a Service of the name by default.")
def operate(
    *,
    target: str,
    kubeconfig: str,
    context: str,
    namespace: str,
    shard_text: str,
    leader_elect: bool,
    lease_namespace: str,
    address: str,
    debug: bool,
    webhook_address: str,
    webhook_url: str,
    verbose: int,
) -> None:
    """Run an operator until told to end; BUILD is a function that is given an Operator and declares what it does."""
    from kubewright.api.meta import ObjectKey
    from kubewright.client.http import HttpTransport
    from kubewright.clock import run_wall
    from kubewright.runtime.heap import keep_many_objects
    from kubewright.runtime.operators import Operator
    from kubewright.runtime.process import Given, Process, Work
    from kubewright.runtime.sharding import parse_shard
    from kubewright.runtime.webhooks.keeping import Place
    from kubewright.runtime.webhooks.serving import serve_webhooks

    log(verbose)
    build = load_build(target)
    try:
        shard = parse_shard(shard_text)
    except ValueError as error:
        raise click.BadParameter(str(error), param_hint="--shard") from error
    keep_many_objects()
    config = connection(kubeconfig, context)
    name = target.partition(":")[0].partition(".")[0].replace("_", "-")

    async def main() -> None:
        where = lease_place(config, lease_namespace, elected=leader_elect)
        lease = None if where is None else ObjectKey(where, shard.lease(name))
        process = Process(config.server, HttpTransport(config), address, lease, debug)

        def make(given: Given) -> Work:
            operator = Operator(
                name, given.client, given.clock, namespace=namespace, shard=shard, metrics=given.metrics
            )
            build(operator)
            if not webhook_address:
                return Work(operator.run, lambda: operator.synced)
            place = Place(name, lease_namespace or config.namespace, webhook_url)
            beside = partial(serve_webhooks, operator, place, webhook_address)
            return Work(operator.run, lambda: operator.synced, beside)

        await process.keep_up(make, lambda at: say(f"{name} is up against {config.server}; http://{at}"))

    run_wall(main())


def load_build(target: str) -> Callable[[Operator], None]:
    """Import `package.module:function`, also from the present directory; raises OpError that says what is missing."""
    module, colon, attribute = target.partition(":")
    if not colon or not module or module.startswith(".") or not attribute:
        raise OpError("load", ErrorKind.INVALID, target, "write MODULE:BUILD, such as demo.app:build")
    if "" not in sys.path:
        sys.path.insert(0, os.getcwd())  # noqa: PTH109  sys.path holds text
    try:
        found = importlib.import_module(module)
    except ModuleNotFoundError as error:
        raise OpError("load", ErrorKind.NOT_FOUND, target, f"{error}; run it where the package is") from error
    build = getattr(found, attribute, None)
    if not callable(build):
        raise OpError("load", ErrorKind.NOT_FOUND, target, f"{module} has no function {attribute}")
    return cast("Callable[[Operator], None]", build)
