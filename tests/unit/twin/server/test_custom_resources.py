from __future__ import annotations

from tests.unit.twin.server.calls import APPLY, CRDS, STRATEGIC, THINGS, Caller, on_server, thing, thing_crd


async def _defined(api: Caller) -> None:
    assert (await api.post(CRDS, thing_crd())).code == 201


def test_a_definition_is_served_at_once_and_says_so():
    async def scenario(api: Caller) -> None:
        assert (await api.get(THINGS)).code == 404
        await _defined(api)
        crd = (await api.get(f"{CRDS}/things.example.com")).body
        conditions = {each["type"]: each["status"] for each in crd["status"]["conditions"]}
        assert conditions == {"NamesAccepted": "True", "Established": "True"}
        assert crd["status"]["acceptedNames"]["listKind"] == "ThingList"
        assert (await api.get(THINGS)).body["kind"] == "ThingList"

    on_server(scenario)


def test_objects_are_defaulted_pruned_and_refused_by_the_schema():
    async def scenario(api: Caller) -> None:
        await _defined(api)
        made = await api.post(THINGS, {**thing("a", image="x", foo=1), "status": {"ready": 1}})
        assert made.body["spec"] == {"image": "x", "replicas": 1}
        assert "status" not in made.body
        assert 'unknown field \\"spec.foo\\"' in made.headers["warning"]
        strict = await api.post(f"{THINGS}?fieldValidation=Strict", thing("b", image="x", foo=1))
        assert strict.body["message"] == (
            'Thing in version "v1" cannot be handled as a Thing: strict decoding error: unknown field "spec.foo"'
        )
        missing = await api.post(THINGS, thing("b"))
        assert missing.body["message"] == 'Thing.example.com "b" is invalid: spec.image: Required value'
        wrong = await api.post(THINGS, thing("b", image=5))
        assert wrong.body["message"] == (
            'Thing.example.com "b" is invalid: spec.image: Invalid value: "integer": '
            'spec.image in body must be of type string: "integer"'
        )
        assert (await api.get(THINGS)).names == ["a"]

    on_server(scenario)


def test_status_scale_and_spec_are_apart():
    async def scenario(api: Caller) -> None:
        await _defined(api)
        await api.post(THINGS, thing("a", image="x"))
        status = await api.patch(f"{THINGS}/a/status", {"status": {"ready": 1}, "spec": {"image": "y"}})
        assert (status.body["spec"]["image"], status.body["status"]) == ("x", {"ready": 1})
        assert status.metadata["generation"] == 1
        await api.patch(f"{THINGS}/a/scale", {"spec": {"replicas": 4}})
        scaled = await api.get(f"{THINGS}/a")
        assert (scaled.body["spec"]["replicas"], scaled.metadata["generation"]) == (4, 2)
        negative = await api.patch(f"{THINGS}/a/scale", {"spec": {"replicas": -1}})
        assert ".spec.replicas: Invalid value: -1: should be a non-negative integer" in negative.body["message"]

    on_server(scenario)


def test_apply_works_by_the_schema_and_strategic_patches_do_not():
    async def scenario(api: Caller) -> None:
        await _defined(api)
        applied = await api.patch(f"{THINGS}/a?fieldManager=m", thing("a", image="x"), APPLY)
        assert applied.code == 201
        unknown = await api.patch(f"{THINGS}/a?fieldManager=m", thing("a", image="x", foo=1), APPLY)
        assert ".spec.foo: field not declared in schema" in unknown.body["message"]
        assert (await api.patch(f"{THINGS}/a", {}, STRATEGIC)).code == 415

    on_server(scenario)


def test_an_applied_status_is_owned_apart_from_the_rest():
    async def scenario(api: Caller) -> None:
        await _defined(api)
        await api.patch(f"{THINGS}/a?fieldManager=user", thing("a", image="x"), APPLY)
        status = {**thing("a", image="y"), "status": {"ready": 1}}
        applied = await api.patch(f"{THINGS}/a/status?fieldManager=controller", status, APPLY)
        assert (applied.body["spec"]["image"], applied.body["status"]) == ("x", {"ready": 1})
        owned = {each["manager"]: each["fieldsV1"] for each in applied.metadata["managedFields"]}
        assert owned["controller"] == {"f:status": {"f:ready": {}}}
        assert owned["user"] == {"f:spec": {"f:image": {}}}
        again = await api.patch(f"{THINGS}/a/status?fieldManager=controller", status, APPLY)
        assert again.metadata["resourceVersion"] == applied.metadata["resourceVersion"]

    on_server(scenario)


def test_a_changed_definition_takes_effect():
    async def scenario(api: Caller) -> None:
        await _defined(api)
        crd = (await api.get(f"{CRDS}/things.example.com")).body
        spec = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
        spec["properties"]["color"] = {"type": "string"}
        assert (await api.put(f"{CRDS}/things.example.com", crd)).code == 200
        made = await api.post(THINGS, thing("a", image="x", color="red"))
        assert made.body["spec"]["color"] == "red"

    on_server(scenario)


def test_all_versions_show_the_same_object():
    async def scenario(api: Caller) -> None:
        crd = thing_crd()
        old = {**crd["spec"]["versions"][0], "name": "v1beta1", "storage": False}
        crd["spec"]["versions"].append(old)
        await api.post(CRDS, crd)
        await api.post(THINGS, thing("a", image="x"))
        beta = await api.get(f"{THINGS.replace('/v1/', '/v1beta1/')}/a")
        assert (beta.body["apiVersion"], beta.body["spec"]["image"]) == ("example.com/v1beta1", "x")

    on_server(scenario)


def test_a_deleted_definition_takes_its_objects_along_and_waits_for_their_finalizers():
    async def scenario(api: Caller) -> None:
        await _defined(api)
        await api.post(THINGS, thing("plain", image="x"))
        held = thing("held", image="x")
        held["metadata"]["finalizers"] = ["a.example/x"]
        await api.post(THINGS, held)
        await api.delete(f"{CRDS}/things.example.com")
        assert (await api.get(THINGS)).names == ["held"]
        late = await api.post(THINGS, thing("late", image="x"))
        assert "create not allowed while custom resource definition is terminating" in late.body["message"]
        await api.patch(f"{THINGS}/held", {"metadata": {"finalizers": None}})
        assert (await api.get(f"{CRDS}/things.example.com")).code == 404
        assert (await api.get(THINGS)).code == 404

    on_server(scenario)
