"""A label selector as Go prints its structure, which is what controllers' messages hold."""

from __future__ import annotations

from kubewright.api.selectors import LabelSelector


def go_selector(selector: LabelSelector | None) -> str:
    """Write a selector as `%v` does."""
    if selector is None:
        return "nil"
    labels = "".join(f"{key}: {value}," for key, value in sorted(selector.match_labels.items()))
    expressions = "".join(
        f"LabelSelectorRequirement{{Key:{each.key},Operator:{each.operator},Values:[{' '.join(each.values)}],}},"
        for each in selector.match_expressions
    )
    matched = f"MatchLabels:map[string]string{{{labels}}}"
    return f"&LabelSelector{{{matched},MatchExpressions:[]LabelSelectorRequirement{{{expressions}}},}}"
