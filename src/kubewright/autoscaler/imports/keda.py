"""A KEDA ScaledObject (`keda.sh/v1alpha1`) as a ScalePolicy, and in words what is not the same.

KEDA wakes a workload by itself and leaves the rest to a HorizontalPodAutoscaler that it makes; a policy does both in
one round of the same rules. As long as KEDA's autoscaler is there, the policy only recommends beside it: delete the
ScaledObject, and the policy takes over.
"""

from __future__ import annotations

from kubewright.api.crds.scalepolicy import RECOMMEND
from kubewright.api.meta import Manifest
from kubewright.autoscaler.imports.imported import Draft, Imported, behavior, part, parts, target
from kubewright.autoscaler.imports.triggers import add

KIND, GROUP = "ScaledObject", "keda.sh"
_PAUSED = "autoscaling.keda.sh/paused"
_POLLING, _COOLDOWN, _MOST, _SYNC = 30, 300, 100, 15
_NO_METRIC = {"promql": {"query": "vector(0)", "average": 1}}
"""What never asks for a pod: for those whose hours alone say how many there are, or when there are any."""


def from_scaled_object(document: Manifest) -> Imported:
    """Return the policy."""
    draft, spec = Draft(document), part(document, "spec")
    reference = part(spec, "scaleTargetRef")
    draft.spec = {"target": target(reference), "min": 0, "max": spec.get("maxReplicaCount", _MOST)}
    if name := reference.get("envSourceContainerName"):
        draft.note("spec.scaleTargetRef.envSourceContainerName", f"no variable of {name} is read")
    for index, trigger in enumerate(parts(spec, "triggers")):
        add(trigger, f"spec.triggers[{index}]", draft)
    if draft.schedules and not (draft.metrics and (_wakes(draft) or spec.get("minReplicaCount", 0))):
        draft.metrics.append(_NO_METRIC)
    draft.impossible = not draft.metrics
    advanced = part(spec, "advanced")
    config = part(advanced, "horizontalPodAutoscalerConfig")
    behavior(part(config, "behavior"), draft)
    _advanced(advanced, config, draft)
    _bounds(spec, draft)
    _fallback(spec, draft)
    _paused(part(document["metadata"], "annotations"), draft)
    return draft.finished()


def _wakes(draft: Draft) -> bool:
    return any("promql" in each for each in draft.metrics)


def _bounds(spec: Manifest, draft: Draft) -> None:
    least = spec.get("minReplicaCount", 0)
    idle = spec.get("idleReplicaCount")
    if idle is not None:
        text = f"kept at minReplicaCount, {least}, also without work: let min be 0 where waking with one pod will do"
        draft.note("spec.idleReplicaCount", text)
    if not least and not _wakes(draft):
        draft.note("spec.minReplicaCount", "1: cpu and memory wake nothing that has no pods")
        least = 1
    draft.spec["min"] = least
    window = draft.spec.get("behavior", {}).get("scaleDown", {}).get("stabilizationWindowSeconds", _COOLDOWN)
    if not least and spec.get("cooldownPeriod", _COOLDOWN) != window:
        text = f"sleeps when there has been no work for {window} s, which scaleDown.stabilizationWindowSeconds says"
        draft.note("spec.cooldownPeriod", text)
    if spec.get("initialCooldownPeriod"):
        draft.note("spec.initialCooldownPeriod", "the same time without work counts from the beginning")
    if spec.get("pollingInterval", _SYNC) != _SYNC:
        draft.note("spec.pollingInterval", f"every {_SYNC} s")


def _fallback(spec: Manifest, draft: Draft) -> None:
    given = part(spec, "fallback")
    if not given:
        return
    kind = given.get("behavior") or "static"
    if kind == "currentReplicas":
        return  # what a policy does without being told
    if kind == "currentReplicasIfLower":
        draft.note("spec.fallback.behavior", f"{kind}: without metrics no pods are taken away; their number stays")
        return
    after = given.get("failureThreshold", 0) * spec.get("pollingInterval", _POLLING)
    draft.spec["fallback"] = {"replicas": given.get("replicas", 0), "afterSeconds": after}
    if kind == "static":
        draft.note("spec.fallback.behavior", "at least so many: those that there are beyond are not taken away")


def _advanced(advanced: Manifest, config: Manifest, draft: Draft) -> None:
    if part(advanced, "scalingModifiers").get("formula"):
        text = "triggers that a formula joins are no metrics by themselves: say the formula as one promql metric"
        draft.note("spec.advanced.scalingModifiers.formula", text)
        draft.impossible = True
    if advanced.get("restoreToOriginalReplicaCount"):
        text = "a policy that is deleted leaves as many pods as there are"
        draft.note("spec.advanced.restoreToOriginalReplicaCount", text)
    if config.get("name"):
        draft.note("spec.advanced.horizontalPodAutoscalerConfig.name", "no autoscaler is made")


def _paused(annotations: Manifest, draft: Draft) -> None:
    if (count := annotations.get(f"{_PAUSED}-replicas")) is not None:
        draft.spec["mode"] = RECOMMEND
        draft.note(f"metadata.annotations[{_PAUSED}-replicas]", f"only recommends: set {count} replicas yourself")
    elif annotations.get(_PAUSED, "false").lower() != "false":
        draft.spec["mode"] = RECOMMEND
    for name, direction in (("scale-down", "scaleDown"), ("scale-in", "scaleDown"), ("scale-out", "scaleUp")):
        if annotations.get(f"{_PAUSED}-{name}", "false").lower() != "false":
            rules = draft.spec.setdefault("behavior", {}).setdefault(direction, {})
            rules["selectPolicy"] = "Disabled"
