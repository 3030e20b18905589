"""Priority: a pod's class becomes its number; a second default class and the end of a system class are refused."""

from __future__ import annotations

from kubewright.api.meta import Manifest, ObjectKey
from kubewright.api.priorities import SYSTEM_CLASSES
from kubewright.twin.admission.attempt import Attempt

_CLASSES = ("scheduling.k8s.io", "priorityclasses")
_PREEMPTING = "PreemptLowerPriority"


def complete(attempt: Attempt) -> None:
    """Set the pod's priority and whether it preempts."""
    spec = attempt.spec
    name = spec.get("priorityClassName", "")
    if not name:
        default = _default_class(attempt)
        if default is not None:
            name = spec["priorityClassName"] = default["metadata"]["name"]
    priority, policy = _meaning(attempt, name)
    given, given_policy = spec.get("priority"), spec.get("preemptionPolicy")
    if given is not None and given != priority:
        raise attempt.refused(
            f"the integer value of priority ({given}) must not be provided in pod spec; priority admission controller"
            f" computed {priority} from the given PriorityClass name"
        )
    if given_policy is not None and given_policy != policy:
        raise attempt.refused(
            f"the string value of PreemptionPolicy ({given_policy}) must not be provided in pod spec; priority"
            f" admission controller computed {policy} from the given PriorityClass name"
        )
    spec["priority"], spec["preemptionPolicy"] = priority, policy


def _meaning(attempt: Attempt, name: str) -> tuple[int, str]:
    if not name:
        return 0, _PREEMPTING
    record = attempt.registry.store.get(_CLASSES, ObjectKey("", name))
    if record is not None:
        return record.obj.get("value", 0), record.obj.get("preemptionPolicy", _PREEMPTING)
    if name in SYSTEM_CLASSES:
        return SYSTEM_CLASSES[name], _PREEMPTING
    raise attempt.refused(f"no PriorityClass with name {name} was found")


def _default_class(attempt: Attempt) -> Manifest | None:
    """Return the default class: of several, as the plugin has it, the one of least priority."""
    defaults = [record.obj for record in attempt.registry.store.list(_CLASSES)[0] if record.obj.get("globalDefault")]
    return min(defaults, key=lambda each: each.get("value", 0), default=None)


def check(attempt: Attempt) -> None:
    """Refuse a second default class."""
    if not attempt.obj.get("globalDefault"):
        return
    default = _default_class(attempt)
    name = attempt.obj["metadata"].get("name", "")
    if default is not None and default["metadata"]["name"] != name:
        present = default["metadata"]["name"]
        raise attempt.refused(f"PriorityClass {present} is already marked as default. Only one default can exist")
