"""A pod that is cast in the mould of one before is, byte for byte, what it would have been on its own."""

import copy
import json

import pytest

from kubewright.client.transport import Request
from kubewright.clock import Clock, run_virtual
from kubewright.store.versioned import VersionedStore
from kubewright.twin import moulds
from kubewright.twin.kinds import KindTable
from kubewright.twin.moulds import Moulds
from kubewright.twin.server import ApiServer

PODS = "/api/v1/namespaces/shop/pods"
NAMESPACE = "/api/v1/namespaces/shop"
CONTAINER = {"name": "main", "image": "shop:1", "env": [{"name": "RATE", "value": "5 %(name)b of 100%"}]}
POD = {"metadata": {"name": "a", "labels": {"app": "shop"}}, "spec": {"containers": [CONTAINER]}}


def changed(document, **parts):
    """Return a copy with parts replaced, named by their path with `__` for dots."""
    changed = copy.deepcopy(document)
    for path, value in parts.items():
        *way, last = path.split("__")
        part = changed
        for name in way:
            part = part.setdefault(name, {})
        part[last] = value
    return changed


def named(name, document=POD):
    return changed(document, metadata__name=name)


class Outcome:
    """All that anybody can see of a server after some requests."""

    def __init__(self):
        self.server = ApiServer(Clock.virtual(), KindTable.builtin(), seed=7)
        self.seen = []

    async def ask(self, method, path, body, query=None, **headers):
        headers = {
            "content-type": "application/json",
            **{name.replace("_", "-"): text for name, text in headers.items()},
        }
        body = body if isinstance(body, bytes) else json.dumps(body).encode()
        response = await self.server.handle(Request(method, path, query or {}, headers, body))
        self.seen.append((response.status, dict(response.headers), response.body))
        return response.status

    async def create(self, *bodies, **options):
        return [await self.ask("POST", PODS, body, **options) for body in bodies]

    async def finish(self):
        watch = await self.server.handle(Request("GET", PODS, {"watch": "true", "resourceVersion": "1"}))
        count = len(self.server.store.changes_since(("", "pods"), 1))
        lines = aiter(watch.stream)
        self.seen += [await anext(lines) for _ in range(count)]
        self.seen += [record.obj for record in self.server.store.list(("", "pods"))[0]]


async def outcome(script):
    found = Outcome()
    await found.ask("POST", "/api/v1/namespaces", {"metadata": {"name": "shop"}})
    await script(found)
    await found.finish()
    return found.seen


def both_ways(script, monkeypatch):
    """Return what a script leads to with moulds and without."""
    with_moulds = run_virtual(outcome(script))
    monkeypatch.setattr(Moulds, "pod", lambda _self, _call, _options, make: make())
    return with_moulds, run_virtual(outcome(script))


@pytest.fixture
def casts(monkeypatch):
    """Count the pods that are cast."""
    found = []
    cast = moulds._cast

    def counted(*arguments):
        found.append(1)
        return cast(*arguments)

    monkeypatch.setattr(moulds, "_cast", counted)
    return found


UNALIKE_AT_TIMES = {
    "names alone differ": [named(name) for name in "abcd"],
    "a name is generated": [changed({**POD, "metadata": {"generateName": "web-"}})] * 4,
    "a name is taken": [named(name) for name in ("a", "b", "c", "b", "d")],
    "a name is not valid": [named(name) for name in ("a", "b", "c", "No_Name", "d", "")],
    "the name stands elsewhere, too": [named(name, changed(POD, metadata__labels__app="c")) for name in "abcd"],
    "the name is a container's": [named(name) for name in ("a", "b", "main", "c")],
    "a name is escaped": [
        b'{"metadata":{"name":"\\u0061%d"},"spec":{"containers":[{"name":"m","image":"i"}]}}' % n for n in range(4)
    ],
    "a field is said twice": [
        b'{"metadata":{"name":"x","name":"a%d"},"spec":{"containers":[{"name":"m","image":"i"}]}}' % n for n in range(4)
    ],
    "a field is not known": [named(name, changed(POD, spec__colour="red")) for name in "abcd"],
    "a manager speaks for itself": [
        named(
            name,
            changed(
                POD,
                metadata__managedFields=[
                    {
                        "manager": "me", "operation": "Update", "apiVersion": "v1", "fieldsType": "FieldsV1",
                        "fieldsV1": {"f:metadata": {"f:labels": {"f:app": {}}}},
                    }
                ],
            ),
        )
        for name in "abcd"
    ],
    "gates hold it up": [
        named(name, changed(POD, spec__schedulingGates=[{"name": "wait.example/now"}])) for name in "abcd"
    ],
    "a token's volume is its own": [
        named(name, changed(POD, spec__volumes=[{"name": "kube-api-access-abcde", "emptyDir": {}}])) for name in "abcd"
    ],
    "no token is mounted": [named(name, changed(POD, spec__automountServiceAccountToken=False)) for name in "abcd"],
    "it owns and is owned": [
        named(
            name,
            changed(
                POD,
                metadata__ownerReferences=[{"apiVersion": "v1", "kind": "Node", "name": "n", "uid": "u"}],
                metadata__finalizers=["example.com/stay"],
                metadata__uid="of-the-caller",
            ),
        )
        for name in "abcd"
    ],
    "it is no pod": [{"kind": "Service", **named(name)} for name in "abcd"],
    "it is no JSON": [b'{"metadata":{"name":"a"}'] * 3,
    "it is nothing": [b"", b"null", b"[]", b"7"] * 2,
}  # fmt: skip


@pytest.mark.parametrize("bodies", UNALIKE_AT_TIMES.values(), ids=UNALIKE_AT_TIMES.keys())
def test_a_cast_pod_is_as_one_that_was_made(bodies, monkeypatch):
    async def script(found):
        await found.create(*bodies)

    cast, made = both_ways(script, monkeypatch)
    assert cast == made


def test_pods_that_differ_in_names_are_cast(casts):
    async def script(found):
        await found.create(*(named(name) for name in "abcd"))
        await found.create(*[changed({**POD, "metadata": {"generateName": "web-"}})] * 4)

    run_virtual(outcome(script))
    assert len(casts) == 4


SECURITY = "pod-security.kubernetes.io"
CHANGES = {
    "the namespace warns": ("PATCH", NAMESPACE, {"metadata": {"labels": {f"{SECURITY}/warn": "restricted"}}}),
    "the namespace refuses": ("PATCH", NAMESPACE, {"metadata": {"labels": {f"{SECURITY}/enforce": "restricted"}}}),
    "the namespace ends": ("DELETE", NAMESPACE, b""),
    "limits begin": (
        "POST", f"{NAMESPACE}/limitranges",
        {"metadata": {"name": "l"}, "spec": {"limits": [{"type": "Container", "default": {"cpu": "1"}}]}},
    ),
    "a quota begins": (
        "POST", f"{NAMESPACE}/resourcequotas", {"metadata": {"name": "q"}, "spec": {"hard": {"pods": "6"}}},
    ),
    "the account has secrets": (
        "POST", f"{NAMESPACE}/serviceaccounts", {"metadata": {"name": "default"}, "imagePullSecrets": [{"name": "s"}]},
    ),
    "a class becomes the default": (
        "POST", "/apis/scheduling.k8s.io/v1/priorityclasses",
        {"metadata": {"name": "high"}, "value": 9, "globalDefault": True},
    ),
    "a policy looks at names": (
        "POST", "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicybindings",
        {"metadata": {"name": "b"}, "spec": {"policyName": "p", "validationActions": ["Deny"]}},
    ),
}  # fmt: skip
POLICY = {
    "metadata": {"name": "p"},
    "spec": {
        "validations": [{"expression": "object.metadata.name != 'e'"}],
        "matchConstraints": {
            "resourceRules": [
                {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
            ]
        },
    },
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES.keys())
def test_what_a_pod_depends_on_may_change(change, monkeypatch):
    method, path, body = change
    policies = "/apis/admissionregistration.k8s.io/v1/validatingadmissionpolicies"

    async def script(found):
        assert await found.ask("POST", policies, POLICY) == 201
        assert await found.create(*(named(name) for name in "abc")) == [201] * 3
        media = "application/merge-patch+json" if method == "PATCH" else "application/json"
        assert await found.ask(method, path, body, content_type=media) in {200, 201}
        await found.create(*(named(name) for name in "defgh"))

    cast, made = both_ways(script, monkeypatch)
    assert cast == made


def test_callers_options_are_kept_apart(monkeypatch):
    async def script(found):
        for query in (
            {},
            {"fieldManager": "me"},
            {"dryRun": "All"},
            {"fieldValidation": "Strict"},
            {"fieldValidation": "Ignore"},
        ):
            for agent in ("kubectl/v1", "other/v1"):
                bodies = [changed({**POD, "metadata": {"generateName": "web-"}}, spec__colour="red")] * 3
                await found.create(*bodies, query=query, user_agent=agent)
                await found.create(
                    *bodies,
                    query=query,
                    user_agent=agent,
                    accept="application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io",
                )

    cast, made = both_ways(script, monkeypatch)
    assert cast == made


def test_a_create_reads_nothing_that_breaks_no_mould(monkeypatch):
    """An admission plugin that looks at more must have it listed, or else pods are cast as they no longer should be."""
    read = set()
    for name in ("get", "list"):
        method = getattr(VersionedStore, name)

        def noted(store, bucket, *arguments, method=method, **options):
            read.add(bucket)
            return method(store, bucket, *arguments, **options)

        monkeypatch.setattr(VersionedStore, name, noted)
    demanding = changed(
        POD, spec__runtimeClassName="none", spec__priorityClassName="none", spec__serviceAccountName="none"
    )

    async def script(found):
        read.clear()
        assert await found.create(named("a"), demanding) == [201, 403]
        for path in (("runtimeClassName",), ("priorityClassName",)):
            body = changed(demanding, spec__serviceAccountName="default")
            for name in path:
                del body["spec"][name]
            await found.create(body)
        told = set(read)
        assert told <= {moulds.PODS, *moulds.READ}
        assert told >= {("", "namespaces"), ("", "limitranges"), ("", "serviceaccounts")}

    run_virtual(outcome(script))


def test_pods_that_name_their_node_take_on_what_it_has_by_then(monkeypatch):
    node = {"metadata": {"name": "n", "labels": {"topology.kubernetes.io/zone": "one"}}}

    async def script(found):
        await found.ask("POST", "/api/v1/nodes", node)
        await found.create(*(named(name, changed(POD, spec__nodeName="n")) for name in "abc"))
        moved = {"metadata": {"labels": {"topology.kubernetes.io/zone": "other"}}}
        await found.ask("PATCH", "/api/v1/nodes/n", moved, content_type="application/merge-patch+json")
        await found.create(*(named(name, changed(POD, spec__nodeName="n")) for name in "def"))

    cast, made = both_ways(script, monkeypatch)
    assert cast == made
