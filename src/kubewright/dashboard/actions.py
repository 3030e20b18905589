"""What somebody may do from the screen: each with its right, its patch, and the command that does the same.

It is sent as the person who asked, so the API server judges it again; asking beforehand lets the screen say so.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.crds.incident import INCIDENTS, PAUSED, approval
from kubewright.api.meta import Manifest, ObjectKey, Resource
from kubewright.api.nodes import NODES
from kubewright.client.protocol import Client, PatchType
from kubewright.errors import ErrorKind, OpError

FIELD_MANAGER = "kubewright-dashboard"


@dataclass(frozen=True, slots=True)
class Action:
    """One thing to do to an object."""

    resource: Resource[Any]
    patch: Callable[[str, str], Manifest]
    """What is patched, from who asks and the digest of the plan that they saw, if it has one."""
    command: str
    """What does the same, with {name} and {namespace}."""
    verb: str = "patch"


def _cordon(*, on: bool) -> Callable[[str, str], Manifest]:
    return lambda _who, _plan: {"spec": {"unschedulable": on or None}}


def _paused(*, on: bool) -> Callable[[str, str], Manifest]:
    return lambda _who, _plan: {"spec": {"rollout": {"paused": on}}}


def _approved(who: str, plan: str) -> Manifest:
    if not plan:
        raise OpError("dashboard.act", ErrorKind.INVALID, "approve", "say which plan: look at the incident again")
    return approval(who, plan)


ACTIONS: Mapping[str, Action] = {
    "cordon": Action(NODES, _cordon(on=True), "kubectl cordon {name}"),
    "uncordon": Action(NODES, _cordon(on=False), "kubectl uncordon {name}"),
    "pause": Action(APP_SERVICES, _paused(on=True), "kubewright rollout pause {name} -n {namespace}"),
    "resume": Action(APP_SERVICES, _paused(on=False), "kubewright rollout resume {name} -n {namespace}"),
    "approve": Action(
        INCIDENTS,
        _approved,
        "kubewright incidents approve {name} -n {namespace}",
    ),
    "leave": Action(
        INCIDENTS,
        lambda who, _: {"metadata": {"annotations": {PAUSED: f"by {who}"}}},
        "kubewright incidents pause {name} -n {namespace} --reason '...'",
    ),
    "heal": Action(
        INCIDENTS,
        lambda _who, _plan: {"metadata": {"annotations": {PAUSED: None}}},
        "kubewright incidents resume {name} -n {namespace}",
    ),
}


def action_named(name: str) -> Action:
    """Return an action; raises OpError for one that there is not."""
    if name not in ACTIONS:
        raise OpError("dashboard.act", ErrorKind.NOT_FOUND, name, f"there is no such action: {', '.join(ACTIONS)}")
    return ACTIONS[name]


async def carry_out(action: Action, client: Client, key: ObjectKey, who: str, plan: str) -> None:
    """Do it as the client's person; raises OpError."""
    await client.patch(action.resource, key, action.patch(who, plan), PatchType.MERGE, field_manager=FIELD_MANAGER)
