"""Teams that nobody answers for in time, and that nobody has."""

from contextlib import asynccontextmanager

import pytest

from kubewright.api.crds.team import TEAM_CRD, TEAMS
from kubewright.api.meta import ObjectKey
from kubewright.cli import teamcalls
from kubewright.cli.documents import empty_server
from kubewright.cli.exits import Exit
from kubewright.errors import ErrorKind, OpError

TEAM = {"apiVersion": TEAMS.api_version, "kind": TEAMS.kind, "metadata": {"name": "shops"}, "spec": {}}


@pytest.fixture
async def client(monkeypatch):
    """A server that all calls go to."""
    made = await empty_server(TEAM_CRD)

    @asynccontextmanager
    async def connected(_config):
        yield made

    monkeypatch.setattr(teamcalls, "connected", connected)
    return made


async def test_no_name_is_no_team(client):
    await client.create(TEAMS, TEAM)
    with pytest.raises(OpError) as refused:
        await teamcalls.show_teams(None, "", "table")
    assert refused.value.kind is ErrorKind.NOT_FOUND


async def test_a_team_that_nobody_makes_or_takes_away_ends_with_the_code_of_waiting(client, capsys):
    assert await teamcalls.create(None, TEAM, dry_run=False, timeout_seconds=0.01) == Exit.UNWELL
    assert "does `kubewright run tenancy` run?" in capsys.readouterr().err
    key = ObjectKey("", "shops")
    await client.patch(TEAMS, key, {"metadata": {"finalizers": ["kubewright.dev/team"]}})
    assert await teamcalls.offboard(None, "shops", confirm=True, keep=True, timeout_seconds=0.01) == Exit.UNWELL
    assert "shops is on its way out" in capsys.readouterr().err
