"""What the API server itself writes into a few kinds as they are stored: spec, annotations, a first condition.

The registry calls it after admission, for creates and updates; what is written here belongs to no field manager.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from kubewright.api.meta import Manifest
from kubewright.twin.kinds import KindInfo
from kubewright.twin.reading import as_dict, as_list, dig

TEMPLATE_GENERATION = "deprecated.daemonset.template.generation"
CONTROLLER_UID = "batch.kubernetes.io/controller-uid"
JOB_NAME = "batch.kubernetes.io/job-name"


def prepare(kind: KindInfo, obj: Manifest, old: Manifest | None) -> None:
    """Complete an object in place."""
    own = None if kind.custom else _OF_KIND.get(kind.kind)
    if own is not None:
        own(obj, old)


def _daemon_set(obj: Manifest, old: Manifest | None) -> None:
    """Count the template's changes in an annotation that nobody else may change."""
    count = 1
    if old is not None:
        count = int(as_dict(old["metadata"].get("annotations")).get(TEMPLATE_GENERATION, "1"))
        count += as_dict(obj.get("spec")).get("template") != as_dict(old.get("spec")).get("template")
    metadata = obj["metadata"]
    metadata["annotations"] = {**as_dict(metadata.get("annotations")), TEMPLATE_GENERATION: str(count)}


def _job(obj: Manifest, old: Manifest | None) -> None:
    """Give a new job a selector that only its own pods meet, unless its author brings one."""
    spec = as_dict(obj.get("spec"))
    if old is not None or spec.get("manualSelector") or not isinstance(spec.get("template"), dict):
        return
    metadata, template = obj["metadata"], as_dict(spec.get("template"))
    uid, name = metadata["uid"], metadata["name"]
    own = {CONTROLLER_UID: uid, JOB_NAME: name, "controller-uid": uid, "job-name": name}
    in_template = as_dict(template.get("metadata"))
    labels = {**as_dict(in_template.get("labels")), **own}
    selector = as_dict(spec.get("selector"))
    spec["selector"] = {**selector, "matchLabels": {**as_dict(selector.get("matchLabels")), CONTROLLER_UID: uid}}
    if not metadata.get("labels"):
        metadata["labels"] = labels
    spec["template"] = {**template, "metadata": {**in_template, "labels": labels}}
    obj["spec"] = spec


def _pod(obj: Manifest, old: Manifest | None) -> None:
    """Say of a new pod with gates that it waits for them: no scheduler looks at it."""
    if old is not None or not as_dict(obj.get("spec")).get("schedulingGates"):
        return
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": "SchedulingGated",
        "message": "Scheduling is blocked due to non-empty scheduling gates",
        "lastProbeTime": None,
        "lastTransitionTime": obj["metadata"]["creationTimestamp"],
    }
    status = as_dict(obj.get("status"))
    obj["status"] = {**status, "conditions": [*as_list(status.get("conditions")), condition]}


def _lease(obj: Manifest, old: Manifest | None) -> None:
    """Drop what only coordinated leader election sets, which is off, unless it is there already."""
    spec, before = obj.get("spec"), as_dict(dig(old, "spec"))
    if isinstance(spec, dict):
        obj["spec"] = {
            name: value
            for name, value in as_dict(spec).items()
            if name not in {"strategy", "preferredHolder"} or name in before
        }


_OF_KIND: Mapping[str, Callable[[Manifest, Manifest | None], None]] = {
    "DaemonSet": _daemon_set,
    "Job": _job,
    "Lease": _lease,
    "Pod": _pod,
}
