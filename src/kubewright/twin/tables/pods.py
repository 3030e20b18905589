"""A pod's row: what READY, STATUS and RESTARTS say, worked out as kubectl's users know it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from kubewright.api.meta import Manifest
from kubewright.twin.reading import count, dicts, dig, text
from kubewright.twin.tables import cells
from kubewright.twin.tables.duration import since

_TERMINAL = {"Succeeded", "Failed"}


def pod_row(pod: Manifest, now: float) -> list[Any]:
    """Return the nine cells of a pod."""
    view = _View(pod, text(pod, "status", "reason") or text(pod, "status", "phase"))
    view.read()
    return [
        cells.name(pod),
        f"{view.ready}/{view.total}",
        view.reason,
        view.restarts_text(now),
        cells.age(pod, now),
        cells.or_none(next((text(ip, "ip") for ip in dicts(pod, "status", "podIPs")), "")),
        cells.or_none(text(pod, "spec", "nodeName")),
        cells.or_none(text(pod, "status", "nominatedNodeName")),
        _readiness_gates(pod),
    ]


def pod_conditions(pod: Manifest) -> list[Manifest]:
    """Return the row's conditions, by which kubectl tells finished pods."""
    message = {"Succeeded": "The pod has completed successfully.", "Failed": "The pod failed."}
    phase = text(pod, "status", "phase")
    if phase not in message:
        return []
    return [{"type": "Completed", "status": "True", "reason": phase, "message": message[phase]}]


@dataclass(slots=True)
class _View:
    pod: Manifest
    reason: str
    ready: int = 0
    total: int = 0
    restarts: int = 0
    last_restart: str = ""
    sidecars: set[str] = field(default_factory=set[str])

    def read(self) -> None:
        if any(
            text(item, "type") == "PodScheduled" and text(item, "reason") == "SchedulingGated"
            for item in dicts(self.pod, "status", "conditions")
        ):
            self.reason = "SchedulingGated"
        inits = dicts(self.pod, "spec", "initContainers")
        self.sidecars = {text(item, "name") for item in inits if text(item, "restartPolicy") == "Always"}
        self.total = len(dicts(self.pod, "spec", "containers")) + len(self.sidecars)
        if not self._initializing(len(inits)) or _condition(self.pod, "Initialized"):
            self._running()
        self._terminating()

    def _initializing(self, init_count: int) -> bool:
        for index, status in enumerate(dicts(self.pod, "status", "initContainerStatuses")):
            self._count_restart(status)
            reason = self._init_reason(status, index, init_count)
            if reason:
                self.reason = reason
                return True
        return False

    def _init_reason(self, status: Manifest, index: int, init_count: int) -> str:
        """Say what the init container still waits for, or "" when the next one may be looked at."""
        ended, waiting = dig(status, "state", "terminated"), text(status, "state", "waiting", "reason")
        if ended is not None and count(ended, "exitCode") == 0:
            return ""
        if text(status, "name") in self.sidecars and status.get("started"):
            self.ready += bool(status.get("ready"))
            return ""
        if ended is not None:
            return f"Init:{_ended(ended)}"
        if waiting and waiting != "PodInitializing":
            return f"Init:{waiting}"
        return f"Init:{index}/{init_count}"

    def _running(self) -> None:
        self._restart_count_of_sidecars()
        running, failure = False, ""
        for status in reversed(dicts(self.pod, "status", "containerStatuses")):
            self._count_restart(status)
            waiting, ended = text(status, "state", "waiting", "reason"), dig(status, "state", "terminated")
            if waiting:
                self.reason = waiting
            elif ended is not None:
                self.reason = _ended(ended)
                failure = self.reason if count(ended, "exitCode") else failure
            elif status.get("ready") and dig(status, "state", "running") is not None:
                running = True
                self.ready += 1
        if self.reason == "Completed":
            self._completed(failure, running=running)

    def _completed(self, failure: str, *, running: bool) -> None:
        if running and _condition(self.pod, "Ready"):
            self.reason = "Running"
        elif failure:
            self.reason = failure
        elif running:
            self.reason = "NotReady"

    def _terminating(self) -> None:
        if dig(self.pod, "metadata", "deletionTimestamp") is None:
            return
        if text(self.pod, "status", "reason") == "NodeLost":
            self.reason = "Unknown"
        elif text(self.pod, "status", "phase") not in _TERMINAL:
            self.reason = "Terminating"

    def _restart_count_of_sidecars(self) -> None:
        self.restarts, self.last_restart = 0, ""
        for status in dicts(self.pod, "status", "initContainerStatuses"):
            if text(status, "name") in self.sidecars:
                self._count_restart(status)

    def _count_restart(self, status: Manifest) -> None:
        self.restarts += count(status, "restartCount")
        # RFC 3339 in UTC and whole seconds orders as text.
        self.last_restart = max(self.last_restart, text(status, "lastState", "terminated", "finishedAt"))

    def restarts_text(self, now: float) -> str:
        if self.restarts and self.last_restart:
            return f"{self.restarts} ({since(self.last_restart, now)} ago)"
        return str(self.restarts)


def _ended(terminated: Any) -> str:
    reason, signal = text(terminated, "reason"), count(terminated, "signal")
    return reason or (f"Signal:{signal}" if signal else f"ExitCode:{count(terminated, 'exitCode')}")


def _condition(pod: Manifest, kind: str) -> bool:
    return any(
        text(item, "type") == kind and text(item, "status") == "True" for item in dicts(pod, "status", "conditions")
    )


def _readiness_gates(pod: Manifest) -> str:
    gates = [text(gate, "conditionType") for gate in dicts(pod, "spec", "readinessGates")]
    return f"{sum(_condition(pod, gate) for gate in gates)}/{len(gates)}" if gates else cells.NONE
