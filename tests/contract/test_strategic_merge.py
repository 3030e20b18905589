"""Strategic merge patch: lists merge by key where the kind's schema says so, and directives steer it."""

import pytest

from tests.contract.asking import STRATEGIC
from tests.contract.manifests import deployment, service


@pytest.fixture
async def deployments(api, namespace):
    deployments = api.of("deployments", namespace)
    made = deployment("a", 0)
    made["spec"]["template"]["spec"] = {
        "containers": [
            {"name": "one", "image": "i:1", "env": [{"name": "A", "value": "1"}, {"name": "B", "value": "2"}]},
            {"name": "two", "image": "i:1", "args": ["x", "y"], "ports": [{"containerPort": 80}]},
        ],
        "tolerations": [{"key": "t", "operator": "Exists"}],
        "volumes": [{"name": "v", "emptyDir": {}}],
        "nodeSelector": {"disk": "fast", "zone": "a"},
    }
    made["metadata"]["finalizers"] = ["example.com/one"]
    (await deployments.create(made)).ok()
    yield deployments
    await deployments.merge("a", {"metadata": {"finalizers": None}})


def names(spec):
    return [each["name"] for each in spec["containers"]]


def environment(spec):
    return [(each["name"], each.get("value")) for each in spec["containers"][0].get("env", [])]


@pytest.mark.parametrize(
    ("patch", "seen", "expected"),
    [
        pytest.param(
            {"containers": [{"name": "two", "image": "i:2"}]},
            lambda spec: [(each["name"], each["image"]) for each in spec["containers"]],
            [("one", "i:1"), ("two", "i:2")],
            id="containers merge by name",
        ),
        pytest.param(
            {"containers": [{"name": "three", "image": "i:3"}]},
            names,
            ["three", "one", "two"],
            id="a new container goes where the patch puts it",
        ),
        pytest.param(
            {"containers": [{"name": "one", "$patch": "delete"}]}, names, ["two"], id="$patch delete removes an element"
        ),
        pytest.param(
            {"containers": [{"$patch": "replace"}, {"name": "three", "image": "i:3"}]},
            names,
            ["three"],
            id="$patch replace replaces a list",
        ),
        pytest.param(
            {
                "$setElementOrder/containers": [{"name": "two"}, {"name": "one"}],
                "containers": [{"name": "two", "image": "i:2"}],
            },
            names,
            ["two", "one"],
            id="$setElementOrder orders elements",
        ),
        pytest.param(
            {"containers": [{"name": "one", "env": [{"name": "B", "value": "9"}, {"name": "C", "value": "3"}]}]},
            environment,
            [("A", "1"), ("B", "9"), ("C", "3")],
            id="nested lists merge by their own key",
        ),
        pytest.param(
            {"containers": [{"name": "one", "env": None}]}, environment, [], id="null removes a list of an element"
        ),
        pytest.param(
            {"containers": [{"name": "two", "args": ["z"]}]},
            lambda spec: spec["containers"][1]["args"],
            ["z"],
            id="a list of texts without a strategy is replaced",
        ),
        pytest.param(
            {"tolerations": [{"key": "u", "operator": "Exists"}]},
            lambda spec: [each["key"] for each in spec["tolerations"]],
            ["u"],
            id="tolerations are replaced",
        ),
        pytest.param(
            {"nodeSelector": {"zone": None, "arch": "arm"}},
            lambda spec: spec["nodeSelector"],
            {"disk": "fast", "arch": "arm"},
            id="maps merge and null removes",
        ),
        pytest.param(
            {"nodeSelector": {"$patch": "replace", "arch": "arm"}},
            lambda spec: spec["nodeSelector"],
            {"arch": "arm"},
            id="$patch replace replaces a map",
        ),
        pytest.param(
            {"nodeSelector": {"$patch": "delete"}},
            lambda spec: spec.get("nodeSelector"),
            None,
            id="$patch delete empties a map",
        ),
        pytest.param(
            {"volumes": [{"name": "v", "$retainKeys": ["name", "hostPath"], "hostPath": {"path": "/h"}}]},
            lambda spec: spec["volumes"],
            [{"name": "v", "hostPath": {"path": "/h", "type": ""}}],
            id="$retainKeys leaves only the keys named",
        ),
        pytest.param(
            {"containers": [{"name": "two", "ports": [{"containerPort": 81}]}]},
            lambda spec: [each["containerPort"] for each in spec["containers"][1]["ports"]],
            [81, 80],
            id="ports merge by containerPort",
        ),
    ],
)
async def test_a_pod_template_is_patched(deployments, patch, seen, expected):
    patched = (await deployments.patch("a", STRATEGIC, {"spec": {"template": {"spec": patch}}})).ok()
    assert seen(patched["spec"]["template"]["spec"]) == expected


async def test_finalizers_merge_as_a_set(deployments):
    patch = {"metadata": {"finalizers": ["example.com/two", "example.com/one"]}}
    patched = (await deployments.patch("a", STRATEGIC, patch)).ok()
    assert sorted(patched["metadata"]["finalizers"]) == ["example.com/one", "example.com/two"]


async def test_delete_from_primitive_list_removes_a_finalizer(deployments):
    patch = {"metadata": {"$deleteFromPrimitiveList/finalizers": ["example.com/one"]}}
    assert "finalizers" not in (await deployments.patch("a", STRATEGIC, patch)).ok()["metadata"]


async def test_a_list_element_without_its_key_is_refused(deployments):
    patch = {"spec": {"template": {"spec": {"containers": [{"image": "i:2"}]}}}}
    refused = (await deployments.patch("a", STRATEGIC, patch)).refused
    assert refused.code == 500
    assert refused.message == "map: map[image:i:2] does not contain declared merge key: name"


async def test_an_unknown_directive_is_refused(deployments):
    patch = {"spec": {"template": {"spec": {"nodeSelector": {"$patch": "explode"}}}}}
    refused = (await deployments.patch("a", STRATEGIC, patch)).refused
    assert refused.code == 500
    assert refused.message == "unknown patch type: explode in map: map[$patch:explode]"


async def test_service_ports_merge_by_port(api, namespace):
    services = api.of("services", namespace)
    two = [{"name": "a", "port": 80}, {"name": "b", "port": 81}]
    (await services.create(service("a", ports=two))).ok()
    patched = (await services.patch("a", STRATEGIC, {"spec": {"ports": [{"port": 81, "targetPort": 8081}]}})).ok()
    assert [(each["port"], each["targetPort"]) for each in patched["spec"]["ports"]] == [(80, 80), (81, 8081)]
