"""Every metric that a rule names exists, with the labels that it goes by."""

import asyncio
import re
from typing import ClassVar

import pytest

from kubewright.monitoring.rules import Alert
from kubewright.series.protocol import Missing, Why
from kubewright.spending import questions
from kubewright.spending.teams import RecordedTeamSpend
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


COST_QUESTIONS = {
    name: questions.expression(text, 300).promql
    for name, text in vars(questions).items()
    if name.isupper() and not name.startswith("_")
}


@pytest.mark.parametrize("name", COST_QUESTIONS)
def test_costs_are_asked_of_metrics_and_labels_that_are_exposed(name):
    _, problems = labels_of(COST_QUESTIONS[name])
    assert not problems


def test_what_teams_spent_is_asked_of_what_the_service_tells():
    class Listening:
        asked: ClassVar[list[str]] = []

        async def range(self, query, span):
            self.asked.append(query.promql)
            return Missing(Why.NO_DATA)

    asyncio.run(RecordedTeamSpend(Listening()).spends(1_794_312_000.0))
    assert len(Listening.asked) == 4
    for expr in Listening.asked:
        found, problems = labels_of(expr)
        assert not problems
        assert found <= {"currency", "team"}
