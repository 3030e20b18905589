"""What `kubewright rollout` asks the API server, and how it shows the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

import msgspec

from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.crds.appservice.rolloutstatus import REHEARSING, ROLLED_BACK, STABLE, RolloutStatus
from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.cli.columns import Table
from kubewright.cli.connection import connected
from kubewright.cli.exits import Exit
from kubewright.cli.printing import show_table
from kubewright.cli.terminal import say
from kubewright.client.config import ConnectionConfig
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.workloads.kinds import runner_of
from kubewright.workloads.rollout import orders
from kubewright.workloads.rollout.history import kept_revisions
from kubewright.workloads.rollout.releases import Revision
from kubewright.workloads.rollout.words import sentence, where

FIELD_MANAGER = "kubewright-cli"
POLL_SECONDS = 1.0
_STATUS_HEAD = ("NAMESPACE", "APPLICATION", "PHASE", "WHERE", "SINCE", "RELEASE", "WHY")
_NARROW = 5
_ANNOTATIONS = {"promote": orders.PROMOTE, "abort": orders.ABORT, "retry": orders.RETRY}


async def show_status(
    config: ConnectionConfig, namespace: str, name: str, *, watch: bool, timeout_seconds: float
) -> int:
    """Print how a release stands, with `watch` each time that it changes; `UNWELL` if it was rolled back."""
    key = ObjectKey(namespace or config.namespace, name)
    async with connected(config) as client:
        if watch:
            return await _followed(client, key, timeout_seconds or None)
        app = await client.get(APP_SERVICES, key)
    say(describe(app))
    return Exit.UNWELL if _is_rolled_back(app) else Exit.OK


async def _followed(
    client: Client, key: ObjectKey, seconds: float | None, *, told: AppService | None = None, good: str = STABLE
) -> int:
    """Print how a release stands each time that it changes, until it ends: in `good`, or in another way (`UNWELL`).

    `told` is the application as it was when somebody told it something by an annotation, which no generation tells of:
    what it was then does not count.
    """
    said, before = "", None if told is None else told.status.rollout
    try:
        async with asyncio.timeout(seconds):
            while True:
                app = await client.get(APP_SERVICES, key)
                text = describe(app)
                if text != said:
                    say(text)
                    said = text
                state = app.status.rollout
                if _has_ended(app, state) and (told is None or state != before):
                    return Exit.OK if state is not None and state.phase == good else Exit.UNWELL
                await asyncio.sleep(POLL_SECONDS)
    except TimeoutError:
        say(f"{key}: still under way after {seconds:g} s; next: kubewright rollout status {key.name} -w", err=True)
        return Exit.UNWELL


async def show_statuses(config: ConnectionConfig, namespace: str, name: str, selector: str, output: str) -> None:
    """Print how the releases of one application, or of all that are wanted, stand: a line each."""
    async with connected(config) as client:
        if name:
            found: Sequence[AppService] = [await client.get(APP_SERVICES, ObjectKey(namespace, name))]
        else:
            found = (await client.list(APP_SERVICES, namespace=namespace, label_selector=selector)).items
    found = sorted(found, key=lambda app: app.key)
    names = [f"appservice/{app.metadata.name}" for app in found]
    table = Table(_STATUS_HEAD, [_cells(app) for app in found], names, narrow=_NARROW, empty="No applications.")
    documents = [_document(app) for app in found]
    show_table(output, table, lambda: documents[0] if name else {"rollouts": documents})


def _cells(app: AppService) -> tuple[str, ...]:
    state = app.status.rollout
    if state is None or not state.phase:
        return (app.metadata.namespace, app.metadata.name, "-", "the first release has not come up yet", "", "", "")
    stands = where(app, state)
    why = f"{state.reason}: {state.message}" if state.reason else state.message
    return (app.metadata.namespace, app.metadata.name, state.phase, stands, state.since or "", state.release, why)


def _document(app: AppService) -> Manifest:
    state = app.status.rollout
    return {
        "namespace": app.metadata.namespace,
        "name": app.metadata.name,
        "rollout": {} if state is None else msgspec.to_builtins(state),
    }


def _is_rolled_back(app: AppService) -> bool:
    return app.status.rollout is not None and app.status.rollout.phase == ROLLED_BACK


def describe(app: AppService) -> str:
    """Say how a release stands, as one line."""
    state = app.status.rollout
    if state is None or (not state.stable and state.phase != REHEARSING):
        return f"{app.metadata.name}: the first release has not come up yet"
    return f"{app.metadata.name}: {sentence(app, state)}"


def _has_ended(app: AppService, state: RolloutStatus | None) -> bool:
    seen = app.status.observed_generation >= app.metadata.generation
    return seen and state is not None and state.phase in {STABLE, ROLLED_BACK}


async def show_history(config: ConnectionConfig, namespace: str, name: str, output: str = "table") -> None:
    """Print the revisions, the newest first."""
    async with connected(config) as client:
        app, revisions = await _revisions(client, ObjectKey(namespace or config.namespace, name))
    found = [
        {
            "revision": each.number,
            "release": each.release,
            "pods": each.replicas,
            "created": rfc3339(each.created),
            "images": list(each.images),
            "state": _standing(each, app.status.rollout),
        }
        for each in revisions
    ]
    rows = [(*(str(told[name]) for name in ("revision", "release", "pods", "created")), _image(told)) for told in found]
    names = [str(told["revision"]) for told in found]
    table = Table(("REVISION", "RELEASE", "PODS", "CREATED", "IMAGE"), rows, names=names)
    show_table(output, table, lambda: {"revisions": found})


def _image(told: Manifest) -> str:
    return ", ".join(told["images"]) + (f"  ({told['state']})" if told["state"] else "")


def _standing(revision: Revision, state: RolloutStatus | None) -> str:
    if state is None or revision.release not in {state.release, state.stable}:
        return ""
    if state.phase == ROLLED_BACK and revision.release == state.release:
        return "rolled back"
    return "stable" if revision.release == state.stable else "on its way"


async def undo(
    config: ConnectionConfig,
    namespace: str,
    name: str,
    number: int | None,
    *,
    seconds: float | None = None,
    dry_run: bool = False,
) -> int:
    """Ask for an earlier revision; with `seconds` wait until it runs."""
    async with connected(config) as client:
        key = ObjectKey(namespace or config.namespace, name)
        _, revisions = await _revisions(client, key)
        wanted = number or _one_before(key, revisions)
        if all(wanted != each.number and wanted not in each.earlier for each in revisions):
            raise OpError("rollout.undo", ErrorKind.NOT_FOUND, str(key), f"revision {wanted} is not kept")
        await _change(client, key, {"spec": {"rollout": {"undo": wanted}}}, dry_run=dry_run)
        would = "would be" if dry_run else "is"
        say(f"{name}: revision {wanted} {would} asked for; rollout.undo: 0 in its spec runs the spec again")
        return Exit.OK if seconds is None else await _followed(client, key, seconds)


def _one_before(key: ObjectKey, revisions: Sequence[Revision]) -> int:
    if len(revisions) < 2:  # noqa: PLR2004  the present one and the one before
        raise OpError("rollout.undo", ErrorKind.NOT_FOUND, str(key), "there is no revision before this one")
    return revisions[1].number


async def order(
    config: ConnectionConfig,
    namespace: str,
    name: str,
    what: str,
    *,
    seconds: float | None = None,
    dry_run: bool = False,
) -> int:
    """Tell a rollout to pause, resume, promote, abort or retry; with `seconds` wait for the end of it."""
    async with connected(config) as client:
        key = ObjectKey(namespace or config.namespace, name)
        app = await client.get(APP_SERVICES, key)
        await _change(client, key, _patch(app, what), dry_run=dry_run)
        say(f"{name}: {'would be ' if dry_run else ''}told to {what}")
        good, told = ROLLED_BACK if what == "abort" else STABLE, app if what in _ANNOTATIONS else None
        return Exit.OK if seconds is None else await _followed(client, key, seconds, told=told, good=good)


def _patch(app: AppService, what: str) -> Manifest:
    if what in {"pause", "resume"}:
        return {"spec": {"rollout": {"paused": what == "pause"}}}
    state = app.status.rollout
    expected = {"retry": state is not None and state.phase == ROLLED_BACK}.get(
        what, state is not None and state.phase not in {STABLE, ROLLED_BACK}
    )
    if state is None or not expected:
        why = "no release was rolled back" if what == "retry" else "no release is on its way"
        raise OpError(f"rollout.{what}", ErrorKind.INVALID, str(app.key), why)
    forgotten = {orders.ABORT: None} if what == "retry" else {}
    annotation = _ANNOTATIONS[what]
    return {"metadata": {"annotations": {annotation: orders.word(annotation, state), **forgotten}}}


async def _change(client: Client, key: ObjectKey, patch: Manifest, *, dry_run: bool) -> None:
    await client.patch(APP_SERVICES, key, patch, field_manager=FIELD_MANAGER, dry_run=dry_run)


async def _revisions(client: Client, key: ObjectKey) -> tuple[AppService, Sequence[Revision]]:
    app = await client.get(APP_SERVICES, key)
    runner = await client.get(runner_of(app), key)
    return app, await kept_revisions(client, app, runner, counted=True)
