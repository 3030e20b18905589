import pickle

from kubewright.api.schema import parse_schema
from kubewright.harness.mutations import UNSET, Mutation, mutations, spec_schema
from tests.seeded.widget import SAMPLE, WIDGET_CRD


def tried():
    return {str(each): each for each in mutations(spec_schema(WIDGET_CRD, "v1"), SAMPLE)}


def test_every_property_is_changed_unset_and_brought_to_and_beyond_its_bounds():
    found = tried()
    assert {each.property for each in found.values()} == {f"spec.{name}" for name in SAMPLE["spec"]} | {"spec.config"}
    for name in ("replicas=3", "replicas=unset", "replicas=0", "replicas=-1", "replicas=5", "replicas=6"):
        assert f"spec.{name}" in found
    assert 'spec.text=""' in found
    assert "spec.text=unset" not in found, "it is required"
    assert found["spec.extra=false"].value is False


def test_a_mutation_changes_one_property_and_leaves_the_sample_as_it_is():
    mutation = Mutation(("spec", "entries", "b"), "2", "set")
    assert mutation.applied(SAMPLE)["spec"]["entries"] == {"a": "1", "b": "2"}
    assert SAMPLE["spec"]["entries"] == {"a": "1"}
    unset = Mutation(("spec", "extra"), UNSET, "unset")
    (operation,) = unset.patch(SAMPLE)
    assert (operation["path"], "extra" in operation["value"]) == ("/spec", False)
    assert Mutation(("spec", "extra"), True, "same").patch(SAMPLE) == []


def test_what_something_absent_would_hold_is_tried_with_the_least_of_what_must_be_around_it():
    probe = {
        "type": "object",
        "required": ["path"],
        "properties": {"path": {"type": "string"}, "port": {"type": "integer"}},
    }
    schema = parse_schema({"type": "object", "properties": {"probe": probe}})
    found = [each for each in mutations(schema, {"spec": {}}) if each.property == "spec.probe.port"]
    (whole,) = {str(each.path) for each in found}
    assert whole == str(("spec", "probe"))
    assert all(set(each.value) == {"path", "port"} for each in found)


def test_a_value_that_is_unset_is_so_in_every_process():
    assert pickle.loads(pickle.dumps(UNSET)) is UNSET  # noqa: S301  our own
