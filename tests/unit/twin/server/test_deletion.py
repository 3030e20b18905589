from __future__ import annotations

import pytest

from tests.unit.twin.server.calls import DEPLOYMENTS, MAPS, PODS, Caller, config_map, deployment, on_server, pod

UID = "11111111-1111-1111-1111-111111111111"


async def _bound(api: Caller) -> None:
    await api.post(PODS, pod("p"))
    body = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "n"}}
    assert (await api.post(f"{PODS}/p/binding", body)).code == 201


def test_a_plain_object_goes_at_once_and_the_answer_names_it():
    async def scenario(api: Caller) -> None:
        made = await api.post(MAPS, config_map("a"))
        gone = await api.delete(f"{MAPS}/a")
        assert gone.body["status"] == "Success"
        assert gone.body["details"] == {"name": "a", "kind": "configmaps", "uid": made.metadata["uid"]}
        assert (await api.get(f"{MAPS}/a")).code == 404

    on_server(scenario)


def test_an_object_waits_for_its_finalizers():
    async def scenario(api: Caller) -> None:
        await api.post(MAPS, {"metadata": {"name": "a", "finalizers": ["a.example/x"]}})
        marked = await api.delete(f"{MAPS}/a")
        assert marked.metadata["deletionTimestamp"] == "2030-01-01T00:00:00Z"
        again = await api.post(MAPS, config_map("a"))
        assert again.body["message"] == 'object is being deleted: configmaps "a" already exists'
        more = await api.patch(f"{MAPS}/a", {"metadata": {"finalizers": ["a.example/x", "b.example/y"]}})
        assert more.code == 422
        await api.patch(f"{MAPS}/a", {"metadata": {"finalizers": None}})
        assert (await api.get(f"{MAPS}/a")).code == 404

    on_server(scenario)


@pytest.mark.parametrize(
    "precondition", [{"uid": UID}, {"resourceVersion": "1"}], ids=["another uid", "another version"]
)
def test_a_failed_precondition_keeps_the_object(precondition: dict[str, str]):
    async def scenario(api: Caller) -> None:
        await api.post(MAPS, config_map("a"))
        refused = await api.delete(f"{MAPS}/a", {"preconditions": precondition})
        assert (refused.code, refused.body["reason"]) == (409, "Conflict")
        assert (await api.get(f"{MAPS}/a")).code == 200

    on_server(scenario)


@pytest.mark.parametrize(
    ("policy", "finalizers"),
    [
        pytest.param("Foreground", ["foregroundDeletion"], id="foreground waits for the dependents"),
        pytest.param("Orphan", ["orphan"], id="orphan waits for them to be let go"),
        pytest.param("Background", None, id="background goes at once"),
    ],
)
def test_propagation_is_left_to_the_garbage_collector(policy: str, finalizers: list[str] | None):
    async def scenario(api: Caller) -> None:
        await api.post(DEPLOYMENTS, deployment("d"))
        await api.delete(f"{DEPLOYMENTS}/d", {"propagationPolicy": policy})
        left = await api.get(f"{DEPLOYMENTS}/d")
        assert (left.metadata.get("finalizers") if left.code == 200 else None) == finalizers

    on_server(scenario)


def test_a_bound_pod_is_given_its_grace_and_goes_when_the_kubelet_says_so():
    async def scenario(api: Caller) -> None:
        await _bound(api)
        marked = await api.delete(f"{PODS}/p")
        assert marked.metadata["deletionGracePeriodSeconds"] == 30
        assert marked.metadata["deletionTimestamp"] == "2030-01-01T00:00:30Z"
        shorter = await api.delete(f"{PODS}/p", {"gracePeriodSeconds": 10})
        assert shorter.metadata["deletionTimestamp"] == "2030-01-01T00:00:10Z"
        longer = await api.delete(f"{PODS}/p", {"gracePeriodSeconds": 60})
        assert longer.metadata["deletionGracePeriodSeconds"] == 10
        await api.delete(f"{PODS}/p", {"gracePeriodSeconds": 0})
        assert (await api.get(f"{PODS}/p")).code == 404

    on_server(scenario)


def test_a_pod_that_no_node_has_goes_at_once():
    async def scenario(api: Caller) -> None:
        await api.post(PODS, pod("p"))
        await api.delete(f"{PODS}/p")
        assert (await api.get(f"{PODS}/p")).code == 404

    on_server(scenario)


def test_a_pod_is_bound_once():
    async def scenario(api: Caller) -> None:
        await _bound(api)
        body = {"metadata": {"name": "p"}, "target": {"kind": "Node", "name": "m"}}
        refused = await api.post(f"{PODS}/p/binding", body)
        assert refused.body["message"] == (
            'Operation cannot be fulfilled on pods/binding "p": pod p is already assigned to node "n"'
        )
        bound = (await api.get(f"{PODS}/p")).body
        assert bound["spec"]["nodeName"] == "n"
        assert bound["metadata"]["generation"] == 1
        assert [(each["type"], each["status"]) for each in bound["status"]["conditions"]] == [("PodScheduled", "True")]

    on_server(scenario)


def test_an_evicted_pod_says_why_it_goes():
    async def scenario(api: Caller) -> None:
        await _bound(api)
        assert (await api.post(f"{PODS}/p/eviction", {"metadata": {"name": "p"}})).code == 201
        evicted = await api.get(f"{PODS}/p")
        assert "deletionTimestamp" in evicted.metadata
        assert "DisruptionTarget" in [each["type"] for each in evicted.body["status"]["conditions"]]

    on_server(scenario)


def test_many_are_deleted_by_selector():
    async def scenario(api: Caller) -> None:
        for name in "abc":
            await api.post(MAPS, config_map(name, {"n": name}))
        gone = await api.delete(f"{MAPS}?labelSelector=n!=b")
        assert gone.names == ["a", "c"]
        assert (await api.get(MAPS)).names == ["b"]

    on_server(scenario)


def test_a_namespace_ends_when_it_is_finalized():
    async def scenario(api: Caller) -> None:
        await api.post("/api/v1/namespaces", {"metadata": {"name": "x"}})
        marked = await api.delete("/api/v1/namespaces/x")
        assert marked.body["status"]["phase"] == "Terminating"
        late = await api.post("/api/v1/namespaces/x/configmaps", config_map("a"))
        assert (late.code, late.body["details"]["causes"][0]["reason"]) == (403, "NamespaceTerminating")
        await api.put("/api/v1/namespaces/x/finalize", {"metadata": {"name": "x"}, "spec": {}})
        assert (await api.get("/api/v1/namespaces/x")).code == 404
        assert (await api.delete("/api/v1/namespaces/default")).code == 403

    on_server(scenario)


def test_dry_run_deletes_nothing():
    async def scenario(api: Caller) -> None:
        await api.post(MAPS, config_map("a"))
        assert (await api.delete(f"{MAPS}/a?dryRun=All")).code == 200
        assert (await api.get(f"{MAPS}/a")).code == 200

    on_server(scenario)
