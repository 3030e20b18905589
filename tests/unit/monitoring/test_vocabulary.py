"""Every metric that a rule names exists, with the labels that it goes by."""

import re

import pytest

from kubewright.monitoring.rules import Alert
from tests.unit.monitoring.vocabulary import RULES, finds_nothing, labels_of

ALERTS = [rule for rule in RULES if isinstance(rule, Alert)]


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: f"{each.name} {each.severity} {each.minutes}")
def test_an_alert_goes_by_metrics_and_labels_that_are_exposed(alert):
    found, problems = labels_of(alert.expr)
    assert not problems
    named = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
    assert named <= found | {"severity", "team", *alert.labels}, "its texts name labels that its result lacks"


@pytest.mark.parametrize("expr", sorted({rule.expr for rule in RULES}))
def test_each_selector_finds_something_in_a_busy_cluster(expr):
    assert not finds_nothing(expr)
