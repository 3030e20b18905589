"""Each suggestion for a pod that fits nowhere is true by the plain rules, too, on random clusters."""

from hypothesis import given, settings

from kubewright.explain.changes import Dropped, LessRequested, Tolerated
from kubewright.explain.why import Ending, Situation, explain
from kubewright.placement.fit import Fit, fit
from tests.property.test_placement import SEEDS, drawn


@settings(max_examples=40, deadline=None)
@given(SEEDS)
def test_a_suggestion_once_followed_makes_the_pod_placeable(seed):
    snapshot, oracle, pods, budgets = drawn(seed, 6, crowded=bool(seed % 2))
    endings = tuple(
        Ending(key, float(number), "its deadline", f"pod/{key.name}")
        for number, key in enumerate(sorted(snapshot.placed))
        if number % 3 == 0
    )
    before = snapshot.requested.copy()
    for pod in pods:
        explanation = explain(pod, Situation(snapshot, budgets=tuple(budgets), endings=endings))
        costs = [each.cost for each in explanation.remedies]
        assert costs == sorted(costs)
        for remedy in explanation.remedies:
            changed, world = remedy.change.applied((pod, snapshot))
            outcome = fit(changed, world, 0)
            assert isinstance(outcome, Fit), str(remedy)
            assert outcome.node == remedy.node
            if isinstance(remedy.change, LessRequested | Tolerated | Dropped) and not pod.spec.volumes:
                chosen = next(node for node in oracle.nodes if node.metadata.name == remedy.node)
                assert oracle.reasons(changed, chosen) == [], str(remedy)
    assert (snapshot.requested == before).all()
