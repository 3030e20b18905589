"""Server-side apply: who owns which field, what conflicts, and what goes when its owner lets go of it."""

import pytest

from tests.contract.asking import APPLY, MERGE, Refusal, fields_of, managers, version_of
from tests.contract.manifests import config_map, crd, custom, deployment, service
from tests.contract.test_status import definition_of


@pytest.fixture
def maps(api, namespace):
    return api.of("configmaps", namespace)


async def test_apply_creates_what_is_not_there(maps):
    answer = await maps.apply(config_map("a", {"k": "v"}), "me")
    assert answer.status == 201
    assert managers(answer.ok()) == [("me", "Apply", "")]
    assert fields_of(answer.ok(), "me") == {"f:data": {"f:k": {}}}


async def test_apply_to_what_is_there_answers_200(maps):
    (await maps.apply(config_map("a", {"k": "v"}), "me")).ok()
    assert (await maps.apply(config_map("a", {"k": "w"}), "me")).status == 200


async def test_apply_takes_yaml(maps):
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  k: 'on'\n"
    made = await maps.patch("a", APPLY, text, fieldManager="me")
    assert made.ok()["data"] == {"k": "on"}


async def test_a_field_that_its_only_owner_drops_is_removed(maps):
    (await maps.apply(config_map("a", {"k": "1", "m": "2"}, labels={"l": "1"}), "me")).ok()
    applied = (await maps.apply(config_map("a", {"k": "1"}), "me")).ok()
    assert applied["data"] == {"k": "1"}
    assert "labels" not in applied["metadata"]


async def test_a_field_that_one_of_two_owners_drops_stays(maps):
    (await maps.apply(config_map("a", {"k": "1"}), "one")).ok()
    shared = (await maps.apply(config_map("a", {"k": "1"}), "two")).ok()
    assert managers(shared) == [("one", "Apply", ""), ("two", "Apply", "")]
    kept = (await maps.apply(config_map("a"), "one")).ok()
    assert kept["data"] == {"k": "1"}
    assert managers(kept) == [("two", "Apply", "")]


async def test_a_field_owned_by_another_with_another_value_is_a_conflict(maps):
    (await maps.apply(config_map("a", {"k": "1", "m": "1"}), "one")).ok()
    refused = (await maps.apply(config_map("a", {"k": "2", "m": "1"}), "two")).refused
    assert refused == Refusal(
        409,
        "Conflict",
        'Apply failed with 1 conflict: conflict with "one": .data.k',
        ((".data.k", "FieldManagerConflict", 'conflict with "one"'),),
    )


async def test_conflicts_with_several_are_all_told(maps):
    (await maps.apply(config_map("a", {"k": "1"}), "one")).ok()
    (await maps.merge("a", {"data": {"m": "1"}}, fieldManager="two")).ok()
    refused = (await maps.apply(config_map("a", {"k": "2", "m": "2"}), "three")).refused
    assert refused.message == (
        'Apply failed with 2 conflicts: conflicts with "one":\n- .data.k\nconflicts with "two" using v1:\n- .data.m'
    )
    # In no order.
    assert set(refused.causes) == {
        (".data.k", "FieldManagerConflict", 'conflict with "one"'),
        (".data.m", "FieldManagerConflict", 'conflict with "two" using v1'),
    }


async def test_force_takes_fields_over(maps):
    (await maps.apply(config_map("a", {"k": "1", "m": "1"}), "one")).ok()
    taken = (await maps.apply(config_map("a", {"k": "2"}), "two", force=True)).ok()
    assert taken["data"] == {"k": "2", "m": "1"}
    assert fields_of(taken, "one") == {"f:data": {"f:m": {}}}
    assert fields_of(taken, "two") == {"f:data": {"f:k": {}}}


async def test_a_patch_takes_the_fields_that_it_changes(maps):
    (await maps.apply(config_map("a", {"k": "1", "m": "1"}), "one")).ok()
    patched = (await maps.merge("a", {"data": {"k": "2"}}, fieldManager="two")).ok()
    assert managers(patched) == [("one", "Apply", ""), ("two", "Update", "")]
    assert fields_of(patched, "one") == {"f:data": {"f:m": {}}}
    assert fields_of(patched, "two", "Update") == {"f:data": {"f:k": {}}}
    assert (await maps.apply(config_map("a", {"k": "1", "m": "1"}), "one")).refused.reason == "Conflict"


async def test_an_update_owns_what_it_wrote_and_its_maps(maps):
    made = (await maps.create(config_map("a", {"k": "1"}, labels={"l": "1"}), fieldManager="me")).ok()
    entry = made["metadata"]["managedFields"][0]
    assert {**entry, "time": ""} == {
        "manager": "me",
        "operation": "Update",
        "apiVersion": "v1",
        "time": "",
        "fieldsType": "FieldsV1",
        "fieldsV1": {"f:data": {".": {}, "f:k": {}}, "f:metadata": {"f:labels": {".": {}, "f:l": {}}}},
    }


async def test_a_manager_without_a_name_is_named_after_its_program(maps):
    made = (await maps.create(config_map("a", {"k": "1"}))).ok()
    assert managers(made) == [("contract", "Update", "")]


async def test_applying_what_an_update_wrote_shares_it(maps):
    (await maps.create(config_map("a", {"k": "1"}), fieldManager="me")).ok()
    applied = (await maps.apply(config_map("a", {"k": "1"}), "me")).ok()
    assert managers(applied) == [("me", "Apply", ""), ("me", "Update", "")]
    kept = (await maps.apply(config_map("a"), "me")).ok()
    assert kept["data"] == {"k": "1"}


async def test_applying_the_same_twice_keeps_the_version(maps):
    first = (await maps.apply(config_map("a", {"k": "1"}), "one")).ok()
    assert version_of((await maps.apply(config_map("a", {"k": "1"}), "one", force=True)).ok()) == version_of(first)


async def test_managed_fields_may_not_be_applied(maps):
    refused = (await maps.apply(config_map("a", {"k": "1"}, managedFields=[{"manager": "x"}]), "me")).refused
    assert (refused.code, refused.reason, refused.message) == (400, "BadRequest", "metadata.managedFields must be nil")


async def test_applying_with_a_uid_to_an_absent_object_is_a_conflict(maps):
    wanted = config_map("a", {"k": "1"}, uid="00000000-0000-0000-0000-000000000000")
    refused = (await maps.apply(wanted, "me")).refused
    assert (refused.code, refused.reason) == (409, "Conflict")
    assert refused.message == (
        'Operation cannot be fulfilled on configmaps "a": uid mismatch: the provided object specified uid '
        "00000000-0000-0000-0000-000000000000, and no existing object was found"
    )


async def test_applying_under_a_version_that_no_object_has_creates_and_never_changes(maps):
    def wanted(value):
        return config_map("a", {"k": value}, resourceVersion="1")

    made = (await maps.apply(wanted("1"), "me")).ok()
    for value in ("1", "2"):
        refused = (await maps.apply(wanted(value), "me")).refused
        assert (refused.code, refused.reason) == (409, "Conflict")
        assert refused.message == (
            'Operation cannot be fulfilled on configmaps "a": the object has been modified; '
            "please apply your changes to the latest version and try again"
        )
    same = await maps.apply(config_map("a", {"k": "1"}, resourceVersion=str(version_of(made))), "me")
    assert version_of(same.ok()) == version_of(made)


async def test_applying_without_a_kind_is_refused(maps):
    refused = (await maps.apply({"metadata": {"name": "a"}}, "me")).refused
    assert (refused.code, refused.message) == (400, "invalid object type: /, Kind=")


async def test_applying_another_kind_is_refused(maps):
    refused = (await maps.apply({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "a"}}, "me")).refused
    assert (refused.code, refused.message) == (400, "invalid object type: /v1, Kind=Secret")


async def test_applying_another_name_is_refused(maps):
    refused = (await maps.patch("a", APPLY, config_map("b"), fieldManager="me")).refused
    assert (refused.code, refused.message) == (
        400,
        "the name of the object (b) does not match the name on the URL (a)",
    )


async def test_applying_unknown_fields_is_refused(maps):
    refused = (await maps.apply({**config_map("a"), "dat": {}}, "me", fieldValidation="Strict")).refused
    assert refused.code == 500
    assert refused.message == (
        "failed to create typed patch object (/a; /v1, Kind=ConfigMap): .dat: field not declared in schema"
    )


async def test_a_duplicate_list_key_is_refused(api, namespace):
    wanted = deployment("a", 0)
    env = [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]
    wanted["spec"]["template"]["spec"]["containers"][0]["env"] = env
    refused = (await api.of("deployments", namespace).apply(wanted, "me")).refused
    assert refused.code == 500
    assert refused.message == (
        "failed to create typed patch object (/a; apps/v1, Kind=Deployment): "
        '.spec.template.spec.containers[name="main"].env: duplicate entries for key [name="A"]'
    )


async def test_list_elements_are_owned_by_their_keys(api, namespace):
    deployments = api.of("deployments", namespace)
    made = (await deployments.apply(deployment("a", 0), "one")).ok()
    containers = fields_of(made, "one")["f:spec"]["f:template"]["f:spec"]["f:containers"]
    assert containers == {'k:{"name":"main"}': {".": {}, "f:image": {}, "f:name": {}}}
    sidecar = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "a"},
        "spec": {"template": {"spec": {"containers": [{"name": "side", "image": "i"}]}}},
    }
    added = (await deployments.apply(sidecar, "two")).ok()
    assert [each["name"] for each in added["spec"]["template"]["spec"]["containers"]] == ["main", "side"]
    sidecar["spec"]["template"]["spec"]["containers"] = []
    removed = (await deployments.apply(sidecar, "two")).ok()
    assert [each["name"] for each in removed["spec"]["template"]["spec"]["containers"]] == ["main"]


async def test_list_keys_that_are_left_out_have_their_default(api, namespace):
    services = api.of("services", namespace)
    made = (await services.apply(service("a"), "one")).ok()
    assert fields_of(made, "one")["f:spec"]["f:ports"] == {
        'k:{"port":80,"protocol":"TCP"}': {".": {}, "f:port": {}},
    }
    again = (await services.apply(service("a", ports=[{"port": 80, "protocol": "TCP"}]), "one")).ok()
    assert len(again["spec"]["ports"]) == 1


async def test_an_atomic_field_has_one_owner(api, namespace):
    services = api.of("services", namespace)
    (await services.apply(service("a"), "one")).ok()
    refused = (await services.apply(service("a", selector={"other": "x"}), "two")).refused
    assert refused.fields == {".spec.selector": "FieldManagerConflict"}


async def test_a_scale_through_its_subresource_is_owned_under_it(api, namespace):
    deployments = api.of("deployments", namespace)
    (await deployments.apply(deployment("a", 0), "one")).ok()
    (await deployments.merge("a", {"spec": {"replicas": 1}}, "scale", fieldManager="scaler")).ok()
    scaled = (await deployments.get("a")).ok()
    assert fields_of(scaled, "scaler", "Update", "scale") == {"f:spec": {"f:replicas": {}}}
    refused = (await deployments.apply(deployment("a", 0), "one")).refused
    assert refused.message == (
        'Apply failed with 1 conflict: conflict with "scaler" with subresource "scale" using apps/v1: .spec.replicas'
    )


async def test_defaults_are_nobodys(api, namespace):
    made = (await api.of("deployments", namespace).apply(deployment("a", 0), "one")).ok()
    assert "strategy" in made["spec"]
    assert "f:strategy" not in fields_of(made, "one")["f:spec"]


async def test_finalizers_and_owners_are_sets_that_managers_share(maps):
    (await maps.apply(config_map("a", finalizers=["example.com/one"]), "one")).ok()
    both = (await maps.apply(config_map("a", finalizers=["example.com/two"]), "two")).ok()
    assert both["metadata"]["finalizers"] == ["example.com/one", "example.com/two"]
    assert fields_of(both, "two") == {"f:metadata": {"f:finalizers": {'v:"example.com/two"': {}}}}
    left = (await maps.apply(config_map("a"), "one")).ok()
    assert left["metadata"]["finalizers"] == ["example.com/two"]
    (await maps.apply(config_map("a"), "two")).ok()


async def test_managed_fields_can_be_cleared(maps):
    (await maps.apply(config_map("a", {"k": "1"}), "one")).ok()
    cleared = (await maps.merge("a", {"metadata": {"managedFields": [{}]}})).ok()
    assert "managedFields" not in cleared["metadata"]
    applied = (await maps.apply(config_map("a", {"k": "1"}), "two")).ok()
    assert managers(applied) == [("before-first-apply", "Update", ""), ("two", "Apply", "")]


LISTS = {
    "type": "object",
    "properties": {
        "spec": {
            "type": "object",
            "properties": {
                "atomic": {"type": "array", "items": {"type": "string"}},
                "set": {"type": "array", "items": {"type": "string"}, "x-kubernetes-list-type": "set"},
                "map": {
                    "type": "array",
                    "x-kubernetes-list-type": "map",
                    "x-kubernetes-list-map-keys": ["k"],
                    "items": {
                        "type": "object",
                        "required": ["k"],
                        "properties": {"k": {"type": "string"}, "v": {"type": "integer"}},
                    },
                },
            },
        }
    },
}


@pytest.mark.parametrize(
    ("one", "two", "merged"),
    [
        pytest.param({"set": ["a"]}, {"set": ["b"]}, {"set": ["a", "b"]}, id="sets are joined"),
        pytest.param(
            {"map": [{"k": "a", "v": 1}]},
            {"map": [{"k": "b", "v": 2}]},
            {"map": [{"k": "a", "v": 1}, {"k": "b", "v": 2}]},
            id="maps are joined by key",
        ),
        pytest.param({"atomic": ["a"]}, {"atomic": ["a"]}, {"atomic": ["a"]}, id="equal atomic lists are shared"),
        pytest.param({"atomic": ["a"]}, {"atomic": ["b"]}, None, id="unequal atomic lists conflict"),
    ],
)
async def test_lists_of_custom_kinds_merge_by_their_type(things, one, two, merged):
    collection = await things(crd(LISTS))
    definition = await definition_of(collection)
    (await collection.apply(custom(definition, "a", spec=one), "one")).ok()
    answer = await collection.apply(custom(definition, "a", spec=two), "two")
    if merged is None:
        assert answer.refused.reason == "Conflict"
    else:
        assert answer.ok()["spec"] == merged


async def test_a_patch_by_another_type_forgets_removed_fields(maps):
    (await maps.apply(config_map("a", {"k": "1", "m": "1"}), "one")).ok()
    patched = (await maps.patch("a", MERGE, {"data": {"k": None}}, fieldManager="two")).ok()
    assert fields_of(patched, "one") == {"f:data": {"f:m": {}}}
