"""`kubewright monitoring`: what Prometheus, Alertmanager and Grafana are configured with, printed or installed."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import click

from kubewright.cli.connection import cluster_options, connected, connection
from kubewright.cli.options import color_option, namespace_option
from kubewright.cli.terminal import say
from kubewright.cli.writing import write_file

if TYPE_CHECKING:
    from kubewright.monitoring.forms import Bundle
    from kubewright.monitoring.routing import Hook
    from kubewright.monitoring.teams import Audience
    from kubewright.runtime.applying import ObjectChange

F = TypeVar("F", bound=Callable[..., Any])
_FORM = click.option(
    "--form",
    type=click.Choice(["configmaps", "operator"]),
    default="configmaps",
    show_default=True,
    help="For plain Prometheus and Grafana, or for the Prometheus Operator.",
)
_OPTIONS = (
    click.option("--teams", "teams_file", type=click.Path(), default="", help="Whose namespaces are, and maintenance."),
    click.option("--runbooks", default="docs/runbooks", show_default=True, help="Where the runbook pages are, a URL."),
    click.option("--interval", default="15s", show_default=True, help="Between scrapes, and between evaluations."),
    click.option(
        "--patience",
        type=click.FloatRange(min=0, min_open=True),
        default=1.0,
        show_default=True,
        help="Times that alerts wait.",
    ),
    click.option(
        "--alertmanager",
        "alertmanagers",
        multiple=True,
        default=["alertmanager.monitoring.svc:9093"],
        show_default=True,
        help="HOST:PORT; repeatable.",
    ),
    click.option("--hook", "hook_url", default="", help="URL of `kubewright run monitoring`, which takes alerts in."),
    click.option("--hook-token-file", default="/etc/alertmanager/hook/token", show_default=True),
    click.option("--hook-ca-file", default="", help="Whose certificate the hook has."),
)


def _options(command: F) -> F:
    for option in reversed(_OPTIONS):
        command = option(command)
    return command


@click.group()
def monitoring() -> None:
    """Write what Prometheus, Alertmanager and Grafana need: scrapes, rules, routes, dashboards."""


@monitoring.command()
@_options
@_FORM
@click.option("-f", "--filename", "paths", multiple=True, help="AppServices, whose `slo` alerts go by; repeatable.")
@namespace_option("Where the objects belong.", default="monitoring")
@click.option("-d", "--directory", type=click.Path(path_type=Path), help="Write files there instead of objects.")
@click.option("--through", default="", help="Scrape by this API server's proxy; its ca.crt and token lie beside.")
def render(
    *, form: str, paths: tuple[str, ...], namespace: str, directory: Path | None, through: str, **options: Any
) -> None:
    """Print the objects, or write files; no cluster is asked."""
    from kubewright.cli.documents import admitted, is_app_service, read
    from kubewright.cli.render import written
    from kubewright.clock import run_virtual

    apps = run_virtual(admitted([each for each in read(paths) if is_app_service(each)], "default"))
    audience, hook = _audience(options["teams_file"]), _hook(options)
    bundle, audience = _bundle(audience, hook, apps, through=through, **options)
    if directory is None:
        say(written(_objects(form, bundle, namespace, audience, hook), "yaml"), nl=False)
        return
    from kubewright.cli.yamlform import dump
    from kubewright.monitoring.forms import files

    for name, text in files(bundle, dump).items():
        write_file(directory / name, text)
        say(str(directory / name))


@monitoring.command()
@cluster_options
@_options
@_FORM
@namespace_option("Where the objects are put.", default="monitoring")
@click.option("--diff", "as_diff", is_flag=True, help="Write nothing, and show what would differ, field by field.")
@click.option(
    "--dry-run",
    type=click.Choice(["none", "server"]),
    is_flag=False,
    flag_value="server",
    default="none",
    help="Let the server check everything, write nothing, and say what would be. (`render` asks no server.)",
)
@color_option()
def install(
    *,
    kubeconfig: str,
    context: str,
    form: str,
    namespace: str,
    as_diff: bool,
    dry_run: str,
    color: bool | None,
    **options: Any,
) -> int:
    """Apply the objects to a cluster: its AppServices' objectives and its namespaces' teams are part of them.

    Run it again when either has changed: what is as it should be is left alone. With --diff the exit code is 0 where
    nothing would change, 1 where something would, and 2 where there is no telling.
    """

    def run(*, dry: bool) -> list[ObjectChange]:
        return asyncio.run(_install(connection(kubeconfig, context), form, namespace, options, dry_run=dry))

    if as_diff:
        from kubewright.cli.difftext import shown, unified

        def lines() -> list[str]:
            return [line for each in run(dry=True) for line in unified(each.resource, each.before, each.after)]

        return shown(lines, color=color)
    dry = dry_run == "server"
    for each in run(dry=dry):
        say(each.told(dry_run=dry))
    return 0


async def _install(
    config: Any, form: str, namespace: str, options: dict[str, Any], *, dry_run: bool
) -> list[ObjectChange]:
    from kubewright.monitoring.installing import apply_all, seen, teams
    from kubewright.monitoring.teams import with_namespaces, with_teams

    async with connected(config) as client:
        apps, owners = await seen(client)
        named = with_teams(_audience(options["teams_file"]), await teams(client))
        audience, hook = with_namespaces(named, owners), _hook(options)
        bundle, audience = _bundle(audience, hook, apps, **options)
        objects = _objects(form, bundle, namespace, audience, hook)
        return await apply_all(client, namespace, objects, dry_run=dry_run)


def _audience(path: str) -> Audience:
    from kubewright.cli.documents import read_plain
    from kubewright.monitoring.teams import Audience, audience

    return audience(read_plain(path), path) if path else Audience()


def _hook(options: dict[str, Any]) -> Hook | None:
    from kubewright.monitoring.routing import Hook

    if not options["hook_url"]:
        return None
    return Hook(options["hook_url"], options["hook_token_file"], options["hook_ca_file"])


def _bundle(audience: Audience, hook: Hook | None, apps: Any, **options: Any) -> tuple[Bundle, Audience]:
    from kubewright.monitoring.dashboards.grafana import documents
    from kubewright.monitoring.dashboards.shipped import BOARDS
    from kubewright.monitoring.forms import Bundle
    from kubewright.monitoring.reach import Inside, Through
    from kubewright.monitoring.routing import Waits, alertmanager_config
    from kubewright.monitoring.rules import Wording, rule_file
    from kubewright.monitoring.scrape import Alerting, prometheus_config
    from kubewright.monitoring.shipped import groups
    from kubewright.monitoring.teams import with_names

    everyone = with_names(audience, [app.spec.team for app in apps if app.spec.team])
    through = options.get("through", "")
    reach = Through(through, "ca.crt", "token") if through else Inside()
    alerting = Alerting(("rules/*.yml",), options["alertmanagers"], everyone.by_namespace)
    rules = rule_file(groups(apps, everyone.by_namespace), Wording(options["runbooks"], options["patience"]))
    config = prometheus_config(reach, alerting, interval=options["interval"])
    told = alertmanager_config(everyone, hook, Waits(options["patience"]))
    return Bundle(config, rules, told, documents(BOARDS, options["runbooks"])), everyone


def _objects(form: str, bundle: Bundle, namespace: str, audience: Audience, hook: Hook | None) -> list[dict[str, Any]]:
    from kubewright.cli.yamlform import dump
    from kubewright.monitoring.forms import config_maps, operator_objects

    if form == "operator":
        from kubewright.monitoring.operatorreceivers import not_carried

        for sentence in not_carried(audience):
            say(f"kubewright: not carried over: {sentence}", err=True)
        return list(operator_objects(bundle, namespace, audience, hook, dump))
    return list(config_maps(bundle, namespace, dump))
