"""`kubewright install`: the platform into a cluster, anew, up or back; or its objects as files."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from kubewright.api.places import SYSTEM_NAMESPACE
from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.exits import Exit
from kubewright.cli.options import color_option, dry_run_option, wait_option
from kubewright.cli.terminal import say
from kubewright.cli.writing import write_file

if TYPE_CHECKING:
    from kubewright.client.config import ConnectionConfig
    from kubewright.client.protocol import Client
    from kubewright.install.applying import Installation
    from kubewright.install.settings import Settings

_FORMS = ("yaml", "chart", "kustomize")


@click.command()
@cluster_options
@click.option("-n", "--namespace", default=SYSTEM_NAMESPACE, show_default=True, help="Where the services run.")
@click.option("--services", default="", help="Which, by comma, as of `run`. This, and what follows, stays as chosen:")
@click.option("--image", default="", help="What the services run; this release's, of the name kubewright, by default.")
@click.option("--replicas", type=click.IntRange(1, 9), help="Of each service: one leads. 2 by default.")
@click.option("--prometheus", default=None, help="URL of a store that speaks PromQL, for those who go by measurements.")
@click.option("--all-in-one/--one-each", default=None, help="One process and account for all services, or one each.")
@click.option("--alerts-secret", help="Take Alertmanager's alerts: a Secret there, whose key `token` it must show.")
@click.option("--oidc-issuer", help="URL of an OpenID Connect issuer where people sign in to the dashboard.")
@click.option("--oidc-client-id", help="Who the dashboard is there.")
@click.option("--oidc-secret", help="A Secret there, whose key `client-secret` is that client's.")
@click.option("--oidc-ca", help="A ConfigMap there, whose key `ca.crt` has the CAs of the issuer's certificate.")
@click.option("--behind-tls/--not-behind-tls", default=None, help="Something before the dashboard takes HTTPS off.")
@click.option("--downgrade", is_flag=True, help="Go back to this release from a newer one.")
@wait_option("Until every service has its replicas ready.")
@dry_run_option("Let the server check everything, write nothing, and say what would be.")
@click.option("--diff", "as_diff", is_flag=True, help="Write nothing, and show what would differ, field by field.")
@click.option("--as", "form", type=click.Choice(_FORMS), help="Ask no cluster: the objects as YAML, or as files in -d.")
@click.option("-d", "--directory", type=click.Path(file_okay=False, path_type=Path), help="Where the files are put.")
@color_option()
def install(
    *,
    kubeconfig: str,
    context: str,
    namespace: str,
    services: str,
    image: str,
    replicas: int | None,
    prometheus: str | None,
    all_in_one: bool | None,
    downgrade: bool,
    wait: bool,
    timeout: float,
    dry_run: bool,
    as_diff: bool,
    form: str | None,
    directory: Path | None,
    color: bool | None,
    **more: Any,
) -> int:
    """Put the platform into a cluster, or bring it up to this release; what was chosen before stays so.

    The server checks everything before the first write. What is cut off, the same call goes on with. Exit code 3: it is
    installed, but not all services are ready in time; with --diff, the codes are those of `kubectl diff`.
    """
    from kubewright.cli.service import service_names

    names = service_names(services)

    def chosen(before: Settings | None) -> Settings:
        from kubewright.install.settings import choose

        return choose(
            namespace,
            before,
            services=names,
            image=image,
            replicas=replicas,
            prometheus=prometheus,
            together=all_in_one,
            more=more,
        )

    if form is not None:
        return _write(form, chosen(None), directory)
    if directory is not None:
        raise click.UsageError("-d belongs to --as chart or --as kustomize")

    async def planned(client: Client) -> Installation:
        from kubewright.install import record
        from kubewright.install.applying import plan

        before = await record.read(client, namespace)
        return await plan(client, chosen(before.settings if before else None), downgrade=downgrade)

    config = connection(kubeconfig, context)

    async def only_planned() -> Installation:
        async with connected(config) as client:
            return await planned(client)

    if as_diff:
        return _diff(lambda: asyncio.run(only_planned()), color=color)
    if dry_run:
        for each in asyncio.run(only_planned()).changes:
            say(each.told(dry_run=True))
        return Exit.OK
    return asyncio.run(_install(config, planned, timeout if wait else None))


def _write(form: str, settings: Settings, directory: Path | None) -> int:
    from kubewright.cli.yamlform import dump_all
    from kubewright.install.chart import base, chart
    from kubewright.install.manifests import manifests

    settings.check()
    if form == "yaml":
        say(dump_all(manifests(settings)), nl=False)
        return Exit.OK
    if directory is None:
        raise click.UsageError(f"--as {form} needs -d, a directory to be made")
    if directory.exists() and any(directory.iterdir()):
        raise click.BadParameter(f"{directory} is not empty", param_hint="-d")
    for name, text in (chart if form == "chart" else base)(dump_all, settings).items():
        write_file(directory / name, text)
    say(str(directory))
    return Exit.OK


def _diff(planned: Callable[[], Installation], *, color: bool | None) -> int:
    from kubewright.cli.difftext import shown, unified

    def lines() -> list[str]:
        changes = planned().changes
        return [line for each in changes if not each.none for line in unified(each.resource, each.before, each.after)]

    return shown(lines, color=color)


async def _install(
    config: ConnectionConfig, planned: Callable[[Client], Awaitable[Installation]], seconds: float | None
) -> int:
    from kubewright.install.applying import available, carry_out
    from kubewright.install.record import INSTALLED

    async with connected(config) as client:
        installation = await planned(client)
        was, settings = installation.record, installation.settings
        if was is not None and was.phase != INSTALLED:
            say(f"the installation of {was.settings.version} was cut off ({was.phase}): going on", err=True)
        await carry_out(client, installation)
        changed = [each for each in installation.changes if not each.none]
        for each in changed:
            say(each.told())
        if not changed:
            say(f"kubewright {settings.version} in {settings.namespace} is as it should be")
        if seconds is None:
            return Exit.OK
        late = await available(client, settings, seconds)
    for name in late:
        step = f"kubectl describe deployment -n {settings.namespace} {name}"
        say(f"Deployment/{settings.namespace}/{name} is not ready after {seconds:g} s; next: {step}", err=True)
    return Exit.UNWELL if late else Exit.OK
