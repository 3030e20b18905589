"""RuntimeClass: a pod takes on its runtime's overhead, node selector and tolerations."""

from __future__ import annotations

from kubewright.api.meta import ObjectKey
from kubewright.twin.admission.attempt import Attempt
from kubewright.twin.reading import as_dict, as_list, dig

_CLASSES = ("node.k8s.io", "runtimeclasses")


def complete(attempt: Attempt) -> None:
    """Give the pod what its runtime class says; refuse a contradiction."""
    spec = attempt.spec
    name = spec.get("runtimeClassName")
    if not name:
        if spec.get("overhead"):
            raise attempt.refused("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
        return
    record = attempt.registry.store.get(_CLASSES, ObjectKey("", name))
    if record is None:
        raise attempt.refused(f'pod rejected: RuntimeClass "{name}" not found')
    overhead = as_dict(dig(record.obj, "overhead", "podFixed"))
    _set_overhead(attempt, overhead)
    scheduling = as_dict(record.obj.get("scheduling"))
    _add_selector(attempt, as_dict(scheduling.get("nodeSelector")))
    present = as_list(spec.get("tolerations"))
    more = [each for each in as_list(scheduling.get("tolerations")) if each not in present]
    if more:
        spec["tolerations"] = [*present, *more]


def _set_overhead(attempt: Attempt, overhead: dict[str, str]) -> None:
    given = as_dict(attempt.spec.get("overhead"))
    if given and not overhead:
        raise attempt.refused("pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead")
    if given and given != overhead:
        raise attempt.refused("pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead")
    if overhead:
        attempt.spec["overhead"] = dict(overhead)


def _add_selector(attempt: Attempt, selector: dict[str, str]) -> None:
    if not selector:
        return
    present = as_dict(attempt.spec.get("nodeSelector"))
    for key, value in sorted(selector.items()):
        if present.get(key, value) != value:
            raise attempt.refused(
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value};"
                f" pod.spec.nodeSelector[{key}] = {present[key]}"
            )
    attempt.spec["nodeSelector"] = {**present, **selector}
