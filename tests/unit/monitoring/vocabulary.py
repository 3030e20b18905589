"""What can be asked: everything that is exposed or recorded; and what an expression asks for beside that.

Rules and dashboards are held against it alike.
"""

import re
from functools import cache

import promql_parser

from kubewright.api.crds.appservice import AppService, AppServiceSpec
from kubewright.api.crds.appservice.rollout import AppServiceSlo, Latency
from kubewright.api.meta import ObjectMeta
from kubewright.monitoring.rules import Recording
from kubewright.monitoring.shipped import groups
from tests.unit.monitoring.exposed import everything
from tests.unit.monitoring.promql import SYNTHETIC, Labels, selectors, selects

SLO = AppServiceSlo(availability=99.9, latency=Latency(milliseconds=300, percent=99))
SHOP = AppService(metadata=ObjectMeta(name="shop", namespace="default"), spec=AppServiceSpec(slo=SLO, team="shops"))
GROUPS = groups([SHOP], {"default": "shops"})
RULES = [rule for group in GROUPS for rule in group.rules]
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
    """Return the labels of each metric, those of a store of several clusters included."""
    found = {name: set().union({"cluster"}, *samples) for name, samples in seen().items()}
    found |= {name: labels | {"cluster", "appservice", "node"} for name, labels in SYNTHETIC.items()}
    for rule in RULES:
        if isinstance(rule, Recording):
            labels = Labels(found)
            found.setdefault(rule.record, {"cluster"}).update(
                (labels.of(promql_parser.parse(rule.expr)) or set()) | set(rule.labels)
            )
            assert not labels.problems, (rule.record, labels.problems)
    return found


def recorded():
    return {rule.record for rule in RULES if isinstance(rule, Recording)}


def labels_of(expr):
    """Return the labels that a result has, and what is wrong with the labels that are asked for."""
    labels = Labels(known())
    return labels.of(promql_parser.parse(expr)) or set(), labels.problems


def finds_nothing(expr):
    """Return the selectors of an expression that find nothing in a busy cluster."""
    return [
        text
        for selector in selectors(expr)
        if selector.name not in SYNTHETIC and selector.name not in recorded()
        for text in [" ".join(selector.prettify().split()).split(" offset")[0]]
        if text not in NOT_NOW and not selects(selector, seen()[selector.name])
    ]


def chosen(expr):
    """Return a dashboard's expression as it is asked where one cluster's series have no label of it."""
    text = expr.replace("$cluster", "").replace("$__rate_interval", "5m")
    text = re.sub(r'=~?"\$\w+[^"]*"', '=~".+"', text)
    return re.sub(r"\$\w+_price", "1", text)
