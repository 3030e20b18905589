"""Decoding what API servers write, and the small rules on objects."""

from __future__ import annotations

import msgspec
import pytest

from kubewright.api.affinity import Affinity, NodeAffinity, NodeSelector, NodeSelectorTerm, node_matches
from kubewright.api.apiextensions import CRDS, CustomResourceDefinition
from kubewright.api.apps import Deployment
from kubewright.api.coordination import Lease
from kubewright.api.core import NODES, PODS, Event, Node, Pod, Service
from kubewright.api.discovery import EndpointSlice
from kubewright.api.interning import Interner
from kubewright.api.meta import EMPTY, ObjectMeta, PartialObject
from kubewright.api.owners import is_owned_by, owner_reference
from kubewright.api.requirements import Requirement

POD = b"""{"kind":"Pod","metadata":{"name":"a","namespace":"ns","creationTimestamp":null,"labels":{"app":"web"},
"managedFields":[{"manager":"m"}]},"spec":{"nodeName":"n1","containers":[{"name":"c","image":"i",
"ports":[{"containerPort":80,"hostPort":8080,"hostIP":"0.0.0.0"}],"readinessProbe":{"httpGet":{"port":80}},
"resources":{"requests":{"cpu":0.5,"memory":1048576}}}],
"affinity":{"podAntiAffinity":{"requiredDuringSchedulingIgnoredDuringExecution":[{"topologyKey":"zone",
"labelSelector":{"matchLabels":{"app":"web"}}}]}}},
"status":{"phase":"Running","podIP":"10.0.0.9","hostIP":"10.0.0.1","qosClass":"Burstable",
"conditions":[{"type":"Ready","status":"True","lastProbeTime":null,"lastTransitionTime":null}],
"containerStatuses":[{"name":"c","ready":true,"restartCount":3,"state":{"running":{"startedAt":null}}}]}}"""


def test_a_pod_as_an_api_server_writes_it():
    pod = msgspec.json.decode(POD, type=Pod)
    assert (pod.status.pod_ip, pod.status.host_ip, pod.status.qos_class) == ("10.0.0.9", "10.0.0.1", "Burstable")
    assert pod.is_ready
    assert pod.restart_count == 3
    assert not pod.is_finished
    assert pod.spec.containers[0].ports[0].host_ip == "0.0.0.0"  # noqa: S104
    assert pod.spec.containers[0].readiness_probe is not None
    assert pod.spec.containers[0].resources.requests == {"cpu": 0.5, "memory": 1048576}
    assert pod.spec.affinity.pod_anti_affinity.required[0].topology_key == "zone"
    assert PODS.target(pod.key) == "Pod/ns/a"


def test_interned_objects_are_equal_and_share():
    interner = Interner()
    plain, one, two = (msgspec.json.decode(POD, type=Pod) for _ in range(3))
    first, second = interner.intern(one), interner.intern(two)
    assert first == plain == second
    assert first.spec.containers is second.spec.containers
    assert first.metadata.labels is second.metadata.labels
    assert first.status.conditions[0].type is second.status.conditions[0].type
    assert first.metadata.name is not second.metadata.name


def test_an_interner_forgets_at_its_limit_and_goes_on():
    interner = Interner(limit=2)
    pods = [interner.intern(msgspec.json.decode(POD, type=Pod)) for _ in range(3)]
    assert pods[0] == pods[2]
    assert interner._strings == {}
    assert interner._parts == {}


@pytest.mark.parametrize(
    ("text", "type_"),
    [
        (b'{"endpoints":null,"ports":null,"addressType":"IPv4","metadata":{}}', EndpointSlice),
        (b'{"firstTimestamp":null,"lastTimestamp":null,"eventTime":null,"source":{}}', Event),
        (
            b'{"status":{"conditions":null,"storedVersions":null,"acceptedNames":{"plural":"","kind":""}}}',
            PartialObject,
        ),
        (b'{"status":{"conditions":null,"storedVersions":null}}', CustomResourceDefinition),
        (b'{"spec":{"template":{"metadata":{"creationTimestamp":null}},"strategy":{}},"status":{}}', Deployment),
        (b'{"spec":{}}', Lease),
        (b'{"spec":{"clusterIP":"None","clusterIPs":["None"],"ports":[{"port":80,"targetPort":"http"}]}}', Service),
    ],
)
def test_nulls_and_empty_objects_of_api_servers_decode(text, type_):
    assert msgspec.json.decode(text, type=type_).metadata == ObjectMeta()


def test_a_deployments_template_is_kept_whole():
    template = {"metadata": {"labels": {"a": "b"}}, "spec": {"containers": [{"name": "c", "unknownField": [1]}]}}
    assert msgspec.convert({"spec": {"template": template}}, Deployment).spec.template == template


def test_absent_mappings_share_one_that_refuses_changes():
    assert Pod().metadata.labels is EMPTY
    with pytest.raises(TypeError):
        EMPTY["a"] = "b"  # pyright: ignore[reportIndexIssue]


def test_owner_reference_names_the_owner_by_uid():
    node = Node(metadata=ObjectMeta(name="n1", uid="u1"))
    reference = owner_reference(node, NODES)
    assert reference == {
        "apiVersion": "v1",
        "kind": "Node",
        "name": "n1",
        "uid": "u1",
        "controller": True,
        "blockOwnerDeletion": True,
    }
    child = msgspec.convert({"metadata": {"ownerReferences": [reference]}}, Pod)
    assert is_owned_by(child, node)
    assert not is_owned_by(child, Node(metadata=ObjectMeta(name="n1", uid="u2")))
    assert "controller" not in owner_reference(node, NODES, controller=False)


def test_crds_are_cluster_scoped_and_know_when_they_serve():
    crd = msgspec.convert({"status": {"conditions": [{"type": "Established", "status": "True"}]}}, CRDS.type)
    assert crd.is_established
    assert not CRDS.namespaced


ZONE_A = NodeSelectorTerm((Requirement("zone", "In", ("a",)),))
NAMED = NodeSelectorTerm((), (Requirement("metadata.name", "In", ("n1",)),))


@pytest.mark.parametrize(
    ("selector", "terms", "matches"),
    [
        pytest.param({}, None, True, id="no wish"),
        pytest.param({"disk": "ssd"}, None, True, id="nodeSelector"),
        pytest.param({"disk": "hdd"}, (ZONE_A,), False, id="nodeSelector and affinity must both hold"),
        pytest.param({}, (ZONE_A,), True, id="a label expression"),
        pytest.param({}, (NodeSelectorTerm(), NAMED), True, id="one of the terms, by name"),
        pytest.param({}, (NodeSelectorTerm(),), False, id="an empty term matches nothing"),
        pytest.param({}, (), False, id="no terms match nothing"),
    ],
)
def test_node_selection(selector, terms, matches):
    affinity = None if terms is None else Affinity(NodeAffinity(NodeSelector(terms)))
    assert node_matches(selector, affinity, "n1", {"zone": "a", "disk": "ssd"}) is matches
