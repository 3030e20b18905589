"""The platform itself, as `kubewright up` runs it: AppServices come up, are repaired, and go without a trace."""

import json

import pytest

from tests.contract.asking import eventually, invalid
from tests.contract.conftest import APP_SERVICES_ROOT, platform_on
from tests.contract.test_mission import CRD

SHOP_SERVICES = 12
FINALIZER = "kubewright.dev/appservice"
NOT_CHECKED = (
    "<nil>: Invalid value: null: some validation rules were not checked because the object was invalid; "
    "correct the existing errors to complete validation"
)


def app_service(name, replicas=2, **spec):
    return {
        "apiVersion": "app.example.com/v1",
        "kind": "AppService",
        "metadata": {"name": name},
        "spec": {"image": "nginx:1", "replicas": replicas, "ports": [{"name": "http", "port": 80}], **spec},
    }


@pytest.fixture
def deployments(api, namespace):
    return api.of("deployments", namespace)


@pytest.fixture
def services(api, namespace):
    return api.of("services", namespace)


def ready(document):
    status = document.get("status", {})
    return status.get("ready") and status.get("observedGeneration") == document["metadata"]["generation"]


async def test_an_app_service_becomes_ready(apps, deployments, services):
    (await apps.create(app_service("a"))).ok()
    made = await apps.becomes("a", ready)
    assert made["metadata"]["finalizers"] == [FINALIZER]
    assert made["status"]["readyReplicas"] == 2
    conditions = {each["type"]: each["status"] for each in made["status"]["conditions"]}
    assert conditions["Ready"] == "True"
    deployment = (await deployments.get("a")).ok()
    (owner,) = deployment["metadata"]["ownerReferences"]
    assert (owner["kind"], owner["uid"], owner["controller"]) == ("AppService", made["metadata"]["uid"], True)
    assert deployment["spec"]["replicas"] == 2
    assert deployment["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1"
    service = (await services.get("a")).ok()
    assert [each["port"] for each in service["spec"]["ports"]] == [80]


async def test_a_change_is_rolled_out(apps, deployments):
    (await apps.create(app_service("a"))).ok()
    await apps.becomes("a", ready)
    (await apps.merge("a", {"spec": {"image": "nginx:2", "replicas": 3}})).ok()
    made = await apps.becomes("a", lambda it: ready(it) and it["status"]["readyReplicas"] == 3)
    assert made["status"]["observedGeneration"] == 2
    template = (await deployments.get("a")).ok()["spec"]["template"]
    assert template["spec"]["containers"][0]["image"] == "nginx:2"


@pytest.mark.parametrize(
    ("plural", "patch", "restored"),
    [
        pytest.param("deployments", {"spec": {"replicas": 5}}, lambda it: it["spec"]["replicas"] == 2, id="replicas"),
        pytest.param(
            "deployments",
            {"spec": {"template": {"spec": {"containers": [{"name": "app", "image": "evil:1"}]}}}},
            lambda it: it["spec"]["template"]["spec"]["containers"][0]["image"] == "nginx:1",
            id="image",
        ),
        pytest.param(
            "services",
            {"spec": {"ports": [{"name": "http", "port": 80, "targetPort": 99}]}},
            lambda it: it["spec"]["ports"][0]["targetPort"] == 80,
            id="target port",
        ),
        pytest.param(
            "services",
            {"spec": {"selector": {"app.example.com/name": "other"}}},
            lambda it: it["spec"]["selector"] == {"app.example.com/name": "a"},
            id="selector",
        ),
    ],
)
async def test_an_edited_child_is_put_right(apps, api, namespace, plural, patch, restored):
    (await apps.create(app_service("a"))).ok()
    await apps.becomes("a", ready)
    children = api.of(plural, namespace)
    (await children.merge("a", patch)).ok()
    await children.becomes("a", restored)
    await apps.becomes("a", ready)


@pytest.mark.parametrize("plural", ["deployments", "services"])
async def test_a_deleted_child_is_made_again(apps, api, namespace, plural):
    (await apps.create(app_service("a"))).ok()
    await apps.becomes("a", ready)
    children = api.of(plural, namespace)
    uid = (await children.get("a")).ok()["metadata"]["uid"]
    (await children.delete("a")).ok()
    await children.becomes("a", lambda it: it["metadata"]["uid"] != uid)
    await apps.becomes("a", ready)


async def test_a_deleted_app_service_takes_its_children_with_it(apps, deployments, services, api, namespace):
    (await apps.create(app_service("a"))).ok()
    await apps.becomes("a", ready)
    (await apps.delete("a")).ok()
    await apps.gone("a")
    assert (await services.get("a")).status == 404
    await deployments.gone("a")
    pods = api.of("pods", namespace)

    async def none_left():
        return await pods.names() == []

    await eventually(none_left, pods.list)


async def test_without_ports_there_is_no_service(apps, services):
    (await apps.create(app_service("a"))).ok()
    await apps.becomes("a", ready)
    (await apps.merge("a", {"spec": {"ports": None}})).ok()
    await services.gone("a")


async def test_an_idle_app_service_is_not_written(apps, deployments):
    (await apps.create(app_service("a", 1))).ok()
    first = await apps.becomes("a", ready)
    (await apps.create(app_service("b", 1))).ok()
    await apps.becomes("b", ready)
    again = (await apps.get("a")).ok()
    assert again["metadata"]["resourceVersion"] == first["metadata"]["resourceVersion"]


async def test_scale_goes_through_the_app_service(apps, deployments):
    (await apps.create(app_service("a", 1))).ok()
    await apps.becomes("a", ready)
    (await apps.merge("a", {"spec": {"replicas": 2}}, "scale")).ok()
    await apps.becomes("a", lambda it: ready(it) and it["status"]["readyReplicas"] == 2)
    scale = (await apps.get("a", "scale")).ok()
    assert scale["status"] == {"replicas": 2, "selector": "app.example.com/name=a"}


@pytest.mark.parametrize(
    ("document", "lines"),
    [
        pytest.param(
            {**app_service("a"), "spec": {"replicas": 1}},
            ["spec.image: Required value: say which container image to run"],
            id="no image",
        ),
        pytest.param(
            app_service("a", image=5),
            ['spec.image: Invalid value: "integer": spec.image in body must be of type string: "integer"', NOT_CHECKED],
            id="an image that is no text",
        ),
        pytest.param(
            app_service("a", ports=[{"port": 70000}]),
            [
                (
                    "spec.ports[0].port: Invalid value: 70000: "
                    "spec.ports[0].port in body should be less than or equal to 65535"
                )
            ],
            id="a port too high",
        ),
    ],
)
async def test_an_invalid_app_service_is_refused(apps, deployments, document, lines):
    refused = (await apps.create(document)).refused
    assert refused == invalid('AppService.app.example.com "a"', *lines)
    assert await apps.names() == []
    assert await deployments.names() == []


@pytest.mark.parametrize("replicas", [-1, "two"])
async def test_replicas_must_be_a_number_from_0(apps, replicas):
    refused = (await apps.create(app_service("a", replicas))).refused
    assert (refused.code, refused.reason) == (422, "Invalid")
    assert "spec.replicas" in refused.fields
    assert await apps.names() == []


def test_an_unknown_field_is_refused_by_kubectl(cluster, namespace, apps):
    document = json.dumps(app_service("a", replica=3))
    refused = cluster.kubectl("-n", namespace, "create", "-f", "-", stdin=document, check=False)
    assert refused.returncode == 1
    assert 'unknown field "spec.replica"' in refused.stderr


async def test_kubectl_shows_its_columns(apps, cluster, namespace):
    (await apps.create(app_service("a", 1))).ok()
    await apps.becomes("a", ready)
    shown = cluster.kubectl("-n", namespace, "get", "appsvc").stdout.splitlines()
    assert shown[0].split() == ["NAME", "READY", "REPLICAS", "AVAILABLE", "AGE"]
    assert shown[1].split()[:4] == ["a", "true", "1", "1"]


async def test_events_tell_what_was_done(apps, api, namespace):
    (await apps.create(app_service("a", 1))).ok()
    await apps.becomes("a", ready)
    events = api.of("events", namespace)

    async def told():
        return (await events.list(fieldSelector="involvedObject.kind=AppService,involvedObject.name=a")).ok()["items"]

    assert await eventually(told, events.list)


async def test_the_shop_becomes_ready(apps, cluster, namespace, request):
    manifest = request.config.rootpath / "examples" / "shop.yaml"
    cluster.kubectl("-n", namespace, "apply", "-f", str(manifest))

    async def all_ready():
        items = (await apps.list()).ok()["items"]
        return len(items) == SHOP_SERVICES and all(ready(item) for item in items)

    await eventually(all_ready, apps.list)


async def test_a_definition_with_only_image_and_replicas_keeps_working(cluster, api, namespace, app_service_kind):
    """A user's own CRD, applied before the platform: no ports, no status subresource, no defaults."""
    with app_service_kind(CRD), platform_on(cluster):
        apps, deployments = api.of("appservices", namespace, root=APP_SERVICES_ROOT), api.of("deployments", namespace)
        await apps.served()
        minimal = {**app_service("a"), "spec": {"image": "nginx:1", "replicas": 2}}
        (await apps.create(minimal)).ok()
        await deployments.becomes("a", lambda it: it["status"].get("availableReplicas") == 2)
        (await apps.merge("a", {"spec": {"replicas": 1}})).ok()
        await deployments.becomes("a", lambda it: it["status"].get("availableReplicas") == 1)
        (await apps.delete("a")).ok()
        await apps.gone("a")
        await deployments.gone("a")
