"""Fifty teams with 500 users and 200 namespaces: how long onboarding one takes, and a resync that finds nothing to do.

A twin under virtual time; what counts is the processor's time of one core. `make bench-teams`.
"""

from __future__ import annotations

import argparse
import asyncio
import time

from benches.report import Result, report, result
from kubewright.api.conditions import READY, is_true
from kubewright.api.crds.team import TEAMS
from kubewright.api.meta import Manifest, ObjectKey
from kubewright.app import Choices, Platform
from kubewright.clock import Clock, run_virtual
from kubewright.tenancy.controller import RESYNC_SECONDS
from kubewright.tenancy.kinds import KINDS
from kubewright.twin.cluster import Twin

TEAM_COUNT, USERS_EACH, NAMESPACES_EACH = 50, 10, 4
_ROLES = ("admin", "editor", "viewer")
_QUOTA = {"requests.cpu": "10", "requests.memory": "40Gi", "pods": "100"}


def team(number: int) -> Manifest:
    """Return a team: every fifth has four below it, and each has neighbours that it declares."""
    first = number - number % 5
    members = [{"name": f"user-{number}-{at}", "role": _ROLES[at % 3]} for at in range(USERS_EACH)]
    limits = {"default": {"cpu": "1", "memory": "1Gi"}, "defaultRequest": {"cpu": "100m", "memory": "128Mi"}}
    places = [{"name": f"e{at}", "quota": _QUOTA, "limits": limits} for at in range(NAMESPACES_EACH)]
    peers = [{"team": f"team-{(number + 1) % TEAM_COUNT}"}, {"namespace": "ingress", "direction": "Ingress"}]
    spec: Manifest = {
        "members": members,
        "environments": places,
        "queue": {"quotas": [{"resource": "cpu", "nominal": "40"}]},
        "network": {"peers": peers},
        "rails": {"registries": ["registry.example.com"], "highestPriority": 1000},
    }
    if number != first:
        spec["parent"] = f"team-{first}"
    else:
        spec["quota"] = {"requests.cpu": str(40 * 5)}
    head = {"apiVersion": TEAMS.api_version, "kind": TEAMS.kind, "metadata": {"name": f"team-{number}"}}
    return {**head, "spec": spec}


async def _run() -> tuple[float, float, float, int, int]:
    """Return seconds until the last team is Ready, of one more, of a resync, what it wrote, and how many are Ready."""
    async with Twin(Clock.virtual(), nodes=1) as twin, asyncio.TaskGroup() as tasks:
        client = twin.client()
        platform = Platform(client, twin.clock, choices=Choices(services=("tenancy",)))
        running = tasks.create_task(platform.run())
        while not platform.ready:  # noqa: ASYNC110  virtual time
            await asyncio.sleep(0.1)
        for number in range(TEAM_COUNT - 1):
            await client.create(TEAMS, team(number))
        await asyncio.sleep(60)
        began = twin.clock.now()
        await client.create(TEAMS, team(TEAM_COUNT - 1))
        key = ObjectKey("", f"team-{TEAM_COUNT - 1}")
        while not is_true((await client.get(TEAMS, key)).status.conditions, READY):  # noqa: ASYNC110
            await asyncio.sleep(0.05)
        onboarded = twin.clock.now() - began
        await asyncio.sleep(60)
        revision, cpu = twin.server.store.revision, time.process_time()
        await asyncio.sleep(RESYNC_SECONDS)
        resync = time.process_time() - cpu
        ready = sum(is_true(each.status.conditions, READY) for each in (await client.list(TEAMS)).items)
        running.cancel()
        restarted = await _restart(twin, tasks)
        written = sum(
            1 for kind in (*KINDS, TEAMS) for _ in twin.server.store.changes_since((kind.group, kind.plural), revision)
        )
    return onboarded, resync, restarted, written, ready


async def _restart(twin: Twin, tasks: asyncio.TaskGroup) -> float:
    """Return the seconds of a platform that starts, reads everything and looks at every team."""
    cpu = time.process_time()
    platform = Platform(twin.client(), twin.clock, choices=Choices(services=("tenancy",)))
    running = tasks.create_task(platform.run())
    while not platform.settled:  # noqa: ASYNC110  virtual time
        await asyncio.sleep(0.1)
    seconds = time.process_time() - cpu
    running.cancel()
    return seconds


def measure(runs: int) -> list[Result]:
    """Run it so often, and hold the medians against the goals."""
    found = [run_virtual(_run()) for _ in range(runs)]
    assert all(ready == TEAM_COUNT for *_, ready in found), "not every team is Ready"
    return [
        result("onboarding one more team", "s, virtual", [each[0] for each in found], goal=5, less_is_better=True),
        result("full resync", "s of a core", [each[1] for each in found], goal=5, less_is_better=True),
        result("full resync after a start", "s of a core", [each[2] for each in found], goal=5, less_is_better=True),
        result("writes of a resync", "objects", [each[3] for each in found], goal=0, less_is_better=True),
    ]


def main() -> None:
    """Measure and report."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--runs", type=int, default=3)
    report("teams", measure(parser.parse_args().runs))


if __name__ == "__main__":
    main()
