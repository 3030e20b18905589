"""What the scheduler tells a pod's users: conditions and events in kube-scheduler's words."""

from __future__ import annotations

from kubewright.api.conditions import find_condition
from kubewright.api.core import PODS, Pod
from kubewright.api.meta import Manifest, ObjectKey, rfc3339
from kubewright.client.protocol import Client, PatchType
from kubewright.errors import ErrorKind, OpError
from kubewright.runtime.events import EventRecorder

SCHEDULED = "Scheduled"
FAILED = "FailedScheduling"
PREEMPTED = "Preempted"
ADVICE = " Advice: "
"""Between kube-scheduler's words, which tools know how to read, and what would help."""


def assigned(pod: Pod, node: str) -> str:
    """Return what is said of a pod that was put on a node."""
    return f"Successfully assigned {pod.key} to {node}"


def pushed_aside(by: Pod, node: str) -> str:
    """Return what is said of a pod that had to go for another."""
    return f"Preempted by pod {by.metadata.uid} on node {node}"


def plain(message: str) -> str:
    """Return what a condition says without the advice that follows it: kube-scheduler's words."""
    return message.partition(ADVICE)[0]


def without_node(pod: Pod, reason: str, message: str, now: float, nominated: str = "") -> Manifest:
    """Return the status of a pod that has no node: why, since when, and where room is being made for it."""
    present = find_condition(pod.status.conditions, "PodScheduled")
    since = present.last_transition_time if present is not None and present.status == "False" else None
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "reason": reason,
        "message": message,
        "lastTransitionTime": since or rfc3339(now),
    }
    return {"conditions": [condition]} | ({"nominatedNodeName": nominated} if nominated else {})


class Teller:
    """Writes what became of pods; `name` is the scheduler's."""

    def __init__(self, client: Client, recorder: EventRecorder, name: str) -> None:
        self._client = client
        self._recorder = recorder
        self._name = name

    def scheduled(self, pod: Pod, node: str) -> None:
        """Say where a pod was put."""
        self._recorder.record(pod, PODS, "Normal", SCHEDULED, assigned(pod, node))

    def preempted(self, pod: Pod, by: Pod, node: str) -> None:
        """Say why a pod had to go."""
        self._recorder.record(pod, PODS, "Normal", PREEMPTED, pushed_aside(by, node))

    async def not_nominated(self, key: ObjectKey) -> None:
        """Take back the promise of a node from a pod that another outranks."""
        try:
            changes: Manifest = {"status": {"nominatedNodeName": None}}
            await self._client.patch(
                PODS, key, changes, PatchType.MERGE, subresource="status", field_manager=self._name
            )
        except OpError as error:
            if error.kind is not ErrorKind.NOT_FOUND:
                raise

    async def failed(
        self, pod: Pod, reason: str, message: str, now: float, *, nominated: str = "", advice: str = ""
    ) -> None:
        """Say why a pod has no node yet, unless it says so already; `nominated` is where room is being made for it.

        Advice stays as long as the reason does, until there is other advice.
        """
        present = find_condition(pod.status.conditions, "PodScheduled")
        said = "" if present is None or present.reason != reason else present.message
        if advice:
            message += f"{ADVICE}{advice}"
        told = said == message or (not advice and plain(said) == message)
        if not told:
            self._recorder.record(pod, PODS, "Warning", FAILED, message)
        if told and nominated in {"", pod.status.nominated_node_name}:
            return
        status = without_node(pod, reason, message, now, nominated)
        changes: Manifest = {"metadata": {"uid": pod.metadata.uid}, "status": status}
        try:
            await self._client.patch(
                PODS, pod.key, changes, PatchType.STRATEGIC, subresource="status", field_manager=self._name
            )
        except OpError as error:
            # Gone, or replaced by a namesake: nobody is left to be told.
            if error.kind not in {ErrorKind.NOT_FOUND, ErrorKind.CONFLICT}:
                raise
