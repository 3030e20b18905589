"""Clients from PyPI that nobody here wrote, run as they are against a twin over TLS.

What each exercises is listed in docs/twin.md.
"""

import asyncio
import functools
import json
import subprocess
import sys
import textwrap
import threading

import pytest

from tests.e2e.beside import PATIENCE_SECONDS, end, eventually
from tests.e2e.test_twin_state import served

# What their code warns of and leaves open is not ours to mend.
pytestmark = pytest.mark.filterwarnings("default")
WIDGETS = {
    "apiVersion": "apiextensions.k8s.io/v1",
    "kind": "CustomResourceDefinition",
    "metadata": {"name": "kopfexamples.kopf.dev"},
    "spec": {
        "group": "kopf.dev",
        "scope": "Namespaced",
        "names": {"plural": "kopfexamples", "singular": "kopfexample", "kind": "KopfExample", "shortNames": ["kex"]},
        "versions": [
            {
                "name": "v1",
                "served": True,
                "storage": True,
                "subresources": {"status": {}},
                "schema": {
                    "openAPIV3Schema": {
                        "type": "object",
                        "properties": {
                            "spec": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                            "status": {"type": "object", "x-kubernetes-preserve-unknown-fields": True},
                        },
                    }
                },
            }
        ],
    },
}


@pytest.fixture(scope="module")
def kubeconfig(tmp_path_factory):
    path = tmp_path_factory.mktemp("twin") / "kubeconfig"
    with served(path, "--nodes", "2"):
        yield path


def labelled(name, image="nginx:1", replicas=1):
    labels = {"app": name}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "labels": labels},
        "spec": {
            "replicas": replicas,
            "selector": {"matchLabels": labels},
            "template": {
                "metadata": {"labels": labels},
                "spec": {"containers": [{"name": "main", "image": image}]},
            },
        },
    }


def names(listed):
    return {each.metadata.name for each in listed.items}


class TestOfficialPythonClient:
    """`kubernetes`: generated models, its watch, its dynamic client, its utilities and its leader election."""

    @pytest.fixture
    def api(self, kubeconfig):
        kubernetes = pytest.importorskip("kubernetes")
        with kubernetes.config.new_client_from_config(str(kubeconfig)) as api:
            yield api

    def test_models_are_written_and_read(self, api):
        from kubernetes import client

        core, apps = client.CoreV1Api(api), client.AppsV1Api(api)
        core.create_namespace(client.V1Namespace(metadata=client.V1ObjectMeta(name="official")))
        body = client.V1ConfigMap(metadata=client.V1ObjectMeta(name="a"), data={"k": "1"})
        core.create_namespaced_config_map("official", body)
        core.patch_namespaced_config_map("a", "official", {"data": {"l": "2"}})
        read = core.read_namespaced_config_map("a", "official")
        assert read.data == {"k": "1", "l": "2"}
        read.data = {"m": "3"}
        assert core.replace_namespaced_config_map("a", "official", read).data == {"m": "3"}
        read.metadata.resource_version = "1"
        with pytest.raises(client.ApiException) as stale:
            core.replace_namespaced_config_map("a", "official", read)
        assert (stale.value.status, json.loads(stale.value.body)["reason"]) == (409, "Conflict")
        apps.create_namespaced_deployment("official", labelled("web", replicas=2))
        eventually(lambda: apps.read_namespaced_deployment_status("web", "official").status.ready_replicas == 2)
        apps.patch_namespaced_deployment_scale("web", "official", {"spec": {"replicas": 1}})
        eventually(lambda: len(core.list_namespaced_pod("official", label_selector="app=web").items) == 1)
        pod = core.list_namespaced_pod("official", label_selector="app=web").items[0]
        assert "starting nginx:1" in core.read_namespaced_pod_log(pod.metadata.name, "official")
        eviction = client.V1Eviction(metadata=client.V1ObjectMeta(name=pod.metadata.name))
        core.create_namespaced_pod_eviction(pod.metadata.name, "official", eviction)
        eventually(lambda: pod.metadata.name not in names(core.list_namespaced_pod("official")))
        core.delete_namespaced_config_map("a", "official")
        with pytest.raises(client.ApiException) as gone:
            core.read_namespaced_config_map("a", "official")
        assert gone.value.status == 404

    def test_a_watch_sees_what_happens(self, api):
        from kubernetes import client, watch

        core = client.CoreV1Api(api)
        seen = []
        stream = watch.Watch()
        core.create_namespaced_config_map("default", {"metadata": {"name": "seen", "labels": {"w": "1"}}})
        chosen = {"label_selector": "w=1", "timeout_seconds": PATIENCE_SECONDS}
        listed = functools.partial(core.list_namespaced_config_map, "default", **chosen)
        for event in stream.stream(listed):
            seen.append((event["type"], event["object"].metadata.name))
            if len(seen) == 1:
                core.patch_namespaced_config_map("seen", "default", {"data": {"a": "b"}})
            if len(seen) == 2:
                core.delete_namespaced_config_map("seen", "default")
            if len(seen) == 3:
                stream.stop()
        assert seen == [("ADDED", "seen"), ("MODIFIED", "seen"), ("DELETED", "seen")]

    def test_the_dynamic_client_discovers_and_applies(self, api):
        from kubernetes import dynamic

        found = dynamic.DynamicClient(api)
        maps = found.resources.get(api_version="v1", kind="ConfigMap")
        body = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "dyn"}, "data": {"a": "1"}}
        applied = maps.server_side_apply(body=body, namespace="default", field_manager="test")
        assert applied.data.a == "1"
        assert found.resources.get(api_version="apps/v1", kind="Deployment").namespaced
        maps.delete(name="dyn", namespace="default")

    def test_pages_are_followed(self, api):
        from kubernetes import client

        core = client.CoreV1Api(api)
        for name in "abc":
            core.create_namespaced_config_map("default", {"metadata": {"name": name, "labels": {"page": "1"}}})
        first = core.list_namespaced_config_map("default", label_selector="page=1", limit=2)
        rest = core.list_namespaced_config_map("default", label_selector="page=1", _continue=first.metadata._continue)
        assert [each.metadata.name for each in [*first.items, *rest.items]] == ["a", "b", "c"]
        core.delete_collection_namespaced_config_map("default", label_selector="page=1")
        assert not core.list_namespaced_config_map("default", label_selector="page=1").items

    def test_what_is_not_modelled_says_so(self, api):
        from kubernetes import client

        core = client.CoreV1Api(api)
        core.create_namespaced_pod(
            "default", {"metadata": {"name": "p"}, "spec": {"containers": [{"name": "m", "image": "i"}]}}
        )
        with pytest.raises(client.ApiException) as refused:
            core.connect_get_namespaced_pod_exec("p", "default", command=["ls"])
        assert (refused.value.status, json.loads(refused.value.body)["reason"]) == (501, "NotImplemented")
        core.delete_namespaced_pod("p", "default", grace_period_seconds=0)


async def test_kubernetes_asyncio_reads_writes_and_watches(kubeconfig):
    from kubernetes_asyncio import client, config, watch

    configuration = client.Configuration()
    await config.load_kube_config(str(kubeconfig), client_configuration=configuration)
    async with client.ApiClient(configuration) as api:
        core, custom = client.CoreV1Api(api), client.AuthorizationV1Api(api)
        await core.create_namespaced_config_map("default", {"metadata": {"name": "aio", "labels": {"aio": "1"}}})
        seen = []
        async with watch.Watch().stream(
            core.list_namespaced_config_map, "default", label_selector="aio=1", timeout_seconds=PATIENCE_SECONDS
        ) as stream:
            async for event in stream:
                seen.append(event["type"])
                if len(seen) == 1:
                    await core.patch_namespaced_config_map("aio", "default", {"data": {"k": "v"}})
                elif len(seen) == 2:
                    await core.delete_namespaced_config_map("aio", "default")
                else:
                    break
        assert seen == ["ADDED", "MODIFIED", "DELETED"]
        review = {"spec": {"resourceAttributes": {"verb": "create", "resource": "pods", "namespace": "default"}}}
        assert (await custom.create_self_subject_access_review(review)).status.allowed
        assert names(await core.list_node()) == {"node-01", "node-02"}


@pytest.fixture
async def kr8s_api(kubeconfig):
    """kr8s' client, which keeps its connections for as long as the process lives unless somebody closes them."""
    import kr8s.asyncio

    api = await kr8s.asyncio.api(kubeconfig=str(kubeconfig))
    yield api
    await api._session.aclose()


async def test_kr8s_creates_scales_waits_and_lists(kr8s_api):
    from kr8s.asyncio.objects import ConfigMap, Deployment, Pod

    api = kr8s_api
    assert (await api.version())["major"] == "1"
    deployment = await Deployment({**labelled("kr8s"), "metadata": {"name": "kr8s", "namespace": "default"}}, api=api)
    await deployment.create()
    await deployment.wait("condition=Available", timeout=PATIENCE_SECONDS)
    await deployment.scale(2)

    async def pods():
        return [pod async for pod in api.get("pods", label_selector={"app": "kr8s"}, namespace="default")]

    async with asyncio.timeout(PATIENCE_SECONDS):
        while len(await pods()) != 2:  # noqa: ASYNC110  another process is waited for
            await asyncio.sleep(0.1)
    pod = await Pod.get((await pods())[0].name, namespace="default", api=api, timeout=PATIENCE_SECONDS)
    await pod.wait("condition=Ready", timeout=PATIENCE_SECONDS)
    assert [line async for line in pod.logs()]
    note = await ConfigMap({"metadata": {"name": "kr8s", "namespace": "default"}, "data": {"a": "1"}}, api=api)
    await note.create()
    await note.patch({"data": {"b": "2"}})
    await note.label({"x": "y"})
    await note.refresh()
    assert (dict(note.raw["data"]), note.labels["x"]) == ({"a": "1", "b": "2"}, "y")
    await note.delete()
    assert not await note.exists()
    await deployment.delete()


def test_lightkube_applies_lists_and_watches(kubeconfig):
    from httpx2 import Timeout
    from lightkube import ApiError, Client, KubeConfig
    from lightkube.generic_resource import create_namespaced_resource
    from lightkube.models.meta_v1 import ObjectMeta
    from lightkube.resources.apiextensions_v1 import CustomResourceDefinition
    from lightkube.resources.apps_v1 import Deployment
    from lightkube.resources.core_v1 import ConfigMap, Node
    from lightkube.types import PatchType

    patient = Timeout(PATIENCE_SECONDS)
    with Client(KubeConfig.from_file(str(kubeconfig)), field_manager="lightkube", timeout=patient) as client:
        made = client.create(ConfigMap(metadata=ObjectMeta(name="light", namespace="default"), data={"a": "1"}))
        assert made.metadata.uid
        applied = ConfigMap(metadata=ObjectMeta(name="light", namespace="default"), data={"b": "2"})
        assert client.apply(applied).data == {"a": "1", "b": "2"}
        client.patch(ConfigMap, "light", {"data": {"a": None}}, namespace="default", patch_type=PatchType.MERGE)
        assert client.get(ConfigMap, "light", namespace="default").data == {"b": "2"}
        client.create(Deployment.from_dict(labelled("light")), namespace="default")
        client.wait(Deployment, "light", for_conditions=["Available"], namespace="default")
        assert len(list(client.list(Node))) == 2
        chosen = {"fields": {"metadata.name": "light"}, "server_timeout": PATIENCE_SECONDS}
        events = client.watch(ConfigMap, namespace="default", **chosen)
        assert next(events)[0] == "ADDED"
        client.delete(ConfigMap, "light", namespace="default")
        assert next(events)[0] == "DELETED"
        events.close()
        with pytest.raises(ApiError) as gone:
            client.get(ConfigMap, "light", namespace="default")
        assert gone.value.status.code == 404
        client.create(CustomResourceDefinition.from_dict({**WIDGETS, "metadata": {"name": "kopfexamples.kopf.dev"}}))
        kind = create_namespaced_resource("kopf.dev", "v1", "KopfExample", "kopfexamples")
        client.create(kind(metadata=ObjectMeta(name="l", namespace="default"), spec={"any": 1}))
        assert client.get(kind, "l", namespace="default").spec == {"any": 1}
        client.delete(kind, "l", namespace="default")
        client.delete(Deployment, "light", namespace="default")
        client.delete(CustomResourceDefinition, "kopfexamples.kopf.dev")


OPERATOR = """
    import kopf

    @kopf.on.startup()
    def quick(settings, **_):
        settings.posting.enabled = True
        settings.persistence.finalizer = "kopf.dev/test"

    @kopf.on.create("kopfexamples")
    def created(spec, patch, **_):
        patch.status["duration"] = spec.get("duration", 0)
        return {"made": True}

    @kopf.on.update("kopfexamples", field="spec.duration")
    def updated(old, new, patch, **_):
        patch.status["changed"] = f"{old}-{new}"

    @kopf.on.delete("kopfexamples")
    async def deleted(name, namespace, logger, **_):
        logger.info("deleted")

    @kopf.timer("kopfexamples", interval=0.2)
    def tick(status, patch, **_):
        patch.status["ticks"] = (status.get("ticks") or 0) + 1 if (status.get("ticks") or 0) < 3 else 3

    @kopf.daemon("kopfexamples")
    async def follow(stopped, body, **_):
        kopf.event(body, type="Normal", reason="Followed", message="by a daemon")
        await stopped.wait()

    @kopf.index("kopfexamples")
    def by_name(name, **_):
        return {name: 1}
"""


def test_a_kopf_operator_serves_its_kind(kubeconfig, tmp_path):
    kubernetes = pytest.importorskip("kubernetes")
    from kubernetes import client

    operator = tmp_path / "operator.py"
    operator.write_text(textwrap.dedent(OPERATOR))
    with kubernetes.config.new_client_from_config(str(kubeconfig)) as api:
        extensions, custom, core = client.ApiextensionsV1Api(api), client.CustomObjectsApi(api), client.CoreV1Api(api)
        eventually(
            lambda: (
                not any(
                    crd.metadata.name == "kopfexamples.kopf.dev"
                    for crd in extensions.list_custom_resource_definition().items
                )
            )
        )
        extensions.create_custom_resource_definition(WIDGETS)
        where = ("kopf.dev", "v1", "default", "kopfexamples")
        command = [sys.executable, "-m", "kopf", "run", "--standalone", "-n", "default", str(operator)]
        environment = {"KUBECONFIG": str(kubeconfig), "PATH": "/usr/bin:/bin"}
        with (tmp_path / "kopf.log").open("w") as log:
            process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT)
        try:
            body = {
                "apiVersion": "kopf.dev/v1",
                "kind": "KopfExample",
                "metadata": {"name": "k"},
                "spec": {"duration": 1},
            }
            custom.create_namespaced_custom_object(*where, body)

            def state():
                return custom.get_namespaced_custom_object(*where, "k").get("status", {})

            def reasons():
                events = core.list_namespaced_event("default").items
                return {each.reason for each in events if each.involved_object.name == "k"}

            wanted = {"duration": 1, "ticks": 3, "created": {"made": True}}
            eventually(lambda: wanted.items() <= state().items() and "Followed" in reasons(), state)
            custom.patch_namespaced_custom_object(*where, "k", {"spec": {"duration": 2}})
            eventually(lambda: state().get("changed") == "1-2")
            metadata = custom.get_namespaced_custom_object(*where, "k")["metadata"]
            assert metadata["finalizers"] == ["kopf.dev/test"]
            custom.delete_namespaced_custom_object(*where, "k")
            eventually(lambda: not custom.list_namespaced_custom_object(*where)["items"])
            eventually(
                lambda: [
                    each for each in core.list_namespaced_event("default").items if each.involved_object.name == "k"
                ]
            )
        finally:
            end(process)
    assert "Traceback" not in (tmp_path / "kopf.log").read_text()


def test_threads_of_one_client_do_not_disturb_each_other(kubeconfig):
    kubernetes = pytest.importorskip("kubernetes")
    from kubernetes import client

    with kubernetes.config.new_client_from_config(str(kubeconfig)) as api:
        core = client.CoreV1Api(api)

        def write(number):
            for index in range(10):
                name = f"t-{number}-{index}"
                core.create_namespaced_config_map("default", {"metadata": {"name": name, "labels": {"threads": "1"}}})

        threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(core.list_namespaced_config_map("default", label_selector="threads=1").items) == 40
        core.delete_collection_namespaced_config_map("default", label_selector="threads=1")
