from __future__ import annotations

from kubewright.api.conditions import Condition, remove_condition, set_condition
from kubewright.api.meta import rfc3339


def test_the_transition_time_moves_only_when_the_status_does():
    first = set_condition((), Condition("Ready", "False", "Starting"), 100.0)
    second = set_condition(first, Condition("Ready", "False", "StillStarting", last_transition_time="ignored"), 200.0)
    third = set_condition(second, Condition("Ready", "True", "Up"), 300.0)
    assert [each[0].last_transition_time for each in (first, second, third)] == [
        rfc3339(100),
        rfc3339(100),
        rfc3339(300),
    ]
    assert second[0].reason == "StillStarting"


def test_setting_the_same_again_changes_nothing():
    conditions = set_condition((), Condition("Ready", "True", "Up"), 100.0)
    assert set_condition(conditions, Condition("Ready", "True", "Up"), 500.0) == conditions


def test_others_keep_their_place():
    conditions = (Condition("A", "True"), Condition("B", "True"), Condition("C", "True"))
    changed = set_condition(conditions, Condition("B", "False"), 0.0)
    assert [each.type for each in changed] == ["A", "B", "C"]
    assert [each.type for each in remove_condition(changed, "B")] == ["A", "C"]
