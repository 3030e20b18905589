"""Each service lives through all that it does as its own account: it is refused nothing, and given nothing else.

What these lives leave unused stands with each, and why.
"""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager

import msgspec

from kubewright.api.apiextensions import CRDS
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import NAMESPACES, NODES
from kubewright.api.crds.appservice import APP_SERVICES, AppService
from kubewright.api.crds.disruptionlimit import DISRUPTION_LIMITS
from kubewright.api.crds.healingpolicy import HEALING_POLICIES
from kubewright.api.crds.incident import AWAITING, INCIDENTS, approval
from kubewright.api.crds.nodepool import NODE_POOLS
from kubewright.api.crds.team import TEAMS
from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectKey, rfc3339
from kubewright.app import Choices, Platform
from kubewright.client.protocol import PatchType
from kubewright.clock import Clock, run_virtual
from kubewright.drills.catalogue import DRILLS
from kubewright.drills.live import Stage
from kubewright.drills.usual import NAMESPACE, PERMISSION, WEB, usual
from kubewright.install.services import PARTS
from kubewright.series.protocol import Signal
from kubewright.tenancy.kinds import NETWORK_POLICIES
from kubewright.twin.agents import SimulatedAgents, TwinReach
from kubewright.twin.cluster import Twin
from kubewright.twin.faults.fault import FAULTS
from kubewright.workloads.children import wanted
from kubewright.workloads.kinds import CHILD_KINDS, OPTIONAL, kind_of
from tests.sim.accounts import OFTEN, account_of
from tests.sim.build import Day
from tests.sim.test_cluster_api import definition, machines
from tests.sim.test_node_pools import LARGE, app, pool
from tests.sim.test_size_policies import MIB, Remembering, Sized
from tests.sim.test_teams import environment, team

LIMIT = {"metadata": {"name": "web"}, "spec": {"nodeSelector": {"pool": "web"}, "nodes": {"maxUnavailable": "50%"}}}


@asynccontextmanager
async def living(service, twin, account=None, **options):
    """Run a service as its account, or once more as one that is there; it is refused nothing."""
    part = PARTS[service]
    account = account or await account_of(twin, part.account, part.cluster_rules())
    platform = Platform(account.client, twin.clock, choices=Choices(services=(service,)), **options)
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(platform.run())
        async with asyncio.timeout(60):
            while not platform.ready:  # noqa: ASYNC110  virtual time
                await asyncio.sleep(0.1)
        yield account
        running.cancel()
    assert account.refused == []


def live(story, **options):
    async def run():
        async with Twin(Clock.virtual(), **{"nodes": 1, **options}) as twin:
            await story(twin, twin.client())

    run_virtual(run())


GIVEN_ON = ["get namespaces", "get queues.kubewright.dev", "get teams.kubewright.dev"]
"""Members may read what is their team's: who gives out a right must have it."""


def test_tenancy():
    async def story(twin, admin):
        async with living("tenancy", twin) as account:
            now = twin.clock.now()
            glass = {"user": "sre@example.com", "reason": "outage 12", "by": "boss"}
            glass |= {"since": rfc3339(now), "until": rfc3339(now + 30)}
            environments = [environment(limits={"default": {"cpu": "500m"}}), environment("dev")]
            spec = {"environments": environments, "queue": {"weight": 3}, "rails": {"denyExternalIps": True}}
            await admin.create(TEAMS, team(breakGlass=[glass], **spec))
            await asyncio.sleep(40)
            less = {"environments": [environment()], "queue": None, "rails": None, "members": []}
            await admin.patch(TEAMS, ObjectKey("", "shops"), {"spec": less}, PatchType.MERGE)
            await asyncio.sleep(10)
            await admin.delete(TEAMS, ObjectKey("", "shops"))
            await asyncio.sleep(10)
            notes = {"metadata": {"annotations": {"kubewright.dev/confirm-offboarding": "delete"}}}
            await admin.patch(TEAMS, ObjectKey("", "shops"), notes, PatchType.MERGE)
            await asyncio.sleep(30)
            await admin.create(TEAMS, team())
            await asyncio.sleep(10)
            policy = await admin.get(NETWORK_POLICIES, ObjectKey("shops-prod", "kubewright-default-deny"))
            another = {
                "metadata": {"name": "another", "labels": dict(policy.metadata.labels)},
                "spec": {"podSelector": {}},
            }
            await admin.create(NETWORK_POLICIES, another, namespace="shops-prod")
            without = {"environments": [{"name": "prod", "quota": {}}]}
            await admin.patch(TEAMS, ObjectKey("", "shops"), {"spec": without}, PatchType.MERGE)
            await asyncio.sleep(10)
        async with living("tenancy", twin, account):
            await admin.patch(
                TEAMS,
                ObjectKey("", "shops"),
                {"spec": {"breakGlass": [glass | {"until": rfc3339(now + 900)}]}},
                PatchType.MERGE,
            )
            await asyncio.sleep(10)
            assert account.unused == GIVEN_ON

    live(story)


def test_nodes():
    async def story(twin, admin):
        await machines(admin, ["node-01", "node-02"])
        async with living("nodes", twin) as account:
            await admin.create(DISRUPTION_LIMITS, LIMIT)
            await admin.create(DEPLOYMENTS, app("low", 4, "500m"), namespace="default")
            await asyncio.sleep(10)
            await admin.create(NODE_POOLS, pool())
            await asyncio.sleep(200)
            cordoned = [each.metadata.name for each in (await admin.list(NODES)).items if each.spec.unschedulable]
            await admin.delete(NODES, ObjectKey("", cordoned[0]))
            await admin.create(DEPLOYMENTS, app("web", 12), namespace="default")
            await asyncio.sleep(60)
            assert account.unused == []

    live(story, nodes=2, shape=LARGE, seed=1)


IMAGE = "registry.example.com/shop:1"
PORTS = [{"name": "http", "port": 80}]
ACCESS = {"from": [{"app": "web"}]}
GATEWAY = {"host": "a.example.com", "gateway": {"name": "public", "namespace": "gateways"}}
DATA = [{"name": "data", "mountPath": "/data", "template": {"size": "1Gi", "delete": True}}]
CANARY = {"strategy": "canary", "steps": [{"weight": 5}]}
FILES = {"/etc/a.yaml": "a: 1"}
APPS = {
    "web": {
        "ports": PORTS,
        "files": FILES,
        "expose": {"host": "b.example.com"},
        "access": ACCESS,
        "rollout": {"rehearse": True},
    },
    "scaled": {"ports": PORTS, "scaling": {"min": 2, "max": 4}, "availability": {}, "expose": GATEWAY},
    "policy": {"ports": PORTS, "scaling": {"min": 2, "max": 4, "mode": "reactive"}},
    "meshed": {"ports": PORTS, "mesh": {"type": "istio"}, "access": ACCESS, "rollout": CANARY},
    "data": {"kind": "stateful", "ports": PORTS, "files": FILES},
    "claims": {"volumes": DATA},
    "job": {"kind": "job"},
    "cron": {"schedule": "0 3 * * *", "files": FILES},
}
"""Together they become one of each kind that an application can become."""


def application(name, spec):
    head = {"apiVersion": "app.example.com/v1", "kind": "AppService"}
    return {**head, "metadata": {"name": name, "namespace": "default"}, "spec": {"image": IMAGE, **spec}}


def somebodys(manifest):
    """Give what is at one of our names, and is not ours."""
    metadata = {name: manifest["metadata"][name] for name in ("name", "namespace") if name in manifest["metadata"]}
    return {**manifest, "metadata": metadata}


ASKED_FOR = {f"get {kind.plural}" + (f".{kind.group}" if kind.group else "") for kind in CHILD_KINDS}
"""A name that is somebody else's is asked for, of whichever kind it is; here it is of three."""


def test_workloads():
    async def story(twin, admin):
        for kind in OPTIONAL[1:-1]:
            await admin.create(CRDS, definition(kind))
        async with living("workloads", twin) as account:
            # What an application makes first is somebody else's for a while.
            taken = [next(wanted(msgspec.convert(application(*each), AppService))).manifest for each in APPS.items()]
            for each in taken:
                await admin.create(kind_of(each), somebodys(each), namespace="default")
            for each in APPS.items():
                await admin.create(APP_SERVICES, application(*each), namespace="default")
            await asyncio.sleep(5)
            for each in taken:
                await admin.delete(kind_of(each), ObjectKey("default", each["metadata"]["name"]))
            await asyncio.sleep(60)

            async def change(name, **spec):
                await admin.patch(APP_SERVICES, ObjectKey("default", name), {"spec": spec}, PatchType.MERGE)

            for name in ("web", "cron"):
                await change(name, files={"/etc/a.yaml": "a: 2"})
            await change("job", image="shop:2")
            await change("data", resources={"requests": {"cpu": "1000"}})
            await asyncio.sleep(30)
            await change("data", resources=None)
            await asyncio.sleep(30)
            for name, spec in APPS.items():
                await change(name, **dict.fromkeys(spec) | ({} if name == "web" else {"kind": "job"}))
            await asyncio.sleep(30)
            assert set(account.unused) < ASKED_FOR

    live(story, gateway_api=True)


def test_sizing():
    async def story(twin, admin):
        sized = Sized(Day(twin))
        restarts = [{"resourceName": "memory", "restartPolicy": "RestartContainer"}]
        await sized.deploy({"cpu": "350m", "memory": "1Gi"}, resizePolicy=restarts)
        await asyncio.sleep(30)
        history = {Signal.CONTAINER_CPU: 0.3, Signal.CONTAINER_MEMORY: 300.0 * MIB}
        source = Remembering(twin.exporters.measurements, twin.clock, history)
        async with living("sizing", twin, source=source) as account:
            await admin.create(DISRUPTION_LIMITS, LIMIT)
            await sized.size()
            await asyncio.sleep(900)
        async with living("sizing", twin, account):
            await asyncio.sleep(60)
        # A pod that is not ready as it is asked about is looked at again.
        assert account.unused == ["get pods", OFTEN]

    live(story)


PLAYED = (
    "node-disk-full",
    "release-crashes",
    "memory-leak",
    "service-deleted",
    "wrong-selector",
    "volume-full",
    "drain-blocked",
)
"""Their remedies are of all sorts: pods go or are resized, what was changed is put back, claims grow, fleets widen."""
ELSEWHERE = [
    "create leases.coordination.k8s.io",
    "get auditrecords.kubewright.dev",
    "get baremetalhosts.metal3.io",
    "patch baremetalhosts.metal3.io",
    "patch notificationchannels/status.kubewright.dev",
]
"""A node's lease goes as it is written to, another service has written a record of that number; machines are switched
off in tests/sim/test_healing_nodes.py, people are told in tests/sim/test_notifications.py.
"""


class Drilled:
    """A twin on which drills are played one after another, and a person says yes to what waits for that."""

    def __init__(self, twin, admin):
        self.admin, self.stage = admin, Stage(admin, twin.clock)

    async def play(self, name):
        await self.stage.play(DRILLS[name])
        for each in (await self.admin.list(FAULTS)).items:
            await self.admin.delete(FAULTS, each)
        await self.cleared()

    async def cleared(self):
        await self.admin.delete(NAMESPACES, ObjectKey("", NAMESPACE))
        while any(each.metadata.name == NAMESPACE for each in (await self.admin.list(NAMESPACES)).items):  # noqa: ASYNC110
            await asyncio.sleep(1)

    async def approved(self):
        """Wait for an incident that waits for a person's word, give it, and wait until it is carried out."""
        async with asyncio.timeout(300):
            while not (found := await self.awaiting()):  # noqa: ASYNC110
                await asyncio.sleep(1)
            (incident,) = found
            agreed = approval("a-person", incident.status.plan.digest)
            await self.admin.patch(INCIDENTS, incident.key, agreed)
            while (await self.admin.get(INCIDENTS, incident.key)).status.times.acted is None:  # noqa: ASYNC110
                await asyncio.sleep(1)
            await asyncio.sleep(30)

    async def bar(self):
        """Keep everybody from an application, by a policy that is made and then by one that is changed."""
        for manifest in usual(volumes=False, gpus=False):
            kind = self.stage.kinds.by_kind(manifest["apiVersion"], manifest["kind"]).resource(LiveObject)
            await self.admin.apply(kind, manifest, field_manager="somebody")
        await asyncio.sleep(130)
        await self.admin.create(NETWORK_POLICIES, barrier(policyTypes=["Ingress"]), namespace=NAMESPACE)
        await self.approved()
        await self.admin.create(NETWORK_POLICIES, barrier(ingress=[{}]), namespace=NAMESPACE)
        await asyncio.sleep(130)
        await self.admin.patch(NETWORK_POLICIES, ObjectKey(NAMESPACE, "closed"), {"spec": {"ingress": []}})
        await self.approved()

    async def awaiting(self):
        found = (await self.admin.list(INCIDENTS, namespace=NAMESPACE)).items
        return [each for each in found if each.status.phase == AWAITING]


def barrier(**spec):
    return {"metadata": {"name": "closed"}, "spec": {"podSelector": {"matchLabels": {"app": WEB}}, **spec}}


def test_healing():
    async def story(twin, admin):
        drilled, reach = Drilled(twin, admin), TwinReach(twin.kubelet)
        async with living("healing", twin, source=twin.exporters.measurements, reach=reach) as account:
            await drilled.stage.permit()
            brief = {"spec": {"keepResolvedHours": 1}}
            await admin.patch(HEALING_POLICIES, ObjectKey("", PERMISSION["metadata"]["name"]), brief)
            await admin.create(DISRUPTION_LIMITS, LIMIT)
            await drilled.play("node-down")
            async with asyncio.TaskGroup() as tasks:
                running = tasks.create_task(SimulatedAgents(admin, twin.clock, twin.kubelet).run())
                for name in PLAYED:
                    await drilled.play(name)
                await drilled.bar()
                await asyncio.sleep(4000)
                running.cancel()
            assert account.unused == ELSEWHERE

    live(story, nodes=6)
