"""`kube_pod_*`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from kubewright.api.meta import Manifest
from kubewright.twin.exporters.state.families import (
    KindState,
    StateFamily,
    created,
    info,
    joined,
    many,
    moment,
    named,
    owners,
    phase,
    resource_samples,
    seconds,
    three_states,
)
from kubewright.twin.exporters.text import Sample
from kubewright.twin.reading import as_dict, count, dicts, dig, text

_NO_OWNER: Manifest = {}
_PHASES = ("Pending", "Succeeded", "Failed", "Unknown", "Running")
_REASONS = ("Evicted", "NodeAffinity", "NodeLost", "Shutdown", "UnexpectedAdmissionError")


def _info(pod: Manifest) -> dict[str, str]:
    owner = next((each for each in dicts(pod, "metadata", "ownerReferences") if each.get("controller")), _NO_OWNER)
    return {
        "host_ip": text(pod, "status", "hostIP"),
        "pod_ip": text(pod, "status", "podIP"),
        "node": text(pod, "spec", "nodeName"),
        "created_by_kind": text(owner, "kind"),
        "created_by_name": text(owner, "name"),
        "priority_class": text(pod, "spec", "priorityClassName"),
        "host_network": str(dig(pod, "spec", "hostNetwork") is True).lower(),
    }


def _condition(type_: str) -> Callable[[Manifest, str], Iterable[Sample]]:
    def samples(pod: Manifest, own: str) -> Iterable[Sample]:
        for each in dicts(pod, "status", "conditions"):
            if each.get("type") == type_:
                yield from three_states(own, text(each, "status"), "condition")

    return samples


def _reasons(pod: Manifest, own: str) -> Iterable[Sample]:
    present = text(pod, "status", "reason")
    return [(joined(own, reason=each), int(each == present)) for each in _REASONS]


def _unschedulable(pod: Manifest, own: str) -> Iterable[Sample]:
    conditions = dicts(pod, "status", "conditions")
    is_so = any(text(each, "reason") == "Unschedulable" and text(each, "status") == "False" for each in conditions)
    return ((own, 1),) if is_so else ()


def _ended(pod: Manifest, own: str) -> Iterable[Sample]:
    ends = [text(each, "state", "terminated", "finishedAt") for each in dicts(pod, "status", "containerStatuses")]
    return ((own, max(map(seconds, ends))),) if ends and all(ends) else ()


def _containers(pod: Manifest, own: str, list_: str = "containerStatuses") -> Iterator[tuple[str, Manifest]]:
    for each in dicts(pod, "status", list_):
        yield joined(own, container=text(each, "name")), each


def _container_info(pod: Manifest, own: str) -> Iterable[Sample]:
    specs = {text(each, "name"): text(each, "image") for each in dicts(pod, "spec", "containers")}
    for given, each in _containers(pod, own):
        more = joined(
            given,
            image_spec=specs.get(text(each, "name"), ""),
            image=text(each, "image"),
            image_id=text(each, "imageID"),
            container_id=text(each, "containerID"),
        )
        yield more, 1


def _state(state: str) -> StateFamily:
    return many(
        f"kube_pod_container_status_{state}",
        f"Describes whether the container is currently in {state} state.",
        lambda pod, own: [(given, int(bool(dig(each, "state", state)))) for given, each in _containers(pod, own)],
    )


def _state_reason(name: str, *path: str) -> StateFamily:
    def samples(pod: Manifest, own: str) -> Iterable[Sample]:
        for given, each in _containers(pod, own):
            reason = text(each, *path, "reason")
            if reason:
                yield joined(given, reason=reason), 1

    return many(f"kube_pod_container_status_{name}", "Describes the reason the container is in this state.", samples)


def _started(pod: Manifest, own: str) -> Iterable[Sample]:
    for given, each in _containers(pod, own):
        began = text(each, "state", "running", "startedAt") or text(each, "state", "terminated", "startedAt")
        if began:
            yield given, seconds(began)


def _last_exit(pod: Manifest, own: str) -> Iterable[Sample]:
    for given, each in _containers(pod, own):
        if dig(each, "lastState", "terminated") is not None:
            yield given, count(each, "lastState", "terminated", "exitCode")


def _resources(kind: str) -> StateFamily:
    def samples(pod: Manifest, own: str) -> Iterable[Sample]:
        node = text(pod, "spec", "nodeName")
        for each in dicts(pod, "spec", "containers"):
            wanted = as_dict(dig(each, "resources", kind))
            yield from resource_samples(own, wanted, container=text(each, "name"), node=node)

    return many(f"kube_pod_container_resource_{kind}", f"The number of {kind[:-1]} resource by a container.", samples)


def _claims(pod: Manifest, own: str) -> Iterable[Sample]:
    for each in dicts(pod, "spec", "volumes"):
        claim = text(each, "persistentVolumeClaim", "claimName")
        if claim:
            yield joined(own, volume=text(each, "name"), persistentvolumeclaim=claim), 1


PODS = KindState(
    ("", "pods"),
    "*v1.Pod",
    named("pod", uid=True),
    (
        info("kube_pod_info", "Information about pod.", _info),
        owners("kube_pod_owner"),
        created("kube_pod"),
        moment("kube_pod_start_time", "Start time in unix timestamp for a pod.", "status", "startTime"),
        moment("kube_pod_deletion_timestamp", "Unix deletion timestamp", "metadata", "deletionTimestamp"),
        many("kube_pod_completion_time", "Completion time in unix timestamp for a pod.", _ended),
        phase("kube_pod_status_phase", "The pods current phase.", _PHASES),
        many("kube_pod_status_reason", "The pod status reasons", _reasons),
        many("kube_pod_status_ready", "Describes whether the pod is ready to serve requests.", _condition("Ready")),
        many(
            "kube_pod_status_scheduled",
            "Describes the status of the scheduling process for the pod.",
            _condition("PodScheduled"),
        ),
        many("kube_pod_status_unschedulable", "Describes the unschedulable status for the pod.", _unschedulable),
        info(
            "kube_pod_status_qos_class",
            "The pods current qosClass.",
            lambda pod: {"qos_class": text(pod, "status", "qosClass")},
        ),
        info(
            "kube_pod_restart_policy",
            "Describes the restart policy in use by this pod.",
            lambda pod: {"type": text(pod, "spec", "restartPolicy")},
        ),
        many(
            "kube_pod_spec_volumes_persistentvolumeclaims_info",
            "Information about persistentvolumeclaim volumes in a pod.",
            _claims,
        ),
        many("kube_pod_container_info", "Information about a container in a pod.", _container_info),
        _resources("requests"),
        _resources("limits"),
        _state("waiting"),
        _state("running"),
        _state("terminated"),
        _state_reason("waiting_reason", "state", "waiting"),
        _state_reason("terminated_reason", "state", "terminated"),
        _state_reason("last_terminated_reason", "lastState", "terminated"),
        many(
            "kube_pod_container_status_last_terminated_exitcode",
            "Describes the exit code for the last container in terminated state.",
            _last_exit,
        ),
        many("kube_pod_container_state_started", "Start time in unix timestamp for a pod container.", _started),
        many(
            "kube_pod_container_status_ready",
            "Describes whether the containers readiness check succeeded.",
            lambda pod, own: [(given, int(each.get("ready") is True)) for given, each in _containers(pod, own)],
        ),
        many(
            "kube_pod_container_status_restarts_total",
            "The number of container restarts per container.",
            lambda pod, own: [(given, count(each, "restartCount")) for given, each in _containers(pod, own)],
            counts=True,
        ),
        many(
            "kube_pod_init_container_status_restarts_total",
            "The number of restarts for the init container.",
            lambda pod, own: [
                (given, count(each, "restartCount")) for given, each in _containers(pod, own, "initContainerStatuses")
            ],
            counts=True,
        ),
    ),
)
