"""Teams on a twin, under virtual time: what one object gives a team, how it stays so, and how a team goes."""

import asyncio
from pathlib import Path

import pytest
import yaml

from kubewright.api.conditions import find_condition
from kubewright.api.core import CONFIG_MAPS, EVENTS, NAMESPACES, PODS
from kubewright.api.crds.auditrecord import AUDIT_RECORDS
from kubewright.api.crds.queue import QUEUES
from kubewright.api.crds.team import TEAMS
from kubewright.api.meta import ObjectKey, rfc3339
from kubewright.api.quotas import LIMIT_RANGES, RESOURCE_QUOTAS
from kubewright.api.rights import account
from kubewright.app import Choices, Platform
from kubewright.client.protocol import PatchType
from kubewright.errors import OpError
from kubewright.tenancy import rights
from kubewright.tenancy.kinds import CLUSTER_ROLES, KINDS, NETWORK_POLICIES, ROLE_BINDINGS
from tests.sim.accounts import grant, refusals
from tests.sim.build import run

QUOTA = {"requests.cpu": "4", "pods": 20}


def environment(name="prod", **fields):
    return {"name": name, "quota": QUOTA, **fields}


def team(name="shops", **spec):
    members = [{"name": "ann", "role": "admin"}, {"kind": "Group", "name": "shops-dev"}]
    whole = {"members": members, "environments": [environment()], **spec}
    head = {"apiVersion": "kubewright.dev/v1alpha1", "kind": "Team", "metadata": {"name": name}}
    return {**head, "spec": whole}


class Teams:
    """A day with tenancy running."""

    def __init__(self, day, client):
        self.day, self.admin, self.client = day, day.client, client

    async def create(self, *teams):
        for each in teams:
            await self.admin.create(TEAMS, each)
            await asyncio.sleep(2)

    async def change(self, name, **spec):
        await self.admin.patch(TEAMS, ObjectKey("", name), {"spec": spec}, PatchType.MERGE)
        await asyncio.sleep(2)

    async def team(self, name="shops"):
        return await self.admin.get(TEAMS, ObjectKey("", name))

    async def ready(self, name="shops"):
        found = find_condition((await self.team(name)).status.conditions, "Ready")
        return found.status, found.reason, found.message

    async def names(self, resource, namespace=""):
        listed = (await self.admin.list(resource, namespace=namespace)).items
        return sorted(each.metadata.name for each in listed)

    async def labels(self, namespace):
        return dict((await self.admin.get(NAMESPACES, ObjectKey("", namespace))).metadata.labels)

    async def events(self, reason):
        return [each.message for each in (await self.admin.list(EVENTS)).items if each.reason == reason]

    async def there(self, resource, name, namespace=""):
        return name in await self.names(resource, namespace)


def live(story, *, with_rights=False, refused_some=False):
    async def main(day):
        refused = refusals(day.twin)
        client = day.client
        if with_rights:
            user = await grant(day.twin, account(rights.ACCOUNT, "default", rights.cluster_rules()))
            client = day.twin.client(user)
        platform = Platform(client, day.twin.clock, choices=Choices(services=("tenancy",)))
        async with asyncio.TaskGroup() as tasks:
            running = tasks.create_task(platform.run())
            while not platform.ready:  # noqa: ASYNC110  virtual time
                await asyncio.sleep(0.1)
            await story(Teams(day, client))
            running.cancel()
        assert refused_some or not with_rights or refused == []

    return run(main, nodes=1)


def test_one_object_gives_a_team_all_that_it_asks_for_within_five_seconds():
    async def story(teams):
        limits = {"default": {"cpu": "500m"}, "defaultRequest": {"cpu": "100m"}}
        queue = {"weight": 3, "quotas": [{"resource": "cpu", "nominal": 8}]}
        spec = {"environments": [environment(limits=limits), environment("dev")], "queue": queue}
        await teams.admin.create(TEAMS, team(**spec))
        await asyncio.sleep(5)
        assert await teams.ready() == ("True", "Established", "2 namespaces, 2 members")
        labels = await teams.labels("shops-prod")
        assert labels["kubewright.dev/team"] == labels["kubewright.dev/queue"] == "shops"
        assert labels["pod-security.kubernetes.io/enforce"] == "restricted"
        assert await teams.names(ROLE_BINDINGS, "shops-prod") == ["kubewright-team-admin", "kubewright-team-editor"]
        assert await teams.names(RESOURCE_QUOTAS, "shops-dev") == ["kubewright-quota"]
        assert await teams.names(LIMIT_RANGES, "shops-prod") == ["kubewright-limits"]
        assert await teams.names(NETWORK_POLICIES, "shops-prod") == ["kubewright-default-deny"]
        assert (await teams.admin.get(QUEUES, ObjectKey("", "shops"))).spec.weight == 3

    live(story, with_rights=True)


def test_a_team_that_fits_is_not_written_again():
    async def story(teams):
        limits = {"max": {"memory": "2048Mi"}, "min": {"cpu": "0.01"}}
        peers = [{"team": "pay"}, {"cidr": "10.0.0.0/8", "except": ["10.1.0.0/16"], "ports": [{"port": 443}]}]
        queue = {"quotas": [{"resource": "cpu", "nominal": "8000m"}]}
        spec = {"environments": [environment(limits=limits)], "network": {"peers": peers}, "queue": queue}
        await teams.create(team(**spec))
        revision = teams.day.twin.server.store.revision
        await asyncio.sleep(100)
        changes = [
            change
            for kind in (*KINDS, TEAMS)
            for change in teams.day.twin.server.store.changes_since((kind.group, kind.plural), revision)
        ]
        assert changes == []

    live(story)


@pytest.mark.parametrize(
    ("resource", "name"),
    [
        (NETWORK_POLICIES, "kubewright-default-deny"),
        (RESOURCE_QUOTAS, "kubewright-quota"),
        (ROLE_BINDINGS, "kubewright-team-admin"),
    ],
)
def test_what_somebody_deletes_is_back_at_once(resource, name):
    async def story(teams):
        await teams.create(team())
        await teams.admin.delete(resource, ObjectKey("shops-prod", name))
        await asyncio.sleep(2)
        assert await teams.there(resource, name, "shops-prod")

    live(story)


@pytest.mark.parametrize(
    ("resource", "name", "change", "field"),
    [
        pytest.param(
            ROLE_BINDINGS,
            "kubewright-team-admin",
            {"subjects": [{"kind": "User", "name": "ann"}, {"kind": "User", "name": "eve"}]},
            lambda live: [each["name"] for each in live.subjects] == ["ann"],
            id="somebody else among the admins",
        ),
        pytest.param(
            NETWORK_POLICIES,
            "kubewright-default-deny",
            {"spec": {"ingress": [{}]}},
            lambda live: {} not in live.spec["ingress"],
            id="everybody let in",
        ),
        pytest.param(
            NETWORK_POLICIES,
            "kubewright-default-deny",
            {"metadata": {"labels": {"kubewright.dev/team": None, "app.kubernetes.io/managed-by": None}}},
            lambda live: live.metadata.labels["kubewright.dev/team"] == "shops",
            id="a policy that is not ours any more",
        ),
    ],
)
def test_what_somebody_changes_is_as_it_was_at_once(resource, name, change, field):
    async def story(teams):
        await teams.create(team())
        await teams.admin.patch(resource, ObjectKey("shops-prod", name), change, PatchType.MERGE)
        await asyncio.sleep(2)
        live = await teams.admin.get(resource, ObjectKey("shops-prod", name))
        assert field(live)

    live(story)


def test_a_namespace_that_was_there_before_is_never_taken():
    async def story(teams):
        await teams.admin.create(NAMESPACES, {"metadata": {"name": "shops-prod"}})
        await teams.create(team(environments=[environment(), environment("dev")]))
        status, reason, message = await teams.ready()
        assert (status, reason) == ("False", "NameTaken")
        assert "Namespace shops-prod was there before" in message
        assert "kubewright.dev/team" not in await teams.labels("shops-prod")
        assert await teams.names(ROLE_BINDINGS, "shops-prod") == []
        assert await teams.there(ROLE_BINDINGS, "kubewright-team-admin", "shops-dev")
        await teams.admin.delete(NAMESPACES, ObjectKey("", "shops-prod"))
        await asyncio.sleep(40)
        assert (await teams.ready())[:2] == ("True", "Established")

    live(story)


def test_of_two_teams_with_one_namespace_the_older_has_it_until_it_lets_go():
    async def story(teams):
        await teams.create(team(), team("rival", environments=[environment("x", namespaces=["shops-prod"])]))
        assert (await teams.ready("shops"))[0] == "True"
        assert (await teams.ready("rival"))[1:] == (
            "NamespaceTaken",
            "namespace shops-prod is that of team shops, which is older: name another",
        )
        assert (await teams.labels("shops-prod"))["kubewright.dev/team"] == "shops"

    live(story)


def test_a_namespace_that_is_not_named_any_more_is_kept_without_its_members():
    async def story(teams):
        await teams.create(team(environments=[environment(), environment("dev")]))
        await teams.admin.create(CONFIG_MAPS, {"metadata": {"name": "kept"}}, namespace="shops-dev")
        await teams.change("shops", environments=[environment()])
        assert await teams.there(CONFIG_MAPS, "kept", "shops-dev")
        assert await teams.names(ROLE_BINDINGS, "shops-dev") == []
        assert await teams.names(NETWORK_POLICIES, "shops-dev") == ["kubewright-default-deny"]
        assert (await teams.team()).status.retired == ("shops-dev",)
        await teams.change("shops", environments=[environment(), environment("dev")])
        assert await teams.there(ROLE_BINDINGS, "kubewright-team-admin", "shops-dev")

    live(story)


def test_what_a_team_does_not_ask_for_any_more_goes():
    async def story(teams):
        queue = {"quotas": [{"resource": "cpu", "nominal": 8}]}
        await teams.create(team(queue=queue))
        await teams.change("shops", queue=None, network={"defaultDeny": False}, members=[])
        assert await teams.names(QUEUES) == []
        assert await teams.names(NETWORK_POLICIES, "shops-prod") == []
        assert await teams.names(ROLE_BINDINGS, "shops-prod") == []
        assert not await teams.there(CLUSTER_ROLES, "kubewright-team:shops")

    live(story)


def test_parents_that_lead_back_stop_both_teams_until_one_has_another():
    async def story(teams):
        await teams.create(team("a", parent="b"), team("b", parent="a"))
        assert (await teams.ready("a"))[1] == (await teams.ready("b"))[1] == "ParentCycle"
        assert "a -> b -> a" in (await teams.ready("a"))[2]
        assert not await teams.there(NAMESPACES, "a-prod")
        await teams.change("b", parent="")
        assert [(await teams.ready(each))[0] for each in "ab"] == ["True", "True"]
        assert (await teams.team("a")).status.path == "b/a"

    live(story)


def test_a_team_waits_for_a_parent_that_is_not_there():
    async def story(teams):
        await teams.create(team("web", parent="shops"))
        assert (await teams.ready("web"))[1] == "ParentNotFound"
        await teams.create(team())
        assert (await teams.ready("web"))[0] == "True"

    live(story)


def test_namespaces_of_one_environment_may_have_quotas_of_their_own():
    async def story(teams):
        own = [{"namespace": "shops-try", "quota": {"pods": 5}}]
        await teams.create(team(environments=[environment(namespaces=["shops-a", "shops-try"], namespaceQuotas=own)]))
        for namespace, pods in (("shops-a", "20"), ("shops-try", "5")):
            held = (await teams.admin.get(RESOURCE_QUOTAS, ObjectKey(namespace, "kubewright-quota"))).spec.hard
            assert held == {"requests.cpu": "4", "pods": pods}

    live(story)


def test_children_stay_within_the_parents_quota_and_the_older_has_it():
    async def story(teams):
        quota = {"quota": {"requests.cpu": 10}}
        await teams.create(team(**quota), team("one", parent="shops"), team("two", parent="shops"))
        assert [(await teams.ready(each))[0] for each in ("shops", "one")] == ["True", "True"]
        status, reason, message = await teams.ready("two")
        assert (status, reason) == ("False", "QuotaExceeded")
        assert message == "12 requests.cpu would be given, 10 is the most of team shops with those below it"
        assert not await teams.there(NAMESPACES, "two-prod")
        await teams.change("shops", quota={"requests.cpu": 12})
        assert (await teams.ready("two"))[0] == "True"

    live(story)


def test_a_quota_below_what_is_used_takes_nothing_and_is_told():
    async def story(teams):
        await teams.create(team(environments=[environment(quota={"configmaps": 5})]))
        for number in range(3):
            await teams.admin.create(CONFIG_MAPS, {"metadata": {"name": f"c{number}"}}, namespace="shops-prod")
        await teams.change("shops", environments=[environment(quota={"configmaps": 2})])
        await asyncio.sleep(30)
        within = find_condition((await teams.team()).status.conditions, "WithinQuota")
        assert (within.status, within.reason) == ("False", "UseAboveQuota")
        assert "shops-prod: 4 configmaps of 2" in within.message
        assert await teams.there(CONFIG_MAPS, "c2", "shops-prod")

    live(story)


def test_a_deleted_team_keeps_its_namespaces_until_that_is_confirmed():
    async def story(teams):
        await teams.create(team(queue={"weight": 2}))
        await teams.admin.create(CONFIG_MAPS, {"metadata": {"name": "kept"}}, namespace="shops-prod")
        await teams.admin.delete(TEAMS, ObjectKey("", "shops"))
        await asyncio.sleep(60)
        assert await teams.there(CONFIG_MAPS, "kept", "shops-prod")
        status = (await teams.team()).status
        assert (status.offboarding.phase, status.offboarding.holdings[0].namespace) == (
            "AwaitingConfirmation",
            "shops-prod",
        )
        notes = {"metadata": {"annotations": {"kubewright.dev/confirm-offboarding": "delete"}}}
        await teams.admin.patch(TEAMS, ObjectKey("", "shops"), notes, PatchType.MERGE)
        await asyncio.sleep(60)
        assert not await teams.there(NAMESPACES, "shops-prod")
        assert await teams.names(TEAMS) == await teams.names(QUEUES) == []

    live(story, with_rights=True)


def test_a_team_that_goes_may_leave_its_namespaces_behind():
    async def story(teams):
        await teams.create(team())
        notes = {"metadata": {"annotations": {"kubewright.dev/confirm-offboarding": "keep"}}}
        await teams.admin.patch(TEAMS, ObjectKey("", "shops"), notes, PatchType.MERGE)
        await teams.admin.delete(TEAMS, ObjectKey("", "shops"))
        await asyncio.sleep(5)
        assert await teams.names(TEAMS) == await teams.names(ROLE_BINDINGS, "shops-prod") == []
        assert set(await teams.labels("shops-prod")) == {"kubernetes.io/metadata.name"}

    live(story, with_rights=True)


def test_a_team_with_teams_below_it_does_not_go():
    async def story(teams):
        await teams.create(team(), team("web", parent="shops"))
        notes = {"metadata": {"annotations": {"kubewright.dev/confirm-offboarding": "delete"}}}
        await teams.admin.patch(TEAMS, ObjectKey("", "shops"), notes, PatchType.MERGE)
        await teams.admin.delete(TEAMS, ObjectKey("", "shops"))
        await asyncio.sleep(40)
        assert await teams.there(NAMESPACES, "shops-prod")
        assert (await teams.team()).status.offboarding.phase == "HasTeamsBelow"

    live(story)


def test_who_breaks_the_glass_may_act_until_the_time_is_over():
    async def story(teams):
        await teams.create(team())
        now = teams.day.twin.clock.now()
        glass = {"user": "sre@example.com", "reason": "outage 12", "by": "boss"}
        glass |= {"since": rfc3339(now), "until": rfc3339(now + 600)}
        await teams.change("shops", breakGlass=[glass])
        extra = [each for each in await teams.names(ROLE_BINDINGS, "shops-prod") if "break-glass" in each]
        assert len(extra) == 1
        assert [each.user for each in (await teams.team()).status.break_glass] == ["sre@example.com"]
        [told] = await teams.events("BreakGlass")
        assert told.startswith("sre@example.com may act here until ")
        assert told.endswith("let by boss: outage 12")
        await asyncio.sleep(605)
        assert not any("break-glass" in each for each in await teams.names(ROLE_BINDINGS, "shops-prod"))
        assert (await teams.team()).status.break_glass == ()
        assert await teams.events("BreakGlassEnded") == ["sre@example.com may not act here any more"]
        await asyncio.sleep(5)
        written = [each for record in (await teams.admin.list(AUDIT_RECORDS)).items for each in record.spec.entries]
        assert [(each.kind, each.about) for each in written] == [
            (kind, "Team/shops") for _ in range(2) for kind in ("Intended", "Done")
        ]
        assert written[0].why == told

    live(story, with_rights=True)


def test_a_glass_is_not_broken_for_more_than_a_day():
    async def story(teams):
        await teams.create(team())
        glass = {"user": "sre", "reason": "outage", "since": "2026-01-01T00:00:00Z", "until": "2036-01-01T00:00:00Z"}
        await teams.change("shops", breakGlass=[glass])
        assert (await teams.ready())[1] == "BreakGlassRefused"
        assert not any("break-glass" in each for each in await teams.names(ROLE_BINDINGS, "shops-prod"))

    live(story)


@pytest.mark.parametrize(
    ("spec", "words"),
    [
        ({"members": [{"name": "system:masters", "kind": "Group"}]}, "names that begin with system:"),
        ({"parent": "shops"}, "a team is not its own parent"),
        ({"network": {"peers": [{"team": "a", "namespace": "b"}]}}, "a peer is one of"),
        ({"network": {"peers": [{"cidr": "everywhere"}]}}, "addresses are written as"),
        ({"clusterRoles": {"boss": "cluster-admin"}}, "roles are admin, editor and viewer"),
        ({"budget": {"month": 0}}, "a budget is above 0"),
    ],
)
def test_what_cannot_be_is_refused_at_the_field(spec, words):
    async def story(teams):
        with pytest.raises(OpError, match=words):
            await teams.admin.create(TEAMS, team(**spec))

    live(story)


def test_a_role_that_tenancy_may_not_give_out_is_told_on_the_team():
    async def story(teams):
        await teams.create(team(clusterRoles={"admin": "cluster-admin"}))
        status, reason, message = await teams.ready()
        assert (status, reason) == ("False", "Refused")
        assert "RoleBinding/shops-prod/kubewright-team-admin" in message
        assert await teams.there(NETWORK_POLICIES, "kubewright-default-deny", "shops-prod")

    live(story, with_rights=True, refused_some=True)


def test_a_teams_rails_hold_for_the_teams_below_it_as_well():
    async def story(teams):
        open_ = {"podSecurity": "privileged"}
        await teams.create(
            team(rails={"registries": ["registry.example.com"], "highestPriority": 100}, **open_),
            team("web", parent="shops", rails={"registries": ["registry.example.com/web"]}, **open_),
            team("other", **open_),
        )
        requests = {"requests": {"cpu": "100m"}}

        async def refused(namespace, image):
            pod = {"spec": {"containers": [{"name": "c", "image": image, "resources": requests}]}}
            try:
                await teams.admin.create(PODS, {"metadata": {"generateName": "p-"}, **pod}, namespace=namespace)
            except OpError as error:
                return "registries of" in str(error)
            return False

        assert await refused("shops-prod", "evil.example.com/a:1")
        assert await refused("web-prod", "evil.example.com/a:1")
        assert await refused("web-prod", "registry.example.com/a:1")
        assert not await refused("web-prod", "registry.example.com/web/a:1")
        assert not await refused("shops-prod", "registry.example.com/a:1")
        assert not await refused("other-prod", "evil.example.com/a:1")

    live(story, with_rights=True, refused_some=True)


def test_the_example_is_a_team_that_comes_up():
    example = yaml.safe_load((Path(__file__).parents[2] / "examples" / "team.yaml").read_text(encoding="utf-8"))

    async def story(teams):
        await teams.create(example)
        assert await teams.ready() == ("True", "Established", "2 namespaces, 3 members")

    live(story, with_rights=True)
