"""The fault harness: a right operator passes, mistakes are caught, and a plan can be lived again by its name."""

import pytest

from kubewright.errors import OpError
from kubewright.harness.faults import Fault, Harm, parse_fault
from kubewright.harness.runner import catch, examine, repeat
from kubewright.harness.subject import Subject
from tests.seeded import plain, right
from tests.seeded.bugs import BUGS, ClaimsTheNewestGeneration, DeletesByName, HotLoop, StatusBeforeChildren
from tests.seeded.widget import SAMPLE


def subject(build):
    return Subject("widgets", build, SAMPLE)


def test_a_right_operator_breaks_nothing_in_a_choice_of_its_lives():
    report = examine(subject(right.build), most_plans=100, most_mutations=8)
    assert report.findings == ()
    assert report.plans > 80
    assert set(report.properties) == {"spec.text", "spec.replicas", "spec.config", "spec.extra", "spec.entries"}
    assert all(report.properties.values())


@pytest.mark.parametrize("bug", [DeletesByName, StatusBeforeChildren, HotLoop], ids=lambda bug: bug.__name__)
def test_a_mistake_that_shows_at_once_is_caught_at_once(bug):
    assert catch(subject(plain.wired(bug)), most_plans=1, most_mutations=1) is not None


def test_a_status_that_speaks_of_a_spec_which_was_not_acted_on_is_caught_while_the_watch_lags():
    plan = "create/unseen-spec@2"
    _, findings = repeat(subject(plain.wired(ClaimsTheNewestGeneration)), plan)
    assert [each.violation.rule for each in findings] == ["status says too much"]
    assert repeat(subject(right.build), plan)[1] == []


def test_there_are_enough_mistakes_to_be_caught():
    assert len(BUGS) >= 20


def test_a_plan_is_named_by_what_goes_wrong_and_lived_again_by_its_name():
    outcome, findings = repeat(subject(right.build), "create/late@2")
    assert findings == []
    late = [write.request.path for write in outcome.log.writes].index
    assert late("/apis/example.com/v1/namespaces/default/widgets/sample") == 0
    assert outcome.log.done
    with pytest.raises(OpError, match="no such plan"):
        repeat(subject(right.build), "create/crash-before@99")


@pytest.mark.parametrize("fault", [Fault(), Fault(Harm.CRASH_AFTER, 3), Fault(Harm.FREEZE, 2, "deployments")], ids=str)
def test_a_fault_is_read_as_it_is_written(fault):
    assert parse_fault(str(fault)) == fault


def test_two_examinations_with_one_seed_find_the_same():
    first, second = (catch(subject(plain.wired(HotLoop)), most_plans=5, most_mutations=1) for _ in range(2))
    assert first == second
