"""Our own controllers, put through a choice of the harness's plans; `make bench-harness` lives them all."""

import pytest

from kubewright.harness.runner import examine
from tests.seeded.ours import OURS


@pytest.mark.parametrize("subject", OURS, ids=lambda subject: subject.name)
def test_our_own_controllers_break_nothing_in_a_choice_of_their_lives(subject):
    report = examine(subject, most_plans=30, most_mutations=5)
    assert [f"{each.plan}: {each.violation}" for each in report.findings] == []
    assert report.plans > 20
