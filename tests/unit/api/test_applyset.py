import msgspec
import pytest

from kubewright.api.applyset import ApplySet, Observed
from kubewright.api.apps import DEPLOYMENTS
from kubewright.api.core import CONFIG_MAPS
from kubewright.api.live import LiveObject, live_resource
from kubewright.api.plan import Apply, Delete
from tests.seeded.widget import LABEL, WIDGETS, config_map, deployment, widget

MAPS, LIVE_DEPLOYMENTS = live_resource(CONFIG_MAPS), live_resource(DEPLOYMENTS)
OWNER = widget()
SET = ApplySet(OWNER, WIDGETS, (MAPS, LIVE_DEPLOYMENTS), {LABEL: "sample"})
DESIRED = [SET.child(config_map(OWNER)), SET.child(deployment(OWNER))]


def live(manifest, **metadata):
    stored = {**manifest, "metadata": {**manifest["metadata"], "uid": "c1", **metadata}}
    return msgspec.convert(msgspec.json.decode(msgspec.json.encode(stored)), LiveObject)


def observed(*objects):
    found = Observed()
    for obj in objects:
        found.add(LIVE_DEPLOYMENTS if obj.spec else MAPS, obj)
    return found


def test_what_is_missing_is_applied_in_the_order_in_which_it_is_desired():
    actions = SET.converge(DESIRED, observed())
    assert [(type(each), each.key.name) for each in actions] == [(Apply, "sample-text"), (Apply, "sample")]


def test_a_world_that_fits_has_no_actions():
    assert SET.converge(DESIRED, observed(*map(live, DESIRED))) == ()


def test_what_is_not_wanted_any_more_is_deleted_by_uid_and_only_once():
    old = live(SET.child(config_map(OWNER, "old")))
    (deletion,) = SET.converge(DESIRED, observed(*map(live, DESIRED), old))
    assert deletion == Delete(MAPS, old.key, "c1")
    going = live(SET.child(config_map(OWNER, "old")), deletionTimestamp="2030-01-01T00:00:00Z")
    assert SET.converge(DESIRED, observed(*map(live, DESIRED), going)) == ()


def test_somebodys_edit_is_applied_over_and_may_replace_the_child():
    (edited,) = [live(DESIRED[0] | {"data": {"text": "other"}})]
    (action,) = SET.converge(DESIRED, observed(edited, live(DESIRED[1])))
    assert (action.key.name, action.or_replace) == ("sample-text", "c1")


def test_a_change_of_mind_is_applied_and_replaces_nothing():
    changed = [SET.child(config_map(widget(text="bye"))), DESIRED[1]]
    (action,) = SET.converge(changed, observed(*map(live, DESIRED)))
    assert (action.manifest["data"], action.or_replace) == ({"text": "bye", "a": "1"}, "")


@pytest.mark.parametrize(
    "owners", [[], [{"apiVersion": "v1", "kind": "Other", "name": "x", "uid": "u9", "controller": True}]]
)
def test_what_belongs_to_someone_else_is_neither_applied_nor_deleted(owners):
    foreign = live(DESIRED[0], ownerReferences=owners, labels={})
    assert [action.key.name for action in SET.converge(DESIRED, observed(foreign))] == ["sample"]
    assert len(SET.taken(DESIRED, observed(foreign))) == 1
    assert SET.dismantle(observed(foreign)) == ()


def test_an_orphan_with_our_labels_is_ours_again():
    orphan = live(DESIRED[0], ownerReferences=[])
    assert SET.taken(DESIRED, observed(orphan)) == []
    assert [action.key.name for action in SET.converge([DESIRED[0]], observed(orphan))] == ["sample-text"]


def test_an_owner_with_a_namespace_cannot_own_what_has_another():
    manifest = config_map(OWNER)
    manifest["metadata"]["namespace"] = "elsewhere"
    assert "ownerReferences" not in SET.child(manifest)["metadata"]


def test_a_part_that_live_objects_do_not_keep_is_a_mistake_of_the_programmer():
    manifest = SET.child({**config_map(OWNER), "webhooks": []})
    with pytest.raises(TypeError, match="webhooks of a live object cannot be compared"):
        SET.converge([manifest], observed(live(manifest)))
    with pytest.raises(TypeError, match="Secret is not among the kinds"):
        SET.converge([SET.child({**config_map(OWNER), "kind": "Secret"})], observed())
