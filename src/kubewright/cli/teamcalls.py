"""What `kubewright team` asks the API server, and how it shows the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Sequence
from typing import TypeVar

import msgspec

from kubewright.api.conditions import READY, RECONCILING, find_condition
from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import TEAM_LABEL
from kubewright.api.crds.team import TEAMS, Holding, Team
from kubewright.api.described import said
from kubewright.api.live import LiveObject
from kubewright.api.meta import KubeObject, Manifest, ObjectKey, Resource, rfc3339
from kubewright.api.selectors import parse_label_selector
from kubewright.cli.columns import Table
from kubewright.cli.connection import connected
from kubewright.cli.exits import Exit
from kubewright.cli.printing import show, show_table
from kubewright.cli.terminal import say
from kubewright.cli.yamlform import dump
from kubewright.client.config import ConnectionConfig
from kubewright.client.protocol import Client, PatchType
from kubewright.client.reviews import own_rules
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.children import get_or_none
from kubewright.tenancy.inventory import holdings
from kubewright.tenancy.names import (
    CONFIRM,
    CONFIRM_DELETE,
    CONFIRM_KEEP,
    ENVIRONMENT_LABEL,
    MANAGED_BY,
    MANAGED_BY_LABEL,
)

T = TypeVar("T", bound=KubeObject)

FIELD_MANAGER = "kubewright-cli"
POLL_SECONDS = 0.2
_HEAD = ("TEAM", "MEMBERS", "NAMESPACES", "READY", "SPENT", "FORECAST", "BUDGET")
_WHO = Resource("authentication.k8s.io", "v1", "selfsubjectreviews", "SelfSubjectReview", LiveObject, namespaced=False)


async def create(config: ConnectionConfig, manifest: Manifest, *, dry_run: bool, timeout_seconds: float) -> int:
    """Create a team and wait until it is Ready; 3 if it is not in time, 1 if something is wrong with it."""
    key = ObjectKey("", manifest["metadata"]["name"])
    async with connected(config) as client:
        await client.create(TEAMS, manifest, field_manager=FIELD_MANAGER, dry_run=dry_run)
        if dry_run:
            say(dump(manifest), nl=False)
            return 0
        try:
            async with asyncio.timeout(timeout_seconds):
                team = await _answered(client, key)
        except TimeoutError:
            say(f"{key}: nobody has answered yet: does `kubewright run tenancy` run?", err=True)
            return Exit.UNWELL
    ready = find_condition(team.status.conditions, READY)
    good = ready is not None and ready.is_true
    say(f"team {team.status.path}: {ready.message if ready else ''}", err=not good)
    for namespace in team.status.namespaces if good else ():
        say(f"  {namespace}")
    return int(not good)


async def _answered(client: Client, key: ObjectKey) -> Team:
    """Wait until the controller has looked at a team, and nothing is under way."""
    while True:
        team = await client.get(TEAMS, key)
        reconciling = find_condition(team.status.conditions, RECONCILING)
        seen = team.status.observed_generation >= team.metadata.generation
        if seen and reconciling is not None and not reconciling.is_true:
            return team
        await asyncio.sleep(POLL_SECONDS)


async def _visible(client: Client, kind: Resource[T]) -> list[T]:
    """Return the objects of a kind that whoever asks may see: all, or those that they may get by name."""
    rules = await own_rules(client, "default")
    names = rules.named("get", kind.group, kind.plural)
    if names is None or rules.named("list", kind.group, kind.plural) is None:
        return list((await client.list(kind)).items)
    return [each for name in names if (each := await get_or_none(client, kind, ObjectKey("", name))) is not None]


async def show_teams(config: ConnectionConfig, name: str | None, output: str, selector: str = "") -> None:
    """Print one team, or without a name all that may be seen and have these labels."""
    wanted = parse_label_selector(selector)
    async with connected(config) as client:
        found = await _visible(client, TEAMS) if name is None else [await client.get(TEAMS, ObjectKey("", name))]
    found = [each for each in found if wanted.matches(each.metadata.labels)]
    documents = [_document(each) for each in found]
    table = Table(
        _HEAD,
        [_row(each) for each in found],
        names=[f"team/{each.name}" for each in found],
        empty="No teams that you may see.",
    )
    show_table(output, table, lambda: documents if name is None else documents[0])


def _row(team: Team) -> tuple[str, ...]:
    status, budget = team.status, team.spec.budget
    ready = find_condition(status.conditions, READY)
    spent = status.budget
    return (
        status.path or team.name,
        str(len(team.spec.members)),
        ",".join(status.namespaces) or "-",
        "-" if ready is None else ready.status if ready.is_true else f"{ready.status} ({ready.reason})",
        spent.spent if spent else "-",
        spent.forecast if spent else "-",
        f"{budget.month} {budget.currency}" if budget else "-",
    )


def _document(team: Team) -> Manifest:
    head = {"apiVersion": TEAMS.api_version, "kind": TEAMS.kind, "metadata": {"name": team.name}}
    return {**head, "spec": said(team.spec), "status": msgspec.to_builtins(team.status)}


async def describe(config: ConnectionConfig, name: str, output: str) -> None:
    """Print everything of a team, its people and conditions first."""
    async with connected(config) as client:
        team = await client.get(TEAMS, ObjectKey("", name))
    show(output, lambda: _document(team), lambda: _story(team))


def _story(team: Team) -> Iterator[str]:
    status = team.status
    yield f"{team.name} ({status.path})"
    for each in status.conditions:
        yield f"  {each.type}: {each.status} {each.reason}: {each.message}"
    for member in sorted(team.spec.members, key=lambda each: (each.role, each.name)):
        yield f"  {member.role}: {member.kind} {member.name}"
    for glass in status.break_glass:
        yield f"  until {glass.until}: {glass.user}: {glass.reason}"
    for namespace, environment in team.environment_of.items():
        yield f"  {environment}: {namespace}"
    for namespace in status.retired:
        yield f"  kept, not asked for any more: {namespace}"
    if status.on_call:
        yield f"  on call: {status.on_call}"
    if status.budget is not None and team.spec.budget is not None:
        budget = f"of {team.spec.budget.month} {team.spec.budget.currency}"
        yield f"  spent {status.budget.spent}, {status.budget.forecast} expected {budget} a month"
    yield f"  board: {status.dashboard}"


async def show_namespaces(config: ConnectionConfig, output: str) -> None:
    """Print the namespaces that whoever asks may see."""
    async with connected(config) as client:
        found = await _visible(client, NAMESPACES)
    head = ("namespace", "team", "environment", "phase")
    rows = [
        (
            each.metadata.name,
            each.metadata.labels.get(TEAM_LABEL, ""),
            each.metadata.labels.get(ENVIRONMENT_LABEL, ""),
            each.status.phase,
        )
        for each in found
    ]
    cells = [tuple(cell or "-" for cell in row) for row in rows]
    table = Table([each.upper() for each in head], cells, names=[f"namespace/{row[0]}" for row in rows])
    show_table(output, table, lambda: [dict(zip(head, row, strict=True)) for row in rows])


async def offboard(config: ConnectionConfig, name: str, *, confirm: bool, keep: bool, timeout_seconds: float) -> int:
    """Print what a team holds; with `confirm` take it away, and wait until it is gone."""
    key = ObjectKey("", name)
    async with connected(config) as client:
        team = await client.get(TEAMS, key)
        labels = f"{TEAM_LABEL}={name},{MANAGED_BY_LABEL}={MANAGED_BY}"
        spaces = (await client.list(NAMESPACES, label_selector=labels)).items
        lower = [each.name for each in (await client.list(TEAMS)).items if each.spec.parent == name]
        for line in _plan(team, await holdings(client, [each.metadata.name for each in spaces]), lower, keep=keep):
            say(line)
        if not confirm:
            say("nothing was written: --confirm does it")
            return 0
        if lower:
            raise OpError("team.offboard", ErrorKind.INVALID, name, f"teams below it go first: {', '.join(lower)}")
        notes = {"metadata": {"annotations": {CONFIRM: CONFIRM_KEEP if keep else CONFIRM_DELETE}}}
        await client.patch(TEAMS, key, notes, PatchType.MERGE, field_manager=FIELD_MANAGER)
        await client.delete(TEAMS, key, uid=team.metadata.uid)
        try:
            async with asyncio.timeout(timeout_seconds):
                while await get_or_none(client, TEAMS, key) is not None:  # noqa: ASYNC110  another process deletes it
                    await asyncio.sleep(POLL_SECONDS)
        except TimeoutError:
            say(f"{name} is on its way out", err=True)
            return Exit.UNWELL
    say(f"{name} is gone")
    return 0


def _plan(team: Team, found: Sequence[Holding], lower: Sequence[str], *, keep: bool) -> list[str]:
    fate = "stays" if keep else "is lost, with all Secrets and ConfigMaps in it"
    lines = [f"team {team.name}: {len(team.spec.members)} members lose their access"]
    for each in found:
        volumes = f", volumes {', '.join(each.volumes)}" if each.volumes else ", no volumes"
        counts = f"{each.workloads} workloads, {each.pods} pods, {each.services} services{volumes}"
        lines.append(f"  namespace {each.namespace} {fate}: {counts}")
    if team.spec.queue is not None:
        lines.append(f"  queue {team.name} is lost")
    return [*lines, *(f"  in the way: team {each} is below it" for each in lower)]


async def break_glass(config: ConnectionConfig, name: str, user: str, seconds: float, reason: str) -> None:
    """Let somebody in for so long, 0 for no longer; those whose time is over are taken off the list as well."""
    now, key = Clock.wall().now(), ObjectKey("", name)
    async with connected(config) as client:
        team = await client.get(TEAMS, key)
        by = (await client.create(_WHO, {})).status.get("userInfo", {}).get("username", "")
        others = [said(each) for each in team.spec.break_glass if each.user != user and each.until > rfc3339(now)]
        until = rfc3339(now + seconds)
        mine = {"user": user, "since": rfc3339(now), "until": until, "reason": reason, "by": by}
        metadata = {"resourceVersion": team.metadata.resource_version}
        change: Manifest = {"metadata": metadata, "spec": {"breakGlass": [*others, *([mine] if seconds else [])]}}
        await client.patch(TEAMS, key, change, PatchType.MERGE, field_manager=FIELD_MANAGER)
    say(f"{user} may act in {name} until {until}" if seconds else f"{user} may not act in {name} any more")
