"""Which pods a question is about: one pod, or those that belong to a workload or an AppService."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kubewright.api.apps import DAEMON_SETS, DEPLOYMENTS, REPLICA_SETS, STATEFUL_SETS
from kubewright.api.batch import CRON_JOBS, JOBS
from kubewright.api.core import PODS, Pod
from kubewright.api.crds.appservice import APP_SERVICES
from kubewright.api.meta import KubeObject, Resource
from kubewright.api.owners import controller_uid
from kubewright.api.replication import REPLICATION_CONTROLLERS
from kubewright.errors import ErrorKind, OpError

_NAMES: Mapping[str, tuple[Resource[Any], tuple[str, ...]]] = {
    kind.kind: (kind, (kind.kind.lower(), kind.plural, short))
    for kind, short in (
        (PODS, "po"),
        (DEPLOYMENTS, "deploy"),
        (REPLICA_SETS, "rs"),
        (STATEFUL_SETS, "sts"),
        (DAEMON_SETS, "ds"),
        (JOBS, "job"),
        (CRON_JOBS, "cj"),
        (REPLICATION_CONTROLLERS, "rc"),
        (APP_SERVICES, "app"),
    )
}

KIND_NAMES = tuple(names[0] for _, names in _NAMES.values())


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked about."""

    resource: Resource[Any]
    name: str

    def __str__(self) -> str:
        return f"{self.resource.kind.lower()}/{self.name}"


def parse_target(text: str) -> Target:
    """Read `pod/NAME`, `deployment/NAME`, or a bare name for a pod; raises OpError for a kind that has no pods."""
    kind, slash, name = text.partition("/")
    if not slash:
        kind, name = "pod", text
    found = kind_with_pods(kind)
    if found is None or not name or "/" in name:
        raise OpError("why", ErrorKind.INVALID, text, f"expected KIND/NAME with a kind of: {', '.join(KIND_NAMES)}")
    return Target(found, name)


def kind_with_pods(name: str) -> Resource[Any] | None:
    """Return the kind of this name, plural or short name, if its objects are pods or have some."""
    return next((each for each, names in _NAMES.values() if name.lower() in names), None)


def pods_under(uid: str, pods: Iterable[Pod], makers: Iterable[KubeObject]) -> list[Pod]:
    """Return the pods that an object owns, itself or through what it owns."""
    owners = owners_of(makers)
    return [pod for pod in pods if leads_to(controller_uid(pod), uid, owners)]


def owners_of(makers: Iterable[KubeObject]) -> dict[str, str]:
    """Return by uid the uid of who owns each, empty where nobody does."""
    return {each.metadata.uid: controller_uid(each) for each in makers}


def leads_to(start: str, uid: str, owners: Mapping[str, str]) -> bool:
    """Tell whether one object is another one, or owned by it, itself or through what it owns."""
    seen: set[str] = set()
    while start and start not in seen:
        if start == uid:
            return True
        seen.add(start)
        start = owners.get(start, "")
    return False
