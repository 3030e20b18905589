"""What a team that stands somewhere comes to: the objects, as they are applied. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cache

from kubewright.api.crds.queue import QUEUE_LABEL, QUEUES
from kubewright.api.crds.team import EDITOR, ROLES, TEAMS, BreakGlass, Member, Team
from kubewright.api.crds.team.spec import SERVICE_ACCOUNT, Environment
from kubewright.api.described import said
from kubewright.api.drift import with_fingerprint
from kubewright.api.meta import Manifest
from kubewright.api.quantity import Quantity, canonical
from kubewright.api.rights import GROUP
from kubewright.tenancy.family import Place, quota_of
from kubewright.tenancy.names import (
    ENVIRONMENT_LABEL,
    LIMITS,
    MANAGED_BY,
    MANAGED_BY_LABEL,
    ON_CALL,
    QUOTA,
    break_glass_name,
    labels_of,
    manifest,
    own_role,
)
from kubewright.tenancy.network import network_policy
from kubewright.tenancy.rails import rails_manifests
from kubewright.tenancy.roles import RULES, role_name

RBAC = f"{GROUP}/v1"
_POD_SECURITY = "pod-security.kubernetes.io"


@cache
def shared_roles() -> tuple[Manifest, ...]:
    """Return the roles of all teams' members."""
    labels = {MANAGED_BY_LABEL: MANAGED_BY}
    return tuple(with_fingerprint(_cluster_role(role_name(each), labels, RULES[each])) for each in ROLES)


def wanted(place: Place, glass: list[BreakGlass]) -> list[Manifest]:
    """Return the objects of a team, each namespace before what is in it."""
    team = place.team
    found = [*_own(place), *rails_manifests(place)]
    for namespace, environment in place.namespaces.items():
        found.append(_namespace(place, namespace, environment))
        found += _inside(team, namespace, environment, glass)
    return [*shared_roles(), *map(with_fingerprint, found)]


def _own(place: Place) -> Iterator[Manifest]:
    """Yield what is a team's own of the whole cluster."""
    team, labels = place.team, labels_of(place.team.name)
    if team.spec.queue is not None:
        queue = team.spec.queue
        spec: Manifest = {"weight": queue.weight, "reclaim": queue.reclaim}
        if queue.quotas:
            spec["quotas"] = [{"model": "", **said(each)} for each in queue.quotas]
        if place.queue_above:
            spec["parent"] = place.queue_above
        yield {**manifest(QUEUES.api_version, QUEUES.kind, team.name, labels), "spec": spec}
    if team.spec.members:
        name = own_role(team.name)
        rules = [_may_get("kubewright.dev", TEAMS.plural, [team.name])]
        if place.queue:
            rules.append(_may_get("kubewright.dev", QUEUES.plural, [place.queue]))
        if place.namespaces:
            rules.append(_may_get("", "namespaces", [*place.namespaces]))
        yield _cluster_role(name, labels, rules)
        head = manifest(RBAC, "ClusterRoleBinding", name, labels)
        yield _binding(head, name, [_subject(each) for each in team.spec.members])


def _may_get(group: str, plural: str, names: list[str]) -> Manifest:
    return {"apiGroups": [group], "resources": [plural], "resourceNames": names, "verbs": ["get"]}


def _namespace(place: Place, name: str, environment: str) -> Manifest:
    team, level = place.team, place.pod_security
    labels = labels_of(team.name) | {ENVIRONMENT_LABEL: environment}
    labels |= {f"{_POD_SECURITY}/{mode}": level for mode in ("enforce", "audit", "warn")}
    if place.queue:
        labels[QUEUE_LABEL] = place.queue
    found = manifest("v1", "Namespace", name, labels)
    if team.spec.alerts.on_call:
        found["metadata"]["annotations"] = {ON_CALL: team.spec.alerts.on_call}
    return found


def _inside(team: Team, namespace: str, environment: str, glass: list[BreakGlass]) -> Iterator[Manifest]:
    labels = labels_of(team.name)
    if team.spec.network.default_deny:
        yield network_policy(team, namespace, environment)
    said_of = next(each for each in team.spec.environments if each.name == environment)
    yield from _bounds(said_of, labels, namespace)
    for role in ROLES:
        subjects = [_subject(each) for each in team.spec.members if each.role == role]
        if subjects:
            bound = team.spec.cluster_roles.get(role, role_name(role))
            yield _binding(manifest(RBAC, "RoleBinding", role_name(role), labels, namespace), bound, subjects)
    for each in glass:
        user = {"apiGroup": GROUP, "kind": "User", "name": each.user}
        head = manifest(RBAC, "RoleBinding", break_glass_name(each.user), labels, namespace)
        head["metadata"]["annotations"] = {"kubewright.dev/until": each.until, "kubewright.dev/reason": each.reason}
        yield _binding(head, role_name(EDITOR), [user])


def _bounds(environment: Environment, labels: dict[str, str], namespace: str) -> Iterator[Manifest]:
    quota = quota_of(environment, namespace)
    if quota:
        spec: Manifest = {"hard": _amounts(quota)}
        yield {**manifest("v1", "ResourceQuota", QUOTA, labels, namespace), "spec": spec}
    limits = environment.limits
    if limits is not None:
        parts = {
            "default": limits.default,
            "defaultRequest": limits.default_request,
            "min": limits.min,
            "max": limits.max,
        }
        item: Manifest = {name: _amounts(part) for name, part in parts.items() if part}
        if item:
            head = manifest("v1", "LimitRange", LIMITS, labels, namespace)
            yield {**head, "spec": {"limits": [{"type": "Container", **item}]}}


def _cluster_role(name: str, labels: dict[str, str], rules: list[Manifest]) -> Manifest:
    return {**manifest(RBAC, "ClusterRole", name, labels), "rules": rules}


def _binding(head: Manifest, role: str, subjects: list[Manifest]) -> Manifest:
    return {**head, "roleRef": {"apiGroup": GROUP, "kind": "ClusterRole", "name": role}, "subjects": subjects}


def _subject(member: Member) -> Manifest:
    if member.kind == SERVICE_ACCOUNT:
        return {"kind": member.kind, "name": member.name, "namespace": member.namespace}
    return {"apiGroup": GROUP, "kind": member.kind, "name": member.name}


def _amounts(quota: Mapping[str, Quantity]) -> dict[str, str]:
    return {name: canonical(amount) for name, amount in quota.items()}
