"""A live cluster copied into a twin: every object as it was, and no secret in the copy."""

import gzip

import pytest

from kubewright.api.meta import ObjectKey
from kubewright.clock import Clock
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.cluster import Twin
from kubewright.twin.copying import Copying
from kubewright.twin.loading import load
from kubewright.twin.savefile import read
from tests.contract.asking import eventually
from tests.contract.manifests import config_map, crd, custom, deployment, schema, service
from tests.contract.test_workloads import rolled_out

PASSWORD = "correct-horse-battery-staple"
GOES_ON = {"ConfigMap", "Deployment", "ReplicaSet", "Pod", "Secret", "Service", "Node", "Role"}


@pytest.fixture
async def populated(api, namespace, things):
    """Fill the case's namespace with a bit of everything."""
    await api.of("configmaps", namespace).create(config_map("settings", {"a": "b"}))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "login"}, "stringData": {"password": PASSWORD}}
    secret["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": PASSWORD,
        "example.com/original": f"password: {PASSWORD}",
    }
    (await api.of("secrets", namespace).create(secret)).ok()
    (await api.of("services", namespace).create(service("web"))).ok()
    rules = [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]
    head = {"apiVersion": "rbac.authorization.k8s.io/v1", "kind": "Role"}
    (await api.of("roles", namespace).create({**head, "metadata": {"name": "reader"}, "rules": rules})).ok()
    definition = crd(schema(size={"type": "integer"}))
    widgets = await things(definition)
    (await widgets.create(custom(definition, "gear", spec={"size": 3}))).ok()
    (await api.of("deployments", namespace).create(deployment("web", 3))).ok()
    await api.of("deployments", namespace).becomes("web", rolled_out(3))
    return namespace


class Forbidding:
    """A client that may not read one path."""

    def __init__(self, client, path):
        self.client = client
        self.path = path

    async def raw(self, method, path, **options):
        if path == self.path:
            raise OpError("client.raw", ErrorKind.FORBIDDEN, path, "not for you")
        return await self.client.raw(method, path, **options)


def by_key(objects, namespace):
    """The namespace's objects by kind and name, apart from what is the cluster's own."""
    return {
        (each["kind"], each["metadata"]["name"]): each
        for each in objects
        if each["metadata"].get("namespace") == namespace and each["metadata"]["name"] != "kube-root-ca.crt"
    }


def untimed(document):
    metadata = {name: value for name, value in document["metadata"].items() if name != "resourceVersion"}
    metadata["managedFields"] = [
        {name: value for name, value in entry.items() if name != "time"} for entry in metadata.get("managedFields", [])
    ]
    return {**document, "metadata": metadata}


async def copied(client, path):
    summary = await Copying(client, Clock.wall(), lambda _: None).save(path)
    # Other cases' kinds may go while they are read.
    assert not [each for each in summary.skipped if "example.com" not in each]
    return read(path)


async def test_a_copy_holds_every_object_as_the_cluster_shows_it(api, client, populated, tmp_path):
    async def listed():
        shown = {}
        for plural in ("configmaps", "services", "roles", "replicasets", "deployments", "pods"):
            listing = (await api.of(plural, populated).list()).ok()
            kind, version = listing["kind"].removesuffix("List"), listing["apiVersion"]
            shown |= by_key(({"apiVersion": version, "kind": kind, **item} for item in listing["items"]), populated)
        return shown

    async def undisturbed():
        before = await listed()
        _, objects = await copied(client, tmp_path / "copy")
        return (before, by_key(objects, populated)) if await listed() == before else None

    shown, found = await eventually(undisturbed)
    assert len([key for key in shown if key[0] == "Pod"]) == 3
    assert {key: each for key, each in found.items() if key in shown} == shown
    assert any(name == "gear" for _, name in found)


async def test_a_copy_holds_the_names_of_a_secret_and_no_value(client, populated, tmp_path):
    path = tmp_path / "copy"
    _, objects = await copied(client, path)
    secret = by_key(objects, populated)["Secret", "login"]
    assert secret["type"] == "Opaque"
    assert list(secret["data"]) == ["password"]
    assert secret["metadata"]["annotations"] == {"example.com/original": "redacted"}
    content = gzip.decompress(path.read_bytes()).decode()
    assert PASSWORD not in content
    assert "Y29ycmVjdC1ob3JzZS1iYXR0ZXJ5LXN0YXBsZQ" not in content  # the same in base64
    assert path.stat().st_mode & 0o077 == 0


async def test_a_twin_of_the_copy_goes_on_where_the_cluster_was(client, populated, tmp_path):
    path, again = tmp_path / "copy", tmp_path / "again"
    _, objects = await copied(client, path)
    loaded = load(path)
    async with Twin.loaded(Clock.wall(), loaded.store) as twin:
        assert set(twin.nodes.names) == {each["metadata"]["name"] for each in objects if each["kind"] == "Node"}
        key = ObjectKey(populated, "web")
        before = twin.server.store.get(("apps", "deployments"), key)
        _, after = await copied(twin.client(), again)
        kept, found = by_key(objects, populated), by_key(after, populated)
        assert {key: untimed(each) for key, each in kept.items() if key[0] in GOES_ON} == {
            key: untimed(each) for key, each in found.items() if key[0] in GOES_ON
        }
        assert kept.keys() <= found.keys()

        # It lives: what is deleted here comes back here, and the cluster knows nothing of it.
        pods = [key for kind, key in kept if kind == "Pod"]
        response = await twin.client().raw("DELETE", f"/api/v1/namespaces/{populated}/pods/{pods[0]}")
        assert response["kind"] == "Pod"

        async def replaced():
            records = twin.server.store.list(("", "pods"), populated)[0]
            running = [each.key.name for each in records if each.obj["status"]["phase"] == "Running"]
            return pods[0] not in running and len(running) == 3

        await eventually(replaced)
        assert before.obj["metadata"]["uid"] == kept["Deployment", "web"]["metadata"]["uid"]
    still = await client.raw("GET", f"/api/v1/namespaces/{populated}/pods/{pods[0]}")
    assert "deletionTimestamp" not in still["metadata"]


async def test_what_may_not_be_read_is_told_and_left_out(client, populated, tmp_path):
    path = tmp_path / "copy"
    told = []
    summary = await Copying(Forbidding(client, "/api/v1/secrets"), Clock.wall(), told.append).save(path)
    # Other cases' kinds may go while they are read.
    skipped = [each.partition(":")[0] for each in summary.skipped if "example.com" not in each]
    assert skipped == ["secrets"]
    assert any("secrets: skipped" in line for line in told)
    _, objects = read(path)
    kinds = {each["kind"] for each in objects}
    assert "Secret" not in kinds
    assert {"ConfigMap", "Deployment", "Pod"} <= kinds
