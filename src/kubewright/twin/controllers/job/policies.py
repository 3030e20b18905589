"""What a Job's policies say: which failures count, which end the job, and which successes are enough. Pure.

The rules and the words are those of `pod_failure_policy.go` and `success_policy.go`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from kubewright.api.batch import ExitCodes, Job, PodFailureRule
from kubewright.api.core import ContainerStatus, Pod
from kubewright.twin.controllers.job.indexes import parse


@dataclass(frozen=True, slots=True)
class Verdict:
    """The rule that a failed pod matched: what it does, and why, for a rule that ends the job."""

    action: str
    message: str


def has_failed(job: Job, pod: Pod) -> bool:
    """A pod that is being deleted counts as failed, unless only ended ones are to be replaced."""
    if pod.status.phase == "Failed":
        return True
    return pod.is_terminating and pod.status.phase != "Succeeded" and job.spec.pod_replacement_policy != "Failed"


def verdict(job: Job, pod: Pod) -> Verdict | None:
    """Return what the first matching rule says of a failed pod."""
    policy = job.spec.pod_failure_policy
    for number, rule in enumerate(policy.rules if policy is not None else ()):
        found = _match(rule, pod)
        if found:
            return Verdict(rule.action, f"{found} matching {rule.action} rule at index {number}")
    return None


def _match(rule: PodFailureRule, pod: Pod) -> str:
    if rule.on_exit_codes is not None:
        statuses = (*pod.status.container_statuses, *pod.status.init_container_statuses)
        return _match_exit(rule.on_exit_codes, pod, statuses)
    for condition in pod.status.conditions:
        if any((each.type, each.status) == (condition.type, condition.status) for each in rule.on_pod_conditions):
            return f"Pod {pod.key} has condition {condition.type}"
    return ""


def _match_exit(wanted: ExitCodes, pod: Pod, statuses: Iterable[ContainerStatus]) -> str:
    for status in statuses:
        ended = status.state.terminated
        if ended is None or not ended.exit_code or wanted.container_name not in {None, status.name}:
            continue
        if (ended.exit_code in wanted.values) == (wanted.operator == "In"):
            return f"Container {status.name} for pod {pod.key} failed with exit code {ended.exit_code}"
    return ""


def counts(job: Job, pod: Pod) -> bool:
    """Tell whether a failed pod counts against the limits."""
    found = verdict(job, pod)
    return found is None or found.action != "Ignore"


def fatal(job: Job, pods: Iterable[Pod]) -> str:
    """Return why the job fails at once, if a failed pod says so."""
    verdicts = (verdict(job, pod) for pod in pods if has_failed(job, pod))
    return next((each.message for each in verdicts if each is not None and each.action == "FailJob"), "")


def enough(job: Job, succeeded: Collection[int]) -> str:
    """Return which rule of the success policy the indexes that have succeeded meet."""
    policy = job.spec.success_policy
    for number, rule in enumerate(policy.rules if policy is not None and succeeded else ()):
        if rule.succeeded_indexes is None:
            met = rule.succeeded_count is not None and len(succeeded) >= rule.succeeded_count
        else:
            required = {index for index in parse(rule.succeeded_indexes) if index < (job.spec.completions or 0)}
            have = required.intersection(succeeded)
            few = rule.succeeded_count is not None and len(have) >= rule.succeeded_count
            met = bool(required) and (have == required or few)
        if met:
            return f"Matched rules at index {number}"
    return ""
