from __future__ import annotations

import pytest

from tests.unit.twin.server.calls import DEPLOYMENTS, MAPS, PODS, Caller, config_map, deployment, on_server, pod


def test_a_created_object_has_identity_time_version_and_manager():
    async def scenario(api: Caller) -> None:
        made = await api.post(MAPS, config_map("a", k="v"))
        assert made.code == 201
        assert made.metadata["uid"]
        assert made.metadata["creationTimestamp"] == "2030-01-01T00:00:00Z"
        assert made.metadata["managedFields"][0]["manager"] == "test"
        assert (await api.get(f"{MAPS}/a")).body == made.body

    on_server(scenario)


def test_one_version_counts_the_writes_of_all_kinds():
    async def scenario(api: Caller) -> None:
        first = await api.post(MAPS, config_map("a"))
        second = await api.post(PODS, pod("p"))
        assert int(second.metadata["resourceVersion"]) == int(first.metadata["resourceVersion"]) + 1

    on_server(scenario)


def test_a_write_that_changes_nothing_takes_no_version():
    async def scenario(api: Caller) -> None:
        before = await api.post(MAPS, config_map("a", k="v"))
        put = await api.put(f"{MAPS}/a", config_map("a", k="v"))
        patched = await api.patch(f"{MAPS}/a", {"data": {"k": "v"}})
        assert put.body == before.body
        assert patched.body == before.body

    on_server(scenario)


def test_a_stale_version_is_a_conflict():
    async def scenario(api: Caller) -> None:
        made = await api.post(MAPS, config_map("a", k="v"))
        await api.patch(f"{MAPS}/a", {"data": {"k": "w"}})
        refused = await api.put(f"{MAPS}/a", {**made.body, "data": {"k": "x"}})
        assert refused.code == 409
        assert refused.body["message"] == (
            'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
            "please apply your changes to the latest version and try again"
        )
        assert (await api.get(f"{MAPS}/a")).body["data"] == {"k": "w"}

    on_server(scenario)


def test_an_update_without_a_version_is_refused_where_the_kind_wants_one():
    async def scenario(api: Caller) -> None:
        leases = "/apis/coordination.k8s.io/v1/namespaces/default/leases"
        assert (await api.put(f"{leases}/l", {"metadata": {"name": "l"}})).code == 201
        refused = await api.put(f"{leases}/l", {"metadata": {"name": "l"}, "spec": {"holderIdentity": "b"}})
        assert refused.code == 422
        assert "metadata.resourceVersion: Invalid value: 0: must be specified for an update" in refused.body["message"]

    on_server(scenario)


def test_a_generated_name_has_its_prefix_and_is_the_same_in_every_run():
    names: list[str] = []

    async def scenario(api: Caller) -> None:
        made = await api.post(MAPS, {"metadata": {"generateName": "a-"}})
        names.append(made.metadata["name"])

    on_server(scenario)
    on_server(scenario)
    assert names[0].startswith("a-")
    assert len(names[0]) == len("a-") + 5
    assert names[0] == names[1]


def test_generation_counts_changes_of_the_spec_only():
    async def scenario(api: Caller) -> None:
        assert (await api.post(DEPLOYMENTS, deployment("d"))).metadata["generation"] == 1
        assert (await api.patch(f"{DEPLOYMENTS}/d", {"metadata": {"labels": {"a": "b"}}})).metadata["generation"] == 1
        assert (await api.patch(f"{DEPLOYMENTS}/d", {"spec": {"replicas": 2}})).metadata["generation"] == 2

    on_server(scenario)


def test_status_and_the_rest_are_written_apart():
    async def scenario(api: Caller) -> None:
        made = await api.post(DEPLOYMENTS, {**deployment("d"), "status": {"replicas": 9}})
        assert "replicas" not in made.body["status"]
        main = await api.patch(f"{DEPLOYMENTS}/d", {"status": {"replicas": 9}, "spec": {"replicas": 2}})
        assert "replicas" not in main.body["status"]
        status = await api.patch(f"{DEPLOYMENTS}/d/status", {"status": {"replicas": 1}, "spec": {"replicas": 7}})
        assert status.body["status"]["replicas"] == 1
        assert status.body["spec"]["replicas"] == 2

    on_server(scenario)


def test_dry_run_answers_and_stores_nothing():
    async def scenario(api: Caller) -> None:
        revision = api.store.revision
        assert (await api.post(f"{MAPS}?dryRun=All", config_map("a"))).code == 201
        assert (await api.get(f"{MAPS}/a")).code == 404
        assert api.store.revision == revision

    on_server(scenario)


@pytest.mark.parametrize(
    ("validation", "code", "warned"),
    [
        pytest.param("Strict", 400, False, id="strict refuses an unknown field"),
        pytest.param("Warn", 201, True, id="warn drops it and says so"),
        pytest.param("Ignore", 201, False, id="ignore drops it in silence"),
    ],
)
def test_field_validation(validation: str, code: int, warned: bool):
    async def scenario(api: Caller) -> None:
        answer = await api.post(f"{MAPS}?fieldValidation={validation}", {**config_map("a"), "foo": 1})
        assert answer.code == code
        assert "foo" not in answer.body
        assert ('299 - "unknown field \\"foo\\""' in answer.headers.get("warning", "")) == warned

    on_server(scenario)


@pytest.mark.parametrize(
    ("path", "body", "code", "message"),
    [
        pytest.param(
            MAPS,
            {"kind": "ConfigMap", "apiVersion": "apps/v1", "metadata": {"name": "b"}},
            400,
            'ConfigMap in version "v1" cannot be handled as a ConfigMap: no kind "ConfigMap" is registered for version '
            '"apps/v1" in scheme "pkg/runtime/scheme.go:111"',
            id="another version's body",
        ),
        pytest.param(
            MAPS,
            {"metadata": {"name": "b", "namespace": "other"}},
            400,
            "the namespace of the provided object does not match the namespace sent on the request",
            id="another namespace's object",
        ),
        pytest.param(
            MAPS,
            {"metadata": {"name": "b", "resourceVersion": "5"}},
            500,
            "resourceVersion should not be set on objects to be created",
            id="a version on a new object",
        ),
        pytest.param(
            "/api/v1/namespaces/nowhere/configmaps",
            {"metadata": {"name": "b"}},
            404,
            'namespaces "nowhere" not found',
            id="a namespace that is not there",
        ),
        pytest.param(
            MAPS,
            {"metadata": {}},
            422,
            'ConfigMap "" is invalid: metadata.name: Required value: name or generateName is required',
            id="no name",
        ),
        pytest.param(
            DEPLOYMENTS,
            deployment("d", replicas=-1),
            422,
            'Deployment.apps "d" is invalid: spec.replicas: Invalid value: -1: must be greater than or equal to 0',
            id="negative replicas",
        ),
        pytest.param(
            DEPLOYMENTS,
            deployment("d", replicas="x"),
            400,
            'Deployment in version "v1" cannot be handled as a Deployment: json: cannot unmarshal string into Go '
            "struct field DeploymentSpec.spec.replicas of type int32",
            id="a string where a number belongs",
        ),
        pytest.param(
            PODS,
            pod("p", priorityClassName="nope"),
            403,
            'pods "p" is forbidden: no PriorityClass with name nope was found',
            id="an unknown priority class",
        ),
        pytest.param(
            "/apis/flowcontrol.apiserver.k8s.io/v1/flowschemas",
            {"metadata": {"name": "q"}},
            501,
            "the twin does not model priority and fairness of requests",
            id="a kind that is not modelled",
        ),
    ],
)
def test_a_refused_object_is_answered_in_the_api_servers_words_and_not_stored(
    path: str, body: object, code: int, message: str
):
    async def scenario(api: Caller) -> None:
        revision = api.store.revision
        refused = await api.post(path, body)
        assert (refused.code, refused.body["message"]) == (code, message)
        assert refused.body["code"] == code
        assert api.store.revision == revision

    on_server(scenario)


def test_a_pod_gets_what_admission_adds():
    async def scenario(api: Caller) -> None:
        spec = (await api.post(PODS, pod("p"))).body["spec"]
        assert spec["serviceAccountName"] == "default"
        assert spec["priority"] == 0
        assert [(each["key"], each["tolerationSeconds"]) for each in spec["tolerations"]] == [
            ("node.kubernetes.io/not-ready", 300),
            ("node.kubernetes.io/unreachable", 300),
        ]

    on_server(scenario)


def test_a_new_node_is_tainted_until_it_is_ready():
    async def scenario(api: Caller) -> None:
        node = await api.post("/api/v1/nodes", {"metadata": {"name": "n"}})
        assert node.body["spec"]["taints"] == [{"key": "node.kubernetes.io/not-ready", "effect": "NoSchedule"}]

    on_server(scenario)


def test_a_stored_object_never_changes_under_those_who_hold_it():
    async def scenario(api: Caller) -> None:
        await api.post(DEPLOYMENTS, deployment("d"))
        record = next(iter(api.store.list(("apps", "deployments"))[0]))
        before = repr(record.obj)
        await api.patch(f"{DEPLOYMENTS}/d", {"metadata": {"annotations": {"a": "b"}}})
        await api.patch(f"{DEPLOYMENTS}/d/status", {"status": {"replicas": 1}})
        await api.patch(f"{DEPLOYMENTS}/d/scale", {"spec": {"replicas": 5}})
        await api.delete(f"{DEPLOYMENTS}/d")
        assert repr(record.obj) == before

    on_server(scenario)
