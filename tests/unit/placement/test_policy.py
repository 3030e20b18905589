"""What each profile prefers."""

import pytest

from kubewright.placement.fit import fit
from kubewright.placement.policy import COST, PACK, SPREAD
from kubewright.placement.scores.nodes import COST_LABEL
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod

HALF = {"cpu": "2", "memory": "4Gi"}


def priced(name, cost):
    return node(name, labels={COST_LABEL: cost})


CASES = {
    "spread takes the empty node": (SPREAD, [node("full"), node("empty")], "empty"),
    "pack takes the one that is used": (PACK, [node("full"), node("empty")], "full"),
    "cost takes the cheap one though it is empty": (COST, [priced("full", "2.0"), priced("cheap", "0.5")], "cheap"),
    "of equally cheap nodes cost takes the used one": (COST, [priced("full", "1"), priced("empty", "1")], "full"),
    "a node of unknown cost is neither cheap nor dear": (
        COST, [priced("full", "3"), node("unknown"), priced("cheap", "1")], "cheap"),
    "a cost that is no number is not known": (COST, [priced("full", "1"), priced("odd", "free")], "full"),
}  # fmt: skip


@pytest.mark.parametrize(("policy", "nodes", "expected"), CASES.values(), ids=CASES)
def test_profile(policy, nodes, expected):
    snapshot = ClusterSnapshot.of(nodes, [pod("x", on="full", requests=HALF)])
    assert fit(pod("p", requests={"cpu": "1", "memory": "2Gi"}), snapshot, 0, policy).node == expected
