"""A pod that takes the CPU of others is told of, and one that uses what it asked for is not."""

import msgspec
import pytest

from kubewright.api.core import Node, Pod
from kubewright.api.meta import ObjectKey
from kubewright.api.pods import PodSpec
from kubewright.series.protocol import Missing, Sample, Vector, Why
from kubewright.signals.noise import Placed, of_cpu
from kubewright.store.index import Index

NOW = 1000.0


def placed(**asked):
    pods, nodes = Index(None), Index(None)
    node = msgspec.convert({"metadata": {"name": "n1"}, "status": {"allocatable": {"cpu": "8"}}}, Node)
    nodes.put(node.key, node)
    for name, cpu in asked.items():
        containers = [{"name": "main", "resources": {"requests": {"cpu": cpu}}}]
        spec = {"nodeName": "n1", "containers": containers}
        pod = msgspec.convert({"metadata": {"name": name, "namespace": "shop", "uid": name}, "spec": spec}, Pod)
        pods.put(pod.key, pod)
    return Placed(pods, nodes)


def used(**cores):
    return Vector(tuple(Sample({"namespace": "shop", "pod": name}, each, NOW) for name, each in cores.items()))


def told(found, where):
    return [each.about[1].name for each in of_cpu(found, where)]


def test_who_takes_most_of_a_busy_node_far_beyond_what_it_asked_for_is_told_of():
    assert told(used(loud=7.5, quiet=0.2), placed(loud="100m", quiet="1")) == ["loud"]


@pytest.mark.parametrize(
    ("found", "where"),
    [
        (used(big=7.5, quiet=0.2), placed(big="7", quiet="1")),
        (used(loud=5.0, quiet=0.2), placed(loud="100m", quiet="1")),
        (used(loud=7.9), placed(loud="100m")),
        (used(a=3.9, b=3.9), placed(a="100m", b="100m")),
        (Missing(Why.NO_DATA), placed(loud="100m")),
        (used(stranger=7.9, other=1.0), placed(quiet="1")),
    ],
    ids=[
        "it asked for it",
        "others have room",
        "it is alone",
        "two alike",
        "nothing was measured",
        "nobody knows them",
    ],
)
def test_whoever_else_is_busy_is_not(found, where):
    assert told(found, where) == []


def test_amounts_beyond_all_measure_keep_no_other_node_from_being_looked_at():
    where, absurd = placed(loud="100m", quiet="1", odd="1e400"), placed(other="1").pods.get(ObjectKey("shop", "other"))
    node = msgspec.convert({"metadata": {"name": "n0"}, "status": {"allocatable": {"cpu": "1e400"}}}, Node)
    where.nodes.put(node.key, node)
    where.pods.put(absurd.key, msgspec.structs.replace(absurd, spec=PodSpec(node_name="n0")))
    assert told(used(other=7.0, loud=7.0, odd=6.0, quiet=0.2), where) == ["loud"]
