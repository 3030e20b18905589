"""How much of a node's free GPUs a workload could use: against FGD's definition, written out."""

import numpy as np
import pytest

from kubewright.devices.columns import GpuColumns
from kubewright.devices.usable import Usable, fragmentation, in_order
from kubewright.devices.workload import GpuRequest, Workload

T4, G2 = frozenset({"T4"}), frozenset({"G2"})
WORKLOAD = Workload(
    (
        GpuRequest(8000, 1),
        GpuRequest(4000, 1, 1, 500),
        GpuRequest(4000, 1, 1, 1000, T4),
        GpuRequest(16000, 1, 4, 1000),
        GpuRequest(6000, 1, 1, 190),
    ),
    (0.1, 0.4, 0.2, 0.1, 0.2),
)


def cluster(rng: np.random.Generator, n_nodes: int = 40) -> GpuColumns:
    nodes = GpuColumns(
        [32000] * n_nodes,
        [64] * n_nodes,
        [[1000] * int(rng.integers(1, 9)) for _ in range(n_nodes)],
        [str(rng.choice(["T4", "G2"])) for _ in range(n_nodes)],
    )
    for column in range(n_nodes):
        for gpu in np.flatnonzero(nodes.milli[column]):
            milli = int(rng.choice([0, 190, 500, 810, 1000]))
            nodes.take(GpuRequest(int(rng.integers(0, 4000)), 1, 1, milli), column, (int(gpu),))
    return nodes


def fragmented(nodes: GpuColumns, column: int) -> float:
    """FGD's cases, class by class, for one node."""
    free = [int(each) for each in nodes.milli[column]]
    total = 0.0
    for request, share in zip(WORKLOAD.classes, WORKLOAD.shares, strict=True):
        usable = [each for each in free if each >= request.milli]
        model = nodes.models[nodes.model[column]]
        runs = (
            request.count > 0
            and nodes.cpu[column] >= request.cpu_milli
            and (not request.models or model in request.models)
            and len(usable) >= request.count
        )
        total += share * (sum(free) - (sum(usable) if runs else 0))
    return total / 1000


def test_fragmentation_is_what_the_paper_defines(rng: np.random.Generator):
    nodes = cluster(rng)
    expected = [fragmented(nodes, column) for column in range(len(nodes))]
    np.testing.assert_allclose(fragmentation(WORKLOAD, nodes), expected, rtol=1e-6)


@pytest.mark.parametrize(
    "request_", [*WORKLOAD.classes, GpuRequest(3152, 1, 1, 810), GpuRequest(1, 1, 2, 500)], ids=str
)
def test_what_a_booking_would_leave_is_what_it_leaves(request_: GpuRequest, rng: np.random.Generator):
    nodes = cluster(rng)
    classes, shares = in_order(WORKLOAD)
    weights = np.tile(shares, (2, 1))
    usable = Usable(classes, nodes, weights, 0.5 * weights)
    columns = np.arange(len(nodes))
    for column in columns[nodes.fits(request_, columns)]:
        gpus = nodes.tightest(request_, int(column))
        free = nodes.milli[column, list(gpus)][None, :]
        foretold = usable.worth_after(request_, np.array([column]), np.array([0]), free)
        nodes.take(request_, int(column), gpus)
        usable.touch(int(column))
        fresh = Usable(classes, nodes, weights, 0.5 * weights)
        assert foretold[0] == pytest.approx(usable.worth[column], rel=1e-5)
        np.testing.assert_allclose(usable.worth, fresh.worth, rtol=1e-5)


def test_a_node_without_cpu_is_of_no_use_whatever_its_gpus():
    nodes = GpuColumns([100], [64], [[1000] * 8], ["G2"])
    assert fragmentation(WORKLOAD, nodes) == pytest.approx([8.0])
