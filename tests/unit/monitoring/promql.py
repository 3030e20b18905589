"""What an expression asks for: its selectors, and the labels that its result has."""

import re
from dataclasses import dataclass

import promql_parser as promql

SYNTHETIC = {"up": {"job", "instance"}, "ALERTS": {"alertname", "alertstate", "severity", "namespace", "team"}}
"""Series that Prometheus makes itself."""
_KEEP_LABELS = {"and", "unless"}
_CHOOSE = {"topk", "bottomk"}
"""Aggregations whose result is some of what they are given."""


@dataclass
class Labels:
    """Knows the labels of metrics, and works out those of expressions; what cannot be so is in `problems`."""

    known: dict
    """Metric -> labels."""

    def __post_init__(self):
        self.problems = []

    def of(self, expr):  # noqa: PLR0911  one for each kind
        match expr:
            case promql.VectorSelector():
                return self._selected(expr)
            case promql.MatrixSelector():
                return self._selected(expr.vector_selector)
            case promql.ParenExpr() | promql.SubqueryExpr() | promql.UnaryExpr():
                return self.of(expr.expr)
            case promql.Call():
                return self._call(expr)
            case promql.AggregateExpr():
                return self._aggregate(expr)
            case promql.BinaryExpr():
                return self._binary(expr)
            case _:
                return None  # a number or a text

    def _selected(self, selector):
        found = self.known.get(selector.name)
        if found is None:
            self.problems.append(f"nothing exposes {selector.name}")
            return set()
        for each in selector.matchers.matchers:
            if each.name not in found:
                self.problems.append(f"{selector.name} has no label {each.name}")
        return set(found)

    def _call(self, call):
        name = call.func.name
        arguments = [self.of(each) for each in call.args]
        if name == "absent":
            matchers = getattr(call.args[0], "matchers", None)
            return {each.name for each in matchers.matchers if each.op == promql.MatchOp.Equal} if matchers else set()
        vectors = [each for each in arguments if each is not None]
        if name in {"vector", "time"} or not vectors:
            return set() if name == "vector" else None
        found = set().union(*vectors)
        if name == "label_replace":
            found.add(call.args[1].val)
        if name == "histogram_quantile":
            if "le" not in found:
                self.problems.append("a quantile of what has no le")
            found.discard("le")
        return found

    def _aggregate(self, expr):
        inner = self.of(expr.expr) or set()
        chooses = str(expr.op) in _CHOOSE
        if expr.modifier is None:
            return inner if chooses else set()
        labels = set(expr.modifier.labels)
        if missing := labels - inner:
            self.problems.append(f"{expr.prettify()!r} groups by {sorted(missing)}, which nothing in it has")
        if chooses:
            return inner
        return labels if expr.modifier.type == promql.AggModifierType.By else inner - labels

    def _binary(self, expr):
        left, right = self.of(expr.lhs), self.of(expr.rhs)
        if left is None or right is None:
            return right if left is None else left
        if str(expr.op) == "or":
            return left | right
        matching = None if expr.modifier is None else expr.modifier.matching
        on = set(matching.labels) if matching and str(matching.type).endswith("Include") else None
        if on is not None:
            for side in (left, right):
                if missing := on - side:
                    self.problems.append(f"{expr.prettify()!r} matches on {sorted(missing)}, which a side lacks")
        if str(expr.op) in _KEEP_LABELS:
            return left
        grouped = expr.modifier is not None and "Many" in str(expr.modifier.card)
        if grouped:
            return left | set(expr.modifier.group_labels or ())
        return left if on is None else left & on


def selectors(text):
    """Return every selector of an expression."""
    found = []

    def visit(node):
        if isinstance(node, promql.VectorSelector):
            found.append(node)
        elif isinstance(node, promql.MatrixSelector):
            found.append(node.vector_selector)

    promql.walk(promql.parse(text), visit)
    return found


def selects(selector, samples):
    """Whether one of the samples, as mappings of labels, is meant by a selector."""
    return any(all(_matches(each, labels) for each in selector.matchers.matchers) for labels in samples)


def _matches(matcher, labels):
    value = labels.get(matcher.name, "")
    match str(matcher.op).rpartition(".")[2]:
        case "Equal":
            return value == matcher.value
        case "NotEqual":
            return value != matcher.value
        case "Re":
            return re.fullmatch(matcher.value, value) is not None
        case "NotRe":
            return re.fullmatch(matcher.value, value) is None
        case other:
            raise AssertionError(other)
