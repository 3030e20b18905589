"""Judges whether kubewright can be installed on a cluster and will work there, and says what to do. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from kubewright.api.apiextensions import forgotten
from kubewright.api.drift import covers
from kubewright.api.meta import Manifest
from kubewright.api.places import SYSTEM_NAMESPACE
from kubewright.api.quantity import value
from kubewright.api.releases import NEWEST, OLDEST, release_of, written
from kubewright.overview.decide import GPU_RESOURCES, Level, few
from kubewright.overview.evidence import Evidence, Right, items

_RBAC, _CRDS = "rbac.authorization.k8s.io", "apiextensions.k8s.io"
RIGHTS = (
    Right("create", _CRDS, "customresourcedefinitions"),
    Right("patch", _CRDS, "customresourcedefinitions"),
    Right("create", "", "namespaces"),
    Right("create", _RBAC, "clusterroles"),
    Right("escalate", _RBAC, "clusterroles"),
    Right("create", _RBAC, "clusterrolebindings"),
    Right("create", "", "serviceaccounts", SYSTEM_NAMESPACE),
    Right("create", "apps", "deployments", SYSTEM_NAMESPACE),
    Right("create", "", "services", SYSTEM_NAMESPACE),
    Right("create", "coordination.k8s.io", "leases", SYSTEM_NAMESPACE),
)
"""What it takes to install."""
_PRESENT = ("nvidia.com/gpu.present", "feature.node.kubernetes.io/pci-10de.present")
_ENFORCE = "pod-security.kubernetes.io/enforce"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at."""

    name: str
    level: Level
    said: str
    todo: str = ""


def examined(evidence: Evidence, definitions: Sequence[Manifest]) -> list[Check]:
    """Judge everything; `definitions` are those that would be installed."""
    checks: dict[str, Callable[[Evidence], Check]] = {
        "version": _version,
        "permissions": _permissions,
        "definitions": lambda found: _definitions(found, definitions),
        "admission": _policies,
        "metrics": _metrics,
        "webhooks": _webhooks,
        "gpus": _gpus,
        "security": _security,
        "fairness": _fairness,
    }
    asked = {"definitions": ("definitions",), "gpus": ("nodes",), "security": ("namespace",)}
    asked |= {"webhooks": ("validating", "mutating"), "metrics": ("metrics",)}
    found: list[Check] = []
    for name, judge in checks.items():
        why = [evidence.refused[each] for each in asked.get(name, ()) if each in evidence.refused]
        unknown = Check(name, Level.UNKNOWN, f"no telling: {why[0]}", "ask somebody who may see it") if why else None
        found.append(unknown or judge(evidence))
    return found


def _version(evidence: Evidence) -> Check:
    told = evidence.told["version"]
    release, said = release_of(told), str(told.get("gitVersion", "unknown"))
    if release < OLDEST:
        return Check("version", Level.BAD, said, f"update the cluster: {written(OLDEST)} or newer is needed")
    if release > NEWEST:
        newer = f"{said}, newer than {written(NEWEST)}"
        return Check("version", Level.ATTENTION, newer, "try it where it harms nobody first")
    return Check("version", Level.GOOD, said)


def _permissions(evidence: Evidence) -> Check:
    if not evidence.denied:
        return Check("permissions", Level.GOOD, "all that it takes to install")
    denied = ", ".join(map(str, evidence.denied))
    return Check("permissions", Level.BAD, f"you may not: {denied}", "have somebody install it who is cluster-admin")


def _definitions(evidence: Evidence, wanted: Sequence[Manifest]) -> Check:
    live: dict[str, Any] = {each["metadata"]["name"]: each for each in items(evidence.told, "definitions")}
    there = {name: each for each in wanted if (name := each["metadata"]["name"]) in live}
    newer = [
        f"{name} ({', '.join(sorted(lost))})"
        for name, each in there.items()
        if (lost := forgotten(live[name].get("status", {}), each))
    ]
    if newer:
        todo = "a newer kubewright was here: install one that is as new"
        return Check("definitions", Level.BAD, f"objects are kept in versions not known here: {few(newer)}", todo)
    other = [name for name, each in there.items() if not covers(live[name], each)]
    said = f"{len(there)} of {len(wanted)} there"
    todo = "kubewright crds | kubectl apply --server-side -f -"
    if other:
        return Check("definitions", Level.ATTENTION, f"{said}, other than these: {few(other)}", todo)
    if there and len(there) < len(wanted):
        return Check("definitions", Level.ATTENTION, f"{said}: half installed", todo)
    return Check("definitions", Level.GOOD, said if there else "none yet; installing makes them")


def _policies(evidence: Evidence) -> Check:
    resources = evidence.told.get("policies", {}).get("resources") or ()
    if any(each["name"] == "validatingadmissionpolicies" for each in resources):
        return Check("admission", Level.GOOD, "ValidatingAdmissionPolicies are served: guard rails hold")
    todo = "enable them, or do without `kubewright run guardrails` and teams' rails"
    return Check("admission", Level.ATTENTION, "ValidatingAdmissionPolicies are not served", todo)


def _metrics(evidence: Evidence) -> Check:
    if "metrics" in evidence.told:
        return Check("metrics", Level.GOOD, "metrics.k8s.io is served")
    todo = "install metrics-server, or give services a --prometheus"
    return Check("metrics", Level.ATTENTION, "metrics.k8s.io is not served: nothing scales by cpu or memory", todo)


def _webhooks(evidence: Evidence) -> Check:
    hooks = sum(
        len(each.get("webhooks") or ()) for name in ("validating", "mutating") for each in items(evidence.told, name)
    )
    if evidence.deaf:
        deaf = few([f"{name}: {why}" for name, why in evidence.deaf.items()])
        todo = "mend or delete them: what they are asked about is refused"
        return Check("webhooks", Level.BAD, f"{len(evidence.deaf)} of {hooks} cannot answer: {deaf}", todo)
    return Check("webhooks", Level.GOOD, f"{hooks} there" + (", all of which can answer" if hooks else ""))


def _gpus(evidence: Evidence) -> Check:
    found = items(evidence.told, "nodes")
    counts = {each["metadata"]["name"]: _gpus_of(each) for each in found}
    named = [each["metadata"]["name"] for each in found if _has_hardware(each)]
    idle = [name for name in named if not counts[name]]
    plugins = [name for name in _daemon_sets(evidence) if "device-plugin" in name and "nvidia" in name]
    total = sum(counts.values())
    if idle:
        todo = "install NVIDIA's driver and a device plugin there, or examples/gpu-agent.yaml"
        return Check("gpus", Level.ATTENTION, f"{len(idle)} nodes have GPUs that nobody offers: {few(idle)}", todo)
    if not total:
        return Check("gpus", Level.OFF, "no node has any")
    said = f"{total} on {sum(map(bool, counts.values()))} nodes"
    if plugins:
        beside = f"offered by {few(plugins)}; `kubewright gpu-agent` must not run beside it on a node"
        return Check("gpus", Level.GOOD, f"{said}, {beside}")
    return Check("gpus", Level.GOOD, said)


def _gpus_of(node: Mapping[str, Any]) -> int:
    offered: dict[str, Any] = node.get("status", {}).get("allocatable") or {}
    return sum(value(offered.get(name, 0)) for name in GPU_RESOURCES)


def _has_hardware(node: Mapping[str, Any]) -> bool:
    labels: dict[str, str] = node["metadata"].get("labels") or {}
    return any(labels.get(each) == "true" for each in _PRESENT)


def _daemon_sets(evidence: Evidence) -> Iterator[str]:
    for each in items(evidence.told, "daemonsets"):
        yield f"{each['metadata']['namespace']}/{each['metadata']['name']}"


def _security(evidence: Evidence) -> Check:
    namespace = evidence.told.get("namespace")
    if namespace is None:
        return Check("security", Level.GOOD, f"namespace {SYSTEM_NAMESPACE} is not there yet")
    labels: dict[str, str] = namespace["metadata"].get("labels") or {}
    level = labels.get(_ENFORCE, "")
    if level in {"baseline", "restricted"}:
        said = f"{SYSTEM_NAMESPACE} enforces Pod Security {level}: services run there, the node agent does not"
        todo = f"put the agents elsewhere, or label it {_ENFORCE}=privileged"
        return Check("security", Level.ATTENTION, said, todo)
    return Check("security", Level.GOOD, f"{SYSTEM_NAMESPACE} lets services and agents run")


def _fairness(evidence: Evidence) -> Check:
    if "fairness" in evidence.told:
        return Check("fairness", Level.GOOD, "requests have priority and fairness")
    todo = "enable it on a busy cluster: leases that are not renewed in time change hands"
    return Check("fairness", Level.ATTENTION, "priority and fairness of requests is not served", todo)
