import random

import numpy as np
import pytest

from kubewright.replay.cluster import Cluster
from kubewright.replay.configuration import OURS
from kubewright.replay.episodes import Episode
from kubewright.replay.ledger import Ledger
from kubewright.replay.lending import Lending
from kubewright.replay.making import node
from kubewright.replay.services import Fleet
from kubewright.replay.troubles import Troubles
from kubewright.replay.turns import Turns
from kubewright.replay.workload import STEP_SECONDS, STEPS, Application, Day, FaultArrival, Release, Request

RATE, STARTUP = 10.0, 20.0
NODE_CORES = 8
PLAYED = {"node-down": Episode("a node loses its power", True, 50.0, None)}


class Living:
    """One web service that is used to the same load all day, and one release of it."""

    def __init__(self, *, replicas=6, nodes=2, releases=(100.0,), faults=()):
        made = [node(f"n{number}", 1000 * NODE_CORES, 65_536) for number in range(nodes)]
        load = np.full(STEPS, 0.6 * replicas * RATE * STEP_SECONDS)
        request = Request(1_000, 1_024, priority=100)
        application = Application("web", 0, "web", request, replicas, load, np.tile(load, 2), RATE, STARTUP, 0.5)
        self.load, self.ledger, self.events = load, Ledger(), []
        self.cluster = Cluster(made, OURS)
        self.turns = Turns(self.cluster, OURS, self.ledger, self.later, random.Random(0))
        self.fleet = Fleet([application], self.cluster, self.turns, self.ledger, self.later, configuration=OURS)
        self.lending = Lending(self.cluster, self.turns, self.ledger, self.later, OURS)
        day = Day("test", 1, made, (), (application,), tuple(Release(at, 0) for at in releases), faults)
        Troubles(day, self.cluster, self.turns, self.fleet, self.lending, self.ledger, self.later, PLAYED).expect()
        self.service, self.step = self.fleet.services[0], 0
        self.fleet.begin()
        self.first = list(self.service.members)

    def later(self, at, do):
        self.events.append((at, len(self.events), do))

    def steps(self, count):
        for _ in range(count):
            end = (self.step + 1) * STEP_SECONDS
            while due := sorted(each[:2] for each in self.events if each[0] <= end):
                event = next(each for each in self.events if each[:2] == due[0])
                self.events.remove(event)
                event[2](event[0])
            self.fleet.serve(self.step, self.load[[self.step]])
            self.step += 1
            yield int(self.fleet.ready[0])


@pytest.mark.parametrize(("releases", "made"), [((100.0,), 6), ((100.0, 110.0), 6 + 2)])
def test_pods_of_a_release_are_beside_those_that_are_wanted_and_are_not_scaled_away(releases, made):
    living = Living(releases=releases)
    assert min(living.steps(60)) == 6
    assert living.ledger.scalings == 0
    assert all(each.gone for each in living.first)
    assert (living.service.replicas, len(living.service.members), living.ledger.violation_minutes) == (6, 6, 0.0)
    assert living.ledger.asked == 6 + made


def test_old_pods_serve_for_as_long_as_those_in_their_place_find_no_node():
    living = Living(replicas=NODE_CORES, nodes=1)
    assert min(living.steps(60)) == NODE_CORES
    assert living.turns.n_waiting == NODE_CORES // 4
    assert not any(each.gone for each in living.first)


def test_no_more_of_an_application_is_moved_while_one_that_was_moved_starts():
    living = Living(releases=(), nodes=6)
    column = living.first[0].column
    living.lending.leaving.add(column)
    living.cluster.close([column], closed=True)
    living.lending.look(0.0)
    living.lending.look(STARTUP - 1)
    assert living.ledger.evictions == {"moved off a node": 1}
    list(living.steps(2))
    living.lending.look(2.0 * STEP_SECONDS)
    assert living.ledger.evictions == {"moved off a node": 2}


def test_a_pod_whose_node_died_is_one_of_the_replicas_until_that_is_noticed():
    living = Living(releases=())
    lost, noticed = living.first[0], 300.0
    living.fleet.lose(living.service, lost, noticed)
    for _ in living.steps(int(noticed) // STEP_SECONDS - 1):
        pass
    assert (living.service.replicas, living.ledger.asked) == (6, 6)
    assert not lost.gone
    list(living.steps(4))
    assert lost.gone
    assert (int(living.fleet.ready[0]), living.ledger.asked) == (6, 7)


def test_a_node_is_emptied_only_when_it_could_have_been_for_as_long_as_its_pool_waits():
    living = Living(releases=(), nodes=6)
    lending = living.lending
    lending.turn(0.0)
    assert not lending.leaving
    lending.turn(299.0)
    assert not lending.leaving
    lending.turn(300.0)
    assert len(lending.leaving) == 1


@pytest.mark.parametrize(("given_back", "hit"), [((), 2), ((2, 3), 4)])
def test_a_fault_hits_the_node_that_it_names_or_the_next_that_is_there(given_back, hit):
    living = Living(releases=(), nodes=6, faults=(FaultArrival(20.0, "node-down", 6 + 2, 0.5),))
    living.cluster.provisioned[list(given_back)] = False
    list(living.steps(2))
    assert living.lending.down == {hit}
