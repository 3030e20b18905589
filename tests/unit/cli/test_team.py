"""Teams that nobody answers for in time: the code says that it was waited for."""

from contextlib import asynccontextmanager

from kubewright.api.crds.team import TEAM_CRD, TEAMS
from kubewright.api.meta import ObjectKey
from kubewright.cli import teamcalls
from kubewright.cli.documents import empty_server
from kubewright.cli.exits import Exit

TEAM = {"apiVersion": TEAMS.api_version, "kind": TEAMS.kind, "metadata": {"name": "shops"}, "spec": {}}


async def test_a_team_that_nobody_makes_or_takes_away_ends_with_the_code_of_waiting(monkeypatch, capsys):
    client = await empty_server(TEAM_CRD)

    @asynccontextmanager
    async def connected(_config):
        yield client

    monkeypatch.setattr(teamcalls, "connected", connected)
    assert await teamcalls.create(None, TEAM, dry_run=False, timeout_seconds=0.01) == Exit.UNWELL
    assert "does `kubewright run tenancy` run?" in capsys.readouterr().err
    key = ObjectKey("", "shops")
    await client.patch(TEAMS, key, {"metadata": {"finalizers": ["kubewright.dev/team"]}})
    assert await teamcalls.offboard(None, "shops", confirm=True, keep=True, timeout_seconds=0.01) == Exit.UNWELL
    assert "shops is on its way out" in capsys.readouterr().err
