"""What a viewer of the demo reads of an incident."""

import msgspec

from kubewright.api.crds.incident import Incident
from kubewright.cli.demo.timeline import timeline

UID = "62830869-0fa7-4e05-b897-4df5bff773ce"


def told(*signals):
    status = {"signals": signals, "times": {"detected": "2030-01-01T00:00:12Z"}}
    spec = {"cause": "NodeDead", "about": {"apiVersion": "v1", "kind": "Node", "name": "node-04"}}
    incident = msgspec.convert({"metadata": {"name": "a"}, "spec": spec, "status": status}, Incident)
    return timeline(incident, 1893456000.0)[0]


def test_a_signal_is_told_by_its_class_and_its_object_without_uids():
    step = told(f"KubeletUnreachable/Node/node-04/{UID}", "NodeSilent/Node/node-04")
    assert (step.seconds, step.text) == (12.0, "KubeletUnreachable of Node/node-04 (and 1 more)")
    assert told(f"CrashLoop/Pod/shop/search-1/{UID}/main").text == "CrashLoop of Pod/shop/search-1"
    assert told("RequestsFail/Pod/shop/search-1").text == "RequestsFail of Pod/shop/search-1"
