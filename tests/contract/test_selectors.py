"""Label and field selectors of lists."""

import pytest

from tests.contract.manifests import config_map, crd, custom, pod, schema
from tests.contract.test_status import definition_of

LABELS = {
    "web-1": {"app": "web", "tier": "front"},
    "web-2": {"app": "web"},
    "db": {"app": "db", "tier": "back"},
    "none": {},
}


UNKNOWN_FIELD = 'is not a known field selector: only "metadata.name", "metadata.namespace"'


@pytest.fixture
async def labelled(api, namespace):
    maps = api.of("configmaps", namespace)
    for name, labels in LABELS.items():
        (await maps.create(config_map(name, labels=labels))).ok()
    return maps


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("app=web", ["web-1", "web-2"]),
        ("app==db", ["db"]),
        ("app=web,tier=front", ["web-1"]),
        ("app!=web", ["db", "none"]),
        ("app in (web, db)", ["db", "web-1", "web-2"]),
        ("app notin (web)", ["db", "none"]),
        ("tier", ["db", "web-1"]),
        ("app,!tier", ["web-2"]),
        ("app=nothing", []),
    ],
)
async def test_labels_select(labelled, selector, names):
    found = await labelled.names(labelSelector=selector)
    assert [name for name in found if name in LABELS] == names
    assert all(name in LABELS or name == "kube-root-ca.crt" for name in found)


@pytest.mark.parametrize(
    ("selector", "message"),
    [
        ("app in web", "unable to parse requirement: found 'web' expected: '('"),
        ("=web", "found '=', expected: !, identifier, or 'end of string'"),
        ("app=a b", "found 'b', expected: ',' or 'end of string'"),
        (
            "Not/A/Key=1",
            (
                'unable to parse requirement: <nil>: Invalid value: "Not/A/Key": a valid label key must consist of '
                "alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character (e.g. "
                "'MyName',  or 'my.name',  or '123-abc', regex used for validation is "
                "'([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]') with an optional DNS subdomain prefix and '/' "
                "(e.g. 'example.com/MyName')"
            ),
        ),
    ],
)
async def test_a_label_selector_that_does_not_parse_is_refused(api, namespace, selector, message):
    refused = (await api.of("configmaps", namespace).list(labelSelector=selector)).refused
    assert (refused.code, refused.reason, refused.message) == (400, "BadRequest", message)


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("metadata.name=db", ["db"]),
        ("metadata.name!=db", ["none", "web-1", "web-2"]),
        ("metadata.namespace=elsewhere", []),
    ],
)
async def test_every_kind_selects_by_name_and_namespace(labelled, selector, names):
    found = await labelled.names(fieldSelector=selector)
    assert [name for name in found if name in LABELS] == names


async def test_labels_and_fields_select_together(labelled):
    assert await labelled.names(labelSelector="app=web", fieldSelector="metadata.name=web-2") == ["web-2"]


@pytest.mark.parametrize(
    ("plural", "selector", "message"),
    [
        ("configmaps", "data.k=v", f'"data.k" {UNKNOWN_FIELD}'),
        ("pods", "spec.hostname=x", "field label not supported: spec.hostname"),
        ("deployments", "spec.replicas=1", f'"spec.replicas" {UNKNOWN_FIELD}'),
        ("configmaps", "metadata.name", "invalid selector: 'metadata.name'; can't understand 'metadata.name'"),
    ],
)
async def test_a_field_that_cannot_be_selected_is_refused(api, namespace, plural, selector, message):
    refused = (await api.of(plural, namespace).list(fieldSelector=selector)).refused
    assert (refused.code, refused.reason, refused.message) == (400, "BadRequest", message)


async def test_a_field_that_a_custom_kind_does_not_select_by_is_refused(things):
    collection = await things(crd(schema(size={"type": "integer"})))
    refused = (await collection.list(fieldSelector="spec.size=1")).refused
    assert (refused.code, refused.message) == (400, "field label not supported: spec.size")


async def test_a_custom_kind_selects_by_its_selectable_fields(things):
    definition = crd(schema(color={"type": "string"}), selectableFields=[{"jsonPath": ".spec.color"}])
    collection = await things(definition)
    (await collection.create(custom(definition, "red", spec={"color": "red"}))).ok()
    (await collection.create(custom(definition, "blue", spec={"color": "blue"}))).ok()
    assert await collection.names(fieldSelector="spec.color=red") == ["red"]


@pytest.fixture
async def pods(api, namespace):
    pods = api.of("pods", namespace)
    # Bound to a node that is not there: nobody runs them, and nobody but us changes them.
    (await pods.create(pod("bound", nodeName="nowhere", terminationGracePeriodSeconds=0))).ok()
    (await pods.create(pod("gated", schedulingGates=[{"name": "example.com/gate"}], restartPolicy="Never"))).ok()
    return pods


@pytest.mark.parametrize(
    ("selector", "names"),
    [
        ("spec.nodeName=nowhere", ["bound"]),
        ("spec.nodeName=", ["gated"]),
        ("spec.nodeName!=nowhere", ["gated"]),
        ("spec.restartPolicy=Never", ["gated"]),
        ("status.phase=Pending", ["bound", "gated"]),
        ("status.phase!=Pending", []),
        ("spec.schedulerName=default-scheduler", ["bound", "gated"]),
        ("spec.serviceAccountName=default", ["bound", "gated"]),
        ("metadata.name=bound,spec.nodeName=nowhere", ["bound"]),
    ],
)
async def test_pods_select_by_their_own_fields(pods, selector, names):
    assert await pods.names(fieldSelector=selector) == names


async def test_events_select_by_the_object_they_are_about(api, namespace):
    events = api.of("events", namespace)
    for name in ("a", "b"):
        about = {"kind": "ConfigMap", "namespace": namespace, "name": name, "uid": f"uid-{name}"}
        event = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": name},
            "involvedObject": about,
            "reason": "Tried",
            "type": "Warning",
        }
        (await events.create(event)).ok()
    selector = f"involvedObject.name=a,involvedObject.namespace={namespace},involvedObject.kind=ConfigMap"
    assert await events.names(fieldSelector=f"{selector},involvedObject.uid=uid-a") == ["a"]
    assert await events.names(fieldSelector="reason=Tried,type=Warning") == ["a", "b"]
    assert await events.names(fieldSelector="type=Normal,reason=Tried") == []


async def test_secrets_select_by_type(api, namespace):
    secrets = api.of("secrets", namespace)
    for name, kind in (("a", "Opaque"), ("b", "example.com/b")):
        (await secrets.create({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": name}, "type": kind})).ok()
    assert await secrets.names(fieldSelector="type=example.com/b") == ["b"]


async def test_namespaces_select_by_name(api, namespace):
    assert await api.of("namespaces").names(fieldSelector=f"metadata.name={namespace}") == [namespace]
    assert await api.of("namespaces").names(labelSelector=f"kubernetes.io/metadata.name={namespace}") == [namespace]


async def test_a_definition_can_be_selected_by_label(things, api):
    definition = await definition_of(await things(crd(schema())))
    name = definition["metadata"]["name"]
    assert await api.of("customresourcedefinitions").names(fieldSelector=f"metadata.name={name}") == [name]
