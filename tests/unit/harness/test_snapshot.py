from kubewright.harness.snapshot import Snapshot, differences, normalised

PLACE = ("", "configmaps", "default", "a")


def config_map(**metadata):
    head = {"name": "a", "namespace": "default", "uid": "u1", "resourceVersion": "7", "generation": 3}
    return {"kind": "ConfigMap", "metadata": {**head, **metadata}, "data": {"at": "2030-01-01T00:00:00Z"}}


def snapshot(obj, names=None):
    return Snapshot({PLACE: normalised(obj, names or {})})


def test_uids_versions_and_times_make_no_difference():
    later = config_map(uid="u2", resourceVersion="9") | {"data": {"at": "2031-05-05T05:05:05Z"}}
    assert differences(snapshot(config_map()), snapshot(later)) == []


def test_an_owner_that_is_gone_makes_one():
    owned = config_map(ownerReferences=[{"kind": "Widget", "name": "w", "uid": "w1", "controller": True}])
    (said,) = differences(snapshot(owned, {"w1": "Widget w"}), snapshot(owned))
    assert "ownerReferences" in said
    assert "dangling" in said


def test_a_generation_is_observed_or_not_whatever_its_number():
    status = [config_map(generation=n) | {"status": {"observedGeneration": m}} for n, m in ((3, 3), (7, 7), (7, 3))]
    assert differences(snapshot(status[0]), snapshot(status[1])) == []
    assert differences(snapshot(status[0]), snapshot(status[2])) == [
        "configmaps default/a status.observedGeneration: 'stale' instead of 'current'"
    ]


def test_what_is_missing_and_what_is_too_many_is_named():
    nothing = Snapshot({})
    assert differences(snapshot(config_map()), nothing) == ["configmaps default/a is missing"]
    assert differences(nothing, snapshot(config_map())) == ["configmaps default/a is there and should not be"]
