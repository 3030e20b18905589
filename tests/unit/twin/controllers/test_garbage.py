"""What garbage collection does about one object."""

import pytest

from kubewright.api.core import PODS
from kubewright.api.meta import ObjectMeta, PartialObject
from kubewright.twin.controllers.garbage.decide import OwnerState, blocking, collect, finish, is_orphaning, is_waiting
from kubewright.twin.controllers.writes import Patch, Remove
from tests.unit.twin.controllers.build import owned, pod

LIVING, WAITING, ABSENT = OwnerState.LIVING, OwnerState.WAITING, OwnerState.ABSENT


def decided(states, *, has_dependents=False, finalizers=(), terminating=False):
    owners = [owned("ReplicaSet", uid, controller=uid == "a") for uid in states]
    obj = pod("p", owners=owners, terminating=terminating)
    if finalizers:
        metadata = ObjectMeta(name="p", namespace="default", uid="uid-p", finalizers=finalizers,
                              owner_references=tuple(owners))  # fmt: skip
        obj = PartialObject(metadata=metadata)
    writes = collect(obj, PODS, states, has_dependents=has_dependents)
    return [
        ("remove", write.propagation) if isinstance(write, Remove)
        else ("keep", [ref["uid"] for ref in write.changes["metadata"]["ownerReferences"]])
        for write in writes
    ]  # fmt: skip


CASES = {
    "an object without owners is nobody's business": ({}, {}, []),
    "a living owner keeps it": ({"a": LIVING}, {}, []),
    "without an owner left it goes in the background": ({"a": ABSENT}, {}, [("remove", "Background")]),
    "one living owner of two keeps it, without the other": ({"a": ABSENT, "b": LIVING}, {}, [("keep", ["b"])]),
    "an owner that waits for it does not keep it": ({"a": WAITING}, {}, [("remove", "Background")]),
    "with dependents of its own it goes in the foreground too": (
        {"a": WAITING}, {"has_dependents": True}, [("remove", "Foreground")]),
    "an absent owner's dependents go in the background, dependents or not": (
        {"a": ABSENT}, {"has_dependents": True}, [("remove", "Background")]),
    "a living owner strikes off one that waits": ({"a": WAITING, "b": LIVING}, {}, [("keep", ["b"])]),
    "what is going already is left to go": ({"a": ABSENT}, {"terminating": True}, []),
    "its own finalizer says how it goes": ({"a": ABSENT}, {"finalizers": ("orphan",)}, [("remove", "Orphan")]),
}  # fmt: skip


@pytest.mark.parametrize(("states", "options", "expected"), CASES.values(), ids=CASES)
def test_collect(states, options, expected):
    assert decided(states, **options) == expected


def owner(*finalizers, going=True):
    stamp = "2030-01-01T00:00:00Z" if going else None
    metadata = ObjectMeta(name="o", uid="o", resource_version="5", finalizers=finalizers, deletion_timestamp=stamp)
    return PartialObject(metadata=metadata)


def test_only_an_owner_that_is_being_deleted_waits_or_orphans():
    assert is_waiting(owner("foregroundDeletion"))
    assert not is_waiting(owner("foregroundDeletion", going=False))
    assert is_orphaning(owner("orphan"))
    assert not is_orphaning(owner("foregroundDeletion"))


def test_only_dependents_that_block_hold_up_their_owner():
    holding = pod("x", owners=[owned("Thing", "o")])
    loose = pod("y", owners=[owned("Thing", "o", block=False)])
    assert blocking(owner("foregroundDeletion"), [holding, loose]) == [holding]


def test_finishing_takes_one_finalizer_off_the_very_version_that_was_seen():
    write = finish(owner("keep.me/1", "foregroundDeletion"), PODS, "foregroundDeletion")
    assert isinstance(write, Patch)
    assert write.changes == {"metadata": {"finalizers": ["keep.me/1"]}}
    assert (write.uid, write.resource_version) == ("o", "5")
