"""`kubewright rollout`: releases listed, waited for, and given up on after a while."""

import asyncio
import json
from contextlib import asynccontextmanager

from click.testing import CliRunner

from kubewright.api.core import NAMESPACES
from kubewright.api.crds.appservice import APP_SERVICE_CRD, APP_SERVICES
from kubewright.api.meta import ObjectKey
from kubewright.cli import rolloutcalls
from kubewright.cli.exits import Exit
from kubewright.cli.rollout import rollout
from kubewright.cli.rolloutcalls import order, show_statuses
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock
from kubewright.runtime.definitions import install
from kubewright.twin.kinds import KindTable
from kubewright.twin.server import ApiServer

WEB = ObjectKey("default", "web")
GOING = {"phase": "Progressing", "release": "new", "stable": "old", "weight": 25}


async def with_two(monkeypatch):
    """An API server with two applications, one of which has a release on its way; returns its client."""
    client = RestClient(InProcessTransport(ApiServer(Clock.wall(), KindTable.builtin())))
    await install(client, [APP_SERVICE_CRD])
    await client.create(NAMESPACES, {"metadata": {"name": "default"}})
    for name, state in (("web", GOING), ("api", {"phase": "Stable", "release": "a", "stable": "a"})):
        document = {"metadata": {"name": name, "labels": {"name": name}}, "spec": {"image": f"{name}:1"}}
        await client.create(APP_SERVICES, document, namespace="default")
        await told(client, ObjectKey("default", name), state)

    @asynccontextmanager
    async def connected(_config):
        yield client

    monkeypatch.setattr(rolloutcalls, "connected", connected)
    monkeypatch.setattr(rolloutcalls, "POLL_SECONDS", 0.01)
    return client


async def told(client, key, state):
    """Say how a release stands, as the controller does."""
    status = {"rollout": state, "observedGeneration": (await client.get(APP_SERVICES, key)).metadata.generation}
    await client.patch(APP_SERVICES, key, {"status": status}, subresource="status")


async def test_releases_are_listed_in_every_form(monkeypatch, capsys):
    await with_two(monkeypatch)

    async def listed(output, *, name="", selector=""):
        await show_statuses(None, "default", name, selector, output)
        return capsys.readouterr().out

    head, *rows = (await listed("table")).splitlines()
    assert head.split() == ["NAMESPACE", "APPLICATION", "PHASE", "WHERE", "SINCE"]
    assert [row.split()[1:3] for row in rows] == [["api", "Stable"], ["web", "Progressing"]]
    assert (await listed("name", selector="name=web")).split() == ["appservice/web"]
    assert json.loads(await listed("json", name="web"))["rollout"]["weight"] == 25
    assert [each["name"] for each in json.loads(await listed("json"))["rollouts"]] == ["api", "web"]


async def test_waiting_ends_with_the_release_and_tells_how_that_was(monkeypatch, capsys):
    client = await with_two(monkeypatch)
    for what, end, code in (
        ("promote", "Stable", Exit.OK),
        ("promote", "RolledBack", Exit.UNWELL),
        ("abort", "RolledBack", Exit.OK),
    ):
        await told(client, WEB, GOING)
        async with asyncio.TaskGroup() as tasks:
            waiting = tasks.create_task(order(None, "default", "web", what, seconds=30.0))
            said = ""
            while said.count("\n") < 2:  # what it was told, and how it stands
                said += capsys.readouterr().out
                await asyncio.sleep(0.01)
            await told(client, WEB, GOING | {"phase": end})
        assert waiting.result() == code


async def test_what_was_before_a_retry_is_not_its_end(monkeypatch, capsys):
    client = await with_two(monkeypatch)
    await told(client, WEB, GOING | {"phase": "RolledBack"})
    assert await order(None, "default", "web", "retry", seconds=0.1) == Exit.UNWELL
    assert "still under way after 0.1 s" in capsys.readouterr().err


async def test_a_dry_run_asks_the_server_and_writes_nothing(monkeypatch, capsys):
    client = await with_two(monkeypatch)
    before = (await client.get(APP_SERVICES, WEB)).metadata
    assert await order(None, "default", "web", "pause", dry_run=True) == Exit.OK
    assert capsys.readouterr().out == "web: would be told to pause\n"
    assert (await client.get(APP_SERVICES, WEB)).metadata == before


def test_what_does_not_go_together_is_said_before_a_cluster_is_asked(monkeypatch):
    monkeypatch.setattr("kubewright.cli.rollout.connection", lambda *_: None)
    for call in (["web", "-A"], ["-w"], ["web", "-w", "-o", "json"], ["-l", "a in"]):
        assert CliRunner().invoke(rollout, ["status", *call]).exit_code == Exit.USAGE, call
