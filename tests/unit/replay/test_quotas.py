"""Two nodes with eight GPUs in all: four are each of two teams' own."""

import random

import numpy as np
import pytest

from kubewright.api.quantity import milli
from kubewright.replay.cluster import Cluster
from kubewright.replay.configuration import OURS
from kubewright.replay.jobs import Here, Job
from kubewright.replay.ledger import Ledger
from kubewright.replay.making import node
from kubewright.replay.quotas import Quotas, queues_of
from kubewright.replay.turns import Turns
from kubewright.replay.workload import STEP_SECONDS, Application, Day, Request, Work
from tests.unit.replay.times import Times

LONG = 10_000.0


class Shared(Times):
    """Two nodes that two teams share."""

    def __init__(self):
        super().__init__()
        nodes = [node(f"n{number}", 8_000, 65_536, gpus=4, model="A100") for number in range(2)]
        self.cluster, self.ledger = Cluster(nodes, OURS), Ledger()
        self.quotas = Quotas(Day("test", 2, nodes, ()), self.cluster)
        self.turns = Turns(self.cluster, OURS, self.ledger, self.later, random.Random(0), quotas=self.quotas)
        self.here = Here(self.cluster, self.turns, self.ledger, self.later)

    def begin(self, team, pods, *, seconds=LONG, together=False, at=0.0):
        request = Request(500, 1_024, 1, models=("A100",))
        job = Job(Work(f"{team}-{at}", team, "training", at, seconds, request, pods, together), self.here)
        job.begin(at)
        return job


def placed(job):
    return sum(each.column >= 0 for each in job.members)


def test_a_team_borrows_what_another_leaves_and_gives_it_back_when_it_is_wanted():
    shared = Shared()
    borrower = shared.begin(0, 8)
    assert placed(borrower) == 8
    owner = shared.begin(1, 4, at=20.0)
    shared.until(100.0)
    assert (placed(borrower), placed(owner)) == (4, 4)
    assert shared.ledger.evictions == {"taken back from a team that borrowed": 4}


def test_what_is_beyond_its_own_a_team_takes_from_nobody():
    shared = Shared()
    first, second = shared.begin(0, 4), shared.begin(1, 4)
    more = shared.begin(1, 2, at=20.0)
    shared.until(200.0)
    assert (placed(first), placed(second), placed(more)) == (4, 4, 0)
    assert not shared.ledger.evictions


def test_a_gang_is_taken_back_whole():
    shared = Shared()
    gang = shared.begin(0, 8, together=True)
    owner = shared.begin(1, 1, at=20.0)
    shared.until(40.0)
    assert (placed(gang), gang.started, placed(owner)) == (0, False, 1)


def test_who_has_less_of_its_share_has_its_turn_first_and_not_who_came_first():
    shared = Shared()
    shared.begin(0, 4)
    shared.begin(1, 2)
    ending = shared.begin(1, 2, seconds=50.0)
    early, late = shared.begin(0, 2, at=10.0), shared.begin(1, 2, at=20.0)
    shared.until(60.0)
    assert placed(ending) == 0
    assert (placed(early), placed(late)) == (0, 2)


@pytest.mark.parametrize(("replicas", "first", "second"), [(0, 8_000, 8_000), (4, 10_000, 6_000)])
def test_a_team_owns_what_its_services_took_at_their_busiest_and_an_equal_part_of_the_rest(replicas, first, second):
    load = np.full(10, replicas * 7.0 * STEP_SECONDS)
    web = Application("web", 0, "web", Request(1_000, 512), 1, load, load, 10.0, 5.0, 0.5)
    nodes = [node(f"n{number}", 8_000, 65_536) for number in range(2)]
    day = Day("test", 2, nodes, (), (web,) if replicas else ())
    own = {each.metadata.name: each.spec.quotas[0] for each in queues_of(day, Cluster(nodes, OURS))}
    assert {name: milli(each.nominal) for name, each in own.items()} == {
        "team-00": first,
        "team-01": second,
        "company": 0,
    }
