"""Every metric that a rule or a dashboard names exists, with the labels that it goes by."""

import re
from functools import cache

import promql_parser
import pytest

from kubewright.api.crds.appservice import AppService, AppServiceSpec
from kubewright.api.crds.appservice.rollout import AppServiceSlo, Latency
from kubewright.api.meta import ObjectMeta
from kubewright.monitoring.rules import Alert, Recording
from kubewright.monitoring.shipped import groups
from tests.unit.monitoring.exposed import everything
from tests.unit.monitoring.promql import SYNTHETIC, Labels, selectors, selects

SLO = AppServiceSlo(availability=99.9, latency=Latency(milliseconds=300, percent=99))
SHOP = AppService(metadata=ObjectMeta(name="shop", namespace="default"), spec=AppServiceSpec(slo=SLO, team="shops"))
GROUPS = groups([SHOP], {"default": "shops"})
RULES = [rule for group in GROUPS for rule in group.rules]
ALERTS = [rule for rule in RULES if isinstance(rule, Alert)]
NOT_NOW = {
    'apiserver_request_total{code=~"5..",verb!="CONNECT",verb!="WATCH"}',
    'controller_runtime_reconcile_total{job="kubewright",result="error"}',
}
"""Failures that do not happen here."""


@cache
def seen():
    return everything()


@cache
def known():
    found = {name: set().union(*samples) for name, samples in seen().items()}
    found |= SYNTHETIC
    for rule in RULES:
        if isinstance(rule, Recording):
            labels = Labels(found)
            found.setdefault(rule.record, set()).update(
                (labels.of(promql_parser.parse(rule.expr)) or set()) | set(rule.labels)
            )
            assert not labels.problems, (rule.record, labels.problems)
    return found


def recorded():
    return {rule.record for rule in RULES if isinstance(rule, Recording)}


@pytest.mark.parametrize("alert", ALERTS, ids=lambda each: f"{each.name} {each.severity} {each.minutes}")
def test_an_alert_goes_by_metrics_and_labels_that_are_exposed(alert):
    labels = Labels(known())
    found = labels.of(promql_parser.parse(alert.expr)) or set()
    assert not labels.problems
    named = set(re.findall(r"\$labels\.(\w+)", alert.summary + alert.description))
    assert named <= found | {"severity", "team", *alert.labels}, "its texts name labels that its result lacks"


@pytest.mark.parametrize("expr", sorted({rule.expr for rule in RULES}))
def test_each_selector_finds_something_in_a_busy_cluster(expr):
    for selector in selectors(expr):
        if selector.name in SYNTHETIC or selector.name in recorded() or _text(selector) in NOT_NOW:
            continue
        assert selects(selector, seen()[selector.name]), _text(selector)


def _text(selector):
    return " ".join(selector.prettify().split()).split(" offset")[0]
