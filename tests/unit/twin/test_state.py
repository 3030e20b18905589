"""Saved clusters: what the file holds, what is redacted, what comes back, and files that are none."""

import gzip
import json

import pytest

from kubewright.api.core import CONFIG_MAPS, NAMESPACES
from kubewright.api.meta import ObjectKey, Resource
from kubewright.client.inprocess import InProcessTransport
from kubewright.client.rest import RestClient
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.store.versioned import VersionedStore
from kubewright.twin.cluster import Twin
from kubewright.twin.copying import COPIED, Copying
from kubewright.twin.kinds import KindTable
from kubewright.twin.loading import load
from kubewright.twin.redaction import REDACTED, redacted
from kubewright.twin.savefile import FORMAT, Header, read, writing
from kubewright.twin.server import ApiServer

DEFAULT = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "default"}}
SECRETS = Resource("", "v1", "secrets", "Secret", CONFIG_MAPS.type)
CRDS = Resource(
    "apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", CONFIG_MAPS.type, False
)
WIDGETS = Resource("example.com", "v2", "widgets", "Widget", CONFIG_MAPS.type)


def definition(**spec):
    schema = {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}}
    versions = [
        {"name": "v1", "served": True, "storage": False, "schema": schema},
        {"name": "v2", "served": True, "storage": True, "schema": schema},
    ]
    names = {"plural": "widgets", "kind": "Widget", "singular": "widget", "listKind": "WidgetList"}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": "widgets.example.com"},
        "spec": {"group": "example.com", "scope": "Namespaced", "names": names, "versions": versions, **spec},
    }


def server():
    made = ApiServer(Clock.virtual(), KindTable.builtin())
    return made, RestClient(InProcessTransport(made))


async def save(client, path, told=None):
    return await Copying(client, Clock.virtual(), (told if told is not None else []).append).save(path)


def everything(store):
    buckets = {(each.group, each.plural) for each in COPIED} | {("example.com", "widgets")}
    return {(bucket, each.key): (each.revision, each.obj) for bucket in buckets for each in store.list(bucket)[0]}


def write(path, *objects, **header):
    with writing(path) as line:
        line(Header(**{"resource_version": "9", "saved_at": "2030-01-01T00:00:00Z", **header}))
        for each in objects:
            line(each)
    return path


def saved(name="a", version="5", kind="ConfigMap", api_version="v1", **fields):
    metadata = {"name": name, "namespace": "default", "uid": f"uid-{name}", "resourceVersion": version}
    return {"apiVersion": api_version, "kind": kind, "metadata": metadata, **fields}


def failing(call, *words):
    with pytest.raises(OpError) as caught:
        call()
    assert caught.value.kind is ErrorKind.INVALID
    for word in words:
        assert word in str(caught.value)


def test_what_was_saved_comes_back_with_its_versions_and_nothing_else(tmp_path):
    async def main():
        original, client = server()
        await client.create(NAMESPACES, DEFAULT)
        await client.create(CRDS, definition())
        await client.create(WIDGETS, {"metadata": {"name": "gear"}, "spec": {"size": 3}}, namespace="default")
        for name in ("a", "b", "c"):
            await client.create(CONFIG_MAPS, {"metadata": {"name": name}, "data": {"x": name}}, namespace="default")
        await client.delete(CONFIG_MAPS, ObjectKey("default", "b"))
        summary = await save(client, tmp_path / "saved")
        loaded = load(tmp_path / "saved")
        assert summary.objects == 5
        assert not summary.skipped
        assert not loaded.left_out
        assert everything(loaded.store) == everything(original.store)
        assert loaded.store.revision == original.store.revision
        again = RestClient(InProcessTransport(ApiServer(Clock.virtual(), KindTable.builtin(), loaded.store)))
        widgets = await again.raw("GET", "/apis/example.com/v1/namespaces/default/widgets/gear")
        assert (widgets["apiVersion"], widgets["spec"]) == ("example.com/v1", {"size": 3})

    run_virtual(main())


def test_the_same_cluster_makes_the_same_file(tmp_path):
    async def main():
        _, client = server()
        await client.create(CRDS, definition())
        for name in ("one", "two"):
            await save(client, tmp_path / name)

    run_virtual(main())
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


def test_lists_longer_than_a_page_are_saved_whole(tmp_path):
    async def main():
        twin = Twin(Clock.virtual(), nodes=0)
        async with twin:
            client = twin.client()
            for number in range(1201):
                await client.create(CONFIG_MAPS, {"metadata": {"name": f"c-{number}"}}, namespace="default")
            await save(client, tmp_path / "saved")

    run_virtual(main())
    names = [each["metadata"]["name"] for each in read(tmp_path / "saved")[1] if each["kind"] == "ConfigMap"]
    assert len([name for name in names if name.startswith("c-")]) == len(set(names)) - 1 == 1201


class Busy:
    """A client of a cluster where something is written between any two reads."""

    def __init__(self, client):
        self.client = client
        self.writes = 0

    async def raw(self, method, path, **options):
        self.writes += 1
        manifest = {"metadata": {"name": f"late-{self.writes}"}}
        await self.client.create(CONFIG_MAPS, manifest, namespace="default")
        await self.client.create(SECRETS, manifest, namespace="default")
        return await self.client.raw(method, path, **options)


def test_everything_is_of_one_moment(tmp_path):
    async def main():
        async with Twin(Clock.virtual(), nodes=0) as twin:
            return await save(Busy(twin.client()), tmp_path / "saved")

    assert not run_virtual(main()).later
    header, objects = read(tmp_path / "saved")
    assert max(int(each["metadata"]["resourceVersion"]) for each in objects) <= int(header.resource_version)
    late = [each["kind"] for each in objects if each["metadata"]["name"].startswith("late-")]
    assert late.count("ConfigMap") == late.count("Secret") == 2  # those of the two reads that found the moment


def test_a_moment_that_is_forgotten_is_said_to_be(tmp_path):
    class Forgetful:
        async def raw(self, method, path, *, query=None):
            if (query or {}).get("resourceVersionMatch") == "Exact" and path == "/api/v1/pods":
                raise OpError("client.raw", ErrorKind.EXPIRED, path, "too old resource version")
            return await self.client.raw(method, path, query=query)

    async def main():
        _, client = server()
        forgetful = Forgetful()
        forgetful.client = client
        return await save(forgetful, tmp_path / "saved")

    assert run_virtual(main()).later == ["pods"]


def test_a_cluster_that_goes_away_leaves_the_file_of_before(tmp_path):
    class Leaving:
        def __init__(self, client):
            self.client, self.calls = client, 0

        async def raw(self, method, path, **options):
            self.calls += 1
            if self.calls > 8:
                raise OpError("client.raw", ErrorKind.UNAVAILABLE, path, "connection refused")
            return await self.client.raw(method, path, **options)

    path = tmp_path / "saved"
    path.write_bytes(b"before")

    async def main():
        _, client = server()
        with pytest.raises(OpError, match="connection refused"):
            await save(Leaving(client), path)

    run_virtual(main())
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_secret_keeps_its_type_and_the_names_of_its_keys():
    secret = saved("s", kind="Secret", type="kubernetes.io/tls", data={"tls.crt": "YQ==", "tls.key": "Yg=="})
    kept = redacted(secret)
    assert kept["type"] == "kubernetes.io/tls"
    assert kept["data"] == {"tls.crt": REDACTED, "tls.key": REDACTED}
    assert kept["metadata"] == secret["metadata"]
    assert secret["data"] == {"tls.crt": "YQ==", "tls.key": "Yg=="}


def test_a_secret_that_must_be_a_document_stays_one():
    secret = saved("s", kind="Secret", type="kubernetes.io/dockerconfigjson", data={".dockerconfigjson": "c2VjcmV0"})
    assert redacted(secret)["data"] == {".dockerconfigjson": "e30="}


def test_annotations_of_secrets_lose_what_could_be_a_value():
    secret = saved("s", kind="Secret")
    secret["metadata"]["annotations"] = {
        "kubectl.kubernetes.io/last-applied-configuration": '{"data":{"a":"c2VjcmV0"}}',
        "kubernetes.io/service-account.name": "robot",
        "tool.example.com/original": "c2VjcmV0",
    }
    assert redacted(secret)["metadata"]["annotations"] == {
        "kubernetes.io/service-account.name": "robot",
        "tool.example.com/original": "redacted",
    }


def test_a_loaded_twin_gives_out_no_uid_a_second_time(tmp_path):
    uids = []

    async def main():
        async with Twin(Clock.virtual(), nodes=1, seed=7) as twin:
            await save(twin.client(), tmp_path / "saved")
        loaded = load(tmp_path / "saved")
        uids.extend(obj["metadata"]["uid"] for _, obj in everything(loaded.store).values())
        async with Twin.loaded(Clock.virtual(), loaded.store, seed=7) as twin:
            for number in range(50):
                manifest = {"metadata": {"name": f"n-{number}"}}
                made = await twin.client().create(CONFIG_MAPS, manifest, namespace="default")
                uids.append(made.metadata.uid)

    run_virtual(main())
    assert len(uids) > 55
    assert len(set(uids)) == len(uids)


def test_nodes_that_were_not_ready_stay_silent_and_others_may_join(tmp_path):
    def node(name, ready):
        made = saved(name, kind="Node", status={"conditions": [{"type": "Ready", "status": ready}]})
        del made["metadata"]["namespace"]
        return made

    path = write(tmp_path / "saved", node("up", "True"), node("down", "Unknown"))
    twin = Twin.loaded(Clock.virtual(), load(path).store, nodes=1)
    assert twin.nodes.names == ("down", "up", "node-01")
    assert [name for name in twin.kubelet.nodes if twin.kubelet.is_living(name)] == ["up", "node-01"]


def test_what_the_twin_does_not_serve_is_left_out_and_counted(tmp_path):
    odd = [saved(name, kind="Thing", api_version="nowhere.example.com/v1") for name in ("x", "y")]
    loaded = load(write(tmp_path / "saved", saved(), *odd))
    assert loaded.left_out == {"nowhere.example.com/v1 Thing": 2}
    assert [key.name for _, key in everything(loaded.store)] == ["a"]


def test_a_conversion_webhook_is_not_called_and_said_so(tmp_path):
    crd = saved(
        "widgets.example.com", **definition(conversion={"strategy": "Webhook", "webhook": {"clientConfig": {}}})
    )
    crd["metadata"] = {"name": "widgets.example.com", "uid": "u", "resourceVersion": "4"}
    loaded = load(write(tmp_path / "saved", crd))
    assert loaded.unconverted == ("widgets.example.com",)
    record = loaded.store.get(
        ("apiextensions.k8s.io", "customresourcedefinitions"), ObjectKey("", "widgets.example.com")
    )
    assert record.obj["spec"]["conversion"] == {"strategy": "None"}


def test_the_file_is_lines_of_json_that_anyone_reads(tmp_path):
    path = write(tmp_path / "deep" / "saved", saved("a"), saved("b"))
    lines = [json.loads(line) for line in gzip.decompress(path.read_bytes()).splitlines()]
    assert (lines[0]["format"], lines[0]["version"], lines[0]["resourceVersion"]) == (FORMAT, 1, "9")
    assert [line["metadata"]["name"] for line in lines[1:]] == ["a", "b"]
    assert path.stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize(
    ("content", "words"),
    [
        pytest.param(b"", ("not a saved cluster",), id="an empty file"),
        pytest.param(b"hello", ("zipped",), id="not compressed"),
        pytest.param(gzip.compress(b"hello\n"), ("not a saved cluster",), id="compressed text"),
        pytest.param(gzip.compress(b'{"resourceVersion":"1"}\n'), ("not a saved cluster",), id="half a header"),
        pytest.param(
            gzip.compress(b'{"format":"other","version":1,"resourceVersion":"1","savedAt":""}\n'),
            ("'other'",),
            id="another format",
        ),
        pytest.param(
            gzip.compress(
                b'{"format":"kubewright.dev/saved-cluster","version":2,"resourceVersion":"1","savedAt":""}\n'
            ),
            ("newer version",),
            id="a newer format",
        ),
        pytest.param(
            gzip.compress(
                b'{"format":"kubewright.dev/saved-cluster","version":1,"resourceVersion":"x","savedAt":""}\n'
            ),
            ("not a saved cluster",),
            id="a version that is no number",
        ),
    ],
)
def test_a_file_that_is_no_saved_cluster(tmp_path, content, words):
    path = tmp_path / "odd"
    path.write_bytes(content)
    failing(lambda: load(path), str(path), *words)


@pytest.mark.parametrize(
    "line",
    [
        pytest.param("nonsense", id="not JSON"),
        pytest.param([], id="a list"),
        pytest.param({"kind": "Pod"}, id="no metadata"),
        pytest.param(saved(name=None), id="a name that is null"),
        pytest.param(saved(version="one"), id="a version that is no number"),
    ],
)
def test_a_line_that_is_no_object_is_named(tmp_path, line):
    failing(lambda: load(write(tmp_path / "odd", saved(), line)), "line 3")


def test_a_file_that_is_cut_short(tmp_path):
    path = write(tmp_path / "saved", *[saved(f"n-{number}") for number in range(1000)])
    path.write_bytes(path.read_bytes()[:-20])
    failing(lambda: load(path), "damaged")


def test_a_file_that_is_not_there(tmp_path):
    failing(lambda: load(tmp_path / "absent"), "No such file")


def test_a_file_that_cannot_be_written(tmp_path):
    (tmp_path / "folder").write_text("in the way")
    with pytest.raises(OpError, match=r"savefile\.write"):
        write(tmp_path / "folder" / "saved")


def test_a_store_that_holds_saved_objects_remembers_nothing_from_before_them():
    bucket = ("", "configmaps")
    store = VersionedStore.holding([(bucket, ObjectKey("default", "a"), saved("a", "5"))], 9)
    assert (store.revision, store.compacted_revision) == (9, 9)
    assert store.get(bucket, ObjectKey("default", "a")).revision == 5
    with pytest.raises(OpError) as caught:
        store.changes_since(bucket, 5)
    assert caught.value.kind is ErrorKind.EXPIRED
    assert store.create(bucket, ObjectKey("default", "b"), {"metadata": {"name": "b"}}).revision == 10
