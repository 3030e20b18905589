"""Updating pods by the form of ones before leaves nothing that requests would not have left."""

import asyncio

import pytest

from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import PODS
from kubewright.api.meta import ObjectKey
from kubewright.client.protocol import PatchType
from kubewright.clock import Clock, run_virtual
from kubewright.errors import ErrorKind, OpError
from kubewright.twin.cluster import Twin
from kubewright.twin.podupdates import PodUpdates
from kubewright.twin.server import ApiServer

BUCKET = (PODS.group, PODS.plural)
MAIN = {"name": "main", "image": "web:1"}
PROBED = {**MAIN, "readinessProbe": {"httpGet": {"port": 80}, "periodSeconds": 1}, "ports": [{"containerPort": 80}]}
SHAPES = {
    "plain": {"containers": [MAIN]},
    "probed": {"containers": [PROBED]},
    "with-init": {"initContainers": [{"name": "first", "image": "init:1"}], "containers": [MAIN]},
    "on-the-host": {"hostNetwork": True, "containers": [MAIN]},
    "gated": {"readinessGates": [{"conditionType": "example.com/fed"}], "containers": [MAIN]},
    "too-large": {"containers": [{**MAIN, "resources": {"requests": {"cpu": "900"}}}]},
}
NOTES = {
    "crashing": {"twin.kubewright.dev/exit-after": "3", "twin.kubewright.dev/exit-code": "1"},
    "unpulled": {"twin.kubewright.dev/fail-pull": "true"},
}
LABELS = ({"app": "web"}, {"app": "main"}, {"app": "True"}, {"app": "kubelet"}, {"app": "status"}, {"app": "Running"})
"""Values of labels that also stand for something else in a pod."""


class Requests:
    """Makes a request for every update."""

    def __init__(self):
        self.made = 0

    async def patch_status(self, key, changes, patch_type, manager, request):
        self.made += 1
        await request()

    async def bind(self, key, uid, node, request):
        self.made += 1
        await request()


def deployment(name, labels, spec, notes=None):
    template = {"metadata": {"labels": labels, "annotations": notes or {}}, "spec": spec}
    return {
        "metadata": {"name": name},
        "spec": {"replicas": 6, "selector": {"matchLabels": labels}, "template": template},
    }


async def lived(specs):
    async with Twin(Clock.virtual(), nodes=3) as twin:
        client = twin.client()
        for number, each in enumerate(specs):
            await client.raw("POST", "/api/v1/namespaces", body={"metadata": {"name": f"ns-{number}"}})
            await asyncio.sleep(1)
            await client.create(DEPLOYMENTS, each, namespace=f"ns-{number}")
            await asyncio.sleep(7.3)
        for number, each in enumerate(specs):
            await client.delete(DEPLOYMENTS, ObjectKey(f"ns-{number}", each["metadata"]["name"]))
        await asyncio.sleep(90)
        store = twin.server.store
        found = store.changes_since(BUCKET, store.compacted_revision)
        return [(each.type, each.record.key, each.revision, each.record.encoded) for each in found]


def both_ways(specs, monkeypatch):
    quick = run_virtual(lived(specs))
    requests = Requests()
    monkeypatch.setattr(ApiServer, "pod_updates", lambda _: requests)
    return quick, run_virtual(lived(specs)), requests.made


@pytest.mark.parametrize("shape", [*SHAPES, *NOTES])
def test_every_update_is_the_one_that_a_request_makes(shape, monkeypatch):
    spec = SHAPES.get(shape, SHAPES["plain"])
    names = [f"{shape}-{number}" for number in range(2)]
    quick, asked, made = both_ways(
        [deployment(name, {"app": name}, spec, NOTES.get(shape)) for name in names], monkeypatch
    )
    assert made >= 12
    assert quick == asked


def test_labels_that_look_like_other_parts_of_a_pod_stay_what_they_are(monkeypatch):
    quick, asked, _ = both_ways(
        [deployment(f"web-{number}", labels, SHAPES["plain"]) for number, labels in enumerate(LABELS)], monkeypatch
    )
    assert quick == asked


async def made_by(managers):
    """Return the history of pods, each made by the manager that a label of it names."""
    async with Twin(Clock.virtual(), nodes=1) as twin:
        for number, manager in enumerate(managers):
            metadata = {"name": f"pod-{number}", "labels": {"app": manager}}
            pod = {"metadata": metadata, "spec": SHAPES["plain"]}
            await twin.client().create(PODS, pod, namespace="default", field_manager=manager)
            await asyncio.sleep(7)
        store = twin.server.store
        return [each.record.encoded for each in store.changes_since(BUCKET, store.compacted_revision)]


def test_managers_that_a_label_names_keep_their_order(monkeypatch):
    managers = ("aaa", "aab", "aac", "zzz")
    quick = run_virtual(made_by(managers))
    monkeypatch.setattr(ApiServer, "pod_updates", lambda _: Requests())
    assert quick == run_virtual(made_by(managers))


async def a_quota(twin):
    body = {"metadata": {"name": "few"}, "spec": {"hard": {"pods": "100"}}}
    await twin.client().raw("POST", "/api/v1/namespaces/default/resourcequotas", body=body)


async def requests_for(meanwhile, monkeypatch):
    """Return how many requests the updates of a third ReplicaSet's pods take, two of which were alike before it."""
    made = 0

    def counting(original):
        async def update(self, *args):
            *given, request = args

            async def counted():
                nonlocal made
                made += 1
                await request()

            await original(self, *given, counted)

        return update

    for name in ("patch_status", "bind"):
        monkeypatch.setattr(PodUpdates, name, counting(getattr(PodUpdates, name)))
    async with Twin(Clock.virtual(), nodes=1) as twin:
        for number in range(3):
            if number == 2:
                await meanwhile(twin)
                made = 0
            name = f"web-{number}"
            await twin.client().create(
                DEPLOYMENTS, deployment(name, {"app": name}, SHAPES["plain"]), namespace="default"
            )
            await asyncio.sleep(20)
    return made


async def nothing(_):
    pass


def test_what_was_asked_twice_of_the_same_takes_no_request(monkeypatch):
    assert run_virtual(requests_for(nothing, monkeypatch)) < 6


def test_with_a_quota_every_update_is_a_request(monkeypatch):
    assert run_virtual(requests_for(a_quota, monkeypatch)) >= 18


def test_an_update_meant_for_a_namesake_that_is_gone_is_refused():
    async def main():
        async with Twin(Clock.virtual(), nodes=1) as twin:
            for number in range(3):
                name = f"web-{number}"
                await twin.client().create(
                    DEPLOYMENTS, deployment(name, {"app": name}, SHAPES["plain"]), namespace="default"
                )
                await asyncio.sleep(20)
            client, updates, refused = twin.client(), twin.server.pod_updates(), []

            async def update(uid, key):
                async def request():
                    changes = {"metadata": {"uid": uid}, "status": {"message": "seen"}}
                    await client.patch(PODS, key, changes, PatchType.MERGE, subresource="status", field_manager="me")

                changes = {"metadata": {"uid": uid}, "status": {"message": "seen"}}
                await updates.patch_status(key, changes, PatchType.MERGE, "me", request)

            pods = [each.obj["metadata"] for each in twin.server.store.list(BUCKET)[0]]
            for each in pods[:9]:
                await update(each["uid"], ObjectKey("default", each["name"]))
            for each in pods[9:12]:
                with pytest.raises(OpError) as error:
                    await update(pods[0]["uid"], ObjectKey("default", each["name"]))
                refused.append(error.value.kind)
            assert refused == [ErrorKind.INVALID] * 3
            seen = [b'"message":"seen"' in each.encoded for each in twin.server.store.list(BUCKET)[0]]
            assert seen == [True] * 9 + [False] * 9

    run_virtual(main())
