"""Scores against figures worked out by kube-scheduler's rule by hand."""

import pytest

from kubewright.placement.scores import Balanced, LeastAllocated
from kubewright.placement.snapshot import ClusterSnapshot
from tests.unit.placement.build import node, pod

EMPTY = [node("a", cpu="4", memory="10000Mi")]

CASES = {
    "an empty node that would be left empty scores full": (LeastAllocated(), {"cpu": "0", "memory": "0"}, 100),
    "half of cpu and a quarter of memory leave 62 (of 50 and 75)": (
        LeastAllocated(), {"cpu": "2", "memory": "2500Mi"}, 62),
    "more than there is scores zero": (LeastAllocated(), {"cpu": "8", "memory": "20000Mi"}, 0),
    # 50 + (50 + with - without) / 2, where an empty node is balanced: without = 100.
    "an even pod keeps the balance": (Balanced(), {"cpu": "2", "memory": "5000Mi"}, 75),
    "an uneven pod on an empty node worsens it": (Balanced(), {"cpu": "2", "memory": "0"}, 62),
    "a best-effort pod is not scored": (Balanced(), {}, 0),
}  # fmt: skip


@pytest.mark.parametrize(("score", "requests", "expected"), CASES.values(), ids=CASES)
def test_score(score, requests, expected):
    snapshot = ClusterSnapshot.of(EMPTY)
    assert score.score(snapshot.row(pod(requests=requests)), snapshot, snapshot.table.all()).tolist() == [expected]
