from __future__ import annotations

import pytest

from kubewright.api.tolerations import Taint, Toleration, tolerates, toleration_seconds, untolerated

GPU = Taint("gpu", "a100", "NoSchedule")


@pytest.mark.parametrize(
    ("toleration", "taint", "expected"),
    [
        pytest.param(Toleration("gpu", "Equal", "a100", "NoSchedule"), GPU, True, id="all equal"),
        pytest.param(Toleration("gpu", "", "a100"), GPU, True, id="no operator means Equal, no effect any"),
        pytest.param(Toleration("gpu", "Equal", "h100"), GPU, False, id="another value"),
        pytest.param(Toleration("gpu", "Exists"), GPU, True, id="Exists takes any value"),
        pytest.param(Toleration("", "Exists"), GPU, True, id="Exists without a key takes everything"),
        pytest.param(Toleration("gpu", "Exists", effect="NoExecute"), GPU, False, id="another effect"),
        pytest.param(Toleration("disk", "Exists"), GPU, False, id="another key"),
        pytest.param(Toleration("sla", "Gt", "95"), Taint("sla", "99"), True, id="the taint is greater"),
        pytest.param(Toleration("sla", "Gt", "99"), Taint("sla", "99"), False, id="equal is not greater"),
        pytest.param(Toleration("sla", "Lt", "95"), Taint("sla", "-3"), True, id="the taint is less"),
        pytest.param(Toleration("sla", "Lt", "095"), Taint("sla", "1"), False, id="leading zeros are no number"),
        pytest.param(Toleration("sla", "Gt", "1"), Taint("sla", "high"), False, id="a taint that is no number"),
        pytest.param(Toleration("gpu", "Near"), GPU, False, id="an unknown operator"),
    ],
)
def test_one_toleration(toleration, taint, expected):
    assert tolerates([toleration], taint) is expected


def test_the_first_hard_taint_that_nothing_tolerates_is_named():
    soft, hard = Taint("soft", effect="PreferNoSchedule"), Taint("hard", effect="NoExecute")
    assert untolerated([Toleration("gpu", "Exists")], [soft, GPU, hard]) == hard
    assert untolerated([Toleration("", "Exists")], [soft, GPU, hard]) is None


@pytest.mark.parametrize(
    ("tolerations", "taints", "seconds"),
    [
        pytest.param([], [GPU], None, id="only NoExecute evicts"),
        pytest.param([], [Taint("a", effect="NoExecute")], 0.0, id="not tolerated, at once"),
        pytest.param([Toleration("a", "Exists")], [Taint("a", effect="NoExecute")], None, id="tolerated for ever"),
        pytest.param(
            [Toleration("a", "Exists", toleration_seconds=300), Toleration("", "Exists", toleration_seconds=60)],
            [Taint("a", effect="NoExecute")],
            60.0,
            id="the shortest of those that match",
        ),
        pytest.param(
            [Toleration("a", "Exists", toleration_seconds=-1)], [Taint("a", effect="NoExecute")], 0.0, id="negative"
        ),
    ],
)
def test_how_long_a_pod_may_stay(tolerations, taints, seconds):
    assert toleration_seconds(tolerations, taints) == seconds
