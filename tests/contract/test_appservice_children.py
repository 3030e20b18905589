"""Applications that ask for more than a Deployment: every child is taken as it is made, left alone, and pruned."""

import asyncio

import msgspec
import pytest

from kubewright.api.crds.appservice import AppService
from kubewright.workloads.children.volumes import files
from tests.contract.asking import eventually
from tests.contract.manifests import pod

ROOTS = {
    "networkpolicies": "/apis/networking.k8s.io/v1",
    "ingresses": "/apis/networking.k8s.io/v1",
    "poddisruptionbudgets": "/apis/policy/v1",
    "horizontalpodautoscalers": "/apis/autoscaling/v2",
    "statefulsets": "/apis/apps/v1",
    "jobs": "/apis/batch/v1",
    "cronjobs": "/apis/batch/v1",
}
WEB = {
    "image": "shop/web:1",
    "team": "shop",
    "ports": [{"name": "http", "port": 80, "targetPort": 8080}],
    "files": {"/etc/web/web.yaml": "colour: blue"},
    "env": [{"name": "POD", "fromField": "metadata.name"}],
    "volumes": [{"name": "cache", "mountPath": "/cache", "emptyDir": {"size": "1024Mi"}}],
    "probes": {"readiness": {"http": {"path": "/ready"}}},
    "expose": {"host": "web.example.com", "tls": {"issuer": "acme"}},
    "access": {
        "from": [{"app": "front", "ports": ["http"]}, {"team": "search"}],
        "to": [{"app": "db", "ports": [5432]}, {"cidr": "192.0.2.0/24"}],
    },
    "scaling": {"min": 2, "max": 4, "targets": [{"metric": "cpu", "percent": 60}]},
    "availability": {"maxUnavailable": "50%"},
    "placement": {
        "nodes": [{"key": "disk", "values": ["ssd"], "weight": 5}],
        "apart": [{}],
        "tolerations": [{"key": "spot", "operator": "Exists"}],
    },
}
FILES = files(msgspec.convert({"metadata": {"name": "web"}, "spec": WEB}, AppService))["metadata"]["name"]
DATABASE = {
    "kind": "stateful",
    "image": "db:1",
    "replicas": 2,
    "ports": [{"name": "sql", "port": 5432}],
    "availability": {},
}
CHILDREN = {
    "web": (
        WEB,
        {
            "serviceaccounts": "web",
            "configmaps": FILES,
            "networkpolicies": "web",
            "deployments": "web",
            "services": "web",
            "ingresses": "web",
            "poddisruptionbudgets": "web",
            "horizontalpodautoscalers": "web",
        },
    ),
    "db": (DATABASE, {"statefulsets": "db", "services": "db-pods", "poddisruptionbudgets": "db"}),
    "nightly": (
        {"image": "report:1", "schedule": "0 3 * * *", "job": {"timeZone": "Europe/Berlin"}},
        {"cronjobs": "nightly"},
    ),
}
BARE = {"image": "shop/web:1", "ports": WEB["ports"]}
STILL_SECONDS = 1.5


@pytest.fixture
def kinds(api, namespace):
    """Give the collection of a kind in the case's namespace."""

    def kinds(plural):
        return api.of(plural, namespace, root=ROOTS[plural]) if plural in ROOTS else api.of(plural, namespace)

    return kinds


def document(name, spec):
    return {"apiVersion": "app.example.com/v1", "kind": "AppService", "metadata": {"name": name}, "spec": spec}


def ready(obj):
    status = obj.get("status", {})
    return status.get("ready") and status.get("observedGeneration") == obj["metadata"]["generation"]


def condition(obj, kind="Ready"):
    found = [each for each in obj.get("status", {}).get("conditions", ()) if each["type"] == kind]
    return found[0] if found else {}


def told(obj):
    return [(each["type"], each["status"], each["message"]) for each in obj["status"]["conditions"]]


async def versions(kinds, children):
    """What changes with every write of a child's content; its status is somebody else's."""
    found = {}
    for plural, name in children.items():
        metadata = (await kinds(plural).get(name)).ok()["metadata"]
        ours = [each for each in metadata["managedFields"] if each["manager"].startswith("kubewright")]
        found[plural] = (metadata["uid"], metadata.get("generation"), [each.get("time") for each in ours])
    return found


@pytest.mark.parametrize("name", CHILDREN)
async def test_every_child_is_made_and_then_left_alone(apps, kinds, name):
    spec, children = CHILDREN[name]
    (await apps.create(document(name, spec))).ok()
    made = await apps.becomes(name, ready)
    before = await versions(kinds, children)
    # Something that concerns it has it looked at again: nothing may come of it.
    (await apps.merge(name, {"metadata": {"labels": {"look": "again"}}})).ok()
    await asyncio.sleep(STILL_SECONDS)
    assert await versions(kinds, children) == before
    assert told(await apps.becomes(name, ready)) == told(made)


async def test_what_is_not_asked_for_any_more_goes(apps, kinds):
    (await apps.create(document("web", WEB))).ok()
    await apps.becomes("web", ready)
    assert (await kinds("deployments").get("web")).ok()["spec"]["replicas"] == 2
    (await apps.merge("web", {"spec": {**dict.fromkeys(set(WEB) - set(BARE)), "replicas": 1}})).ok()
    for plural, name in CHILDREN["web"][1].items():
        if plural not in {"deployments", "services", "configmaps"}:
            await kinds(plural).gone(name)
    await apps.becomes("web", lambda it: ready(it) and it["status"]["replicas"] == 1)


async def test_files_stay_as_long_as_a_release_that_reads_them_may_run_again(apps, kinds):
    async def maps():
        return [name for name in await kinds("configmaps").names() if name.startswith("web-files-")]

    async def release(number):
        (await apps.merge("web", {"spec": {"files": {"/etc/web/web.yaml": f"colour: {number}"}}})).ok()
        await apps.becomes("web", lambda it: ready(it) and it["status"]["observedGeneration"] == number)

    (await apps.create(document("web", {**BARE, "files": WEB["files"], "rollout": {"history": 2}}))).ok()
    await apps.becomes("web", ready)
    [first] = await maps()
    refused = (await kinds("configmaps").merge(first, {"data": {"colour": "red"}})).refused
    assert "field is immutable when `immutable` is set" in refused.message
    for number in (2, 3):
        await release(number)
    assert first in await maps()
    await release(4)

    async def pruned():
        return first not in await maps() and len(await maps()) == 3

    await eventually(pruned)


async def test_volumes_that_cannot_change_are_told_of_and_nothing_is_deleted(apps, kinds):
    def claims(size):
        return {"volumes": [{"name": "data", "mountPath": "/d", "template": {"size": size}}]}

    sets, pods = kinds("statefulsets"), kinds("pods")
    (await apps.create(document("db", {**DATABASE, "replicas": 1, **claims("1Gi")}))).ok()
    before = await sets.becomes("db", lambda it: it.get("status", {}).get("replicas") == 1)
    uid = (await pods.get("db-0")).ok()["metadata"]["uid"]
    (await apps.merge("db", {"spec": claims("2Gi")})).ok()
    told = await apps.becomes("db", lambda it: condition(it).get("reason") == "ImmutableField")
    assert "keeps volumeClaimTemplates for as long as it lives" in condition(told)["message"]
    assert (await sets.get("db")).ok()["metadata"]["uid"] == before["metadata"]["uid"]
    (await sets.delete("db", propagationPolicy="Orphan")).ok()
    [template] = (await sets.becomes("db", lambda it: it["metadata"]["uid"] != before["metadata"]["uid"]))["spec"][
        "volumeClaimTemplates"
    ]
    assert template["spec"]["resources"]["requests"]["storage"] == "2Gi"
    assert (await pods.get("db-0")).ok()["metadata"]["uid"] == uid


LONGEST = {
    "service": ("a" * 63, {**WEB, "volumes": [{"name": "data", "mountPath": "/d", "template": {"size": "1Gi"}}]}),
    "stateful": ("a" * 52, DATABASE),
    "job": ("a" * 63, {"image": "report:1", "kind": "job"}),
    "indexed": ("a" * 61, {"image": "report:1", "kind": "job", "job": {"indexed": True}}),
    "schedule": ("a" * 52, {"image": "report:1", "schedule": "* * * * *"}),
}


@pytest.mark.parametrize(("name", "spec"), LONGEST.values(), ids=LONGEST)
async def test_the_longest_name_that_is_taken_gets_its_pods(apps, kinds, name, spec):
    (await apps.create(document(name, spec))).ok()
    if "schedule" in spec:
        await apps.becomes(name, ready)  # its first job may be a minute away
        return

    async def made():
        return len(await kinds("pods").names()) > 0

    await eventually(made)
    found = await apps.becomes(name, lambda it: it.get("status", {}).get("conditions"))
    assert condition(found)["reason"] not in {"Refused", "PodsRefused", "InvalidSpec"}


async def test_an_autoscalers_number_is_not_fought_over(apps, kinds):
    (await apps.create(document("web", {**BARE, "scaling": {"min": 2, "max": 5}}))).ok()
    await apps.becomes("web", ready)
    deployments = kinds("deployments")
    (await deployments.merge("web", {"spec": {"replicas": 4}}, "scale")).ok()
    await apps.becomes("web", lambda it: ready(it) and it["status"]["readyReplicas"] == 4)
    (await apps.merge("web", {"spec": {"image": "shop/web:2"}})).ok()
    await apps.becomes("web", lambda it: ready(it) and it["status"]["observedGeneration"] == 2)
    assert (await deployments.get("web")).ok()["spec"]["replicas"] == 4


async def test_the_number_of_pods_survives_being_left_to_an_autoscaler(apps, kinds):
    (await apps.create(document("web", {**BARE, "replicas": 3}))).ok()
    await apps.becomes("web", ready)
    (await apps.merge("web", {"spec": {"scaling": {"min": 2, "max": 5}}})).ok()
    made = await apps.becomes("web", lambda it: ready(it) and it["status"]["observedGeneration"] == 2)
    assert made["status"]["replicas"] == 3
    assert (await kinds("deployments").get("web")).ok()["spec"]["replicas"] == 3


async def test_a_job_runs_once_and_its_change_runs_another(apps, kinds):
    (await apps.create(document("report", {"image": "report:1", "kind": "job"}))).ok()

    async def one():
        return await kinds("jobs").names() == ["report"]

    await eventually(one)
    uid = (await kinds("jobs").get("report")).ok()["metadata"]["uid"]
    (await apps.merge("report", {"spec": {"image": "report:2"}})).ok()
    changed = await kinds("jobs").becomes("report", lambda it: it["metadata"]["uid"] != uid)
    assert changed["spec"]["template"]["spec"]["containers"][0]["image"] == "report:2"


async def test_a_missing_secret_is_told_of_and_heals(apps, kinds):
    spec = {**BARE, "env": [{"name": "KEY", "fromSecret": {"name": "keys", "key": "api"}}]}
    (await apps.create(document("web", spec))).ok()
    found = await apps.becomes("web", lambda it: condition(it).get("reason") == "SecretMissing")
    assert condition(found)["message"] == "Secret keys is not there: its pods wait for it"
    assert condition(found, "Stalled")["status"] == "True"
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "keys"}, "stringData": {"api": "k"}}
    (await kinds("secrets").create(secret)).ok()
    await apps.becomes("web", ready)


async def test_a_missing_config_map_volume_is_told_of_and_heals(apps, kinds):
    spec = {**BARE, "volumes": [{"name": "c", "mountPath": "/c", "configMap": {"name": "settings"}}]}
    (await apps.create(document("web", spec))).ok()
    await apps.becomes("web", lambda it: condition(it).get("reason") == "ConfigMapMissing")
    settings = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "settings"}}
    (await kinds("configmaps").create(settings)).ok()
    await apps.becomes("web", ready)


@pytest.mark.parametrize("kind", ["service", "stateful"])
async def test_a_quota_is_told_of_and_heals(apps, api, namespace, kind):
    quotas = api.of("resourcequotas", namespace, root="/api/v1")
    quota = {"apiVersion": "v1", "kind": "ResourceQuota", "metadata": {"name": "q"}, "spec": {"hard": {"pods": "0"}}}
    (await quotas.create(quota)).ok()
    await api.of("pods", namespace).refuses(pod("a"), says="exceeded quota: q")
    (await apps.create(document("web", {**BARE, "kind": kind}))).ok()
    found = await apps.becomes("web", lambda it: condition(it).get("reason") == "QuotaExceeded")
    assert "exceeded quota: q" in condition(found)["message"]
    (await quotas.merge("q", {"spec": {"hard": {"pods": "5"}}})).ok()
    await apps.becomes("web", ready)


async def test_pods_that_fit_nowhere_are_told_of(apps):
    spec = {**BARE, "resources": {"requests": {"cpu": "900"}, "limits": {"cpu": "900"}}}
    (await apps.create(document("web", spec))).ok()
    found = await apps.becomes("web", lambda it: condition(it).get("reason") == "Unschedulable")
    assert "Insufficient cpu" in condition(found)["message"]
    assert condition(found, "Reconciling")["status"] == "True"
    (await apps.merge("web", {"spec": {"resources": None}})).ok()
    await apps.becomes("web", ready)


async def test_a_child_that_the_server_refuses_is_told_of_and_heals(apps, kinds):
    (
        await apps.create(
            document("a", {**BARE, "ports": [{"port": 80, "nodePort": 30777}], "expose": {"type": "NodePort"}})
        )
    ).ok()
    await apps.becomes("a", ready)
    (
        await apps.create(
            document("b", {**BARE, "ports": [{"port": 80, "nodePort": 30777}], "expose": {"type": "NodePort"}})
        )
    ).ok()
    found = await apps.becomes("b", lambda it: condition(it).get("reason") == "Refused")
    assert "provided port is already allocated" in condition(found)["message"]
    (await apps.delete("a")).ok()
    await apps.becomes("b", ready)
