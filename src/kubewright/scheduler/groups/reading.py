"""What a pod's gang is, and what the gang asks for: read off PodGroups, labels and annotations. Pure.

spec.schedulingGroup                             a PodGroup of scheduling.k8s.io
scheduling.x-k8s.io/pod-group                    a PodGroup of the coscheduling plugin, or only a name,
pod-group.scheduling.sigs.k8s.io/name            its older form, and then
pod-group.scheduling.sigs.k8s.io/min-available   how many must run
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NamedTuple

from kubewright.api.core import Pod
from kubewright.api.meta import EMPTY, ObjectKey
from kubewright.api.podgroups import CoschedulingGroup, PodGroup
from kubewright.placement.gang import ANYWHERE, Together

COSCHEDULING_LABEL = "scheduling.x-k8s.io/pod-group"
OLD_LABEL = "pod-group.scheduling.sigs.k8s.io/name"
MIN_AVAILABLE = "pod-group.scheduling.sigs.k8s.io/min-available"
TOPOLOGY = "kubewright.dev/gang-topology"
"""An annotation of a PodGroup or of its pods: the label of nodes whose value all of them must share."""
PREFERRED_TOPOLOGY = "kubewright.dev/gang-topology-preferred"
"""The same for those that would only rather be together."""
DEADLINE = "kubewright.dev/gang-deadline-seconds"
"""For how long a gang may be there in part before it gives back what it has."""
DEADLINE_SECONDS = 300.0
MOST_MEMBERS = 100_000
_MOST_SECONDS = 86_400.0


class GangKey(NamedTuple):
    """A gang's identity; groups of the two kinds may have one name."""

    namespace: str
    name: str
    is_pod_group: bool
    """Whether it is one of scheduling.k8s.io."""

    @property
    def object(self) -> ObjectKey:
        """Return the key of its PodGroup."""
        return ObjectKey(self.namespace, self.name)

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Gang:
    """What a gang asks for."""

    key: GangKey
    needed: int
    """How many of its pods run, or none."""
    together: Together = ANYWHERE
    deadline_seconds: float = DEADLINE_SECONDS
    problem: str = ""
    """Why none of it can run whatever there is room for."""


def gang_of(pod: Pod) -> GangKey | None:
    """Return the gang that a pod belongs to."""
    group, labels = pod.spec.scheduling_group, pod.metadata.labels
    if group is not None and group.pod_group_name:
        return GangKey(pod.metadata.namespace, group.pod_group_name, is_pod_group=True)
    name = labels.get(COSCHEDULING_LABEL) or labels.get(OLD_LABEL)
    return GangKey(pod.metadata.namespace, name, is_pod_group=False) if name else None


def read_pod_group(key: GangKey, group: PodGroup | None) -> Gang | None:
    """Read a PodGroup of scheduling.k8s.io; None for one whose pods are scheduled one by one."""
    if group is None:
        return Gang(key, 1, problem=f"there is no PodGroup {key.name} yet")
    gang = group.spec.scheduling_policy.gang
    if gang is None:
        return None
    constraints = group.spec.scheduling_constraints
    topology = constraints.topology[0].key if constraints is not None and constraints.topology else ""
    together = Together(topology) if topology else _together(group.metadata.annotations)
    return _checked(Gang(key, gang.min_count, together), group.metadata.annotations)


def read_coscheduling(key: GangKey, group: CoschedulingGroup | None, members: Iterable[Pod]) -> Gang:
    """Read a group of the coscheduling plugin, or what its pods themselves say of it."""
    if group is not None:
        notes, timeout = group.metadata.annotations, group.spec.schedule_timeout_seconds
        gang = Gang(key, group.spec.min_member, _together(notes), float(timeout) if timeout else DEADLINE_SECONDS)
        return _checked(gang, notes)
    pods = sorted(members, key=lambda each: each.key)
    said = [each.metadata.labels.get(MIN_AVAILABLE) or each.metadata.annotations.get(MIN_AVAILABLE) for each in pods]
    texts = sorted({each for each in said if each})
    notes = next((each.metadata.annotations for each in pods if each.metadata.annotations), EMPTY)
    if not texts:
        problem = f"there is no PodGroup {key.name}, and no label {MIN_AVAILABLE} says how many pods must run"
        return Gang(key, 1, problem=problem)
    wrong = next((each for each in texts if not _is_count(each)), None)
    if wrong is not None:
        return Gang(key, 1, problem=f"label {MIN_AVAILABLE}: {wrong} is not a number from 1 to {MOST_MEMBERS}")
    return _checked(Gang(key, max(int(each) for each in texts), _together(notes)), notes)


def _checked(gang: Gang, notes: Mapping[str, str]) -> Gang:
    text = notes.get(DEADLINE)
    seconds, problem = gang.deadline_seconds, gang.problem
    if text is not None:
        if text.isascii() and text.isdigit() and 0 < len(text) <= len(str(MOST_MEMBERS)) and int(text):
            seconds = float(text)
        else:
            problem = f"annotation {DEADLINE}: {text} is not a number of seconds"
    return Gang(gang.key, max(gang.needed, 1), gang.together, min(seconds, _MOST_SECONDS), problem)


def _together(notes: Mapping[str, str]) -> Together:
    required, preferred = notes.get(TOPOLOGY, ""), notes.get(PREFERRED_TOPOLOGY, "")
    return Together(required or preferred, bool(required)) if required or preferred else ANYWHERE


def _is_count(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= len(str(MOST_MEMBERS)) and 1 <= int(text) <= MOST_MEMBERS
