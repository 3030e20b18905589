"""Rehearses a release: reads the cluster, asks its server about the children, and lets a twin live through the rest."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass

import msgspec

from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.crds.appservice.rolloutstatus import STABLE
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.meta import Manifest
from kubewright.client.protocol import Client
from kubewright.clock import Clock, run_beside
from kubewright.errors import ErrorKind, OpError
from kubewright.rehearsal.play import Children, Played, play
from kubewright.rehearsal.reading import read
from kubewright.rehearsal.world import as_object, world
from kubewright.twin.reading import as_dict, text
from kubewright.workloads.controller import FIELD_MANAGER
from kubewright.workloads.kinds import kind_of
from kubewright.workloads.offering import arriving
from kubewright.workloads.rollout.rehearsal import Outcome

_APPS = live_resource(APP_SERVICES)
_REFUSED = frozenset({ErrorKind.INVALID, ErrorKind.FORBIDDEN})


@dataclass(frozen=True, slots=True)
class TwinRehearsal:
    """Rehearses on twins of the cluster that a client leads to."""

    client: Client
    clock: Clock

    async def rehearse(self, app: AppService) -> Outcome:
        """Rehearse the application's spec as it is; raises OpError if the cluster cannot be read."""
        return await self.rehearse_object(await self.client.get(_APPS, app.key))

    async def rehearse_object(self, live: LiveObject) -> Outcome:
        """Rehearse a spec that may not be there yet; `live` is the AppService as it would be."""
        app = msgspec.json.decode(msgspec.json.encode(live), type=AppService)
        refusals = [each async for each in _refusals(self.client, app)]
        if refusals:
            return Outcome(passed=False, message="; ".join(refusals))
        objects = [each async for each in read(self.client, live.key)]
        objects.append(_before(live))
        now = self.clock.now()
        # The world of a large cluster takes a while to make, so this is done beside the loop, too.
        played = await run_beside(lambda: play(world(objects, app, now), live.key, now))
        return outcome_of(app, played)


async def _refusals(client: Client, app: AppService) -> AsyncIterator[str]:
    """Ask the server itself, by dry runs: its webhooks, and its policies for children, are nowhere else."""
    for child in await arriving(client, app):
        try:
            await client.apply(kind_of(child), child, field_manager=FIELD_MANAGER, dry_run=True)
        except OpError as error:
            if error.kind in _REFUSED:
                yield f"Refused: {error.target}: {error.detail}"
            elif error.kind is not ErrorKind.NOT_FOUND:
                raise


def _before(live: LiveObject) -> Manifest:
    """Return the application as a twin is given it: its release not begun yet."""
    document: Manifest = msgspec.json.decode(msgspec.json.encode(live))
    metadata = {name: value for name, value in document["metadata"].items() if value not in (None, "", [], {})}
    metadata.setdefault("resourceVersion", "1")  # one that is not there yet has none
    status = as_dict(document["status"])
    if stable := text(status, "rollout", "stable"):
        sized = as_dict(as_dict(document["status"])["rollout"]).get("sized", [])
        status["rollout"] = {"phase": STABLE, "release": stable, "stable": stable, "sized": sized}
    else:
        status.pop("rollout", None)  # a first release: nothing has served yet
    head = {"apiVersion": APP_SERVICES.api_version, "kind": APP_SERVICES.kind, "metadata": metadata, "status": status}
    return as_object(head, document["spec"])


def outcome_of(app: AppService, played: Played) -> Outcome:
    """Say what came of it in one sentence."""
    changes = changes_of(played.before, played.after, app.metadata.name)
    if played.trouble:
        return Outcome(passed=False, message=f"{played.trouble} (it {changes})")
    return Outcome(passed=True, message=f"all {played.pods} pods find a place and come up; it {changes}")


def changes_of(before: Children, after: Children, name: str) -> str:
    """Say which children of an application of this name are created, changed and removed."""
    found = {
        "creates": [key for key in after if key not in before],
        "changes": [key for key in before if before[key] != after.get(key, before[key])],
        "removes": [key for key in before if key not in after],
    }
    return ", ".join(f"{verb} {_listed(keys, name)}" for verb, keys in found.items() if keys) or "changes no child"


def _listed(keys: Sequence[tuple[str, str]], name: str) -> str:
    return " and ".join(kind if each == name else f"{kind} {each}" for kind, each in keys)
