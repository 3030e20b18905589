"""Hosts of Metal3: which is whose, and what proves that one is off."""

import msgspec
import pytest

from kubewright.api.core import Node
from kubewright.api.live import LiveObject
from kubewright.api.meta import ObjectKey
from kubewright.errors import ErrorKind, OpError
from kubewright.healing.machines import MOST_AT_ONCE, Machines
from kubewright.healing.metal3 import HELD_OFF, host_of, machine


def node(provider_id="", name="n1"):
    return msgspec.convert({"metadata": {"name": name}, "spec": {"providerID": provider_id}}, Node)


def host(annotations=None, **status):
    metadata = {"name": "h", "namespace": "m", "uid": "u", "resourceVersion": "7", "annotations": annotations or {}}
    return msgspec.convert({"metadata": metadata, "status": status}, LiveObject)


@pytest.mark.parametrize(
    ("provider_id", "key"),
    [
        ("metal3://m/h/machine-1", ObjectKey("m", "h")),
        ("baremetalhost:///m/h/0f3c", ObjectKey("m", "h")),
        ("baremetalhost:///m/h", ObjectKey("m", "h")),
        ("metal3://0f3c1d", None),
        ("aws:///eu-west-1a/i-1", None),
        ("metal3://m/h/a/b", None),
        ("", None),
    ],
)
def test_a_node_says_which_host_it_runs_on(provider_id, key):
    assert host_of(node(provider_id)) == key


@pytest.mark.parametrize(
    ("status", "is_off"),
    [
        ({"poweredOn": False}, True),
        ({"poweredOn": True}, False),
        ({}, False),
        ({"poweredOn": False, "errorMessage": "the controller does not answer"}, False),
        ({"poweredOn": "False"}, False),
    ],
)
def test_a_host_is_off_by_its_controllers_word_alone(status, is_off):
    assert machine(host(**status)).is_off is is_off


def test_it_is_held_and_let_go_on_the_version_that_was_seen():
    free, noted, held = machine(host()), machine(host({"a": "b"})), machine(host({HELD_OFF: "{}"}))
    assert (free.is_held, held.is_held) == (False, True)
    same = {"op": "test", "path": "/metadata/resourceVersion", "value": "7"}
    path = "/metadata/annotations/reboot.metal3.io~1kubewright-healing"
    mode = '{"mode": "hard"}'
    assert free.turn_off.operations == (
        same,
        {"op": "add", "path": "/metadata/annotations", "value": {HELD_OFF: mode}},
    )
    assert noted.turn_off.operations == (same, {"op": "add", "path": path, "value": mode})
    assert held.let_go.operations == (same, {"op": "remove", "path": path})


async def test_what_cannot_be_read_is_not_known_and_only_so_many_are_asked_after():
    asked, found = [], {}

    class Source:
        async def machine_of(self, node):
            asked.append(node.metadata.name)
            if node.metadata.name == "n000" and len(asked) > MOST_AT_ONCE:
                raise OpError("get", ErrorKind.UNAVAILABLE, "host", "away")
            return machine(host())

    nodes = [node(name=f"n{number:03d}") for number in range(200)]
    machines = Machines(Source(), lambda: nodes, found)
    await machines.look()
    assert (len(asked), len(found)) == (MOST_AT_ONCE, MOST_AT_ONCE)
    del nodes[2:]
    await machines.look()
    assert list(found) == ["n001"]
