"""What `kubewright incidents` asks the API server, and how it shows the answers."""

from __future__ import annotations

import getpass
from dataclasses import dataclass

import click
import msgspec

from kubewright.api.crds.incident import AWAITING, INCIDENTS, PAUSED, RESOLVED, Incident, approval
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.cli.columns import CELL_AT_MOST, Table
from kubewright.cli.connection import connected
from kubewright.cli.incidenttext import HEAD, WIDE, happened, row, story
from kubewright.cli.printing import show, show_table
from kubewright.cli.terminal import one_line, say
from kubewright.client.config import ConnectionConfig
from kubewright.client.protocol import Client
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError

FIELD_MANAGER = "kubewright-cli"
_LIVE = live_resource(INCIDENTS)


@dataclass(frozen=True, slots=True)
class Asked:
    """The options of `list`."""

    namespace: str
    """Empty for all."""
    selector: str
    output: str
    everything: bool
    watch: bool


async def show_list(config: ConnectionConfig, asked: Asked) -> None:
    """Print incidents; with `watch` go on with each that comes on."""
    async with connected(config) as client:
        if asked.output in {"json", "yaml"}:
            found = (await client.list(_LIVE, namespace=asked.namespace, label_selector=asked.selector)).items
            documents = [_document(each) for each in found if asked.everything or each.status.get("phase") != RESOLVED]
            show(asked.output, lambda: {"apiVersion": "v1", "kind": "List", "items": documents}, tuple)
            return
        listed = await client.list(INCIDENTS, namespace=asked.namespace, label_selector=asked.selector)
        shown = [each for each in listed.items if asked.everything or not each.status.is_over]
        shown.sort(key=lambda each: each.metadata.seniority)
        now = Clock.wall().now()
        rows = [row(each, now) for each in shown]
        names = [f"incident/{each.metadata.name}" for each in shown]
        empty = "" if asked.watch else "Nothing is wrong."
        show_table(asked.output, Table(WIDE, rows, names, narrow=len(HEAD), empty=empty), tuple)
        if asked.watch:
            await _follow(client, asked, listed.resource_version)


async def _follow(client: Client, asked: Asked, version: str) -> None:
    """Print each incident that comes on, also after the server has ended the watch."""
    shown = None if asked.output == "wide" else len(HEAD)
    while True:
        async for event in client.watch(
            INCIDENTS, namespace=asked.namespace, label_selector=asked.selector, resource_version=version
        ):
            version = event.resource_version or version
            if event.obj is not None:
                cells = row(event.obj, Clock.wall().now())
                say("   ".join(one_line(each, CELL_AT_MOST) for each in cells[:shown]))


async def show_one(config: ConnectionConfig, namespace: str, name: str, output: str) -> None:
    """Print one incident's story, or the object."""
    async with connected(config) as client:
        incident = await _find(client, namespace, name)
        document = {} if output == "text" else _document(await client.get(_LIVE, incident.key))
    show(output, lambda: document, lambda: story(incident))


async def show_timeline(config: ConnectionConfig, namespace: str, name: str, output: str) -> None:
    """Print what happened when."""
    async with connected(config) as client:
        found = list(happened(await _find(client, namespace, name)))
    rows = [(f"{seconds:+.0f}", rfc3339(at), what) for at, seconds, what in found]
    table = Table(("SECONDS", "AT", "WHAT"), rows, names=[what for _, _, what in found], empty="Nothing is known yet.")
    told = [{"at": rfc3339(at), "secondsFromFault": seconds, "what": what} for at, seconds, what in found]
    show_table(output, table, lambda: {"moments": told})


async def approve(
    config: ConnectionConfig, namespace: str, name: str, by: str, digest: str, *, dry_run: bool = False
) -> None:
    """Write who lets the healer carry out its plan: the one of this digest, or the one that it proposes now."""
    async with connected(config) as client:
        incident = await _find(client, namespace, name)
        if incident.status.phase != AWAITING:
            raise click.ClickException(f"{incident.key} does not wait for approval: it is {incident.status.phase}")
        plan = incident.status.plan
        if plan is None or digest not in {"", plan.digest}:
            proposed = "none" if plan is None else f"{plan.digest} ({plan.remedy})"
            raise click.ClickException(f"{incident.key} does not propose the plan {digest}: it is {proposed}")
        who = by or user()
        await _change(client, incident, approval(who, plan.digest), dry_run=dry_run)
        say(f"{incident.key} {'would be' if dry_run else 'is'} approved by {who}: {plan.remedy}, {plan.reason}")
        for each in plan.actions:
            say(f"  {each}")


def user() -> str:
    """Return who runs this; raises click's UsageError where the machine does not know, as in many containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError) as error:
        raise click.UsageError("this machine does not know who you are: say --by") from error


async def pause(config: ConnectionConfig, namespace: str, name: str, reason: str | None) -> None:
    """Write why the healer is to leave an incident alone; None to let it go on."""
    async with connected(config) as client:
        incident = await _find(client, namespace, name)
        await _change(client, incident, {"metadata": {"annotations": {PAUSED: reason}}})
        say(f"{incident.key} {'goes on' if reason is None else 'is paused'}")


async def _change(client: Client, incident: Incident, patch: Manifest, *, dry_run: bool = False) -> None:
    """Patch the one incident that was seen, not a namesake."""
    patch = {"metadata": {**patch["metadata"], "uid": incident.metadata.uid}}
    await client.patch(INCIDENTS, incident.key, patch, field_manager=FIELD_MANAGER, dry_run=dry_run)


async def _find(client: Client, namespace: str, name: str) -> Incident:
    """Return the incident of a name, in a namespace or wherever there is one."""
    if namespace:
        return await client.get(INCIDENTS, ObjectKey(namespace, name))
    listing = await client.list(INCIDENTS, field_selector=f"metadata.name={name}")
    if not listing.items:
        raise OpError("get", ErrorKind.NOT_FOUND, f"Incident/{name}", "there is none of this name")
    if len(listing.items) > 1:
        places = ", ".join(each.metadata.namespace for each in listing.items)
        raise click.ClickException(f"there are several: say -n, one of {places}")
    return listing.items[0]


def _document(live: LiveObject) -> Manifest:
    found: Manifest = msgspec.to_builtins(live)
    metadata = {name: value for name, value in found["metadata"].items() if value not in (None, "", [], {})}
    head = {"apiVersion": INCIDENTS.api_version, "kind": INCIDENTS.kind, "metadata": metadata}
    return {**head, "spec": found["spec"], "status": found["status"]}
