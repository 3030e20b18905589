"""Which pods are moved so that more GPUs can be used."""

from kubewright.devices.columns import GpuColumns
from kubewright.devices.defragment import Held, defragment
from kubewright.devices.packing import GpuPacking
from kubewright.devices.workload import MILLI, GpuRequest

WHOLE = GpuRequest(1000, 1, 4, MILLI)
ONE = GpuRequest(1000, 1, 1, MILLI)


def cluster(*held, nodes=3, gpus=4):
    """Nodes of four GPUs in a cluster where pods want all four, with single ones spread over it."""
    columns = GpuColumns([64_000] * nodes, [64] * nodes, [[MILLI] * gpus] * nodes, ["A100"] * nodes)
    packing = GpuPacking(columns)
    for _ in range(20):
        packing.observe(WHOLE)
    for _ in range(5):
        packing.observe(ONE)
    for each in held:
        packing.nodes.take(each.request, each.column, each.gpus)
    return packing


def spread(nodes=3):
    return [Held(number, ONE, number, (0,)) for number in range(nodes)]


def places_for(request, packing):
    return sum(packing.fits(request, column) for column in range(len(packing.nodes)))


def after(packing, held, moves):
    packing = packing.copy()
    by_pod = {each.pod: each for each in held}
    for move in moves:
        one = by_pod[move.pod]
        packing.nodes.give(one.request, move.source, one.gpus)
        packing.nodes.take(one.request, move.target, move.gpus)
    return packing


def test_pods_that_are_spread_are_brought_together():
    held = spread()
    packing = cluster(*held)
    moves = defragment(packing, held, 10)
    assert places_for(WHOLE, packing) == 0
    assert places_for(WHOLE, after(packing, held, moves)) == 2
    assert len(moves) == 2


def test_no_more_are_moved_than_may_be_and_the_first_move_counts_most():
    held = spread()
    packing = cluster(*held)
    assert [len(defragment(packing, held, budget)) for budget in (0, 1, 5)] == [0, 1, 2]
    assert defragment(packing, held, 1) == defragment(packing, held, 5)[:1]


def test_nobody_is_moved_where_that_gains_nothing():
    held = [Held(0, ONE, 0, (0,)), Held(1, ONE, 0, (1,))]
    assert defragment(cluster(*held), held, 10) == []


def test_pods_are_moved_only_where_they_may_be():
    held = spread()
    packing = cluster(*held)
    moves = defragment(packing, held, 10, lambda pod, column: column == 2)
    assert {each.target for each in moves} == {2}
    assert defragment(packing, held, 10, lambda pod, column: False) == []


def test_pods_that_may_not_be_moved_stay():
    held = spread()
    moves = defragment(cluster(*held), held[:1], 10)
    assert [each.pod for each in moves] == [0]


def test_planning_changes_nothing():
    held = spread()
    packing = cluster(*held)
    before = packing.nodes.milli.copy()
    defragment(packing, held, 10)
    assert (packing.nodes.milli == before).all()
