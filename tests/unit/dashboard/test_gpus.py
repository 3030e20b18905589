"""What is shown of a node's GPUs."""

import msgspec

from kubewright.api.core import Node, Pod
from kubewright.dashboard.views.gpus import GpuShown, GpusShown, Held, gpus_shown


def a_node(offered, **annotations):
    metadata = {"name": "n", "annotations": {key.replace("__", "/"): text for key, text in annotations.items()}}
    return msgspec.convert({"metadata": metadata, "status": {"capacity": offered, "allocatable": offered}}, Node)


def a_pod(name, asks, given=None, namespace="lab"):
    container = {"name": "main", "image": "x", "resources": {"limits": asks, "requests": asks}}
    annotations = {} if given is None else {"gpu.kubewright.dev/devices": given}
    metadata = {"name": name, "namespace": namespace, "annotations": annotations}
    return msgspec.convert({"metadata": metadata, "spec": {"containers": [container]}}, Pod)


def shown(node, *pods):
    return gpus_shown(node, pods, lambda namespace: namespace == "lab")


def test_a_node_without_gpus_has_none():
    assert shown(a_node({"cpu": "4"}), a_pod("web", {"cpu": "1"})) == GpusShown()


def test_shares_are_told_gpu_by_gpu_and_names_of_others_are_kept_back():
    offered = {"nvidia.com/gpu": "2", "nvidia.com/gpucores": "200", "nvidia.com/gpumem-percentage": "200"}
    part, theirs = (
        a_pod("part", {"nvidia.com/gpucores": "40"}, "1"),
        a_pod("b", {"nvidia.com/gpucores": "25"}, "1", "x"),
    )
    assert shown(a_node(offered), part, theirs) == GpusShown(
        (GpuShown(0), GpuShown(1, used=65, held=(Held("40 %", "lab/part"), Held("25 %")))),
    )


def test_whole_gpus_and_those_that_nobody_told_apart():
    node, asks = a_node({"nvidia.com/gpu": "3"}), {"nvidia.com/gpu": "1"}
    odd = a_pod("odd", asks, "7")
    assert shown(node, a_pod("a", asks, "0"), a_pod("b", asks), odd) == GpusShown(
        (GpuShown(0, used=100, held=(Held("all of it", "lab/a"),)), GpuShown(1), GpuShown(2)),
        (Held("1 x gpu", "lab/b"), Held("1 x gpu", "lab/odd")),
    )


def test_mig_instances_are_those_of_the_layout():
    node = a_node({"nvidia.com/mig-1g.5gb": "2"}, **{"gpu.kubewright.dev__mig-layout": '[{"1g.5gb":2},{"3g.20gb":1}]'})
    assert shown(node, a_pod("a", {"nvidia.com/mig-1g.5gb": "1"})) == GpusShown(
        (GpuShown(0, slices=("1g.5gb", "1g.5gb")), GpuShown(1, slices=("3g.20gb",))), (Held("1 x 1g.5gb", "lab/a"),)
    )
    nonsense = a_node({"nvidia.com/gpu": "1"}, **{"gpu.kubewright.dev__mig-layout": '[{"x":' + "9" * 30 + "}]"})
    assert len(shown(nonsense).each[0].slices) == 16
