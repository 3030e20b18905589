"""The platform lives with exactly the rights that it asks for."""

from __future__ import annotations

import asyncio

import pytest
import yaml
from click.testing import CliRunner

from kubewright.api.core import CONFIG_MAPS, EVENTS, PODS
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.crds.queue import QUEUE_CRD, QUEUES
from kubewright.api.meta import Manifest, ObjectKey, PartialObject, Resource
from kubewright.api.podgroups import POD_GROUPS
from kubewright.api.resourceclaims import DEVICE_CLASSES, RESOURCE_CLAIMS, RESOURCE_SLICES
from kubewright.api.rights import account
from kubewright.api.volumes import CLAIMS, STORAGE_CLASSES, VOLUMES
from kubewright.app import Choices, Platform
from kubewright.cli.main import cli
from kubewright.cli.rbac import rbac
from kubewright.clock import Clock, run_virtual
from kubewright.install.services import PARTS
from kubewright.monitoring import installrights as install_rights
from kubewright.monitoring import rights as monitoring_rights
from kubewright.monitoring.installing import apply_all, seen, teams
from kubewright.runtime.definitions import install
from kubewright.runtime.diagnostics.gatekeeper import Gatekeeper
from kubewright.runtime.leader import LeaderElector
from kubewright.scheduler import rights as scheduler_rights
from kubewright.twin.access.users import User
from kubewright.twin.cluster import Twin
from kubewright.twin.faults.fault import FAULTS
from kubewright.workloads import rights
from tests.sim.accounts import OFTEN, account_of, grant, refusals
from tests.sim.scheduling import POD_GROUP_CRD

PRIORITY_CLASSES = Resource(
    "scheduling.k8s.io", "v1", "priorityclasses", "PriorityClass", PartialObject, namespaced=False
)
APP = {
    "apiVersion": "app.example.com/v1",
    "kind": "AppService",
    "metadata": {"name": "shop", "namespace": "default"},
    "spec": {
        "image": "registry.example.com/shop:1",
        "replicas": 2,
        "ports": [{"port": 80}],
        "files": {"/etc/shop.yaml": "a: 1"},
        "rollout": {"rehearse": True},
    },
}


async def _life(twin: Twin, user: User) -> tuple[bool, int]:
    """Install the platform, bring an AppService up and take it away; returns whether it was Ready, and what is left."""
    admin, client = twin.client(), twin.client(user)
    platform = Platform(client, twin.clock)
    elector = LeaderElector(client, twin.clock, ObjectKey("default", "kubewright"), "one")
    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(elector.run(platform.run))
        while not platform.ready:  # noqa: ASYNC110  virtual time
            await asyncio.sleep(0.1)
        await admin.create(APP_SERVICES, APP, namespace="default")
        key = ObjectKey("default", "shop")
        await asyncio.sleep(60)
        await admin.patch(APP_SERVICES, key, {"spec": {"files": {"/etc/shop.yaml": "a: 2"}}})
        await asyncio.sleep(60)
        status = (await admin.get(APP_SERVICES, key)).status
        await admin.delete(APP_SERVICES, key)
        await asyncio.sleep(60)
        left = len((await admin.list(APP_SERVICES)).items)
        running.cancel()
    arrived = status.rollout is not None and status.rollout.phase == "Verifying"
    return arrived and status.ready_replicas == 2, left


@pytest.mark.parametrize("index", [0, 2])
def test_without_the_right_to_read_the_platform_waits_and_asks_again(index: int):
    async def main() -> None:
        async with Twin(Clock.virtual(), nodes=2) as twin:
            documents = account(rights.ACCOUNT, "default", rights.cluster_rules())
            missing = documents[1]["rules"].pop(index)
            user = await grant(twin, documents)
            refused = refusals(twin)
            with pytest.raises(TimeoutError):
                async with asyncio.timeout(300):
                    await _life(twin, user)
            assert {path.rpartition("/")[2] for path in refused} == set(missing["resources"])
            assert 2 < len(refused) < 50

    run_virtual(main())


@pytest.mark.parametrize(("options", "status"), [((), 503), (("--debug",), 401)])
def test_the_printed_account_may_ask_who_sees_diagnostics_if_that_was_wanted(options: tuple[str, ...], status: int):
    async def main() -> None:
        async with Twin(Clock.virtual(), nodes=1) as twin:
            printed = CliRunner().invoke(rbac, options, catch_exceptions=False).output
            user = await grant(twin, list(yaml.safe_load_all(printed)))
            refusal = await Gatekeeper(twin.client(user)).refusal("Bearer of-nobody", "/debug/tasks")
            assert refusal is not None
            assert refusal.status == status

    run_virtual(main())


def _pod(name: str, cpu: str, **spec: object) -> Manifest:
    container = {"name": "main", "image": "app:1", "resources": {"requests": {"cpu": cpu}}}
    spec = {"schedulerName": "kubewright-scheduler", "containers": [container], **spec}
    return {"metadata": {"name": name}, "spec": spec}


async def _offer_devices(admin) -> None:
    """Make a node's device, a class and a claim of it."""
    await admin.create(DEVICE_CLASSES, {"metadata": {"name": "gpu"}, "spec": {}})
    pool = {"name": "pool", "generation": 1, "resourceSliceCount": 1}
    spec = {"driver": "gpu.example.com", "pool": pool, "allNodes": True, "devices": [{"name": "a"}]}
    await admin.create(RESOURCE_SLICES, {"metadata": {"name": "pool"}, "spec": spec})
    requests = [{"name": "r", "exactly": {"deviceClassName": "gpu"}}]
    claim = {"metadata": {"name": "gpu"}, "spec": {"devices": {"requests": requests}}}
    await admin.create(RESOURCE_CLAIMS, claim, namespace="default")


def test_pods_are_scheduled_with_the_schedulers_own_rights_each_of_which_it_uses():
    async def main() -> None:
        async with Twin(Clock.virtual(), nodes=1) as twin, asyncio.TaskGroup() as tasks:
            scheduler = await account_of(twin, scheduler_rights.ACCOUNT, scheduler_rights.cluster_rules())
            admin = twin.client()
            await install(admin, [QUEUE_CRD])
            await admin.create(QUEUES, {"metadata": {"name": "team"}, "spec": {}})
            platform = Platform(scheduler.client, twin.clock, choices=Choices(services=("scheduler",)))
            running = tasks.create_task(platform.run())
            high = {"metadata": {"name": "high"}, "value": 1000}
            await admin.create(PRIORITY_CLASSES, high)
            for name, mode in (("made", "twin.kubewright.dev/disk"), ("there", "kubernetes.io/no-provisioner")):
                waits = {"provisioner": mode, "volumeBindingMode": "WaitForFirstConsumer"}
                await admin.create(STORAGE_CLASSES, {"metadata": {"name": name}, **waits})
                claim = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}
                spec = {"storageClassName": name, **claim}
                await admin.create(CLAIMS, {"metadata": {"name": name}, "spec": spec}, namespace="default")
            disk = {"capacity": {"storage": "1Gi"}, "accessModes": ["ReadWriteOnce"], "storageClassName": "there"}
            at = {"key": "kubernetes.io/hostname", "operator": "Exists"}
            near = {"required": {"nodeSelectorTerms": [{"matchExpressions": [at]}]}}
            volume = {"metadata": {"name": "disk"}, "spec": {**disk, "local": {"path": "/d"}, "nodeAffinity": near}}
            await admin.create(VOLUMES, volume)
            volumes = [{"name": name, "persistentVolumeClaim": {"claimName": name}} for name in ("made", "there")]
            await _offer_devices(admin)
            claims = [{"name": "gpu", "resourceClaimName": "gpu"}]
            await install(admin, [POD_GROUP_CRD])
            gang = {"schedulingPolicy": {"gang": {"minCount": 1}}}
            await admin.create(POD_GROUPS, {"metadata": {"name": "low"}, "spec": gang}, namespace="default")
            low = _pod("low", "7", volumes=volumes, resourceClaims=claims, schedulingGroup={"podGroupName": "low"})
            await admin.create(PODS, low, namespace="default")
            await asyncio.sleep(60)
            assert (await admin.get(PODS, ObjectKey("default", "low"))).is_ready
            await admin.create(PODS, _pod("high", "7", priorityClassName="high"), namespace="default")
            await asyncio.sleep(60)
            assert (await admin.get(PODS, ObjectKey("default", "high"))).is_ready
            running.cancel()
            assert scheduler.refused == []
            # Nobody has installed coscheduling, what could not be written is read again, and of the right to bind
            # claims a real server asks without a request.
            assert scheduler.unused == [
                "get pods",
                "get resourceclaims.resource.k8s.io",
                OFTEN,
                "patch resourceclaims/binding.resource.k8s.io",
                "watch podgroups.scheduling.x-k8s.io",
            ]

    run_virtual(main())


def test_signals_are_taken_in_with_their_own_rights_each_of_which_is_used():
    async def main() -> None:
        async with Twin(Clock.virtual(), nodes=2) as twin, asyncio.TaskGroup() as tasks:
            monitoring = await account_of(twin, monitoring_rights.ACCOUNT, monitoring_rights.cluster_rules())
            platform = Platform(monitoring.client, twin.clock, choices=Choices(services=("monitoring",)))
            running = tasks.create_task(platform.run())
            await asyncio.sleep(30)
            spec = {"type": "NodeDown", "target": {"nodes": {"names": ["node-01"]}}}
            await twin.client().create(FAULTS, {"metadata": {"name": "down"}, "spec": spec})
            await asyncio.sleep(60)
            events = (await twin.client().list(EVENTS)).items
            running.cancel()
            assert platform.ready
            assert "NodeSilent" in {each.reason for each in events}
            assert monitoring.refused == []
            assert monitoring.unused == [OFTEN]

    run_virtual(main())


def test_monitoring_is_installed_with_its_own_rights():
    rendered = CliRunner().invoke(cli, ["monitoring", "render"], catch_exceptions=False).output

    async def main() -> None:
        async with Twin(Clock.virtual(), nodes=1) as twin:
            installing = await account_of(twin, install_rights.ACCOUNT, install_rights.cluster_rules())
            client = installing.client
            await seen(client)
            await teams(client)
            for _ in range(2):
                await apply_all(client, "monitoring", list(yaml.safe_load_all(rendered)))
            await twin.client().patch(
                CONFIG_MAPS, ObjectKey("monitoring", "kubewright-rules"), {"data": {"kubewright.yml": ""}}
            )
            outcomes = await apply_all(client, "monitoring", list(yaml.safe_load_all(rendered)))
            lines = [each.told() for each in outcomes]
            assert "ConfigMap/monitoring/kubewright-rules is changed" in lines
            assert installing.refused == []
            # What the Prometheus operator is told is written where there is one.
            assert {each.split(".", 1)[-1] for each in installing.unused} == {"monitoring.coreos.com"}

    run_virtual(main())


def test_all_services_in_one_process_are_refused_nothing_by_the_account_that_is_printed_for_them():
    async def main() -> None:
        async with Twin(Clock.virtual(), nodes=2) as twin, asyncio.TaskGroup() as tasks:
            printed = CliRunner().invoke(rbac, ["--services", "all"], catch_exceptions=False).output
            user = await grant(twin, list(yaml.safe_load_all(printed)))
            refused = refusals(twin)
            services = tuple(name for name, part in PARTS.items() if not part.pages)
            client, source = twin.client(user), twin.exporters.measurements
            platform = Platform(client, twin.clock, choices=Choices(services=services), source=source)
            elector = LeaderElector(client, twin.clock, ObjectKey("default", "kubewright"), "one")
            running = tasks.create_task(elector.run(platform.run))
            async with asyncio.timeout(60):
                while not platform.ready:  # noqa: ASYNC110  virtual time
                    await asyncio.sleep(0.1)
            await twin.client().create(APP_SERVICES, APP, namespace="default")
            await twin.client().create(PODS, _pod("placed", "1"), namespace="default")
            await asyncio.sleep(120)
            running.cancel()
            assert (await twin.client().get(PODS, ObjectKey("default", "placed"))).status.phase == "Running"
            assert (await twin.client().get(APP_SERVICES, ObjectKey("default", "shop"))).status.ready_replicas == 2
            assert refused == []

    run_virtual(main())
