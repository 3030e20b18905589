"""kubewright's own client, over HTTPS: each call of its Protocol, and each failure as the OpError that it promises."""

import asyncio

import pytest

from kubewright.api.core import CONFIG_MAPS, PODS, SERVICE_ACCOUNTS
from kubewright.api.meta import ObjectKey
from kubewright.client.connect import connect
from kubewright.client.connection_errors import Timeouts
from kubewright.client.http import HttpTransport
from kubewright.client.kubeconfig import load
from kubewright.client.protocol import EventType, PatchType
from kubewright.client.rest import RestClient
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.informer import Informer
from tests.contract.asking import PATIENCE_SECONDS, eventually
from tests.contract.manifests import config_map, pod


@pytest.fixture
def key(namespace):
    return ObjectKey(namespace, "a")


def placed(namespace, name="a", **data):
    return config_map(name, data or None, namespace=namespace)


async def test_create_get_and_delete(client, key):
    made = await client.create(CONFIG_MAPS, placed(key.namespace, k="v"))
    assert made.key == key
    assert await client.get(CONFIG_MAPS, key) == made
    await client.delete(CONFIG_MAPS, made)
    with pytest.raises(OpError) as caught:
        await client.get(CONFIG_MAPS, key)
    assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_a_namesake_of_what_was_read_is_not_deleted(client, key):
    first = await client.create(CONFIG_MAPS, placed(key.namespace))
    await client.delete(CONFIG_MAPS, key)
    second = await client.create(CONFIG_MAPS, placed(key.namespace))
    with pytest.raises(OpError) as caught:
        await client.delete(CONFIG_MAPS, first)
    assert caught.value.kind is ErrorKind.CONFLICT
    assert (await client.get(CONFIG_MAPS, key)).metadata.uid == second.metadata.uid


async def test_a_list_reads_every_page(client, namespace):
    for number in range(7):
        await client.create(CONFIG_MAPS, config_map(f"m{number}", namespace=namespace, labels={"l": "1"}))
    listed = await client.list(CONFIG_MAPS, namespace=namespace, label_selector="l=1", page_size=2)
    assert [each.metadata.name for each in listed.items] == [f"m{number}" for number in range(7)]
    assert listed.resource_version


class Counting(HttpTransport):
    """Counts the watches that are opened."""

    opened = 0

    async def send(self, request, *, stream=False):
        self.opened += stream
        return await super().send(request, stream=stream)


async def test_a_kind_that_nobody_changes_is_followed_however_long_it_is_silent(cluster, client, key):
    # Of such a kind there are no bookmarks, where etcd reports its progress as rarely as it does by default.
    transport = Counting(load(str(cluster.kubeconfig)), timeouts=Timeouts(silence_seconds=0.5))
    informer = Informer(RestClient(transport), CONFIG_MAPS, namespace=key.namespace, label_selector="l=quiet")

    async def opened_again():
        # One that the server was slow to open is told of, until the next is open.
        return transport.opened >= 3 and informer.problem == ""

    async def told():
        return key in informer.index

    async with asyncio.TaskGroup() as tasks:
        running = tasks.create_task(informer.run())
        await asyncio.wait_for(informer.wait_synced(), PATIENCE_SECONDS)
        await eventually(opened_again)
        await client.create(CONFIG_MAPS, config_map(key.name, namespace=key.namespace, labels={"l": "quiet"}))
        await eventually(told)
        running.cancel()
    await transport.close()


async def test_a_watch_follows_a_list(client, key):
    listed = await client.list(CONFIG_MAPS, namespace=key.namespace)
    await client.create(CONFIG_MAPS, placed(key.namespace))
    await client.delete(CONFIG_MAPS, key)
    seen = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in client.watch(CONFIG_MAPS, namespace=key.namespace, resource_version=listed.resource_version):
            seen.append((event.type, event.key))
            if event.type is EventType.DELETED:
                break
    assert seen == [(EventType.ADDED, key), (EventType.DELETED, key)]


async def test_a_watch_with_initial_events_says_when_they_end(client, key):
    await client.create(CONFIG_MAPS, placed(key.namespace))
    names = []
    async with asyncio.timeout(PATIENCE_SECONDS):
        async for event in client.watch(CONFIG_MAPS, namespace=key.namespace, send_initial_events=True):
            if event.initial_done:
                break
            names.append(event.key.name)
    assert sorted(names) == ["a", "kube-root-ca.crt"]


async def test_a_watch_ends_without_an_error(client, namespace):
    events = [event async for event in client.watch(CONFIG_MAPS, namespace=namespace, timeout_seconds=1)]
    assert {event.type for event in events} <= {EventType.ADDED, EventType.BOOKMARK}


async def test_an_applys_conflict_names_the_manager(client, key):
    await client.apply(CONFIG_MAPS, placed(key.namespace, k="1"), field_manager="one")
    with pytest.raises(OpError) as caught:
        await client.apply(CONFIG_MAPS, placed(key.namespace, k="2"), field_manager="two", force=False)
    assert caught.value.kind is ErrorKind.CONFLICT
    (cause,) = caught.value.causes
    assert (cause.field, cause.reason, cause.message) == (".data.k", "FieldManagerConflict", 'conflict with "one"')
    assert await client.apply(CONFIG_MAPS, placed(key.namespace, k="2"), field_manager="two")


@pytest.mark.parametrize(
    ("kind", "patch"),
    [
        (PatchType.MERGE, {"metadata": {"labels": {"l": "1"}}}),
        (PatchType.STRATEGIC, {"metadata": {"labels": {"l": "1"}}}),
        (PatchType.JSON, [{"op": "add", "path": "/metadata/labels", "value": {"l": "1"}}]),
    ],
    ids=["merge", "strategic", "json"],
)
async def test_patches(client, key, kind, patch):
    await client.create(CONFIG_MAPS, placed(key.namespace))
    assert (await client.patch(CONFIG_MAPS, key, patch, kind)).metadata.labels == {"l": "1"}


async def test_a_stale_update_is_a_conflict(client, key):
    made = await client.create(CONFIG_MAPS, placed(key.namespace, k="1"))
    await client.update(CONFIG_MAPS, placed(key.namespace, k="2"))
    stale = placed(key.namespace, k="3")
    stale["metadata"]["resourceVersion"] = made.metadata.resource_version
    with pytest.raises(OpError) as caught:
        await client.update(CONFIG_MAPS, stale)
    assert caught.value.kind is ErrorKind.CONFLICT


async def test_a_taken_name_and_a_wrong_object_are_told_apart(client, key):
    await client.create(CONFIG_MAPS, placed(key.namespace))
    with pytest.raises(OpError) as caught:
        await client.create(CONFIG_MAPS, placed(key.namespace))
    assert caught.value.kind is ErrorKind.ALREADY_EXISTS
    with pytest.raises(OpError) as caught:
        await client.create(PODS, pod("a", containers=[]), namespace=key.namespace)
    assert caught.value.kind is ErrorKind.INVALID
    assert [(cause.field, cause.reason) for cause in caught.value.causes] == [("spec.containers", "FieldValueRequired")]


async def test_strict_validation_is_asked_for_once(cluster, key):
    client = connect(load(str(cluster.kubeconfig)), field_validation="Strict")
    try:
        with pytest.raises(OpError) as caught:
            await client.create(CONFIG_MAPS, {**placed(key.namespace), "dta": {}})
    finally:
        await client.close()
    assert caught.value.kind is ErrorKind.INVALID
    assert 'unknown field "dta"' in caught.value.detail


async def test_a_dry_run_leaves_nothing(client, key):
    await client.create(CONFIG_MAPS, placed(key.namespace), dry_run=True)
    with pytest.raises(OpError) as caught:
        await client.get(CONFIG_MAPS, key)
    assert caught.value.kind is ErrorKind.NOT_FOUND


async def test_a_subresource_is_posted_to(client, namespace):
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    assert await client.create(SERVICE_ACCOUNTS, request, namespace=namespace, name="default", subresource="token")


async def test_raw_reads_json_and_text(client):
    assert (await client.raw("GET", "/version"))["major"] == "1"
    assert await client.raw("GET", "/healthz") == "ok"
