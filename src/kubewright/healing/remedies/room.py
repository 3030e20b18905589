"""Room for pods that a budget never lets go: one more is made elsewhere first, then theirs is the one too many. Pure.

A Deployment is widened by as many pods as are kept; once these are available the kept ones are marked as the cheapest
to delete, and the Deployment is narrowed again, so that its own controller takes them. At no moment are there fewer
pods than are wanted, and no budget is asked or passed over. How far it has come stands on the Deployment (`ROOM`).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kubewright.api.apps import DEPLOYMENTS, Deployment
from kubewright.api.core import NODES, PODS, Pod
from kubewright.api.meta import KubeObject, ObjectKey, Resource
from kubewright.api.nodes import is_to_be_emptied
from kubewright.api.plan import Action, Patch, Plan, as_seen
from kubewright.healing.annotating import annotated, without_annotation
from kubewright.healing.finding import Finding, Remedy, Safety
from kubewright.healing.remedies.nodes import blocked, movable
from kubewright.healing.remedies.releases import keeper_of
from kubewright.healing.seen import Seen

ROOM = "healing.kubewright.dev/room"
"""On a Deployment: how many pods it had, how many it has for a while, and for which node: `4/5/node-01`."""
DELETION_COST = "controller.kubernetes.io/pod-deletion-cost"
FIRST = "-2147483648"
"""The cost of who goes before all others."""
FLEETS_SEPARATOR = ","


@dataclass(frozen=True, slots=True)
class Room:
    """What stands on a Deployment that is wider for a while."""

    before: int
    after: int
    node: str


def room_of(fleet: Deployment) -> Room | None:
    """Return it; None where there is none, or nobody can read it."""
    before, _, rest = fleet.metadata.annotations.get(ROOM, "").partition("/")
    after, _, node = rest.partition("/")
    return Room(int(before), int(after), node) if before.isdecimal() and after.isdecimal() and node else None


def fleet_of(pod: Pod, seen: Seen) -> Deployment | None:
    """Return the Deployment that a pod is of, by way of its ReplicaSet."""
    _, found = seen.top_of(PODS, pod)
    return found if isinstance(found, Deployment) else None


def kept_on(node: str, seen: Seen) -> list[Pod]:
    """Return the pods of a node that a budget never lets go, and those for which room is being made."""
    pods = movable(seen.pods_on(node))
    stuck = {each.key for each in blocked(pods, seen)}
    return [each for each in pods if each.key in stuck or _has_room(each, node, seen)]


def fleets_of(pods: Iterable[Pod], seen: Seen) -> str:
    """Return the names of the Deployments of pods that can be widened, as a finding names them."""
    found = (fleet_of(pod, seen) for pod in pods)
    return FLEETS_SEPARATOR.join(dict.fromkeys(str(each.key) for each in found if each and not keeper_of(each)))


def make_room(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Widen, mark and narrow the Deployments whose pods are kept; each step once the one before is seen."""
    del now
    fleets, node = _named(finding, seen), seen.get(NODES, finding.about.key)
    if not fleets:
        return None
    is_wanted = node is not None and is_to_be_emptied(node)
    actions = [each for fleet in fleets for each in _steps(fleet, finding.about.key.name, seen, is_wanted=is_wanted)]
    return Plan(tuple(actions), f"pods that budgets keep on {finding.about} are made elsewhere before they go")


def take_room_back(finding: Finding, seen: Seen, now: float) -> Plan | None:
    """Narrow again what was widened to no avail."""
    del now
    node = finding.about.key.name
    wide = [(each, room) for each in _named(finding, seen) if (room := room_of(each)) and room.node == node]
    actions = tuple(_narrowed(fleet, room) for fleet, room in wide)
    return Plan(actions, f"no room was found for the pods of {finding.about}")


def _steps(fleet: Deployment, node: str, seen: Seen, *, is_wanted: bool) -> list[Action]:
    room = room_of(fleet)
    here = [each for each in movable(seen.pods_on(node)) if fleet_of(each, seen) is fleet] if is_wanted else []
    if room is None:
        stuck = len(blocked(here, seen))
        return [_widened(fleet, stuck, node)] if stuck else []
    if room.node != node:
        return []  # another node's turn
    if here and fleet.spec.replicas == room.after:
        status = fleet.status
        if status.observed_generation < fleet.metadata.generation or status.available_replicas < room.after:
            return []
        going = here[: room.after - room.before]
        unmarked = [each for each in going if each.metadata.annotations.get(DELETION_COST) != FIRST]
        if unmarked:
            return [_annotated(PODS, each, DELETION_COST, FIRST, "mark the one that is to go") for each in unmarked]
    return [_narrowed(fleet, room)]


def _has_room(pod: Pod, node: str, seen: Seen) -> bool:
    fleet = fleet_of(pod, seen)
    room = room_of(fleet) if fleet is not None else None
    return room is not None and room.node == node


def _named(finding: Finding, seen: Seen) -> list[Deployment]:
    names = (each.partition("/") for each in finding.details.get("fleets", "").split(FLEETS_SEPARATOR))
    found = (seen.get(DEPLOYMENTS, ObjectKey(namespace, name)) for namespace, _, name in names)
    return [each for each in found if each is not None]


def _widened(fleet: Deployment, by: int, node: str) -> Patch:
    before = fleet.spec.replicas
    wide = {"op": "replace", "path": "/spec/replicas", "value": before + by}
    return _annotated(DEPLOYMENTS, fleet, ROOM, f"{before}/{before + by}/{node}", f"widen by {by}", wide)


def _narrowed(fleet: Deployment, room: Room) -> Patch:
    """Return the change back; who has scaled it meanwhile keeps what they wanted."""
    operations = [as_seen(fleet), without_annotation(ROOM)]
    if fleet.spec.replicas == room.after:
        operations.append({"op": "replace", "path": "/spec/replicas", "value": room.before})
    return Patch(DEPLOYMENTS, fleet.key, fleet.metadata.uid, tuple(operations), f"narrow to {room.before}")


def _annotated(
    resource: Resource[Any], obj: KubeObject, name: str, text: str, says: str, *more: Mapping[str, Any]
) -> Patch:
    return Patch(resource, obj.key, obj.metadata.uid, (as_seen(obj), annotated(obj, name, text), *more), says)


MAKE_ROOM = Remedy(
    "make them elsewhere first",
    Safety.LOCAL,
    make_room,
    within_seconds=90.0,
    undo=take_room_back,
    is_carried_through=True,
)
