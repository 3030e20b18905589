"""What detectors share: the pods of a case, the release that they are of, how a finding is put together. Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from typing import Any

from kubewright.api.apps import DEPLOYMENTS, Deployment, ReplicaSet
from kubewright.api.core import PODS, Pod
from kubewright.api.meta import ObjectKey, Resource, controller_of
from kubewright.healing.finding import Case, Finding
from kubewright.healing.remedies.pods import PODS_SEPARATOR
from kubewright.healing.remedies.releases import revisions
from kubewright.signals.signal import Fault, Signal, fingerprint_of

RECENT_SECONDS = 1800.0
"""A release that is older has proved itself: what goes wrong now has another cause."""
_MOST_SENTENCES = 4


def finding(case: Case, cause: str, signals: Sequence[Signal], said: str = "", **details: str) -> Finding:
    """Return a finding about what a case is about, with the signals as evidence."""
    told = dict.fromkeys(([said] if said else []) + [each.evidence for each in signals])
    since = min((each.since for each in signals if each.since), default=case.now)
    explained = frozenset(each.fingerprint for each in signals)
    return Finding(cause, case.about, tuple(told)[:_MOST_SENTENCES], explained, since, details=details)


def symptom(fault: str, pod: Pod) -> str:
    """Return the fingerprint that a signal about a pod has: what a cause elsewhere explains of it."""
    by_name = fault == Fault.REQUESTS_FAIL  # what is measured knows no uids
    return fingerprint_of(fault, (PODS, pod.key), *(() if by_name else (pod.metadata.uid,)))


def pods_in(case: Case, signals: Iterable[Signal]) -> list[Pod]:
    """Return the pods that signals are about, each once."""
    keys = dict.fromkeys(each.about[1] for each in signals if each.about is not None and each.about[0].kind == "Pod")
    found = (case.seen.get(PODS, key) for key in keys)
    return [pod for pod in found if pod is not None]


def names_of(pods: Iterable[Pod]) -> str:
    """Return pods' names as remedies take them."""
    return PODS_SEPARATOR.join(pod.metadata.name for pod in pods)


def release_of(case: Case, signals: Sequence[Signal]) -> ReplicaSet | None:
    """Return a Deployment's newest release, if it is new, not the first, and its pods alone are ill."""
    fleet, known = fleet_of(case), releases(case)
    if fleet is None or len(known) < 2:  # noqa: PLR2004  one and another before it
        return None
    newest = known[0]
    if given_up(pods_in(case, signals), known):
        return None
    unfinished = fleet.status.updated_replicas < fleet.spec.replicas
    is_new = case.now - newest.metadata.created_at < RECENT_SECONDS
    return newest if is_new or unfinished else None


def fleet_of(case: Case) -> Deployment | None:
    """Return the Deployment that a case is about; None if it is about something else."""
    is_fleet = case.about.resource.plural == DEPLOYMENTS.plural
    return case.seen.get(DEPLOYMENTS, case.about.key) if is_fleet else None


def releases(case: Case) -> list[ReplicaSet]:
    """Return the ReplicaSets of the Deployment that a case is about, the newest first."""
    fleet = fleet_of(case)
    return revisions(fleet, case.seen) if fleet is not None else []


def given_up(pods: Iterable[Pod], known: Sequence[ReplicaSet]) -> list[Pod]:
    """Return the pods that are of a release which their Deployment has given up: any but the newest."""
    return [pod for pod in pods if known and _controller_uid(pod) != known[0].metadata.uid]


def present(case: Case, *faults: str) -> list[Signal]:
    """Return signals of some classes but for those of pods that are gone, or on their way out."""
    pods = pods_in(case, case.signals)
    leaving = {pod.key for pod in given_up(pods, releases(case))}
    staying = {pod.key for pod in pods if not pod.is_terminating} - leaving
    return [each for each in case.of(*faults) if each.about is None or _stays(each.about, staying)]


def _stays(about: tuple[Resource[Any], ObjectKey], staying: Collection[ObjectKey]) -> bool:
    return about[0].plural != PODS.plural or about[1] in staying


def _controller_uid(pod: Pod) -> str:
    owner = controller_of(pod)
    return owner.uid if owner is not None else ""
