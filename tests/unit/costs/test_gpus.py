"""How much of GPUs is asked for and there, in thousandths."""

import pytest

from kubewright.costs.gpus import gpus_asked, gpus_there

A100 = {"nvidia.com/gpu.product": "NVIDIA-A100-SXM4-40GB"}
SLICED = {"nvidia.com/gpu.sharing-strategy": "time-slicing", "nvidia.com/gpu.replicas": "4"}


@pytest.mark.parametrize(
    ("amounts", "labels", "milli"),
    [
        pytest.param({"nvidia.com/gpu": 2}, {}, 2000, id="whole ones"),
        pytest.param({"nvidia.com/gpu": 1}, SLICED, 250, id="one of four slices of time"),
        pytest.param({"nvidia.com/gpu.shared": 2}, SLICED, 500, id="two, by their other name"),
        pytest.param({"nvidia.com/gpu": 1}, {"nvidia.com/gpu.replicas": "4"}, 1000, id="replicas without sharing"),
        pytest.param({"nvidia.com/gpucores": 30}, {}, 300, id="a share of cores"),
        pytest.param(
            {"nvidia.com/gpucores": 20, "nvidia.com/gpumem-percentage": 50}, {}, 500, id="more memory than cores"
        ),
        pytest.param({"nvidia.com/gpu": 2, "nvidia.com/gpucores": 100}, {}, 1000, id="half of each of two"),
        pytest.param({"nvidia.com/mig-1g.5gb": 1}, A100, 125, id="a slice of eight of memory"),
        pytest.param({"nvidia.com/mig-3g.20gb": 2}, A100, 1000, id="two halves"),
        pytest.param({"nvidia.com/mig-1g.5gb.me": 1}, A100, 125, id="with the media engines"),
        pytest.param({"nvidia.com/mig-2g.99gb": 1}, {}, 285, id="of a model that nobody knows"),
        pytest.param({"cpu": 4}, {}, 0, id="none"),
    ],
)
def test_a_containers_part(amounts, labels, milli):
    assert gpus_asked(amounts, labels) == milli


@pytest.mark.parametrize(
    ("capacity", "labels", "milli"),
    [
        pytest.param({"nvidia.com/gpu": 8}, {}, 8000, id="whole ones"),
        pytest.param({"nvidia.com/gpu": 8}, SLICED, 2000, id="replicas"),
        pytest.param({"nvidia.com/gpu": 8}, SLICED | {"nvidia.com/gpu.count": "2"}, 2000, id="as the label counts"),
        pytest.param({"nvidia.com/gpucores": 400, "nvidia.com/gpu": 4}, {}, 4000, id="shared by per cent"),
        pytest.param({"nvidia.com/mig-1g.5gb": 7}, A100, 1000, id="seven instances of one, which is paid whole"),
        pytest.param({"cpu": 1}, {}, 0, id="none"),
    ],
)
def test_what_a_node_has(capacity, labels, milli):
    assert gpus_there(capacity, labels) == milli
