"""A HorizontalPodAutoscaler (`autoscaling/v2`) as a ScalePolicy: the same rules, asked otherwise.

An autoscaler asks adapters for metrics by a name; a policy asks the store by PromQL. What an adapter makes of a name
only its configuration knows, so the query that is written takes the name for a series', and says so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from kubewright.api.crds.scalepolicy import ADOPT
from kubewright.api.meta import Manifest
from kubewright.autoscaler.imports.imported import Draft, Imported, behavior, part, parts, target
from kubewright.series.promql import quoted

KIND = "HorizontalPodAutoscaler"
_OWNER = "scaledobject.keda.sh/name"
_OPERATORS = {"Exists": '!=""', "DoesNotExist": '=""'}
_USUAL_PERCENT = 80


def from_autoscaler(document: Manifest, *, adopt: bool = False) -> Imported:
    """Return the policy; with `adopt` it takes the autoscaler's place, and else only recommends beside it."""
    draft, spec = Draft(document), part(document, "spec")
    if owner := part(document["metadata"], "labels").get(_OWNER):
        draft.note("metadata.labels", f"KEDA makes it from the ScaledObject {owner}: import that")
        draft.impossible = True
        return draft.finished()
    least = spec.get("minReplicas", 1)
    draft.spec = {"target": target(part(spec, "scaleTargetRef")), "min": least, "max": spec.get("maxReplicas", 0)}
    for index, metric in enumerate(parts(spec, "metrics")):
        _METRICS.get(metric.get("type", ""), _unknown)(metric, f"spec.metrics[{index}]", draft)
    if not spec.get("metrics"):
        draft.metrics.append({"cpu": {"percent": _USUAL_PERCENT}})  # what an API server fills in
    behavior(part(spec, "behavior"), draft)
    if adopt:
        draft.spec["existing"] = ADOPT
    draft.impossible |= not draft.metrics
    return draft.finished()


def _resource(metric: Manifest, at: str, draft: Draft) -> None:
    said = metric.get("resource") or part(metric, "containerResource")
    name, aim = said.get("name"), part(said, "target")
    if name not in {"cpu", "memory"}:
        draft.note(at, f"a policy has no metric for {name}; say it as a promql metric")
        return
    goal: Manifest = {"container": said["container"]} if said.get("container") else {}
    goal |= {"percent": aim["averageUtilization"]} if "averageUtilization" in aim else {}
    goal |= {"average": aim["averageValue"]} if "averageValue" in aim else {}
    draft.metrics.append({name: goal})


def _pods(metric: Manifest, at: str, draft: Draft) -> None:
    said = part(metric, "pods")
    series, aim = part(said, "metric"), part(said, "target")
    labels = _labels(series, {"namespace": draft.source["metadata"].get("namespace", "")})
    query = f"sum by (namespace, pod) ({series.get('name', '')}{labels})"
    draft.metrics.append({"promql": {"query": query, "perPod": aim.get("averageValue", 0)}})
    _guessed(at, str(series.get("name", "")), draft)


def _object(metric: Manifest, at: str, draft: Draft) -> None:
    said = part(metric, "object")
    series, about = part(said, "metric"), part(said, "describedObject")
    place = {
        "namespace": draft.source["metadata"].get("namespace", ""),
        about.get("kind", "").lower(): str(about.get("name", "")),
    }
    _number(series, _labels(series, place), part(said, "target"), draft)
    _guessed(at, str(series.get("name", "")), draft)


def _external(metric: Manifest, at: str, draft: Draft) -> None:
    series = part(part(metric, "external"), "metric")
    _number(series, _labels(series, {}), part(part(metric, "external"), "target"), draft)
    _guessed(at, str(series.get("name", "")), draft)


def _unknown(metric: Manifest, at: str, draft: Draft) -> None:
    draft.note(at, f"a policy has no metric of the type {metric.get('type', '')!r}")


def _number(series: Manifest, labels: str, aim: Manifest, draft: Draft) -> None:
    goal: Manifest = {"query": f"sum({series.get('name', '')}{labels})"}
    goal |= {"average": aim["averageValue"]} if "averageValue" in aim else {"value": aim.get("value", 0)}
    draft.metrics.append({"promql": goal})


def _guessed(at: str, name: str, draft: Draft) -> None:
    draft.note(at, f"the series is taken to be called {name}, as the adapter's metric is: compare its rule")


def _labels(series: Manifest, more: Mapping[str, str]) -> str:
    """Return what a selector of labels says, as matchers of PromQL."""
    selector = part(series, "selector")
    equal = {name: text for name, text in more.items() if text} | part(selector, "matchLabels")
    found = [f"{name}={quoted(text)}" for name, text in equal.items()]
    for each in parts(selector, "matchExpressions"):
        operator, values = each.get("operator", ""), cast("list[str]", each.get("values") or [])
        pattern = quoted("|".join(_plain(text) for text in values))
        said = _OPERATORS.get(operator) or f"{'=~' if operator == 'In' else '!~'}{pattern}"
        found.append(f"{each.get('key', '')}{said}")
    return f"{{{','.join(found)}}}" if found else ""


def _plain(text: str) -> str:
    """Escape what a pattern of RE2 would read otherwise."""
    return "".join(f"\\{each}" if each in r".+*?()|[]{}^$\\" else each for each in text)


_METRICS: Mapping[str, Callable[[Manifest, str, Draft], None]] = {
    "Resource": _resource,
    "ContainerResource": _resource,
    "Pods": _pods,
    "Object": _object,
    "External": _external,
}
