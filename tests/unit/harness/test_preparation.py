"""What was made, and what a change must end in when its object says that what is there stays as it is."""

import dataclasses
from types import SimpleNamespace

from kubewright.api.meta import ObjectKey, PartialObject, Resource
from kubewright.harness.life import Outcome
from kubewright.harness.preparation import Grown, unchanged
from kubewright.harness.snapshot import Snapshot
from kubewright.harness.subject import Subject
from kubewright.harness.wire import Log
from kubewright.store.versioned import VersionedStore

THINGS = Resource("example.com", "v1", "things", "Thing", PartialObject)
SAMPLE = {"apiVersion": "example.com/v1", "kind": "Thing", "metadata": {"name": "a", "namespace": "default"}}
HERE = ("example.com", "things", "default", "a")
CHILD = ("", "services", "default", "a")


def ended(reason, child="as it was"):
    status = {"conditions": [{"type": "Ready", "status": "False" if reason else "True", "reason": reason}]}
    return Outcome(Log(), Snapshot({HERE: {"status": status}, CHILD: {"spec": child}}))


def grown():
    subject = Subject("things", lambda _: None, SAMPLE, refusals=frozenset({"Fixed"}))
    return Grown(subject, THINGS, None, ended(""))


def test_all_but_the_object_itself_must_be_as_it_was():
    end = ended("Fixed")
    assert unchanged(grown(), end) == end.final
    assert unchanged(grown(), ended("Fixed", child="touched")) != ended("Fixed", child="touched").final


def test_what_was_there_before_is_written_to_and_nobody_makes_it_anew():
    store = VersionedStore()
    here = {"metadata": {"name": "around", "namespace": "default"}}
    store.create(("example.com", "things"), ObjectKey("default", "around"), here)
    found = dataclasses.replace(grown(), empty=SimpleNamespace(store=store))
    assert not found.made(THINGS, here)
    assert found.made(THINGS, SAMPLE)


def test_an_end_for_another_reason_or_in_readiness_is_held_to_what_comes_from_the_start():
    assert unchanged(grown(), ended("Broken")) is None
    assert unchanged(grown(), ended("")) is None
