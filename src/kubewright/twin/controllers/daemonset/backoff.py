"""Failed daemons are replaced later each time, node by node: a kubelet that refuses one would refuse the next as well.

The first goes at once; then 1 s doubling to 15 min lie between one and the next (`failedPodsBackoff`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import NamedTuple

from kubewright.api.apps import DAEMON_SETS, DaemonSet
from kubewright.api.core import Pod
from kubewright.twin.controllers.daemonset.nodes import target_node
from kubewright.twin.controllers.writes import Announce, Create, Remove

FIRST_SECONDS = 1.0
MOST_SECONDS = 900.0


class _Key(NamedTuple):
    uid: str
    generation: int
    node: str


class _Wait(NamedTuple):
    since: float
    seconds: float


@dataclass(slots=True)
class FailureBackoff:
    """The waits of all DaemonSets."""

    waits: dict[_Key, _Wait] = field(default_factory=dict[_Key, _Wait])

    def held(self, daemon_set: DaemonSet, pods: Iterable[Pod], now: float) -> dict[str, float]:
        """Return the failed pods, by uid, that stay for now, each with the seconds after which to look again."""
        stay: dict[str, float] = {}
        for pod in pods:
            wait = self.waits.get(_key(daemon_set, pod)) if pod.status.phase == "Failed" else None
            if wait is not None and now - wait.since < wait.seconds:
                stay[pod.metadata.uid] = wait.seconds
        return stay

    def note(self, daemon_set: DaemonSet, pod: Pod, now: float) -> None:
        """Note that a failed pod goes; what was noted long ago is forgotten."""
        self.waits = {key: wait for key, wait in self.waits.items() if now - wait.since <= 2 * MOST_SECONDS}
        key = _key(daemon_set, pod)
        before = self.waits.get(key)
        seconds = FIRST_SECONDS if before is None else min(before.seconds * 2, MOST_SECONDS)
        self.waits[key] = _Wait(now, seconds)

    def tell(
        self, daemon_set: DaemonSet, pods: Iterable[Pod], writes: Iterable[Create | Remove], now: float
    ) -> list[Announce]:
        """Note the ended pods that `writes` take away, and return what is to be told of them."""
        gone = {write.uid for write in writes if isinstance(write, Remove)}
        news: list[Announce] = []
        for pod in pods:
            if pod.metadata.uid not in gone or not pod.is_finished:
                continue
            where = f"daemon pod {pod.key} on node {target_node(pod)}, will try to"
            if pod.status.phase == "Failed":
                self.note(daemon_set, pod, now)
                told = ("Warning", "FailedDaemonPod", f"Found failed {where} kill it")
            else:
                told = ("Normal", "SucceededDaemonPod", f"Found succeeded {where} delete it")
            news.append(Announce(DAEMON_SETS, daemon_set, *told))
        return news


def _key(daemon_set: DaemonSet, pod: Pod) -> _Key:
    return _Key(daemon_set.metadata.uid, daemon_set.metadata.generation, target_node(pod))
