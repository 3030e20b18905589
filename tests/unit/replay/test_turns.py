import random

import pytest

from kubewright.replay.cluster import Cluster
from kubewright.replay.configuration import OURS, STOCK
from kubewright.replay.jobs import Here, Job
from kubewright.replay.ledger import Ledger
from kubewright.replay.making import node
from kubewright.replay.turns import Turns
from kubewright.replay.workload import Request, Work
from tests.unit.replay.times import Times


class Day(Times):
    """Two nodes with two GPUs each."""

    def __init__(self, configuration):
        super().__init__()
        nodes = [node(f"n{number}", 8_000, 65_536, gpus=2, model="A100") for number in range(2)]
        self.cluster, self.ledger = Cluster(nodes, configuration), Ledger()
        self.turns = Turns(self.cluster, configuration, self.ledger, self.later, random.Random(0))
        self.here = Here(self.cluster, self.turns, self.ledger, self.later)

    def begin(self, name, pods, *, gpus=1, seconds=100.0, together=False, at=0.0, priority=0):
        request = Request(1_000, 1_024, gpus, models=("A100",) if gpus else (), priority=priority)
        job = Job(Work(name, 0, "training", at, seconds, request, pods, together), self.here)
        job.begin(at)
        return job


def placed(job):
    return sum(each.column >= 0 for each in job.members)


@pytest.mark.parametrize("configuration", [OURS, STOCK])
def test_a_job_ends_after_its_time_and_gives_its_nodes_back(configuration):
    day = Day(configuration)
    first, second = day.begin("a", 4), day.begin("b", 2)
    assert (placed(first), placed(second)) == (4, 0)
    day.until(102)
    assert (first.left, placed(second), day.ledger.finished) == (0, 2, 4)


def test_a_gang_takes_nothing_before_all_of_it_finds_room():
    day = Day(OURS)
    day.begin("a", 2)
    gang = day.begin("gang", 3, together=True)
    assert placed(gang) == 0
    day.until(120)
    assert placed(gang) == 3
    assert gang.started


def test_pod_by_pod_a_gang_holds_what_it_has_until_its_patience_ends():
    day = Day(STOCK)
    day.begin("a", 2, seconds=10_000)
    gang = day.begin("gang", 3, together=True)
    assert (placed(gang), gang.started) == (2, False)
    day.until(1_801)
    assert placed(gang) == 0
    assert day.ledger.evictions == {"gang that never was whole": 2}


def test_who_is_more_important_pushes_others_aside_who_begin_again():
    day = Day(OURS)
    lesser = day.begin("lesser", 4)
    day.until(20)
    greater = day.begin("greater", 2, at=20.0, priority=10)
    assert (placed(greater), placed(lesser)) == (1, 3)
    assert day.ledger.evictions == {"preempted": 1}
    day.until(400)
    assert (greater.left, lesser.left) == (0, 0)


def test_nobody_is_placed_on_a_node_that_is_closed():
    day = Day(OURS)
    day.cluster.close([0], closed=True)
    job = day.begin("a", 4)
    assert {each.column for each in job.members} == {1, -1}
    day.cluster.close([0], closed=False)
    day.turns.room_was_made(5.0)
    day.until(10)
    assert placed(job) == 4
