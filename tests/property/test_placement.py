"""`placement` over columns against the same rules in plain loops, on random clusters, as pods come and go."""

import random

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec import structs

from kubewright.placement.examine import problem_of
from kubewright.placement.fit import Fit, fit, ranked
from kubewright.placement.following import following
from kubewright.placement.preempt import NoPreemption, preempt
from kubewright.placement.standing import REFUSED
from tests.differential.draws import Draw
from tests.differential.model import Model
from tests.differential.oracle import Oracle, cost

SEEDS = st.integers(0, 2**32)


def drawn(seed, n_pods, **kind):
    world = Draw(seed, 0, **kind).world(n_pods)
    model = Model((*world.namespaces, *world.objects, *world.placed, *world.budgets))
    snapshot = model.snapshot()
    oracle = Oracle(
        list(snapshot.table.nodes),
        snapshot.storage,
        {key.name: each.metadata.labels for key, each in model.of("Namespace").items()},
        snapshot.workloads.selector_for,
        {pod.key: (pod, pod.spec.node_name) for pod in model.of("Pod").values()},
    )
    pods = [pod for document in world.pods for pod in Model((document,)).of("Pod").values()]
    return snapshot, oracle, pods, sorted(model.of("PodDisruptionBudget").values(), key=lambda each: each.key)


def agree(pod, snapshot, oracle):
    row = snapshot.row(pod)
    outcome = fit(pod, snapshot, np.arange(len(oracle.nodes), dtype=np.intp))
    if problem_of(row, snapshot):
        assert not isinstance(outcome, Fit)
        return None
    reasons = {node.metadata.name: oracle.reasons(pod, node) for node in oracle.nodes}
    feasible = [node for node in oracle.nodes if not reasons[node.metadata.name]]
    ranks = dict(zip(reasons, ranked(row, snapshot).tolist(), strict=True))
    assert [name for name, rank in ranks.items() if rank != REFUSED] == [node.metadata.name for node in feasible]
    if not feasible:
        counts = {}
        for each in reasons.values():
            for text in each:
                counts[text] = counts.get(text, 0) + 1
        listed = ", ".join(sorted(f"{count} {text}" for text, count in counts.items()))
        assert str(outcome) == f"0/{len(reasons)} nodes are available: {listed}."
        return None
    scores = oracle.scores(pod, feasible)
    # Where a score is the same for all, placement leaves it out.
    assert len({scores[name] - ranks[name] for name in scores}) == 1, (scores, ranks)
    assert scores[outcome.node] == max(scores.values())
    return outcome


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_pods_that_come_and_go_are_judged_as_by_the_plain_rules(seed):
    snapshot, oracle, pods, _ = drawn(seed, 8)
    rng = random.Random(seed)
    for pod in [pod for pod in pods for _ in range(2)]:
        if oracle.placed and rng.random() < 0.3:
            key = rng.choice(sorted(oracle.placed))
            del oracle.placed[key]
            snapshot.forget(key)
        if rng.random() < 0.3:
            snapshot = snapshot.fork()
        if pod.key in oracle.placed:
            continue
        outcome = agree(pod, snapshot, oracle)
        if outcome is not None:
            snapshot.assume(outcome.row, outcome.column)
            oracle.placed[pod.key] = (pod, outcome.node)


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_nodes_that_come_change_and_go_leave_pods_judged_as_by_the_plain_rules(seed):
    snapshot, oracle, pods, _ = drawn(seed, 6)
    rng, all_nodes = random.Random(seed), {node.metadata.name: node for node in oracle.nodes}
    for pod in pods:
        fork, known = snapshot.fork(), {node.metadata.name: node for node in oracle.nodes}
        table = following(snapshot.table, changes := some_changes(rng, all_nodes, known))
        assert table is not None
        snapshot.follow_nodes(table)
        assert {node.metadata.name: node for node in fork.table.nodes} == known
        oracle.nodes = list(table.nodes)
        gone = {name for name, node in changes.items() if node is None}
        oracle.placed = {key: each for key, each in oracle.placed.items() if each[1] not in gone}
        assert set(snapshot.placed) == set(oracle.placed)
        if pod.key not in oracle.placed and table.nodes and (outcome := agree(pod, snapshot, oracle)) is not None:
            snapshot.assume(outcome.row, outcome.column)
            oracle.placed[pod.key] = (pod, outcome.node)


def some_changes(rng, all_nodes, known):
    """Some go, some come back, some change for another's offer."""
    changes = {}
    for name, node in all_nodes.items():
        match rng.randrange(6):
            case 0 if name in known:
                changes[name] = None
            case 1:
                other = rng.choice(list(all_nodes.values()))
                changes[name] = structs.replace(
                    node, spec=other.spec, status=structs.replace(node.status, allocatable=other.status.allocatable)
                )
            case 2 if name not in known:
                changes[name] = node
            case _:
                pass
    return changes


@settings(max_examples=60, deadline=None)
@given(SEEDS)
def test_room_is_made_where_it_costs_least_by_the_plain_rules(seed):
    snapshot, oracle, pods, budgets = drawn(seed, 6, crowded=True)
    for pod in pods:
        row = snapshot.row(pod)
        if problem_of(row, snapshot) or any(not oracle.reasons(pod, node) for node in oracle.nodes):
            continue
        before = (snapshot.requested.copy(), set(snapshot.placed))
        found = preempt(pod, snapshot, 0, budgets)
        assert (snapshot.requested == before[0]).all()
        assert set(snapshot.placed) == before[1]
        ways = oracle.ways(pod, budgets)
        if isinstance(found, NoPreemption):
            assert not ways
        else:
            victims, violations = ways[found.node]
            assert (list(found.victims), found.n_violations) == (victims, violations)
            assert cost(ways[found.node]) == min(map(cost, ways.values()))
