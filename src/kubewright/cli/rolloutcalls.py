"""What `kubewright rollout` asks the API server, and how it shows the answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.crds.appservice.rolloutstatus import REHEARSING, ROLLED_BACK, STABLE, RolloutStatus
from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.cli.columns import columns
from kubewright.cli.connection import connected
from kubewright.cli.exits import Exit
from kubewright.cli.terminal import say
from kubewright.client.config import ConnectionConfig
from kubewright.client.protocol import Client
from kubewright.errors import ErrorKind, OpError
from kubewright.workloads.kinds import runner_of
from kubewright.workloads.rollout import orders
from kubewright.workloads.rollout.history import kept_revisions
from kubewright.workloads.rollout.releases import Revision
from kubewright.workloads.rollout.words import sentence

FIELD_MANAGER = "kubewright-cli"
POLL_SECONDS = 1.0
_ANNOTATIONS = {"promote": orders.PROMOTE, "abort": orders.ABORT, "retry": orders.RETRY}


async def show_status(
    config: ConnectionConfig, namespace: str, name: str, *, watch: bool, timeout_seconds: float
) -> int:
    """Print how a release stands, with `watch` each time that it changes; `UNWELL` if it was rolled back."""
    key, said = ObjectKey(namespace or config.namespace, name), ""
    async with connected(config) as client, asyncio.timeout(timeout_seconds or None):
        while True:
            app = await client.get(APP_SERVICES, key)
            text = describe(app)
            if text != said:
                say(text)
                said = text
            state = app.status.rollout
            if not watch or _has_ended(app, state):
                return Exit.UNWELL if state is not None and state.phase == ROLLED_BACK else Exit.OK
            await asyncio.sleep(POLL_SECONDS)


def describe(app: AppService) -> str:
    """Say how a release stands, as one line."""
    state = app.status.rollout
    if state is None or (not state.stable and state.phase != REHEARSING):
        return f"{app.metadata.name}: the first release has not come up yet"
    return f"{app.metadata.name}: {sentence(app, state)}"


def _has_ended(app: AppService, state: RolloutStatus | None) -> bool:
    seen = app.status.observed_generation >= app.metadata.generation
    return seen and state is not None and state.phase in {STABLE, ROLLED_BACK}


async def show_history(config: ConnectionConfig, namespace: str, name: str) -> None:
    """Print the revisions, the newest first."""
    async with connected(config) as client:
        app, revisions = await _revisions(client, ObjectKey(namespace or config.namespace, name))
    rows = [
        (
            str(each.number),
            each.release,
            str(each.replicas),
            rfc3339(each.created),
            f"{', '.join(each.images)}{_mark(each, app.status.rollout)}",
        )
        for each in revisions
    ]
    for line in columns([("REVISION", "RELEASE", "PODS", "CREATED", "IMAGE"), *rows]):
        say(line)


def _mark(revision: Revision, state: RolloutStatus | None) -> str:
    if state is None or revision.release not in {state.release, state.stable}:
        return ""
    if state.phase == ROLLED_BACK and revision.release == state.release:
        return "  (rolled back)"
    return "  (stable)" if revision.release == state.stable else "  (on its way)"


async def undo(config: ConnectionConfig, namespace: str, name: str, number: int | None) -> None:
    """Ask for an earlier revision."""
    async with connected(config) as client:
        key = ObjectKey(namespace or config.namespace, name)
        _, revisions = await _revisions(client, key)
        wanted = number or _one_before(key, revisions)
        if all(wanted != each.number and wanted not in each.earlier for each in revisions):
            raise OpError("rollout.undo", ErrorKind.NOT_FOUND, str(key), f"revision {wanted} is not kept")
        await _change(client, key, {"spec": {"rollout": {"undo": wanted}}})
    say(f"{name}: revision {wanted} runs again; rollout.undo: 0 in its spec runs the spec again")


def _one_before(key: ObjectKey, revisions: Sequence[Revision]) -> int:
    if len(revisions) < 2:  # noqa: PLR2004  the present one and the one before
        raise OpError("rollout.undo", ErrorKind.NOT_FOUND, str(key), "there is no revision before this one")
    return revisions[1].number


async def order(config: ConnectionConfig, namespace: str, name: str, what: str) -> None:
    """Tell a rollout to pause, resume, promote, abort or retry."""
    async with connected(config) as client:
        key = ObjectKey(namespace or config.namespace, name)
        app = await client.get(APP_SERVICES, key)
        await _change(client, key, _patch(app, what))
    say(f"{name}: told to {what}")


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


async def _change(client: Client, key: ObjectKey, patch: Manifest) -> None:
    await client.patch(APP_SERVICES, key, patch, field_manager=FIELD_MANAGER)


async def _revisions(client: Client, key: ObjectKey) -> tuple[AppService, Sequence[Revision]]:
    app = await client.get(APP_SERVICES, key)
    runner = await client.get(runner_of(app), key)
    return app, await kept_revisions(client, app, runner, counted=True)
