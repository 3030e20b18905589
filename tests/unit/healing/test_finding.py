"""Findings: one name for one cause of one thing."""

import pytest

from kubewright.api.core import NODES, PODS
from kubewright.api.meta import ObjectKey
from kubewright.healing.finding import Finding, Ref


def found(cause="DiskFull", name="node-1", part="", since=0.0, resource=NODES, namespace=""):
    return Finding(cause, Ref(resource, ObjectKey(namespace, name)), (), frozenset(), since, part)


@pytest.mark.parametrize(
    "name", ["node-1", "n" * 250, "ip-10-0-0-1.eu-west-1.compute.internal", "123"], ids=lambda name: name[:12]
)
def test_an_incident_is_named_after_its_cause_and_what_is_ill_as_the_api_allows(name):
    told = found(name=name).name
    assert len(told) <= 63
    assert told.replace("-", "").isalnum()
    assert told == told.lower()


def test_the_same_cause_of_the_same_thing_has_one_name_whenever_it_began():
    assert found(since=1.0).name == found(since=2.0).name


def test_another_cause_another_thing_and_another_part_have_names_of_their_own():
    names = {
        found().name,
        found(cause="NodeDead").name,
        found(name="node-2").name,
        found(part="gpu-0").name,
        found(part="gpu-1").name,
        found(resource=PODS, namespace="a").name,
        found(resource=PODS, namespace="b").name,
    }
    assert len(names) == 7
