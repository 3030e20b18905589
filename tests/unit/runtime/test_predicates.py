import msgspec
import pytest

from kubewright.api.meta import KubeObject, ObjectMeta
from kubewright.runtime.informer import Change
from kubewright.runtime.predicates import (
    all_of,
    annotations_changed,
    any_of,
    finalizers_changed,
    generation_changed,
    labelled,
    labels_changed,
)

BASE = ObjectMeta(name="a", uid="1", generation=1, labels={"tier": "web"})


def changed(**fields):
    new = msgspec.structs.replace(BASE, resource_version="2", **fields)
    return Change(None, KubeObject(metadata=BASE), KubeObject(metadata=new))


@pytest.mark.parametrize(
    ("predicate", "change", "holds"),
    [
        (generation_changed, changed(), False),
        (generation_changed, changed(generation=2), True),
        (generation_changed, changed(uid="2"), True),
        (generation_changed, changed(deletion_timestamp="2030-01-01T00:00:00Z"), True),
        (labels_changed, changed(labels={"tier": "db"}), True),
        (labels_changed, changed(annotations={"a": "b"}), False),
        (annotations_changed, changed(annotations={"a": "b"}), True),
        (finalizers_changed, changed(finalizers=("x",)), True),
        (finalizers_changed, changed(), False),
        (labelled("tier=web"), changed(labels={}), True),
        (labelled("tier=db"), changed(), False),
        (any_of(labels_changed, generation_changed), changed(generation=2), True),
        (all_of(labels_changed, generation_changed), changed(generation=2), False),
    ],
)
def test_what_is_news(predicate, change, holds):
    assert predicate(change) is holds


@pytest.mark.parametrize("predicate", [generation_changed, labels_changed, finalizers_changed])
def test_what_is_new_or_gone_is_always_news(predicate):
    obj = KubeObject(metadata=BASE)
    assert predicate(Change(obj.key, None, obj))
    assert predicate(Change(obj.key, obj, None))
