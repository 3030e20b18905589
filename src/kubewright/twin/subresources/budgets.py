"""Whether an eviction is within its pod's disruption budget, and what it takes from it.

`pods.evict` asks before it deletes. The budget's status is the account: its controller fills it, evictions draw on it.
"""

from __future__ import annotations

import msgspec

from kubewright.api.conditions import Condition, set_condition
from kubewright.api.meta import Manifest
from kubewright.api.policy import PodDisruptionBudget
from kubewright.store.versioned import Record
from kubewright.twin import status
from kubewright.twin.call import Call
from kubewright.twin.kinds import KindInfo
from kubewright.twin.media import private_copy
from kubewright.twin.options import WriteOptions
from kubewright.twin.reading import as_dict, dicts, text
from kubewright.twin.registry import Target

_BUCKET = ("policy", "poddisruptionbudgets")
_MOST_DISRUPTED = 2000
_ENDING = frozenset({"Succeeded", "Failed", "Pending"})


def draw(call: Call, pod: Manifest, *, dry_run: bool) -> None:
    """Let one pod go within its budget; raises 429 when it is used up, 500 when several budgets select the pod."""
    if "deletionTimestamp" in pod["metadata"] or text(pod, "status", "phase") in _ENDING:
        return
    found = _budgets(call, pod)
    if len(found) > 1:
        message = "This pod has more than one PodDisruptionBudget, which the eviction subresource does not support."
        raise status.StatusError(500, "", message)
    for record, budget in found:
        if not _ready(pod) and _lets_unhealthy_go(budget):
            return
        _check(call, budget)
        if not dry_run:
            _note(call, record, budget)


def _budgets(call: Call, pod: Manifest) -> list[tuple[Record, PodDisruptionBudget]]:
    labels = as_dict(pod["metadata"].get("labels"))
    found: list[tuple[Record, PodDisruptionBudget]] = []
    for record in call.registry.store.list(_BUCKET, call.namespace)[0]:
        budget = msgspec.convert(record.obj, PodDisruptionBudget)
        if budget.spec.selector is not None and budget.spec.selector.matches(labels):
            found.append((record, budget))
    return found


def _ready(pod: Manifest) -> bool:
    return any(
        (each.get("type"), each.get("status")) == ("Ready", "True") for each in dicts(pod, "status", "conditions")
    )


def _kind(call: Call) -> KindInfo:
    kind = call.registry.kinds.lookup("policy", "v1", "poddisruptionbudgets")
    if kind is None:
        raise status.internal("budgets are not served")
    return kind


def _lets_unhealthy_go(budget: PodDisruptionBudget) -> bool:
    """A pod that is not well anyway goes always, or if enough others are well."""
    if budget.spec.unhealthy_pod_eviction_policy == "AlwaysAllow":
        return True
    return 0 < budget.status.desired_healthy <= budget.status.current_healthy


def _check(call: Call, budget: PodDisruptionBudget) -> None:
    name, now = budget.metadata.name, budget.status
    kind = _kind(call)
    if now.observed_generation < budget.metadata.generation:
        raise _too_many(f"The disruption budget {name} is still being processed by the server.", retry_seconds=10)
    if now.disruptions_allowed < 0:
        raise status.forbidden(kind, name, "pdb disruptions allowed is negative")
    if len(now.disrupted_pods) > _MOST_DISRUPTED:
        raise status.forbidden(
            kind, name, "DisruptedPods map too big - too many evictions not confirmed by PDB controller"
        )
    if now.disruptions_allowed == 0:
        counts = f"needs {now.desired_healthy} healthy pods and has {now.current_healthy} currently"
        raise _too_many(f"The disruption budget {name} {counts}")


def _too_many(cause: str, *, retry_seconds: int = 0) -> status.StatusError:
    details: Manifest = {"causes": [{"reason": "DisruptionBudget", "message": cause}]}
    if retry_seconds:
        details["retryAfterSeconds"] = retry_seconds
    message = "Cannot evict pod as it would violate the pod's disruption budget."
    return status.StatusError(429, "TooManyRequests", message, details)


def _note(call: Call, record: Record, budget: PodDisruptionBudget) -> None:
    """Take one from the budget, and note the pod until the controller sees it going."""
    kind = _kind(call)
    left = budget.status.disruptions_allowed - 1

    def change(old: Manifest) -> Manifest:
        obj = private_copy(old)
        account = obj.setdefault("status", {})
        account["disruptionsAllowed"] = left
        account["disruptedPods"] = {**as_dict(account.get("disruptedPods")), call.name: call.registry.stamp()}
        if not left:
            generation = budget.status.observed_generation
            condition = Condition("DisruptionAllowed", "False", "InsufficientPods", "", None, generation)
            account["conditions"] = msgspec.to_builtins(set_condition(budget.status.conditions, condition, call.now()))
        return obj

    target = Target(kind, call.namespace, record.key.name, "status")
    call.registry.update(target, change, WriteOptions(asks=False), tracked=True)
