"""CustomResourceDefinitions: established, served, changed and removed."""

import pytest

from tests.contract.asking import TABLE, Refusal, eventually, fields_of, invalid
from tests.contract.conftest import established
from tests.contract.manifests import GROUP, ROOT, config_map, crd, custom, schema

INTEGER = {"type": "integer"}


async def test_a_definition_is_completed_and_established(define):
    given = crd(schema(size=INTEGER))
    made = await define(given)
    names = {**given["spec"]["names"], "listKind": given["spec"]["names"]["kind"] + "List"}
    assert made["spec"]["names"] == names
    assert made["spec"]["conversion"] == {"strategy": "None"}
    assert established(made)
    assert made["status"]["acceptedNames"] == names
    assert made["status"]["storedVersions"] == ["v1"]
    conditions = {each["type"]: (each["status"], each["reason"]) for each in made["status"]["conditions"]}
    assert conditions == {"NamesAccepted": ("True", "NoConflicts"), "Established": ("True", "InitialNamesAccepted")}


def altered(change, body=None):
    """A definition with one thing wrong."""
    definition = crd(schema() if body is None else body)
    change(definition)
    return definition


def set_in(path, value):
    *parents, last = path

    def change(document):
        for parent in parents:
            document = document[parent]
        document[last] = value

    return change


@pytest.mark.parametrize(
    ("definition", "line"),
    [
        pytest.param(
            altered(set_in(["metadata", "name"], f"wrong.{GROUP}")),
            f'metadata.name: Invalid value: "wrong.{GROUP}": must be spec.names.plural+"."+spec.group',
            id="a name that is not plural and group",
        ),
        pytest.param(
            crd({"type": "object", "properties": {"spec": {}}}),
            "spec.validation.openAPIV3Schema.properties[spec].type: Required value: "
            "must not be empty for specified object fields",
            id="a field without a type",
        ),
        pytest.param(
            crd({}),
            "spec.validation.openAPIV3Schema.type: Required value: must not be empty at the root",
            id="a root without a type",
        ),
        pytest.param(
            altered(lambda it: it["spec"]["versions"][0].pop("schema")),
            "spec.versions[0].schema.openAPIV3Schema: Required value",
            id="no schema",
        ),
        pytest.param(
            altered(set_in(["spec", "scope"], "Everywhere")),
            'spec.scope: Unsupported value: "Everywhere": supported values: "Cluster", "Namespaced"',
            id="an unknown scope",
        ),
        pytest.param(
            crd(schema(x={"type": "string", "default": 5})),
            'spec.validation.openAPIV3Schema.properties[spec].properties[x].default: Invalid value: "integer": '
            ' in body must be of type string: "integer"',
            id="a default of another type",
        ),
        pytest.param(
            crd(schema(x={"type": "array"})),
            "spec.validation.openAPIV3Schema.properties[spec].properties[x].items: Required value: must be specified",
            id="a list of nothing",
        ),
        pytest.param(
            crd(schema(x={"type": "text"})),
            'spec.validation.openAPIV3Schema.properties[spec].properties[x].type: Unsupported value: "text": '
            'supported values: "array", "boolean", "integer", "number", "object", "string"',
            id="an unknown type",
        ),
        pytest.param(
            crd(schema(), additionalPrinterColumns=[{"name": "X", "type": "string"}]),
            "spec.additionalPrinterColumns[0].JSONPath: Required value",
            id="a column of nothing",
        ),
    ],
)
async def test_a_definition_is_refused(api, definition, line):
    name = definition["metadata"]["name"]
    refused = (await api.of("customresourcedefinitions").create(definition)).refused
    assert refused == invalid(f'CustomResourceDefinition.apiextensions.k8s.io "{name}"', line)


async def test_scope_and_kind_may_not_change(api, define):
    made = await define(crd(schema()))
    name, crds = made["metadata"]["name"], api.of("customresourcedefinitions")
    what = f'CustomResourceDefinition.apiextensions.k8s.io "{name}"'
    refused = (await crds.merge(name, {"spec": {"scope": "Cluster"}})).refused
    assert refused == invalid(what, 'spec.scope: Invalid value: "Cluster": field is immutable')
    refused = (await crds.merge(name, {"spec": {"names": {"kind": "Else"}}})).refused
    assert refused == invalid(what, 'spec.names.kind: Invalid value: "Else": field is immutable')


async def test_a_changed_schema_is_used_for_what_comes_next(api, things):
    definition = crd(schema(size={"type": "integer"}))
    collection = await things(definition)
    (await collection.create(custom(definition, "old", spec={"size": 50, "color": "red"}))).ok()
    changed = schema(size={"type": "integer", "maximum": 10}, color={"type": "string", "default": "blue"})
    patch = [{"op": "replace", "path": "/spec/versions/0/schema/openAPIV3Schema", "value": changed}]
    name, crds = definition["metadata"]["name"], api.of("customresourcedefinitions")
    (await crds.patch(name, "application/json-patch+json", patch)).ok()

    async def in_use():
        return (await collection.create(custom(definition, "probe", spec={"size": 11}), dryRun="All")).status == 422

    await eventually(in_use)
    assert (await collection.get("old")).ok()["spec"] == {"size": 50, "color": "blue"}
    labelled = (await collection.merge("old", {"metadata": {"labels": {"l": "1"}}})).ok()
    assert labelled["spec"]["size"] == 50
    assert (await collection.merge("old", {"spec": {"size": 60}})).refused.reason == "Invalid"


async def test_removal_removes_the_objects_and_the_paths(api, namespace, things):
    definition = crd(schema())
    collection = await things(definition)
    held = custom(definition, "held")
    held["metadata"]["finalizers"] = ["example.com/f"]
    (await collection.create(held)).ok()
    (await collection.create(custom(definition, "free"))).ok()
    crds, name = api.of("customresourcedefinitions"), definition["metadata"]["name"]
    marked = (await crds.delete(name)).ok()
    assert marked["metadata"]["finalizers"] == ["customresourcecleanup.apiextensions.k8s.io"]
    await collection.gone("free")
    assert (await crds.get(name)).status == 200
    refused = await collection.refuses(custom(definition, "late"))
    assert (refused.code, refused.reason) == (403, "Forbidden")
    assert refused.message.endswith(
        '"late" is forbidden: create not allowed while custom resource definition is terminating'
    )
    (await collection.merge("held", {"metadata": {"finalizers": None}})).ok()
    await crds.gone(name)

    async def unserved():
        return (await collection.list()).status == 404

    await eventually(unserved)


async def test_a_cluster_scoped_kind(api, define):
    definition = crd(schema(), scope="Cluster")
    made = await define(definition)
    collection = api.of(made["spec"]["names"]["plural"], root=ROOT)
    await collection.served()
    created = (await collection.create(custom(definition, "a"))).ok()
    assert "namespace" not in created["metadata"]
    (await collection.delete("a")).ok()


async def test_scale_reads_and_writes_the_paths_named(things):
    paths = {
        "specReplicasPath": ".spec.size",
        "statusReplicasPath": ".status.size",
        "labelSelectorPath": ".status.selector",
    }
    definition = crd(schema(size={"type": "integer", "maximum": 10}), subresources={"status": {}, "scale": paths})
    collection = await things(definition)
    made = (await collection.create(custom(definition, "a", spec={"size": 1}))).ok()
    scale = (await collection.get("a", "scale")).ok()
    assert (scale["kind"], scale["apiVersion"]) == ("Scale", "autoscaling/v1")
    assert scale["metadata"]["uid"] == made["metadata"]["uid"]
    assert (scale["spec"], scale["status"]) == ({"replicas": 1}, {"replicas": 0})
    (await collection.merge("a", {"status": {"size": 3, "selector": "app=x"}}, "status")).ok()
    scaled = (await collection.merge("a", {"spec": {"replicas": 4}}, "scale", fieldManager="scaler")).ok()
    assert (scaled["spec"], scaled["status"]) == ({"replicas": 4}, {"replicas": 3, "selector": "app=x"})
    read = (await collection.get("a")).ok()
    assert read["spec"] == {"size": 4}
    assert read["metadata"]["generation"] == 2
    assert fields_of(read, "scaler", "Update", "scale") == {"f:spec": {"f:size": {}}}
    refused = (await collection.merge("a", {"spec": {"replicas": 44}}, "scale")).refused
    assert refused.fields == {"spec.size": "FieldValueInvalid"}


async def test_printer_columns_make_the_table(things):
    columns = [
        {"name": "Size", "type": "integer", "jsonPath": ".spec.size"},
        {"name": "Ready", "type": "string", "jsonPath": '.status.conditions[?(@.type=="Ready")].status', "priority": 1},
        {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"},
    ]
    definition = crd(schema(size=INTEGER), additionalPrinterColumns=columns)
    collection = await things(definition)
    conditions = [{"type": "Other", "status": "False"}, {"type": "Ready", "status": "True"}]
    (await collection.create(custom(definition, "a", spec={"size": 3}, status={"conditions": conditions}))).ok()
    (await collection.create(custom(definition, "b"))).ok()
    table = (await collection.list(accept=TABLE)).ok()
    defined = [(each["name"], each["type"], each["format"], each["priority"]) for each in table["columnDefinitions"]]
    assert defined == [
        ("Name", "string", "name", 0),
        ("Size", "integer", "", 0),
        ("Ready", "string", "", 1),
        ("Age", "date", "", 0),
    ]
    assert [row["cells"][:3] for row in table["rows"]] == [["a", 3, "True"], ["b", None, None]]


async def test_a_kind_without_columns_has_name_and_age(things):
    definition = crd(schema())
    collection = await things(definition)
    (await collection.create(custom(definition, "a"))).ok()
    table = (await collection.list(accept=TABLE)).ok()
    assert [each["name"] for each in table["columnDefinitions"]] == ["Name", "Age"]


async def test_two_versions_show_one_object(api, namespace, things):
    definition = crd(schema(size=INTEGER))
    first = definition["spec"]["versions"][0]
    definition["spec"]["versions"].append({**first, "name": "v1beta1", "storage": False, "deprecated": True})
    collection = await things(definition)
    older = api.of(definition["spec"]["names"]["plural"], namespace, root=f"/apis/{GROUP}/v1beta1")
    made = (await collection.create(custom(definition, "a", spec={"size": 1}))).ok()
    answer = await older.get("a")
    read = answer.ok()
    assert read["apiVersion"] == f"{GROUP}/v1beta1"
    assert read["metadata"]["uid"] == made["metadata"]["uid"]
    assert read["spec"] == {"size": 1}
    kind = definition["spec"]["names"]["kind"]
    assert answer.warnings == [f"{GROUP}/v1beta1 {kind} is deprecated; use {GROUP}/v1 {kind}"]
    (await older.merge("a", {"spec": {"size": 2}})).ok()
    assert (await collection.get("a")).ok()["spec"] == {"size": 2}

    async def listed():
        answer = await api.get(f"/apis/{GROUP}/v1beta1")
        found = answer.document["resources"] if answer.status == 200 else ()
        return definition["spec"]["names"]["plural"] in [each["name"] for each in found]

    await eventually(listed)


async def test_a_version_that_is_not_served_is_not_found(api, namespace, things):
    definition = crd(schema())
    first = definition["spec"]["versions"][0]
    definition["spec"]["versions"].append({**first, "name": "v2", "storage": False, "served": False})
    await things(definition)
    plural = definition["spec"]["names"]["plural"]
    assert (await api.get(f"/apis/{GROUP}/v2/namespaces/{namespace}/{plural}")).status == 404


async def test_discovery_lists_a_new_kind(api, things):
    definition = crd(schema(), subresources={"status": {}})
    definition["spec"]["names"] |= {"shortNames": ["short"], "categories": ["contract"]}
    await things(definition)
    names = definition["spec"]["names"]

    async def listed():
        answer = await api.get(f"/apis/{GROUP}/v1")
        resources = answer.document["resources"] if answer.status == 200 else ()
        found = {each["name"]: each for each in resources if each["name"].startswith(names["plural"])}
        return found if len(found) == 2 else None

    entries = await eventually(listed)
    main = entries[names["plural"]]
    assert (main["kind"], main["singularName"], main["namespaced"]) == (names["kind"], names["singular"], True)
    assert sorted(main["verbs"]) == ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]
    assert (main["shortNames"], main["categories"]) == (["short"], ["contract"])
    assert sorted(entries[f"{names['plural']}/status"]["verbs"]) == ["get", "patch", "update"]


async def test_the_schema_of_a_new_kind_is_published(api, things):
    definition = crd(schema(size={"type": "integer", "description": "How large."}))
    await things(definition)
    kind = definition["spec"]["names"]["kind"]

    async def published():
        answer = await api.get(f"/openapi/v3/apis/{GROUP}/v1")
        return answer.status == 200 and answer.document["components"]["schemas"].get(f"com.example.contract.v1.{kind}")

    found = await eventually(published)
    assert found["properties"]["spec"]["properties"]["size"] == {"type": "integer", "description": "How large."}
    assert found["x-kubernetes-group-version-kind"] == [{"group": GROUP, "kind": kind, "version": "v1"}]


async def test_the_older_document_leaves_out_of_a_new_kind_what_it_cannot_say(api, things):
    definition = crd(
        schema(
            size={"x-kubernetes-int-or-string": True, "anyOf": [{"type": "integer"}, {"type": "string"}]},
            maybe={"type": "object", "nullable": True, "properties": {"a": INTEGER}},
            open={"type": "object", "x-kubernetes-preserve-unknown-fields": True, "properties": {"a": INTEGER}},
            many={"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2},
            named={"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
            one={"type": "string", "enum": ["a", "b"], "default": "a", "not": {"pattern": "c"}},
        )
    )
    spec = definition["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]
    spec["required"] = ["maybe", "many"]
    await things(definition)
    kind = definition["spec"]["names"]["kind"]

    async def published():
        return (await api.get("/openapi/v2")).ok()["definitions"].get(f"com.example.contract.v1.{kind}")

    found = (await eventually(published))["properties"]
    assert found["metadata"]["$ref"] == "#/definitions/io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta"
    assert found["spec"] == {
        "type": "object",
        "required": ["many"],
        "properties": {
            "size": {"x-kubernetes-int-or-string": True},
            "maybe": {},
            "open": {"x-kubernetes-preserve-unknown-fields": True},
            "many": {"type": "array", "items": {"type": "string", "maxLength": 3}, "maxItems": 2},
            "named": {"type": "object", "additionalProperties": {"type": "integer", "minimum": 1}},
            "one": {"type": "string", "enum": ["a", "b"]},
        },
    }


async def test_a_custom_object_may_own_and_be_owned(api, namespace, things):
    definition = crd(schema())
    collection = await things(definition)
    owner = (await collection.create(custom(definition, "owner"))).ok()
    reference = {name: owner[name] for name in ("apiVersion", "kind")}
    reference |= {name: owner["metadata"][name] for name in ("name", "uid")}
    maps = api.of("configmaps", namespace)
    (await maps.create(config_map("child", ownerReferences=[reference]))).ok()
    (await collection.delete("owner", {"propagationPolicy": "Background"})).ok()
    await maps.gone("child")


async def test_an_unknown_object_of_a_custom_kind_is_not_found(things):
    definition = crd(schema())
    collection = await things(definition)
    plural = definition["spec"]["names"]["plural"]
    assert (await collection.get("absent")).refused == Refusal(404, "NotFound", f'{plural}.{GROUP} "absent" not found')


async def test_rules_in_cel_are_checked(things):
    rule = {"rule": "self.size <= self.most", "message": "size is above most"}
    frozen = {"type": "string", "x-kubernetes-validations": [{"rule": "self == oldSelf", "message": "fixed"}]}
    body = schema(size=INTEGER, most=INTEGER, fixed=frozen)
    body["properties"]["spec"]["x-kubernetes-validations"] = [rule]
    definition = crd(body)
    collection = await things(definition)
    what = f'{definition["spec"]["names"]["kind"]}.{GROUP} "a"'
    refused = (await collection.create(custom(definition, "a", spec={"size": 3, "most": 2}))).refused
    assert refused == invalid(what, "spec: Invalid value: size is above most")
    (await collection.create(custom(definition, "a", spec={"size": 1, "most": 2, "fixed": "x"}))).ok()
    refused = (await collection.merge("a", {"spec": {"fixed": "y"}})).refused
    assert refused == invalid(what, 'spec.fixed: Invalid value: "y": fixed')
